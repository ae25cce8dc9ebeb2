//! `hold.json`: why a service may not move, and which images may not return.

use serde::{Deserialize, Serialize};

use crate::names::{BlobId, CommitId, ContainerName, ImageDigest};
use crate::time::Timestamp;

/// The only version of the file there is.
const VERSION: u64 = 1;

/// The content of one `hold.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldFile {
    /// What stops every automatic move, while it counts.
    pub hold: Option<Hold>,
    /// The images that are never selected, oldest first.
    pub quarantine: Vec<Quarantined>,
}

/// Why a service may not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The content of `revision.json` that is held: with another content, the hold does not count.
    pub revision: BlobId,
    /// The application's commit at that time: with another one at the branch's tip, the hold does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_commit: Option<CommitId>,
    /// Why, in words.
    pub reason: String,
    /// Who held it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; a released hold ends at its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// An image that is never selected for a container until it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The container.
    pub container: ContainerName,
    /// The image.
    pub digest: ImageDigest,
    /// Why, in words.
    pub reason: String,
    /// Who put it there.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Whether a hold stops the service now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It does.
    Counts,
    /// `revision.json` has another content than the one it names.
    OtherRevision,
    /// The application's tip is another commit than the one it names.
    OtherApplicationCommit,
    /// Its end has passed: it was released, or held for a time only.
    Ended,
}

/// Why a file is not a `hold.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// It is not the JSON it should be.
    #[error("hold.json cannot be read: {problem}")]
    NotReadable {
        /// What the JSON parser says, with line and column.
        problem: String,
    },
    /// It was written by a newer Towpath.
    #[error("hold.json has version {version}: expected version {VERSION}; install a Towpath that knows it")]
    OtherVersion {
        /// Its version.
        version: u64,
    },
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quarantine: Vec<Quarantined>,
}

impl HoldFile {
    /// The holds that a file's bytes hold. What it does not know it ignores.
    ///
    /// # Errors
    /// When the file is of another version or not readable: then nobody knows what is held, and nothing may move.
    pub fn parse(bytes: &[u8]) -> Result<Self, HoldError> {
        let not_readable = |error: serde_json::Error| HoldError::NotReadable { problem: error.to_string() };
        let Version { version } = serde_json::from_slice(bytes).map_err(not_readable)?;
        if version != VERSION {
            return Err(HoldError::OtherVersion { version });
        }
        let Written { version: _, hold, quarantine } = serde_json::from_slice(bytes).map_err(not_readable)?;
        Ok(Self { hold, quarantine })
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let written =
            Written { version: VERSION, hold: self.hold.clone(), quarantine: self.quarantine.clone() };
        // Texts and lists of texts always serialise.
        serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
    }

    /// The quarantine of an image in a container, if it is in one.
    #[must_use]
    pub fn quarantined(&self, container: &ContainerName, digest: &ImageDigest) -> Option<&Quarantined> {
        self.quarantine.iter().find(|entry| entry.container == *container && entry.digest == *digest)
    }

    /// The same file with these images in quarantine too; one that is in it already stays as it is.
    #[must_use]
    pub fn with_quarantined(&self, images: impl IntoIterator<Item = Quarantined>) -> Self {
        let mut file = self.clone();
        for image in images {
            if file.quarantined(&image.container, &image.digest).is_none() {
                file.quarantine.push(image);
            }
        }
        file
    }
}

