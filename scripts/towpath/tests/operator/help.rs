//! What `--help` teaches.

use crate::desk::{Said, home, towpath};
use expect_test::expect_file;

fn help(arguments: &[&str]) -> String {
    let home = home();
    let said = Said::of(&towpath(home.path(), arguments).output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said}");
    let lines: Vec<&str> = said.out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn each_command_has_help_that_teaches() {
    expect_file!["../help/towpath.txt"].assert_eq(&help(&["--help"]));
    expect_file!["../help/status.txt"].assert_eq(&help(&["status", "--help"]));
    expect_file!["../help/history.txt"].assert_eq(&help(&["history", "--help"]));
    expect_file!["../help/rollback.txt"].assert_eq(&help(&["rollback", "--help"]));
    expect_file!["../help/release.txt"].assert_eq(&help(&["release", "--help"]));
    expect_file!["../help/approve.txt"].assert_eq(&help(&["approve", "--help"]));
    expect_file!["../help/promote.txt"].assert_eq(&help(&["promote", "--help"]));
}

#[test]
fn the_readme_tells_the_exit_codes_of_the_help() {
    let help = help(&["--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let readme = include_str!("../../README.md");
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "{code} {meaning}");
    }
}
