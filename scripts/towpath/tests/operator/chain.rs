//! The README's walk through, in three accounts.

use crate::desk::{Desk, stable};
use client::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use stories::{DEV, PRD, STG, Story};

fn rules(promote: &str) -> String {
    format!(
        "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    containers:
      webapp1: {{ repository: webapp1, select: commit }}
{promote}"
    )
}

/// The three accounts with the service in each, and a desk that knows a profile for each.
fn desk() -> Desk {
    let mut story = Story::chain(Settings::default()).unwrap();
    story.make_application("webapp1").unwrap();
    let environments = [
        ("dev", ""),
        ("stg", "    promote: { approve: push }\n"),
        ("prd", "    promote: { approve: [push, tag] }\n"),
    ];
    for (environment, promote) in environments {
        let there = story.at(environment).unwrap();
        there.make_service("webapp1", true).unwrap();
        there.commit("Deliver webapp1", &[("delivery.yaml", Some(&rules(promote)))]).unwrap();
        there.make_pipeline("webapp1").unwrap();
    }
    story.at("dev").unwrap();
    let desk = Desk::of(story);
    let profile = |name: &str, account: &str| {
        format!(
            "[profile my-{name}]\nregion = eu-west-1\naws_access_key_id = {account}\naws_secret_access_key = x\n"
        )
    };
    let profiles = [profile("dev", DEV), profile("stg", STG), profile("prd", PRD)].concat();
    std::fs::create_dir(desk.home.path().join(".aws")).unwrap();
    std::fs::write(desk.home.path().join(".aws/config"), profiles).unwrap();
    let place = |name: &str| format!("  - {{ name: {name}, profile: my-{name} }}\n");
    let places = ["dev", "stg", "prd"].map(place).concat();
    std::fs::write(desk.home.path().join("towpath.yaml"), format!("environments:\n{places}")).unwrap();
    desk
}

/// Types a command whose credentials are those of towpath.yaml's profiles, and lets everything happen.
fn shows(desk: &Desk, arguments: &[&str], names: &[(&str, &str)]) -> String {
    let mut command = desk.command(arguments);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_REGION");
    let said = desk.run(&mut command);
    desk.story.rest().unwrap();
    let text = names.iter().fold(said.to_string(), |text, (value, name)| {
        let shorts: &[usize] = if value.starts_with("sha256:") { &[19] } else { &[12, 8, 7] };
        shorts.iter().fold(text.replace(value, name), |text, length| text.replace(&value[..*length], name))
    });
    let accounts = [(DEV, "<dev's account>"), (STG, "<stg's account>"), (PRD, "<prd's account>")];
    let text = accounts.iter().fold(text, |text, (account, name)| text.replace(account, name));
    // The commits of three repositories have no names here.
    let hexadecimal = regex_lite::Regex::new(r"\b[0-9a-f]{8}([0-9a-f]{4}|[0-9a-f]{32})?\b").unwrap();
    hexadecimal.replace_all(&stable(&text), "<commit>").into_owned()
}

