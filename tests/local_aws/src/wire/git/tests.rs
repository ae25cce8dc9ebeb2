//! The real `git` against the router on a free port.

use super::router;
use crate::caller::Caller;
use crate::services::Service;
use crate::services::codecommit::tests::{account, call, commit, emitted, tip, world, world_with_repository};
use crate::shared::LocalAws;
use crate::world::World;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

/// The local accounts on a port, and a folder for clones.
struct Served {
    local: LocalAws,
    address: String,
    folder: tempfile::TempDir,
    _server: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn new(world: World) -> Self {
        let local = LocalAws::new(world);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = router().with_state(local.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { local, address, folder: tempfile::tempdir().unwrap(), _server: server }
    }

    fn url(&self, user: &str, repository: &str) -> String {
        format!("http://{user}:secret@{}/v1/repos/{repository}", self.address)
    }

    /// Git as a person runs it, but with nobody's configuration.
    async fn git(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new("git");
        command.env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.com"),
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.com"),
        ]);
        command.current_dir(folder).args(arguments).kill_on_drop(true).output().await.unwrap()
    }

    async fn ok(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.git(folder, arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn fails(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.git(folder, arguments).await;
        assert!(!output.status.success(), "git {arguments:?} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A clone of `deployment`, made by ann.
    async fn clone(&self, name: &str) -> PathBuf {
        let url = self.url("ann-at-111111111111", "deployment");
        self.ok(self.folder.path(), &["clone", "-q", &url, name]).await;
        self.folder.path().join(name)
    }

    /// Commits one file in a clone; returns the commit's id.
    async fn commit(&self, clone: &Path, file: &str, content: &str) -> String {
        std::fs::write(clone.join(file), content).unwrap();
        self.ok(clone, &["add", "-A"]).await;
        self.ok(clone, &["commit", "-q", "-m", &format!("change {file}")]).await;
        self.ok(clone, &["rev-parse", "HEAD"]).await
    }

    fn tip(&self, branch: &str) -> String {
        tip(&self.local.lock(), branch)
    }

    fn emitted(&self) -> Vec<String> {
        emitted(&mut self.local.lock())
    }

    fn branches(&self) -> Value {
        let input = json!({ "repositoryName": "deployment" });
        call(&mut self.local.lock(), "ListBranches", input).unwrap()["branches"].clone()
    }
}

fn world_with_commit() -> World {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("a", "1")]);
    emitted(&mut world);
    world
}

fn short(id: &str) -> &str {
    &id[..7]
}

#[tokio::test]
async fn a_push_of_nothing_is_no_event() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    served.ok(&clone, &["push", "-q", "origin", "main"]).await;
    assert_eq!(served.emitted(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_api_committed_is_cloned_and_fetched() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    assert_eq!(std::fs::read_to_string(clone.join("a")).unwrap(), "1");
    assert_eq!(served.ok(&clone, &["log", "--format=%an %s"]).await, "Ann first");
    let second = commit(&mut served.local.lock(), "second", &[("a", "2")]);
    for version in ["0", "1", "2"] {
        let protocol = format!("protocol.version={version}");
        served.ok(&clone, &["-c", &protocol, "fetch", "-q", "origin"]).await;
        assert_eq!(served.ok(&clone, &["rev-parse", "origin/main"]).await, second);
        let url = served.url("ann-at-111111111111", "deployment");
        let name = format!("clone{version}");
        served.ok(served.folder.path(), &["-c", &protocol, "clone", "-q", &url, &name]).await;
        assert_eq!(std::fs::read_to_string(served.folder.path().join(name).join("a")).unwrap(), "2");
    }
    served.ok(&clone, &["fsck", "--strict"]).await;
}

#[tokio::test]
async fn the_first_push_makes_the_default_branch() {
    let served = Served::new(world_with_repository()).await;
    let clone = served.clone("clone").await;
    served.ok(&clone, &["checkout", "-q", "-b", "trunk"]).await;
    let first = served.commit(&clone, "a", "1").await;
    served.ok(&clone, &["push", "-q", "origin", "trunk"]).await;
    assert_eq!(served.tip("trunk"), first);
    let shown = call(&mut served.local.lock(), "GetRepository", json!({ "repositoryName": "deployment" }));
    assert_eq!(shown.unwrap()["repositoryMetadata"]["defaultBranch"], "trunk");
    assert_eq!(served.emitted(), [format!("referenceCreated refs/heads/trunk -..{} by ann", short(&first))]);
    let again = served.clone("again").await;
    assert_eq!(served.ok(&again, &["rev-parse", "HEAD"]).await, first);
}

#[tokio::test]
async fn several_commits_in_one_push_are_one_event() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    let old = served.tip("main");
    for number in 0..3 {
        served.commit(&clone, "a", &format!("new {number}")).await;
    }
    served.ok(&clone, &["push", "-q", "origin", "main"]).await;
    let new = served.tip("main");
    assert_eq!(
        served.emitted(),
        [format!("referenceUpdated refs/heads/main {}..{} by ann", short(&old), short(&new))]
    );
}

#[tokio::test]
async fn branches_and_tags_of_one_push_have_an_event_each() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    let first = served.tip("main");
    let second = served.commit(&clone, "b", "1").await;
    served.ok(&clone, &["tag", "v1"]).await;
    served.ok(&clone, &["push", "-q", "origin", "HEAD:main", "HEAD~1:refs/heads/other", "v1"]).await;
    assert_eq!(served.branches(), json!(["main", "other"]));
    let (one, two) = (short(&first), short(&second));
    assert_eq!(
        served.emitted(),
        [
            format!("referenceUpdated refs/heads/main {one}..{two} by ann"),
            format!("referenceCreated refs/heads/other -..{one} by ann"),
            format!("referenceCreated refs/tags/v1 -..{two} by ann"),
        ]
    );
    served.ok(&clone, &["push", "-q", "origin", "--delete", "other"]).await;
    assert_eq!(served.emitted(), [format!("referenceDeleted refs/heads/other {one}..- by ann")]);
    let stderr = served.fails(&clone, &["push", "origin", "--delete", "main"]).await;
    assert!(stderr.contains("remote rejected"), "{stderr}");
    assert_eq!((served.branches(), served.emitted()), (json!(["main"]), vec![]));
}

