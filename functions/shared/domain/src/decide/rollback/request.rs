//! What a person asks for.

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
    /// Who asks: an ARN that AWS told, else `claimed:` and what was said.
    pub who: String,
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
