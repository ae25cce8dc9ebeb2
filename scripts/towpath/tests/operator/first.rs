//! The first contact: an account in which nothing was delivered yet.

use crate::desk::Desk;
use expect_test::expect;
use serde_json::json;

#[test]
fn an_empty_account_has_nothing_to_show_and_nothing_to_roll_back() {
    let desk = Desk::empty();
    expect![[]].assert_eq(&desk.shows(&["status"]));
    assert_eq!(desk.say(&["status", "--json"]).json(), json!({ "services": [] }));
    expect![[]].assert_eq(&desk.shows(&["status", "cluster1/webapp1"]));
    expect![[]].assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
    let rollback = ["rollback", "cluster1/webapp1", "--to", "previous", "--reason", "500s"];
    expect![[]].assert_eq(&desk.shows(&rollback));
}

#[test]
fn a_service_with_rules_and_no_image_was_never_deployed() {
    let mut desk = Desk::empty();
    desk.story.commit("Deliver webapp1", &[("delivery.yaml", Some(stories::RULES))]).unwrap();
    expect![[]].assert_eq(&desk.shows(&["status"]));
    expect![[]].assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
}
