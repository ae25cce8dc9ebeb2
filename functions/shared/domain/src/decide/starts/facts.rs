//! What is read before pipelines are started.

use std::collections::BTreeMap;

use super::ForcedFrom;
use crate::facts::{
    DeploymentRepository, Execution, HoldFact, IndexChildren, LastChange, PipelineFact, RevisionFact,
    RunningService,
};
use crate::names::{BlobId, CommitId, EnvironmentName, InvalidName, PipelineName, ServiceId};
use crate::time::Timestamp;

/// Everything that the starts depend on, read at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartsFacts {
    /// When it was read.
    pub now: Timestamp,
    /// The environment that this is.
    pub environment: EnvironmentName,
    /// The deployment repository.
    pub repository: DeploymentRepository,
    /// The tip of its branch, at which its files were read and at which pipelines are started.
    pub tip: CommitId,
    /// When that commit was made, where it tells.
    pub tip_made_at: Option<Timestamp>,
    /// The services that are asked about, and no others.
    pub services: BTreeMap<ServiceId, StartFacts>,
}

/// What is read of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartFacts {
    /// Why it is asked about.
    pub asked: Asked,
    /// Its `revision.json` at the tip.
    pub revision: RevisionFact,
    /// Its `hold.json` at the tip.
    pub hold: HoldFact,
    /// The last commit that touched its `revision.json`, where it was asked for.
    pub last_change: Option<LastChange>,
    /// The name of its pipeline: from the rules, else from the stack's pattern.
    pub pipeline_name: Result<PipelineName, InvalidName>,
    /// Its pipeline.
    pub pipeline: PipelineFact,
    /// The pipeline's newest executions, newest first, at least up to the newest run (no rollback) with a known source that
    /// nobody else started, and the one that was started at the tip.
    pub executions: Vec<Execution>,
    /// The commit that gave the file this content where the newest execution for it was started. It is asked for only where
    /// that execution has ended and the service runs something else.
    pub started_change: Option<CommitId>,
    /// Whether the source commit of the newest run is in the history of the tip. It is asked for only where somebody else started
    /// that run for another content.
    pub is_newest_in_history: bool,
    /// Where the branch was forced from since the newest execution, without an event that told of it. It is asked for only of
    /// a service that has rules, where that execution was for another content and the revision is Towpath's and older.
    pub forced: Option<ForcedFrom>,
    /// What the service runs.
    pub runs: RunningService,
    /// The children of the indexes that the revision names.
    pub children: IndexChildren,
}

/// Why a service is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A commit changed its `revision.json` to this content; none if the file was removed.
    Commit {
        /// The commit that the event told of.
        commit: CommitId,
        /// The content there.
        blob: Option<BlobId>,
    },
    /// It should be looked at.
    WakeUp,
}

impl Asked {
    /// Of all that one batch asks about a service, what counts: a commit whose content is at the tip, in whatever order
    /// the events came, before a wake-up, before what was overtaken.
    #[must_use]
    pub fn that_counts(all: &[Self], tip: Option<&BlobId>) -> Self {
        let is_at_tip = |asked: &&Self| matches!(asked, Self::Commit { blob, .. } if blob.as_ref() == tip);
        let at_tip = all.iter().find(is_at_tip);
        let wake_up = || all.iter().find(|asked| **asked == Self::WakeUp);
        at_tip.or_else(wake_up).or(all.last()).cloned().unwrap_or(Self::WakeUp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: &str, blob: &str) -> Asked {
        Asked::Commit {
            commit: CommitId::parse(&digit.repeat(40)).unwrap(),
            blob: Some(BlobId::parse(&blob.repeat(40)).unwrap()),
        }
    }

    #[test]
    fn nothing_asked_is_a_look() {
        assert_eq!(Asked::that_counts(&[], None), Asked::WakeUp);
    }

    #[test]
    fn what_is_at_the_tip_counts_in_any_order_of_the_events() {
        let tip = BlobId::parse(&"b".repeat(40)).unwrap();
        let (old, new) = (commit("1", "a"), commit("2", "b"));
        for all in [
            vec![old.clone(), new.clone()],
            vec![new.clone(), old.clone()],
            vec![new.clone(), Asked::WakeUp, old.clone()],
        ] {
            assert_eq!(Asked::that_counts(&all, Some(&tip)), new);
        }
        assert_eq!(Asked::that_counts(&[Asked::WakeUp, old.clone()], Some(&tip)), Asked::WakeUp);
        assert_eq!(Asked::that_counts(std::slice::from_ref(&old), Some(&tip)), old);
    }
}
