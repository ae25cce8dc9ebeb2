//! The message on `reconcile`'s own queue: sweep, from the beginning or from where the last part ended.

use serde::{Deserialize, Serialize};

use crate::decide::sweep::DriftCounts;
use crate::names::ServiceId;
use crate::wake_up::WakeUpError;

/// What marks the message.
const MARK: &str = "sweep";
const VERSION: u64 = 1;

/// A sweep to make, or to go on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepMessage {
    /// The last service that was looked at; none at the beginning.
    pub after: Option<ServiceId>,
    /// How the services stood that were looked at before.
    pub counts: DriftCounts,
}

#[derive(Deserialize)]
struct Marked {
    towpath: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    towpath: String,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<ServiceId>,
    #[serde(default, skip_serializing_if = "DriftCounts::is_empty")]
    counts: DriftCounts,
}

impl SweepMessage {
    /// The sweep in a message's body; none if the message is something else.
    ///
    /// # Errors
    /// When the message is marked as a sweep, and is not one that can be read.
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
        Ok(Some(Self { after: written.after, counts: written.counts }))
    }

    /// The message's body.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { after, counts } = self.clone();
        let written = Written { towpath: MARK.to_owned(), version: VERSION, after, counts };
        // Texts always serialise.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_message_is_no_sweep() {
        for body in ["", "{}", r#"{"towpath":"wake-up","version":1,"service":"a/b","reason":""}"#] {
            assert_eq!(SweepMessage::parse(body), Ok(None), "{body}");
        }
    }

    #[test]
    fn a_sweep_is_read_as_it_was_written() {
        let start = SweepMessage::default();
        assert_eq!(start.text(), r#"{"towpath":"sweep","version":1}"#);
        assert_eq!(SweepMessage::parse(&start.text()), Ok(Some(start)));
        let mut counts = DriftCounts::default();
        counts.add_unread(3);
        let next = SweepMessage { after: Some(ServiceId::parse("cluster1/webapp1").unwrap()), counts };
        assert_eq!(SweepMessage::parse(&next.text()), Ok(Some(next)));
    }

    #[test]
    fn a_broken_sweep_is_an_error() {
        let path = r#"{"towpath":"sweep","version":1,"after":"../x"}"#;
        assert!(SweepMessage::parse(path).unwrap_err().to_string().contains("\"../x\" is not a service"));
        let newer = r#"{"towpath":"sweep","version":2}"#;
        assert_eq!(SweepMessage::parse(newer), Err(WakeUpError::OtherVersion { version: 2 }));
    }
}
