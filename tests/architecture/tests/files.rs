//! What every file keeps to.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot read the workspace fails")]

use std::process::Command;

/// What one can read in one go.
const LINES_MAX: usize = 600;

fn tracked_files() -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new("git").args(["-C", root, "ls-files"]).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let text = |name: &str| std::fs::read_to_string(format!("{root}/{name}")).ok();
    names.lines().filter_map(|name| Some((name.to_owned(), text(name)?))).collect()
}

#[test]
fn files_can_be_read_in_one_go() {
    let long: Vec<_> = tracked_files()
        .into_iter()
        .filter(|(name, text)| name.ends_with(".rs") && text.lines().count() > LINES_MAX)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "files longer than {LINES_MAX} lines");
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let allow = concat!("#[al", "low(");
    let allowing: Vec<_> = tracked_files()
        .into_iter()
        .filter(|(name, text)| name.ends_with(".rs") && text.contains(allow))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(allowing, Vec::<String>::new(), "files that silence a lint");
}
