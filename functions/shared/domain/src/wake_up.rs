//! The message that `reconcile` puts on a function's queue: look at this service again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::ServiceId;
use crate::text::one_line;

/// What marks the message.
const MARK: &str = "wake-up";
const VERSION: u64 = 1;
const REASON_CHARACTERS: usize = 300;

/// A function of Towpath. What can be woken has a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Selects images and commits revisions.
    OnImagePush,
    /// Starts the pipelines that are owed.
    OnCommit,
    /// Copies what is approved from upstream.
    PromoteImage,
    /// Puts an earlier revision back.
    RollBack,
    /// Tells the outcome.
    OnDeploymentChange,
    /// Finds what was missed.
    Reconcile,
    /// Draws what runs.
    ShowStatus,
}

impl Function {
    /// Its name in folders, templates, logs and trailers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnImagePush => "on_image_push",
            Self::OnCommit => "on_commit",
            Self::PromoteImage => "promote_image",
            Self::RollBack => "roll_back",
            Self::OnDeploymentChange => "on_deployment_change",
            Self::Reconcile => "reconcile",
            Self::ShowStatus => "show_status",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A wake-up: it says where to look, never what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WakeUp {
    /// The service to look at.
    pub service: ServiceId,
    /// Why, in words.
    pub reason: String,
}

/// Why a message is not a wake-up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WakeUpError {
    /// It is marked as one, and cannot be read.
    #[error("the wake-up cannot be read: {problem}")]
    NotReadable {
        /// What the JSON parser says.
        problem: String,
    },
    /// It was written by a newer Towpath.
    #[error("the wake-up has version {version}: expected version {VERSION}")]
    OtherVersion {
        /// Its version.
        version: u64,
    },
}

#[derive(Deserialize)]
struct Marked {
    towpath: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    towpath: String,
    version: u64,
    service: ServiceId,
    reason: String,
}

impl WakeUp {
    /// The wake-up in a message's body; none if the message is something else.
    ///
    /// # Errors
    /// When the message is marked as a wake-up, and is not one that can be read.
    pub fn parse(body: &str) -> Result<Option<Self>, WakeUpError> {
        let is_marked =
            serde_json::from_str::<Marked>(body).is_ok_and(|marked| marked.towpath.as_deref() == Some(MARK));
        if !is_marked {
            return Ok(None);
        }
        let written: Written = serde_json::from_str(body)
            .map_err(|error| WakeUpError::NotReadable { problem: error.to_string() })?;
        if written.version != VERSION {
            return Err(WakeUpError::OtherVersion { version: written.version });
        }
        Ok(Some(Self { service: written.service, reason: one_line(&written.reason, REASON_CHARACTERS) }))
    }

    /// The message's body.
    #[must_use]
    pub fn text(&self) -> String {
        let written = Written {
            towpath: MARK.to_owned(),
            version: VERSION,
            service: self.service.clone(),
            reason: one_line(&self.reason, REASON_CHARACTERS),
        };
        // Texts always serialise.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_message_is_no_wake_up() {
        for body in
            ["", "[]", "{}", r#"{"source":"aws.ecr"}"#, r#"{"towpath":"decision"}"#, r#"{"towpath":1}"#]
        {
            assert_eq!(WakeUp::parse(body), Ok(None), "{body}");
        }
    }

    #[test]
    fn a_wake_up_is_read_as_it_was_written() {
        let service = ServiceId::parse("cluster1/webapp1").unwrap();
        let wake_up = WakeUp { service, reason: "a start is owed".to_owned() };
        let body = wake_up.text();
        assert_eq!(
            body,
            r#"{"towpath":"wake-up","version":1,"service":"cluster1/webapp1","reason":"a start is owed"}"#
        );
        assert_eq!(WakeUp::parse(&body), Ok(Some(wake_up)));
    }

    #[test]
    fn a_broken_wake_up_is_an_error() {
        let path = r#"{"towpath":"wake-up","version":1,"service":"../x","reason":""}"#;
        assert!(WakeUp::parse(path).unwrap_err().to_string().contains("\"../x\" is not a service"));
        let newer = r#"{"towpath":"wake-up","version":2,"service":"a/b","reason":""}"#;
        assert_eq!(WakeUp::parse(newer), Err(WakeUpError::OtherVersion { version: 2 }));
    }
}