#[test]
fn an_image_goes_to_production_and_back_by_towpath_alone() {
    let mut desk = desk();
    let mut digests = Vec::new();
    let mut commits = Vec::new();
    for subject in ["First", "Second"] {
        let commit = desk.story.develop("webapp1", subject).unwrap();
        desk.story.git_push("webapp1", "dev", &format!("{commit}:main")).unwrap();
        let image = Image::new("webapp1").version(subject);
        digests.push(desk.story.push_only("webapp1", &commit, &image).unwrap());
        desk.story.rest().unwrap();
        commits.push(commit);
        if subject == "First" {
            for step in [
                vec!["promote", "cluster1/webapp1", "--from", "dev", "--to", "stg"],
                vec!["promote", "cluster1/webapp1", "--from", "stg", "--to", "prd"],
                vec!["approve", "cluster1/webapp1", "--in", "prd"],
            ] {
                let said = shows(&desk, &step, &[]);
                assert!(!said.contains("exit"), "{said}");
            }
        }
    }
    let names = [
        (commits[0].as_str(), "<one>"),
        (commits[1].as_str(), "<two>"),
        (digests[0].as_str(), "<digest of one>"),
        (digests[1].as_str(), "<digest of two>"),
    ];
    let shows = |arguments: &[&str]| shows(&desk, arguments, &names);
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  <two>  <digest of two>  <commit>  in_sync
          stg  <one>  <digest of one>  <commit>  in_sync
          prd  <one>  <digest of one>  <commit>  in_sync
    "#]]
    .assert_eq(&shows(&["status"]));
    expect![[r#"
        cluster1/webapp1 of webapp1: dev runs <two>, prd runs <one>

        1 commit in dev and not in prd, newest first:
        COMMIT  WHEN  AUTHOR  SUBJECT
        <two>  <time>  Ada  Second
    "#]]
    .assert_eq(&shows(&["status", "cluster1/webapp1", "--between", "dev", "prd"]));
    expect![[r#"
        Pushed <two> to main of webapp1 in stg, which was at <one>.
          <two> Second
        Next, promote_image in stg looks for the image of <two> in dev, checks its approvals (push), copies it and commits the revision; an image that is there already takes effect at once.
        Watch it: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&shows(&["promote", "cluster1/webapp1", "--from", "dev", "--to", "stg"]));
    expect![[r#"
        Pushed <two> to main of webapp1 in prd, which was at <one>.
          <two> Second
        Next, promote_image in prd looks for the image of <two> in stg, checks its approvals (push, tag), copies it and commits the revision; an image that is there already takes effect at once.
        The tag is given by: towpath approve cluster1/webapp1 --in prd --image <two>
        Watch it: towpath status cluster1/webapp1 --environments stg,prd
    "#]].assert_eq(&shows(&["promote", "cluster1/webapp1", "--from", "stg", "--to", "prd"]));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  <two>  <digest of two>  <commit>  in_sync
          stg  <two>  <digest of two>  <commit>  in_sync
          prd  <one>  <digest of one>  <commit>  in_sync

        cluster1/webapp1 in prd is refused: container webapp1: <two> (<digest of two>) of account <stg's account> is not approved: it lacks the tag approved-prd-<two> on it upstream
    "#]]
    .assert_eq(&shows(&["status"]));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  prd  <one>  <digest of one>  <commit>  in_sync

        cluster1/webapp1 in prd is refused: container webapp1: <two> (<digest of two>) of account <stg's account> is not approved: it lacks the tag approved-prd-<two> on it upstream
    "#]]
    .assert_eq(&shows(&["status", "--environments", "prd"]));
    expect![[r#"
        webapp1:<two> is approved now for prd: the tag approved-prd-<two> on <digest of two> in <stg's account>.dkr.ecr.eu-west-1.amazonaws.com
        The rules of prd ask for more: a push of its commit, in prd.
        Watch it arrive: towpath status cluster1/webapp1 --environments stg,prd
    "#]].assert_eq(&shows(&["approve", "cluster1/webapp1", "--in", "prd"]));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  <two>  <digest of two>  <commit>  in_sync
          stg  <two>  <digest of two>  <commit>  in_sync
          prd  <two>  <digest of two>  <commit>  in_sync
    "#]]
    .assert_eq(&shows(&["status", "cluster1/webapp1"]));
    let back =
        ["rollback", "cluster1/webapp1", "--in", "prd", "--to", "previous", "--reason", "500s since 14:05"];
    expect![[r#"
        cluster1/webapp1 in prd: rolled_back: arn:aws:iam::<prd's account>:user/administrator rolls back to the revision of commit <commit>; in quarantine now: webapp1 <digest of two>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
        Done:
        - commit to deployment main on <commit>: cluster1/webapp1: rolled back to the revision of <commit> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - put evidence quarantined of prd for cluster1/webapp1 on webapp1@<digest of two>
        Commit <commit> of deployment.
        Execution <id> by arn:aws:iam::<prd's account>:user/administrator.
    "#]].assert_eq(&shows(&back));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  <two>  <digest of two>  <commit>  in_sync
          stg  <two>  <digest of two>  <commit>  in_sync
          prd  <one>  <digest of one>  <commit>  held

        cluster1/webapp1 in prd is held: held by arn:aws:iam::<prd's account>:user/administrator since <time>: rolled back: 500s since 14:05
    "#]].assert_eq(&shows(&["status"]));
    expect![[r#"
        COMMIT  WHEN  WHO  VERSION  DIGEST  DECISION  OUTCOME
        <commit>  <time>  user/administrator  <one>  <digest of one>  rolled_back  verified
        <commit>  <time>  promote_image  <two>  <digest of two>  moved  verified, quarantined
        <commit>  <time>  promote_image  <one>  <digest of one>  moved  verified
    "#]]
    .assert_eq(&shows(&["history", "cluster1/webapp1", "--in", "prd"]));
}
