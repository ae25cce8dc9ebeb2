//! What was decided about a service, in one word and one sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::ServiceId;
use crate::refusal::Refusal;

/// What was decided, and why. "No" is one of the answers, never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The service it is about; none if it is about the whole event.
    pub service: Option<ServiceId>,
    /// What was decided.
    pub kind: DecisionKind,
    /// Why, in a sentence without its full stop.
    pub because: String,
    /// The reason for not acting, where it is one that somebody can mend.
    pub refusal: Option<Refusal>,
}

/// Everything that can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// Its revision moves to other images.
    Moved,
    /// What it moves to is approved, and is copied from upstream first.
    Copying,
    /// It may not move; or a hold is written that says so.
    Held,
    /// It could not be chosen yet; something will look again.
    Waiting,
    /// Its pipeline is started.
    Started,
    /// A newer commit has replaced what the event told of.
    Overtaken,
    /// It runs these images already.
    AlreadyRuns,
    /// What is needed to decide is not known yet; look again.
    Undecided,
    /// It has never been deployed, and only a commit starts its first deployment.
    NeverDeployed,
    /// Its rollout is under way.
    Rolling,
    /// Its deployment went well.
    Verified,
    /// Its deployment went wrong, and git stays as it is.
    Failed,
    /// Its deployment went wrong, and the last healthy revision is committed back.
    Reverted,
    /// Its rollout takes too long, and ECS would not tell.
    Stalled,
    /// A person deployed it past git.
    ByHand,
    /// Git, the service's revision and the tasks that run do not say the same.
    Drifted,
    /// A person chose an earlier revision.
    RolledBack,
    /// A hold or a quarantine was ended by a person.
    Released,
    /// A function was woken up to look.
    Woken,
    /// It is somebody else's, or nobody's, affair.
    Ignored,
    /// It should be done but must not, until somebody mends what the refusal names.
    Refused,
    /// What came in is not what it should be.
    Invalid,
    /// All is as it should be.
    Nothing,
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::Moved,
        Self::Copying,
        Self::Held,
        Self::Waiting,
        Self::Started,
        Self::Overtaken,
        Self::AlreadyRuns,
        Self::Undecided,
        Self::NeverDeployed,
        Self::Rolling,
        Self::Verified,
        Self::Failed,
        Self::Reverted,
        Self::Stalled,
        Self::ByHand,
        Self::Drifted,
        Self::RolledBack,
        Self::Released,
        Self::Woken,
        Self::Ignored,
        Self::Refused,
        Self::Invalid,
        Self::Nothing,
    ];

    /// Its name in records and trailers; it never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Copying => "copying",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Overtaken => "overtaken",
            Self::AlreadyRuns => "already_runs",
            Self::Undecided => "undecided",
            Self::NeverDeployed => "never_deployed",
            Self::Rolling => "rolling",
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Reverted => "reverted",
            Self::Stalled => "stalled",
            Self::ByHand => "by_hand",
            Self::Drifted => "drifted",
            Self::RolledBack => "rolled_back",
            Self::Released => "released",
            Self::Woken => "woken",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Nothing => "nothing",
        }
    }

    /// Whether anything is ever done for a decision of this kind.
    #[must_use]
    pub fn acts(self) -> bool {
        match self {
            Self::Moved
            | Self::Copying
            | Self::Held
            | Self::Started
            | Self::Verified
            | Self::Failed
            | Self::Reverted
            | Self::Stalled
            | Self::Overtaken
            | Self::RolledBack
            | Self::Released
            | Self::Woken
            | Self::Refused => true,
            Self::Waiting
            | Self::AlreadyRuns
            | Self::Undecided
            | Self::NeverDeployed
            | Self::Rolling
            | Self::ByHand
            | Self::Drifted
            | Self::Ignored
            | Self::Invalid
            | Self::Nothing => false,
        }
    }

    /// The kind that a record or trailer names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for DecisionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Decision {
    /// A decision about one service.
    #[must_use]
    pub fn of(service: &ServiceId, kind: DecisionKind, because: impl Into<String>) -> Self {
        Self { service: Some(service.clone()), kind, because: because.into(), refusal: None }
    }

    /// A service's refusal: its sentence is the reason.
    #[must_use]
    pub fn refused(service: &ServiceId, refusal: Refusal) -> Self {
        Self { because: refusal.to_string(), ..Self::of(service, DecisionKind::Refused, "") }
            .with_refusal(refusal)
    }

    /// A refusal of the whole event.
    #[must_use]
    pub fn refused_whole(refusal: Refusal) -> Self {
        Self {
            service: None,
            kind: DecisionKind::Refused,
            because: refusal.to_string(),
            refusal: Some(refusal),
        }
    }

    fn with_refusal(self, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..self }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(service) = &self.service {
            write!(formatter, "{service}: ")?;
        }
        write!(formatter, "{}", self.kind)?;
        if let Some(refusal) = &self.refusal {
            write!(formatter, " ({})", refusal.kind())?;
        }
        write!(formatter, ": {}", self.because)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name_everywhere() {
        for kind in DecisionKind::ALL {
            assert_eq!(DecisionKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
