//! Ids, digests and times differ from run to run; their names in the order of appearance do not.

use regex_lite::{Captures, Regex};
use std::collections::BTreeMap;

/// Everything that is given a name: the kind, and what it looks like. Earlier ones win.
const KINDS: [(&str, &str); 10] = [
    ("service", r"arn:aws:ecs:[a-z0-9-]+:\d{12}:service-(deployment|revision)/[^/ ]+/[^/ ]+/[A-Za-z0-9_-]+"),
    ("time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    ("id", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("digest", r"sha256:[0-9a-f]{64}"),
    ("digest", r"sha256:[0-9a-f]{12}\b"),
    ("commit", r"\b[0-9a-f]{40}\b"),
    ("deployment", r"ecs-svc/\d{10,}"),
    ("task", r"\b[0-9a-f]{32}\b"),
    ("minutes", r"\b\d+ minutes\b"),
    ("endpoint", r"http://127\.0\.0\.1:\d+"),
];

/// How many digits of a commit id its short form has at least.
const SHORT_COMMIT: usize = 7;

/// The names given so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    given: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Names {
    /// A name of one's own for something that will appear.
    pub(crate) fn give(&mut self, value: &str, name: &str) {
        self.given.insert(value.to_owned(), format!("<{name}>"));
    }

    /// The text with names in it.
    pub(crate) fn put_into(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, pattern) in KINDS {
            let Ok(pattern) = Regex::new(pattern) else { continue };
            text = pattern.replace_all(&text, |found: &Captures<'_>| self.name(kind, &found[0])).into_owned();
        }
        self.shorten_commits(&text)
    }

    fn name(&mut self, kind: &'static str, value: &str) -> String {
        if ["time", "minutes", "endpoint"].contains(&kind) {
            return format!("<{kind}>");
        }
        let known = self.given.iter().find(|(known, _)| known.starts_with(value));
        if let Some((_, name)) = known {
            return name.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("<{kind} {count}>");
        self.given.insert(value.to_owned(), name.clone());
        name
    }

    /// Short forms of the commit ids that have a name.
    fn shorten_commits(&self, text: &str) -> String {
        let Ok(short) = Regex::new(&format!(r"\b[0-9a-f]{{{SHORT_COMMIT},12}}\b")) else {
            return text.to_owned();
        };
        let name = |found: &Captures<'_>| {
            let found = &found[0];
            let known = self.given.iter().find(|(known, _)| known.len() == 40 && known.starts_with(found));
            known.map_or_else(|| found.to_owned(), |(_, name)| name.clone())
        };
        short.replace_all(text, name).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn text_without_ids_stays() {
        assert_eq!(Names::default().put_into("webapp1:1111111 at 1.0.0"), "webapp1:1111111 at 1.0.0");
    }

    #[test]
    fn a_thing_has_one_name_long_or_short() {
        let mut names = Names::default();
        let (one, two) = ("a1".repeat(20), "b2".repeat(20));
        assert_eq!(names.put_into(&format!("{two} {one} {two}")), "<commit 1> <commit 2> <commit 1>");
        assert_eq!(names.put_into("a1a1a1a1 is a1a1a1a"), "<commit 2> is <commit 2>");
        names.give(&format!("sha256:{}", "c".repeat(64)), "good");
        assert_eq!(names.put_into("sha256:cccccccccccc at 2026-11-21T05:00:00.123Z"), "<good> at <time>");
    }
}
