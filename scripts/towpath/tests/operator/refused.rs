//! What cannot be carried out is said in one line, with what to do about it, and nothing is done.

use crate::desk::{Desk, Said, home, stable, towpath};
use expect_test::{Expect, expect};

/// Says it without any credentials, in a folder with these files.
fn alone(arguments: &[&str], files: &[(&str, &str)], expected: &Expect) {
    let home = home();
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let said = Said::of(&towpath(home.path(), arguments).output().unwrap());
    expected.assert_eq(&stable(&said.to_string()).replace(&home.path().display().to_string(), "<home>"));
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_asked() {
    for service in ["webapp1", "../webapp1", "cluster1/..", "a/b/c", "", "cluster1/web app", "c\u{1b}[31m/s"]
    {
        let home = home();
        let said = Said::of(&towpath(home.path(), &["history", service]).output().unwrap());
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{service:?}: {said}");
        assert!(!said.err.contains('\u{1b}'), "{said}");
        assert!(said.err.contains("expected <cluster>/<service>"), "{said}");
    }
    let back = |to, reason| ["rollback", "c/s", "--to", to, "--reason", reason];
    alone(&back("../x", "r"), &[], &expect![[]]);
    alone(&back("previous", "two\nlines"), &[], &expect![[]]);
    alone(&back("previous", "{{ Who }}"), &[], &expect![[]]);
    alone(&["release", "c/s", "--what", "some", "--reason", "r"], &[], &expect![[]]);
    alone(&["promote", "c/s", "--from", "a", "--to", "b", "--commit", "-x"], &[], &expect![[]]);
    alone(&["promote", "c/s", "--from", "a", "--to", "b", "--commit", "main"], &[], &expect![[]]);
    alone(&["approve", "c/s", "--in", "b", "--image", "a b"], &[], &expect![[]]);
    alone(&["status", "--between", "a", "a", "c/s", "-e", "a"], &[], &expect![[]]);
    alone(&["status", "--between", "a", "b"], &[], &expect![[]]);
}

#[test]
fn missing_credentials_are_told_with_what_to_do() {
    let region = [("towpath.yaml", "environments: [{ name: dev, region: eu-west-1 }]\n")];
    alone(&["status", "--region", "eu-west-1"], &[], &expect![[]]);
    alone(&["status"], &[], &expect![[]]);
    alone(&["status"], &region, &expect![[]]);
    alone(&["status", "-e", "dev=nobody", "--region", "eu-west-1"], &[], &expect![[]]);
}

#[test]
fn a_wrong_towpath_yaml_is_told_with_its_place() {
    let check = |text, expected: &Expect| alone(&["status"], &[("towpath.yaml", text)], expected);
    check("", &expect![[]]);
    check("environments: []\n", &expect![[]]);
    check("environments:\n  - { name: dev, profil: x }\n", &expect![[]]);
    check("environments:\n  - { name: ../x }\n", &expect![[]]);
    check("environments:\n  - { profile: x }\n", &expect![[]]);
    check("environments:\n  - { name: dev }\n  - { name: dev }\n", &expect![[]]);
    alone(&["status", "--config", "other.yaml"], &[], &expect![[]]);
    alone(&["status", "-e", "dev="], &[], &expect![[]]);
    alone(&["history", "c/s", "-e", "dev", "-e", "stg"], &[], &expect![[]]);
}

#[test]
fn an_environment_that_is_not_there_is_told() {
    let desk = Desk::empty();
    expect![[]].assert_eq(&desk.shows(&["history", "c/s", "--in", "prd"]));
    expect![[]].assert_eq(&desk.shows(&["status", "-e", "stg"]));
    expect![[]].assert_eq(&desk.shows(&["status", "-e", "dev", "--environments", "prd"]));
    expect![[]].assert_eq(&desk.shows(&["approve", "c/s", "--in", "dev"]));
    let mut elsewhere = desk.command(&["status"]);
    expect![[]]
        .assert_eq(&desk.stable(&desk.run(elsewhere.env("AWS_ACCESS_KEY_ID", "999999999999")).to_string()));
    let mut nowhere = desk.command(&["status"]);
    let said = desk.run(nowhere.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1"));
    assert_eq!(said.code, Some(1), "{said}");
}