#[tokio::test]
async fn a_push_on_an_old_tip_needs_force() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    let theirs = commit(&mut served.local.lock(), "theirs", &[("a", "2")]);
    served.emitted();
    let mine = served.commit(&clone, "a", "3").await;
    let stderr = served.fails(&clone, &["push", "origin", "main"]).await;
    assert!(stderr.contains("rejected"), "{stderr}");
    assert_eq!(served.emitted(), Vec::<String>::new());
    served.ok(&clone, &["push", "-q", "--force", "origin", "main"]).await;
    assert_eq!(served.tip("main"), mine);
    assert_eq!(
        served.emitted(),
        [format!("referenceUpdated refs/heads/main {}..{} by ann", short(&theirs), short(&mine))]
    );
    // The API goes on from there, and git sees that too.
    let next = commit(&mut served.local.lock(), "next", &[("b", "1")]);
    served.ok(&clone, &["pull", "-q", "--ff-only", "origin", "main"]).await;
    assert_eq!(served.ok(&clone, &["rev-parse", "HEAD"]).await, next);
}

#[tokio::test]
async fn a_large_push_arrives_whole() {
    let served = Served::new(world_with_commit()).await;
    let clone = served.clone("clone").await;
    // More than git sends in one piece, and more objects than it unpacks: they stay in a pack.
    let mut number = 1_u32;
    let mut noise = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 24) as u8
    };
    let large: Vec<u8> = (0..3_000_000).map(|_| noise()).collect();
    std::fs::write(clone.join("large"), &large).unwrap();
    for file in 0..200 {
        std::fs::write(clone.join(format!("file{file}")), format!("content {file}")).unwrap();
    }
    served.commit(&clone, "a", "2").await;
    served.ok(&clone, &["push", "-q", "origin", "main"]).await;
    let main = served.tip("main");
    let world = served.local.lock();
    let read = |path: &str| {
        crate::services::codecommit::file_at(&world, &account(), "deployment", &main, path).unwrap().unwrap()
    };
    assert!(read("large") == large && read("file199") == b"content 199");
}

