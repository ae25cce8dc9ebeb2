//! What `imageUri` says: a registry, a repository, and a tag or a digest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AccountId, EcrRegistry, ImageDigest, ImageRepositoryName, ImageTag, InvalidName, Region};

/// An image as ECS takes it; written as it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageUri {
    text: String,
    registry: Registry,
    reference: Reference,
}

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Registry {
    /// A repository of an ECR registry.
    Ecr(EcrRegistry, ImageRepositoryName),
    /// Anywhere else: a person's affair.
    Other,
}

/// Which image of its repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// Whatever bears the tag; `latest` where nothing is written.
    Tag(ImageTag),
    /// These bytes and no others.
    Digest(ImageDigest),
}

/// The longest image text that is taken.
const MAXIMUM_LENGTH: usize = 1000;
const EXPECTED: &str =
    "<registry>/<repository>@sha256:<64 hexadecimal digits> or <registry>/<repository>:<tag>";

impl ImageUri {
    /// The image that `text` names.
    ///
    /// # Errors
    /// When it is not an image name, or names an ECR registry with something that ECR cannot hold.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        Self::read(text).ok_or_else(|| InvalidName::new("image", text, EXPECTED))
    }

    /// The image with `digest` in a repository of an ECR registry: the only form that Towpath writes.
    #[must_use]
    pub fn by_digest(registry: &EcrRegistry, repository: &ImageRepositoryName, digest: &ImageDigest) -> Self {
        Self {
            text: format!("{registry}/{repository}@{digest}"),
            registry: Registry::Ecr(registry.clone(), repository.clone()),
            reference: Reference::Digest(digest.clone()),
        }
    }

    /// The image as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the image lies.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Which image of its repository is meant.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The digest, if the image is named by digest.
    #[must_use]
    pub fn digest(&self) -> Option<&ImageDigest> {
        match &self.reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(_) => None,
        }
    }

    /// The tag, if the image is named by tag.
    #[must_use]
    pub fn tag(&self) -> Option<&ImageTag> {
        match &self.reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        }
    }

    /// The repository, if it is one of this registry.
    #[must_use]
    pub fn repository_in(&self, registry: &EcrRegistry) -> Option<&ImageRepositoryName> {
        match &self.registry {
            Registry::Ecr(own, repository) if own == registry => Some(repository),
            Registry::Ecr(..) | Registry::Other => None,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let allowed = |character: char| character.is_ascii_alphanumeric() || "-_:./@+".contains(character);
        if text.is_empty() || text.len() > MAXIMUM_LENGTH || !text.chars().all(allowed) {
            return None;
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(ImageDigest::parse(digest).ok()?)),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(ImageTag::parse(tag).ok()?)),
            Some(_) | None => (name, None),
        };
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return None;
        }
        let registry = match name.split_once('/').and_then(|(host, rest)| Some((ecr_registry(host)?, rest))) {
            Some((registry, repository)) => {
                Registry::Ecr(registry, ImageRepositoryName::parse(repository).ok()?)
            }
            None => Registry::Other,
        };
        let reference = match (digest, tag) {
            (Some(digest), _) => Reference::Digest(digest),
            (None, Some(tag)) => Reference::Tag(tag),
            (None, None) => Reference::Tag(ImageTag::parse("latest").ok()?),
        };
        Some(Self { text: text.to_owned(), registry, reference })
    }
}

/// The ECR registry that a host name names, if it is one.
fn ecr_registry(host: &str) -> Option<EcrRegistry> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let registry =
        EcrRegistry { account: AccountId::parse(account).ok()?, region: Region::parse(region).ok()? };
    (domain == registry.region.domain()).then_some(registry)
}

impl fmt::Display for ImageUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for ImageUri {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ImageUri {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<ImageUri> for String {
    fn from(image: ImageUri) -> Self {
        image.text
    }
}
