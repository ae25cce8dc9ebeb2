//! What a manifest's text says of what it lists and of what it is built for, as far as the decisions must know.

use domain::names::{ImageDigest, Platform};
use domain::text::one_line;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How much of what is wrong with a manifest is told.
pub(crate) const PROBLEM_CHARACTERS: usize = 300;

/// What a manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenManifest {
    /// The digests that an index lists; a single image has none.
    pub children: BTreeSet<ImageDigest>,
    /// The platforms that an index names beside them.
    pub platforms: BTreeSet<Platform>,
    /// What tells the platform of a single image.
    pub configuration: Option<Configuration>,
}

/// The configuration of a single image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Configuration {
    /// Its digest.
    pub digest: ImageDigest,
    /// How long it is said to be.
    pub size: u64,
}

#[derive(Deserialize)]
struct Written {
    manifests: Option<Vec<Child>>,
    config: Option<Configuration>,
}

#[derive(Deserialize)]
struct Child {
    digest: ImageDigest,
    /// Whatever it says: an index is deployed and told of without a platform that can be read.
    platform: Option<serde_json::Value>,
}

/// As an index says it of a child, and a configuration of itself.
#[derive(Deserialize)]
struct Built {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl WrittenManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written: Written =
            serde_json::from_str(text).map_err(|error| one_line(&error.to_string(), PROBLEM_CHARACTERS))?;
        let listed = written.manifests.unwrap_or_default();
        Ok(Self {
            platforms: listed.iter().filter_map(Child::platform).collect(),
            configuration: written.config.filter(|_| listed.is_empty()),
            children: listed.into_iter().map(|child| child.digest).collect(),
        })
    }
}

/// The platform that a configuration names.
pub(super) fn configuration_platform(configuration: &[u8]) -> Option<Platform> {
    serde_json::from_slice::<Built>(configuration).ok()?.platform()
}

impl Child {
    fn platform(&self) -> Option<Platform> {
        Built::deserialize(self.platform.as_ref()?).ok()?.platform()
    }
}

impl Built {
    /// The platform; none where it is not named, as for the attestations in an index (`unknown/unknown`).
    fn platform(&self) -> Option<Platform> {
        let (os, architecture) = (self.os.as_deref()?, self.architecture.as_deref()?);
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        let name = match variant {
            Some(variant) => format!("{os}/{architecture}/{variant}"),
            None => format!("{os}/{architecture}"),
        };
        Platform::parse(&name).ok().filter(|_| os != "unknown")
    }
}
