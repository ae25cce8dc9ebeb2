//! The first contact: an account in which nothing was delivered yet.

use crate::desk::Desk;
use expect_test::expect;
use serde_json::json;

#[test]
fn an_empty_account_has_nothing_to_show_and_nothing_to_roll_back() {
    let desk = Desk::empty();
    expect![[r#"
        No service has rules or a revision.json yet.
    "#]]
    .assert_eq(&desk.shows(&["status"]));
    assert_eq!(desk.say(&["status", "--json"]).json(), json!({ "services": [] }));
    expect![[r#"
        error: there is no service cluster1/webapp1 in dev
        hint: no service has rules or a revision.json there yet: commit delivery.yaml
        exit Some(5)
    "#]]
    .assert_eq(&desk.shows(&["status", "cluster1/webapp1"]));
    expect![[r#"
        error: there is no service cluster1/webapp1 in dev
        hint: no service has rules or a revision.json there yet: commit delivery.yaml
        exit Some(5)
    "#]]
    .assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
    let rollback = ["rollback", "cluster1/webapp1", "--to", "previous", "--reason", "500s"];
    expect![[r#"
        error: there is no service cluster1/webapp1 in dev
        hint: no service has rules or a revision.json there yet: commit delivery.yaml
        exit Some(5)
    "#]]
    .assert_eq(&desk.shows(&rollback));
}

#[test]
fn a_service_with_rules_and_no_image_was_never_deployed() {
    let mut desk = Desk::empty();
    desk.story.commit("Deliver webapp1", &[("delivery.yaml", Some(stories::RULES))]).unwrap();
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  -  -  -  never_deployed

        cluster1/webapp1 in dev is never_deployed: it has no revision.json
        cluster1/webapp1 in dev is refused: there is no ECR repository webapp1 in this account; create it, or correct delivery.yaml
    "#]]
    .assert_eq(&desk.shows(&["status"]));
    expect![[r#"
        cluster1/webapp1 has no revision in dev yet.
    "#]]
    .assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
}
