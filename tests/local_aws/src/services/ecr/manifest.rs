//! What a manifest says, as far as a registry must know: what it is made of and what it refers to.

use super::parameters::invalid;
use crate::error::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An image in Docker's words.
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// An index in Docker's words.
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// An image or another artifact.
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Images for several platforms under one digest.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The media types of Docker's schema 2 and the open specification that mean the same.
const EQUIVALENTS: [(&str, &str); 5] = [
    (DOCKER_MANIFEST, OCI_MANIFEST),
    ("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ),
];

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Descriptor {
    pub(super) digest: String,
    pub(super) media_type: String,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Child {
    pub(super) digest: String,
    /// Operating system and architecture, such as `linux` and `arm64`.
    pub(super) platform: Option<(String, String)>,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    /// What kind of artifact it is: its own word for it, else its configuration's media type.
    pub(super) artifact_media_type: Option<String>,
    pub(super) config: Option<Descriptor>,
    /// The layers that a registry must hold: those that may be distributed.
    pub(super) layers: Vec<Descriptor>,
    pub(super) children: Vec<Child>,
    /// The digest of the manifest that it refers to.
    pub(super) subject: Option<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<WrittenDescriptor>,
    layers: Option<Vec<WrittenDescriptor>>,
    manifests: Option<Vec<WrittenDescriptor>>,
    subject: Option<WrittenDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    urls: Option<Vec<String>>,
    platform: Option<WrittenPlatform>,
}

#[derive(Debug, Deserialize)]
struct WrittenPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

impl Manifest {
    /// Reads a manifest; `media_type` is what came beside it.
    pub(super) fn parse(text: &str, media_type: Option<&str>) -> Result<Self, AwsError> {
        let written: Written = serde_json::from_str(text).map_err(|error| {
            invalid("imageManifest", &format!("must be a manifest of schema version 2: {error}"))
        })?;
        if written.schema_version != 2 {
            return Err(invalid("imageManifest", "must have the schema version 2"));
        }
        let media_type = match (written.media_type.as_deref(), media_type) {
            (Some(within), Some(beside)) if within != beside => {
                let constraint = format!("must be the mediaType of the manifest, {within}");
                return Err(invalid("imageManifestMediaType", &constraint));
            }
            (Some(media_type), _) | (None, Some(media_type)) => media_type.to_owned(),
            (None, None) => {
                let constraint = "must not be null when the manifest has no mediaType";
                return Err(invalid("imageManifestMediaType", constraint));
            }
        };
        let manifest = match media_type.as_str() {
            DOCKER_MANIFEST | OCI_MANIFEST => image(written, media_type)?,
            DOCKER_LIST | OCI_INDEX => index(written, media_type)?,
            _ => {
                let types = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX].join(", ");
                return Err(invalid("imageManifestMediaType", &format!("must be one of {types}")));
            }
        };
        manifest.check_digests()?;
        Ok(manifest)
    }

    /// The blobs that a registry must hold for this manifest.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    /// Whether it lists other manifests.
    pub(super) fn is_index(&self) -> bool {
        self.media_type == DOCKER_LIST || self.media_type == OCI_INDEX
    }

    fn check_digests(&self) -> Result<(), AwsError> {
        let blobs = self.blobs().map(|blob| &blob.digest);
        let others = self.children.iter().map(|child| &child.digest).chain(&self.subject);
        match blobs.chain(others).find(|digest| !super::digest::is_sha256(digest)) {
            None => Ok(()),
            Some(bad) => {
                let constraint = format!("must name its parts by SHA-256, not '{}'", bad.escape_debug());
                Err(invalid("imageManifest", &constraint))
            }
        }
    }
}

fn image(written: Written, media_type: String) -> Result<Manifest, AwsError> {
    let (Some(config), Some(layers)) = (written.config, written.layers) else {
        return Err(invalid("imageManifest", "must have config and layers"));
    };
    let artifact_type = written.artifact_type.filter(|artifact_type| !artifact_type.is_empty());
    Ok(Manifest {
        media_type,
        artifact_media_type: Some(artifact_type.unwrap_or_else(|| config.media_type.clone())),
        config: Some(descriptor(config)),
        layers: layers.into_iter().filter(is_distributable).map(descriptor).collect(),
        children: Vec::new(),
        subject: written.subject.map(|subject| subject.digest),
        annotations: written.annotations.unwrap_or_default(),
    })
}

fn index(written: Written, media_type: String) -> Result<Manifest, AwsError> {
    let Some(manifests) = written.manifests else {
        return Err(invalid("imageManifest", "must have manifests"));
    };
    let child = |written: WrittenDescriptor| Child {
        digest: written.digest,
        platform: written.platform.map(|platform| (platform.os, platform.architecture)),
    };
    Ok(Manifest {
        media_type,
        artifact_media_type: written.artifact_type.filter(|artifact_type| !artifact_type.is_empty()),
        config: None,
        layers: Vec::new(),
        children: manifests.into_iter().map(child).collect(),
        subject: written.subject.map(|subject| subject.digest),
        annotations: written.annotations.unwrap_or_default(),
    })
}

fn descriptor(written: WrittenDescriptor) -> Descriptor {
    Descriptor { digest: written.digest, media_type: written.media_type }
}

/// Foreign layers are fetched from elsewhere; no registry holds them.
fn is_distributable(layer: &WrittenDescriptor) -> bool {
    let foreign = layer.media_type.contains(".foreign.") || layer.media_type.contains(".nondistributable.");
    !foreign && layer.urls.as_ref().is_none_or(Vec::is_empty)
}

/// The manifest as ECR writes it anew for a client that pulls by tag and does not take the stored media
/// type: other bytes, another digest. `None` when there is nothing to translate it into.
pub(super) fn translated(text: &str, stored: &str, accepted: &[String]) -> Option<(String, String)> {
    if accepted.iter().any(|accepted| accepted == stored) {
        return None;
    }
    let target = equivalent(stored).filter(|target| accepted.iter().any(|accepted| accepted == target))?;
    let mut manifest: Value = serde_json::from_str(text).ok()?;
    for key in ["config", "layers"] {
        match manifest.get_mut(key)? {
            Value::Array(layers) => layers.iter_mut().try_for_each(translate_descriptor)?,
            one => translate_descriptor(one)?,
        }
    }
    manifest.as_object_mut()?.insert("mediaType".to_owned(), target.into());
    Some((manifest.to_string(), target.to_owned()))
}

fn translate_descriptor(descriptor: &mut Value) -> Option<()> {
    let media_type = descriptor.get_mut("mediaType")?;
    *media_type = equivalent(media_type.as_str()?)?.into();
    Some(())
}

fn equivalent(media_type: &str) -> Option<&'static str> {
    EQUIVALENTS.iter().find_map(|(docker, open)| match media_type {
        media_type if media_type == *docker => Some(*open),
        media_type if media_type == *open => Some(*docker),
        _ => None,
    })
}
