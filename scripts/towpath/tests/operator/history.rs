//! What people wrote is shown, and can do nothing to the terminal.

use crate::desk::Desk;
use client::Git;
use expect_test::expect;

#[test]
fn a_person_is_shown_by_name_and_what_failed_as_failed() {
    let mut desk = Desk::with_service();
    desk.push("1111111");
    desk.story.push_bad("webapp1", "bad").unwrap();
    desk.story.push_bad("webapp1", "2222222").unwrap();
    expect![[r#"
        COMMIT  WHEN  WHO  VERSION  DIGEST  DECISION  OUTCOME
        <commit 4>  <time>  on_deployment_change  1111111  <digest of 1111111>  reverted  verified
        <commit 3>  <time>  on_image_push  2222222  sha256:431b24ab09b9  moved  reverted, quarantined
    "#]]
    .assert_eq(&desk.shows(&["history", "cluster1/webapp1", "--limit", "2"]));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  1111111  <digest of 1111111>  <commit 4>  in_sync

        cluster1/webapp1 in dev is refused: container webapp1: 2222222 (sha256:431b24ab09b9) may not return, because sha256:431b24ab09b9 is in quarantine since <time> (container webapp1 exited with code 1 (Essential container in task exited)); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
    "#]]
    .assert_eq(&desk.shows(&["status"]));
    let by_hand = desk.story.revision("webapp1", "1111111");
    desk.story.commit("By tag", &[("cluster1/webapp1/revision.json", Some(&by_hand))]).unwrap();
    expect![[r#"
        COMMIT  WHEN  WHO  VERSION  DIGEST  DECISION  OUTCOME
        <commit 5>  <time>  Pat Person  1111111  (by tag)  by_hand  verified
    "#]]
    .assert_eq(&desk.shows(&["history", "cluster1/webapp1", "--limit", "1"]));
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  1111111  (by tag)  <commit 5>  held

        cluster1/webapp1 in dev is held: Pat Person put it there by hand (commit <commit 5>); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&desk.shows(&["status", "cluster1/webapp1"]));
}

#[test]
fn no_escape_sequence_reaches_the_terminal() {
    let desk = Desk::with_service();
    let git = Git::clone(desk.story.endpoint(), crate::desk::DEV, "deployment").unwrap();
    git.write("cluster1/webapp1/revision.json", "[{\"name\":\"web\u{1b}[2Japp1\",\"imageUri\":\"x\"}]")
        .unwrap();
    git.commit("Pat\u{1b}[31m\u{202e} Person <pat@example.com>", "Red\u{1b}[31m\u{7}").unwrap();
    git.push().unwrap();
    desk.story.rest().unwrap();
    for arguments in [vec!["status"], vec!["history", "cluster1/webapp1"]] {
        let said = desk.say(&arguments);
        let json = desk.say(&[arguments.as_slice(), &["--json"]].concat());
        for text in [&said.out, &said.err, &json.out, &json.err] {
            let bad =
                |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
            assert!(!text.contains(bad), "{text:?}");
        }
        json.json();
    }
    expect![[r#"
        COMMIT  WHEN  WHO  VERSION  DIGEST  DECISION  OUTCOME
        <commit 2>  <time>  Pat\u{1b}[31m\u{202e} Person  by_hand  -
        <commit 2>: revision.json is not a JSON list of containers and images: control character (\u0000-\u001F) found while parsing a string at line 1 column 14
    "#]].assert_eq(&desk.shows(&["history", "cluster1/webapp1"]));
}