impl Hold {
    /// Whether it stops the service, whose `revision.json` at the tip is `revision` and whose application's tip is
    /// `application`. An application without a tip lifts nothing: nobody pushed another commit.
    #[must_use]
    pub fn state(&self, revision: &BlobId, application: Option<&CommitId>, now: Timestamp) -> HoldState {
        if self.revision != *revision {
            return HoldState::OtherRevision;
        }
        if let (Some(named), Some(tip)) = (&self.application_commit, application)
            && named != tip
        {
            return HoldState::OtherApplicationCommit;
        }
        if self.until.is_some_and(|until| until <= now) {
            return HoldState::Ended;
        }
        HoldState::Counts
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn blob(digit: &str) -> BlobId {
        BlobId::parse(&digit.repeat(40)).unwrap()
    }

    fn commit(digit: &str) -> CommitId {
        CommitId::parse(&digit.repeat(40)).unwrap()
    }

    fn hold() -> Hold {
        Hold {
            revision: blob("a"),
            application_commit: Some(commit("1")),
            reason: "put there by hand".to_owned(),
            by: "mary".to_owned(),
            at: Timestamp::from_epoch_seconds(1_800_000_000),
            until: None,
        }
    }

    #[test]
    fn an_empty_file_holds_nothing() {
        let file = HoldFile::parse(br#"{"version":1}"#).unwrap();
        assert_eq!(file, HoldFile::default());
        assert_eq!(file.text(), "{\n  \"version\": 1\n}\n");
    }

    #[test]
    fn a_file_is_written_as_it_is_read() {
        let file = HoldFile { hold: Some(hold()), quarantine: Vec::new() }.with_quarantined([Quarantined {
            container: ContainerName::parse("webapp1").unwrap(),
            digest: ImageDigest::parse(&format!("sha256:{}", "b".repeat(64))).unwrap(),
            reason: "exit code 1".to_owned(),
            by: "on_deployment_change".to_owned(),
            at: Timestamp::from_epoch_seconds(1_800_000_000),
        }]);
        expect![[r#"
            {
              "version": 1,
              "hold": {
                "revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "application_commit": "1111111111111111111111111111111111111111",
                "reason": "put there by hand",
                "by": "mary",
                "at": "2027-01-15T08:00:00Z"
              },
              "quarantine": [
                {
                  "container": "webapp1",
                  "digest": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                  "reason": "exit code 1",
                  "by": "on_deployment_change",
                  "at": "2027-01-15T08:00:00Z"
                }
              ]
            }
        "#]]
        .assert_eq(&file.text());
        assert_eq!(HoldFile::parse(file.text().as_bytes()).unwrap(), file);
        assert_eq!(file.with_quarantined(file.quarantine.clone()), file);
    }

    #[test]
    fn only_what_a_person_changed_or_ended_lifts_a_hold() {
        let (now, hold) = (Timestamp::from_epoch_seconds(1_800_000_100), hold());
        assert_eq!(hold.state(&blob("a"), Some(&commit("1")), now), HoldState::Counts);
        assert_eq!(hold.state(&blob("a"), None, now), HoldState::Counts);
        assert_eq!(hold.state(&blob("b"), Some(&commit("1")), now), HoldState::OtherRevision);
        assert_eq!(hold.state(&blob("a"), Some(&commit("2")), now), HoldState::OtherApplicationCommit);
        let released = Hold { until: Some(now), ..hold.clone() };
        assert_eq!(released.state(&blob("a"), Some(&commit("1")), now), HoldState::Ended);
        let any = Hold { application_commit: None, ..hold };
        assert_eq!(any.state(&blob("a"), Some(&commit("2")), now), HoldState::Counts);
    }

    #[test]
    fn each_broken_file_gets_one_clear_line() {
        let files: [&[u8]; 6] = [
            b"",
            b"[]",
            br#"{"version":"1"}"#,
            br#"{"version":2,"hold":7}"#,
            br#"{"version":1,"hold":{"revision":"x"}}"#,
            br#"{"version":1,"quarantine":[{}]}"#,
        ];
        let errors: String =
            files.iter().map(|file| format!("{}\n", HoldFile::parse(file).unwrap_err())).collect();
        expect![[r#"
            hold.json cannot be read: EOF while parsing a value at line 1 column 0
            hold.json cannot be read: invalid length 0, expected struct Version with 1 element at line 1 column 2
            hold.json cannot be read: invalid type: string "1", expected u64 at line 1 column 14
            hold.json has version 2: expected version 1; install a Towpath that knows it
            hold.json cannot be read: "x" is not a blob id: expected 40 hexadecimal digits at line 1 column 36
            hold.json cannot be read: missing field `container` at line 1 column 29
        "#]].assert_eq(&errors);
    }
}
