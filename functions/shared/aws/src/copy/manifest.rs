//! What a manifest says, as far as copying must know: which blobs, which children.
//! Its bytes are never written anew. <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use crate::ecr::{
    DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, PROBLEM_CHARACTERS, WrittenManifest,
};
use crate::evidence;
use domain::names::ImageDigest;
use domain::text::one_line;
use serde::Deserialize;
use std::collections::BTreeMap;

const SCHEMA_VERSION: u64 = 2;

/// What a manifest names, and its bytes as long as they are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// One of the four that ECR knows.
    pub media_type: String,
    /// Byte for byte. None when it need not be put, or is fetched again when it is.
    pub text: Option<String>,
    /// Configuration and layers, without those that no registry holds.
    pub blobs: Vec<Blob>,
    /// What it lists, if it is an index.
    pub children: Vec<Child>,
    /// The account whose word it claims to be, if it looks like Towpath's evidence.
    pub word_of: Option<String>,
}

/// A layer or a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: ImageDigest,
    /// How long it is said to be.
    pub size: u64,
}

/// A manifest that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its digest.
    pub digest: ImageDigest,
    /// How long it is said to be.
    pub size: u64,
    /// Whether it has children itself; also when nobody says that it has none.
    pub may_be_index: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u64,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: ImageDigest,
    size: u64,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

impl Manifest {
    /// The largest size that anything in a manifest may have: twenty times what ECR takes for a layer, so that no sum of
    /// sizes outgrows its number.
    pub const SIZE_MAX: u64 = 1 << 40;

    /// Reads a manifest. `media_type` is what ECR says beside it: an OCI manifest need not say itself.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: String, media_type: Option<&str>) -> Result<Self, String> {
        Self::read(text, media_type).map_err(|problem| one_line(&problem, PROBLEM_CHARACTERS))
    }

    fn read(text: String, media_type: Option<&str>) -> Result<Self, String> {
        let written: Written =
            serde_json::from_str(&text).map_err(|error| format!("it cannot be read: {error}"))?;
        // Whoever tells of the deployment here reads it again, and must be able to.
        WrittenManifest::parse(&text).map_err(|problem| format!("it cannot be read: {problem}"))?;
        if written.schema_version != SCHEMA_VERSION {
            return Err(format!("its schemaVersion is {}", written.schema_version));
        }
        if written.manifests.is_some() && (written.config.is_some() || written.layers.is_some()) {
            return Err("it is an image and an index at once".to_owned());
        }
        let word_of = written.annotations.and_then(|mut said| said.remove(evidence::ACCOUNT));
        let own = if written.manifests.is_some() { OCI_INDEX } else { OCI_MANIFEST };
        let media_type = media_type.filter(|media_type| !media_type.is_empty());
        let media_type = media_type.or(written.media_type.as_deref()).unwrap_or(own).to_owned();
        let (blobs, children): (Vec<Blob>, Vec<Child>) =
            match (media_type.as_str(), written.config, written.layers, written.manifests) {
                (DOCKER_MANIFEST | OCI_MANIFEST, Some(config), Some(layers), _) => {
                    let held = layers.into_iter().filter(Descriptor::is_held);
                    (std::iter::once(config).chain(held).map(Descriptor::blob).collect(), Vec::new())
                }
                (DOCKER_LIST | OCI_INDEX, _, _, Some(manifests)) => {
                    (Vec::new(), manifests.into_iter().map(Descriptor::child).collect())
                }
                (DOCKER_MANIFEST | OCI_MANIFEST, ..) => {
                    return Err("it has no config or no layers".to_owned());
                }
                (DOCKER_LIST | OCI_INDEX, ..) => return Err("it has no manifests".to_owned()),
                (other, ..) => return Err(format!("its media type is {}", other.escape_debug())),
            };
        let blob_sizes = blobs.iter().map(|blob| (&blob.digest, blob.size));
        let mut sizes = blob_sizes.chain(children.iter().map(|child| (&child.digest, child.size)));
        if let Some((digest, size)) = sizes.find(|(_, size)| *size > Self::SIZE_MAX) {
            return Err(format!("it says that {digest} has {size} bytes"));
        }
        Ok(Self { media_type, text: Some(text), blobs, children, word_of })
    }
}

impl Descriptor {
    /// Foreign layers are fetched from elsewhere, and no registry holds them.
    fn is_held(&self) -> bool {
        let foreign = self.media_type.contains(".foreign.") || self.media_type.contains(".nondistributable.");
        !foreign && self.urls.as_ref().is_none_or(Vec::is_empty)
    }

    fn blob(self) -> Blob {
        Blob { digest: self.digest, size: self.size }
    }

    fn child(self) -> Child {
        Child { may_be_index: may_be_index(&self.media_type), digest: self.digest, size: self.size }
    }
}

/// Whether what a descriptor says leaves open that it has children.
pub(super) fn may_be_index(media_type: &str) -> bool {
    !matches!(media_type, DOCKER_MANIFEST | OCI_MANIFEST)
}
