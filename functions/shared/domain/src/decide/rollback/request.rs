//! What a person asks for.

use std::fmt;

use super::who::Who;
use crate::names::{EventId, ImageDigest, InvalidName, ServiceId};

/// What a person asks for, and who says to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The service.
    pub service: ServiceId,
    /// What is to be done with it.
    pub action: Action,
    /// Why, in words.
    pub reason: String,
    /// Who asks.
    pub who: Who,
    /// What makes a second asking the same asking: an answer that was lost must not be taken for a new wish to go back
    /// once more.
    pub id: EventId,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Back to an earlier revision.
    RollBack(Target),
    /// What holds the service ends.
    Release(Released),
}

/// Which earlier revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The last healthy one with other images.
    Previous,
    /// The newest one with this image.
    Digest(ImageDigest),
    /// The one of a commit, by its id or at least seven digits of it, or the newest one with the images of a tag.
    Named(String),
}

/// What of a service is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// Its hold and its whole quarantine.
    All,
    /// Its hold alone.
    Hold,
    /// One image's quarantine alone.
    Digest(ImageDigest),
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Previous => "previous",
            Self::Digest(digest) => digest.as_str(),
            Self::Named(text) => text,
        })
    }
}

impl fmt::Display for Released {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "all",
            Self::Hold => "hold",
            Self::Digest(digest) => digest.as_str(),
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollBack(target) => write!(formatter, "roll back to {target}"),
            Self::Release(released) => write!(formatter, "release {released}"),
        }
    }
}

impl Request {
    /// What its commit says of it, one sentence a line.
    pub(super) fn sentences(&self) -> Vec<String> {
        [Some(self.reason.clone()), Some(self.asked()), self.who.remark()].into_iter().flatten().collect()
    }

    /// What tells it from another request of the same id, beside its reason.
    pub(super) fn asked(&self) -> String {
        format!("asked for: {}", self.action)
    }
}

impl Target {
    /// The revision that a person names.
    ///
    /// # Errors
    /// When it can be neither a commit, a tag nor a digest.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let expected =
            "previous, a commit id (or its first 7 digits or more), an image tag, or a digest (sha256:…)";
        if text == "previous" {
            return Ok(Self::Previous);
        }
        if let Ok(digest) = ImageDigest::parse(text) {
            return Ok(Self::Digest(digest));
        }
        match crate::names::ImageTag::parse(text) {
            Ok(_) => Ok(Self::Named(text.to_owned())),
            Err(_) => Err(InvalidName::new("revision to roll back to", text, expected)),
        }
    }
}

impl Released {
    /// What a person names.
    ///
    /// # Errors
    /// When it is neither of the words nor a digest.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match text {
            "all" => Ok(Self::All),
            "hold" => Ok(Self::Hold),
            _ => ImageDigest::parse(text)
                .map(Self::Digest)
                .map_err(|_| InvalidName::new("part to release", text, "all, hold, or a digest (sha256:…)")),
        }
    }
}