#[tokio::test]
async fn pushes_of_several_people_at_once_are_all_announced() {
    let served = Served::new(world_with_commit()).await;
    let mut clones = Vec::new();
    for number in 0..4 {
        let clone = served.clone(&format!("clone{number}")).await;
        served.commit(&clone, &format!("file{number}"), "x").await;
        clones.push(clone);
    }
    let pushes = clones.iter().enumerate().map(|(number, clone)| {
        let target = format!("HEAD:refs/heads/branch{number}");
        async { served.ok(clone, &["push", "-q", "origin", &{ target }]).await }
    });
    let commits = async {
        for number in 0..20 {
            commit(&mut served.local.lock(), "meanwhile", &[("a", &format!("{number} more"))]);
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(futures_util::future::join_all(pushes), commits);
    let events = served.emitted();
    let by = |who: &str| events.iter().filter(|event| event.ends_with(who)).count();
    assert_eq!((by("by ann"), by("by administrator"), events.len()), (4, 20, 24), "{events:?}");
}

#[tokio::test]
async fn a_user_name_says_the_account() {
    let served = Served::new(world_with_commit()).await;
    let refused = [
        ("ann", "deployment", "Authentication failed"),
        ("ann-at-999999999999", "deployment", "Authentication failed"),
        ("ASIAUNKNOWN", "deployment", "Authentication failed"),
        ("ann-at-222222222222", "deployment", "not found"),
        ("ann-at-111111111111", "none", "not found"),
    ];
    for (user, repository, expected) in refused {
        let stderr = served.fails(served.folder.path(), &["ls-remote", &served.url(user, repository)]).await;
        assert!(stderr.contains(expected), "{user} {repository}: {stderr}");
    }
    for user in ["ann-at-111111111111", "111111111111", "111111111111%25token"] {
        let listed = served.ok(served.folder.path(), &["ls-remote", &served.url(user, "deployment")]).await;
        assert!(listed.contains("refs/heads/main"), "{user}: {listed}");
    }
    let anonymous = format!("http://{}/v1/repos/deployment", served.address);
    let stderr = served.fails(served.folder.path(), &["ls-remote", &anonymous]).await;
    assert!(stderr.contains("could not read Username"), "{stderr}");
}

/// A role that may pull everything, and push to `main` of `deployment`; its session's access key id.
fn session(world: &mut World) -> String {
    let administrator = Caller::administrator(&account());
    let iam = |world: &mut World, operation: &str, input: Value| {
        world.call(&administrator, Service::Iam, operation, input).unwrap();
    };
    let anyone = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": "111111111111" }, "Action": "sts:AssumeRole",
    } });
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["codecommit:GitPull", "codecommit:GitPush"], "Resource": "*" },
        { "Effect": "Deny", "Action": "codecommit:GitPush", "Resource": "*", "Condition": {
            "StringNotEqualsIfExists": { "codecommit:References": "refs/heads/main" },
            "Null": { "codecommit:References": "false" },
        } },
    ] });
    iam(world, "CreateRole", json!({ "RoleName": "pusher", "AssumeRolePolicyDocument": anyone.to_string() }));
    iam(
        world,
        "PutRolePolicy",
        json!({ "RoleName": "pusher", "PolicyName": "push", "PolicyDocument": rights.to_string() }),
    );
    crate::services::sts::open_session(world, &account(), "pusher", "build-7").access_key_id
}

#[tokio::test]
async fn a_role_pushes_where_its_policy_lets_it() {
    let mut world = world_with_commit();
    let key = session(&mut world);
    let served = Served::new(world).await;
    let clone = served.clone("clone").await;
    let url = served.url(&format!("{key}%25session-token"), "deployment");
    served.ok(&clone, &["remote", "set-url", "origin", &url]).await;
    let second = served.commit(&clone, "a", "2").await;
    let stderr = served.fails(&clone, &["push", "origin", "HEAD:main", "HEAD:refs/heads/other"]).await;
    assert!(stderr.contains("403"), "{stderr}");
    assert_eq!((served.branches(), served.emitted()), (json!(["main"]), vec![]));
    served.ok(&clone, &["push", "-q", "origin", "HEAD:main"]).await;
    assert_eq!(served.tip("main"), second);
    let events = served.emitted();
    assert!(events.len() == 1 && events[0].ends_with("by build-7"), "{events:?}");
    let world = served.local.lock();
    let journal: Vec<String> = world.journal.after(0).map(ToString::to_string).collect();
    let pushes: Vec<&String> = journal.iter().filter(|line| line.contains("GitPush")).collect();
    assert_eq!(pushes.len(), 2, "{journal:?}");
    assert!(
        pushes[0].ends_with("deployment refs/heads/main refs/heads/other -> AccessDeniedException"),
        "{pushes:?}"
    );
    assert!(
        pushes[1].ends_with("build-7: codecommit GitPush deployment refs/heads/main -> ok"),
        "{pushes:?}"
    );
}

#[tokio::test]
async fn an_empty_account_has_nothing_to_clone() {
    let served = Served::new(world()).await;
    let url = served.url("ann-at-111111111111", "deployment");
    let stderr = served.fails(served.folder.path(), &["clone", &url]).await;
    assert!(stderr.contains("not found"), "{stderr}");
}
