//! Back and released again, with what the status shows in between.

use crate::desk::Desk;
use expect_test::expect;
use serde_json::json;

const BACK: [&str; 6] = ["rollback", "cluster1/webapp1", "--to", "previous", "--reason", "it answers 500"];

fn with(arguments: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    arguments.iter().chain(more).copied().collect()
}

#[test]
fn a_rollback_is_shown_first_then_done_and_then_released() {
    let mut desk = Desk::with_service();
    desk.push("1111111");
    expect![[r#"
        cluster1/webapp1 in dev: refused: no earlier revision is known to be healthy; a person has to choose one
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
        exit Some(4)
    "#]].assert_eq(&desk.shows(&BACK));
    let bad = desk.push("2222222");
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  2222222  <digest of 2222222>  <commit 3>  in_sync
    "#]]
    .assert_eq(&desk.shows(&["status"]));

    expect![[r#"
        cluster1/webapp1 in dev: rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <digest of 2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
        It would be done:
        - commit to deployment main on <commit 3>: cluster1/webapp1: rolled back to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<digest of 2222222>
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
    "#]].assert_eq(&desk.shows(&with(&BACK, &["--dry-run"])));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  2222222  <digest of 2222222>  <commit 3>  in_sync
    "#]]
    .assert_eq(&desk.shows(&["status"]));
    expect![[r#"
        cluster1/webapp1 in dev: rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <digest of 2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
        Done:
        - commit to deployment main on <commit 3>: cluster1/webapp1: rolled back to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<digest of 2222222>
        Commit <commit 4> of deployment.
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
    "#]].assert_eq(&desk.shows(&with(&BACK, &["--in", "dev", "--who", "mary"])));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  1111111  <digest of 1111111>  <commit 4>  held

        cluster1/webapp1 in dev is held: held by arn:aws:iam::111111111111:user/administrator since <time>: rolled back: it answers 500
    "#]]
    .assert_eq(&desk.shows(&["status"]));

    let back_to_bad = ["rollback", "cluster1/webapp1", "--to", &bad, "--reason", "try again"];
    expect![[r#"
        cluster1/webapp1 in dev: refused: container webapp1: <digest of 2222222> is in quarantine (since <time>: rolled back: it answers 500); choose another revision, or release it first: run the document towpath-release for cluster1/webapp1 --to <digest of 2222222>
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
        exit Some(4)
    "#]].assert_eq(&desk.shows(&back_to_bad));
    let unknown = ["rollback", "cluster1/webapp1", "--to", "9999999", "--reason", "try again"];
    expect![[r#"
        cluster1/webapp1 in dev: refused: "9999999" fits none of the 2 earlier revisions; name previous, or one of these commits: <commit 3>, <commit 2>
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
        exit Some(4)
    "#]].assert_eq(&desk.shows(&unknown));

    let release = ["release", "cluster1/webapp1", "--reason", "it was the database"];
    expect![[r#"
        cluster1/webapp1 in dev: released: arn:aws:iam::111111111111:user/administrator releases its hold, <digest of 2222222>; its rules apply again
        It would be done:
        - commit to deployment main on <commit 4>: cluster1/webapp1: released (cluster1/webapp1/hold.json)
        - put evidence released of dev for cluster1/webapp1 on webapp1@<digest of 2222222>
        - wake up on_image_push for cluster1/webapp1: arn:aws:iam::111111111111:user/administrator released it
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
    "#]].assert_eq(&desk.shows(&with(&release, &["--dry-run"])));
    expect![[r#"
        cluster1/webapp1 in dev: released: arn:aws:iam::111111111111:user/administrator releases its hold, <digest of 2222222>; its rules apply again
        Done:
        - commit to deployment main on <commit 4>: cluster1/webapp1: released (cluster1/webapp1/hold.json)
        - put evidence released of dev for cluster1/webapp1 on webapp1@<digest of 2222222>
        - wake up on_image_push for cluster1/webapp1: arn:aws:iam::111111111111:user/administrator released it
        Commit <commit 5> of deployment.
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
    "#]].assert_eq(&desk.shows(&release));
    expect![[r#"
        cluster1/webapp1 in dev: nothing: nothing of it is held or in quarantine
        Execution <id> by arn:aws:iam::111111111111:user/administrator.
        exit Some(3)
    "#]]
    .assert_eq(&desk.shows(&release));
    desk.story.sweep().unwrap();
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  2222222  <digest of 2222222>  <commit 6>  in_sync
    "#]]
    .assert_eq(&desk.shows(&["status"]));
    expect![[r#"
        COMMIT  WHEN  WHO  VERSION  DIGEST  DECISION  OUTCOME
        <commit 6>  <time>  on_image_push  2222222  <digest of 2222222>  moved  verified, released
        <commit 4>  <time>  user/administrator  1111111  <digest of 1111111>  rolled_back  verified
        <commit 3>  <time>  on_image_push  2222222  <digest of 2222222>  moved  verified, released
        <commit 2>  <time>  on_image_push  1111111  <digest of 1111111>  moved  verified
    "#]]
    .assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
}

#[test]
fn programs_get_json_from_each_of_them() {
    let mut desk = Desk::with_service();
    desk.push("1111111");
    desk.push("2222222");
    let status = desk.say(&["status", "--json"]).json();
    let row = &status["services"][0];
    assert_eq!((&row["service"], &row["state"]), (&json!("cluster1/webapp1"), &json!("in_sync")));
    assert_eq!(row["containers"][0]["tag"], "2222222");
    assert_eq!(row["containers"][0]["digest"], row["runs"][0]["digest"]);

    let dry = desk.say(&with(&BACK, &["--dry-run", "--json"])).json();
    assert_eq!((&dry["ending"], &dry["dryRun"]), (&json!("done"), &json!(true)));
    assert_eq!(dry["commit"], json!(null));
    let done = desk.say(&with(&BACK, &["--json"])).json();
    assert_eq!((&done["decision"], &done["dryRun"]), (&json!("rolled_back"), &json!(false)));
    assert_eq!(dry["plan"], done["plan"], "what was done is what was shown");

    let history = desk.say(&["history", "cluster1/webapp1", "--limit", "1", "--json"]).json();
    assert_eq!(history["revisions"].as_array().unwrap().len(), 1);
    let newest = &history["revisions"][0];
    assert_eq!((&newest["commit"], &newest["decision"]), (&done["commit"], &json!("rolled_back")));
    assert_eq!(newest["containers"][0]["tag"], "1111111");

    let unknown = desk.say(&["history", "cluster1/other", "--json"]);
    assert_eq!(unknown.code, Some(5));
    assert_eq!(unknown.json()["ending"], "not_found");
}
