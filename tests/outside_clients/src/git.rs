//! `git`: clones, pushes, forced pushes, and what it says when it may not.

use crate::stage::{DEV, Said, Stage, installed, stable};
use serde_json::json;

fn git_is_installed() -> bool {
    installed("git", &["git", "--version"], "apt-get install git")
}

impl Stage {
    fn git(&self, arguments: &[&str]) -> Said {
        let person =
            ["-c", "user.name=Pat", "-c", "user.email=pat@example.com", "-c", "init.defaultBranch=main"];
        self.run("git", &[&person, arguments].concat())
    }

    fn git_does(&self, arguments: &[&str]) -> String {
        let said = self.git(arguments);
        assert_eq!(said.code, Some(0), "git {arguments:?}: {}{}", said.out, said.err);
        said.out.trim_end().to_owned()
    }

    fn address(&self, user: &str, repository: &str) -> String {
        format!("http://{user}:x@{}/v1/repos/{repository}", self.host())
    }

    fn commit(&self, folder: &str, file: &str, content: &str) -> String {
        std::fs::write(self.home.path().join(folder).join(file), content).unwrap();
        self.git_does(&["-C", folder, "add", "."]);
        self.git_does(&["-C", folder, "commit", "--quiet", "-m", &format!("{file} says {content}")]);
        self.git_does(&["-C", folder, "rev-parse", "HEAD"])
    }

    fn tip(&self, branch: &str) -> String {
        let asked = json!({ "repositoryName": "deployment", "branchName": branch });
        let found = self.client().call("codecommit", "GetBranch", &asked).unwrap();
        found["branch"]["commitId"].as_str().unwrap().to_owned()
    }
}

#[test]
fn nothing_is_cloned_from_an_empty_repository() {
    if !git_is_installed() {
        return;
    }
    let stage = Stage::start();
    let said = stage.git(&["clone", &stage.address("me-at-111111111111", "deployment"), "here"]);
    assert_eq!(said.code, Some(0));
    expect_test::expect![[r#"
        Cloning into 'here'...
        warning: You appear to have cloned an empty repository.
    "#]]
    .assert_eq(&said.err);
}

#[test]
fn what_is_pushed_is_what_the_api_and_other_clones_see() {
    if !git_is_installed() {
        return;
    }
    let stage = Stage::start();
    // The user name as HTTPS git credentials give it, and as the credential helper does.
    let addresses = ["me-at-111111111111", DEV].map(|user| stage.address(user, "deployment"));
    stage.git_does(&["clone", "--quiet", &addresses[0], "one"]);
    let first = stage.commit("one", "a", "1");
    let second = stage.commit("one", "a", "2");
    stage.git_does(&["-C", "one", "branch", "side", &first]);
    stage.git_does(&["-C", "one", "push", "--quiet", "origin", "main", "side"]);
    assert_eq!((stage.tip("main"), stage.tip("side")), (second.clone(), first.clone()));

    stage.git_does(&["clone", "--quiet", &addresses[1], "two"]);
    assert_eq!(
        stage.git_does(&["-C", "two", "rev-parse", "HEAD", "origin/side"]),
        format!("{second}\n{first}")
    );
    stage.git_does(&["clone", "--quiet", "--depth=1", &addresses[1], "shallow"]);
    assert_eq!(stage.git_does(&["-C", "shallow", "rev-list", "--count", "HEAD"]), "1");

    let committed = json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": second,
        "putFiles": [{ "filePath": "b", "fileContent": "Yg==" }],
    });
    let third = stage.client().call("codecommit", "CreateCommit", &committed).unwrap();
    stage.git_does(&["-C", "two", "pull", "--quiet", "--ff-only"]);
    assert_eq!(json!(stage.git_does(&["-C", "two", "rev-parse", "HEAD"])), third["commitId"]);
    assert_eq!(std::fs::read_to_string(stage.home.path().join("two/b")).unwrap(), "b");
    stage.git_does(&["-C", "two", "fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_stale_push_is_refused_and_a_forced_one_moves_the_branch() {
    if !git_is_installed() {
        return;
    }
    let stage = Stage::start();
    let address = stage.address("me-at-111111111111", "deployment");
    stage.git_does(&["clone", "--quiet", &address, "one"]);
    stage.commit("one", "a", "1");
    stage.git_does(&["-C", "one", "push", "--quiet"]);
    stage.git_does(&["clone", "--quiet", &address, "two"]);
    stage.commit("one", "a", "2");
    stage.git_does(&["-C", "one", "push", "--quiet"]);

    let other = stage.commit("two", "a", "3");
    let refused = stage.git(&["-C", "two", "push"]);
    assert_eq!(refused.code, Some(1));
    let line = refused.err.lines().find(|line| line.contains("[rejected]")).unwrap_or_default();
    expect_test::expect![" ! [rejected]        main -> main (fetch first)"].assert_eq(line);
    stage.git_does(&["-C", "two", "push", "--quiet", "--force"]);
    assert_eq!(stage.tip("main"), other);
    stage.git_does(&["-C", "two", "push", "--quiet", "origin", "HEAD:refs/heads/side"]);
    stage.git_does(&["-C", "two", "push", "--quiet", "origin", ":side"]);
    assert_eq!(stage.git_does(&["ls-remote", "--heads", &address]), format!("{other}\trefs/heads/main"));
}

#[test]
fn refusals_are_told() {
    if !git_is_installed() {
        return;
    }
    let stage = Stage::start();
    let mut told = String::new();
    for (user, repository) in
        [("me-at-111111111111", "absent"), ("me-at-999999999999", "deployment"), ("me", "deployment")]
    {
        let said = stage.git(&["ls-remote", &stage.address(user, repository)]);
        told.push_str(&format!("{user} {repository}: {:?} {}", said.code, stable(&said.err)));
    }
    let said = stage.git(&["ls-remote", &format!("{}/v1/repos/deployment", stage.endpoint())]);
    told.push_str(&format!("nobody: {:?} {}", said.code, stable(&said.err)));
    expect_test::expect![[r#"
        me-at-111111111111 absent: Some(128) remote: absent does not exist
        fatal: repository '<endpoint>/v1/repos/absent/' not found
        me-at-999999999999 deployment: Some(128) remote: `me-at-999999999999` is nobody here: expected <name>-at-<12-digit account> or an access key id as user name
        fatal: Authentication failed for '<endpoint>/v1/repos/deployment/'
        me deployment: Some(128) remote: `me` is nobody here: expected <name>-at-<12-digit account> or an access key id as user name
        fatal: Authentication failed for '<endpoint>/v1/repos/deployment/'
        nobody: Some(128) fatal: could not read Username for '<endpoint>': terminal prompts disabled
    "#]].assert_eq(&told);
}
