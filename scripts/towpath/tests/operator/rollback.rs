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
    expect![[]].assert_eq(&desk.shows(&BACK));
    let bad = desk.push("2222222");
    expect![[]].assert_eq(&desk.shows(&["status"]));

    expect![[]].assert_eq(&desk.shows(&with(&BACK, &["--dry-run"])));
    expect![[]].assert_eq(&desk.shows(&["status"]));
    expect![[]].assert_eq(&desk.shows(&with(&BACK, &["--in", "dev", "--who", "mary"])));
    expect![[]].assert_eq(&desk.shows(&["status"]));

    let back_to_bad = ["rollback", "cluster1/webapp1", "--to", &bad, "--reason", "try again"];
    expect![[]].assert_eq(&desk.shows(&back_to_bad));
    let unknown = ["rollback", "cluster1/webapp1", "--to", "9999999", "--reason", "try again"];
    expect![[]].assert_eq(&desk.shows(&unknown));

    let release = ["release", "cluster1/webapp1", "--reason", "it was the database"];
    expect![[]].assert_eq(&desk.shows(&with(&release, &["--dry-run"])));
    expect![[]].assert_eq(&desk.shows(&release));
    expect![[]].assert_eq(&desk.shows(&release));
    desk.story.sweep().unwrap();
    expect![[]].assert_eq(&desk.shows(&["status"]));
    expect![[]].assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
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
