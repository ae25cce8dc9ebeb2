//! Indexes: several platforms under one digest, as BuildKit makes them.

use crate::image::{Artifact, Blob, Image, OCI_MANIFEST};
use serde_json::{Value, json};
use std::io;

/// The media type of an OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The description of an index.
#[derive(Debug, Clone, Default)]
pub struct Index {
    images: Vec<Image>,
    attested: bool,
    docker: bool,
}

impl Index {
    /// An index of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more platform; the image says which.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.images.push(image);
        self
    }

    /// Beside each image an attestation child with platform `unknown/unknown`, as BuildKit adds by default.
    #[must_use]
    pub fn attested(mut self) -> Self {
        self.attested = true;
        self
    }

    /// A Docker manifest list instead of an OCI index.
    #[must_use]
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Makes the bytes.
    ///
    /// # Errors
    /// As [`Image::build`].
    pub fn build(&self) -> io::Result<Artifact> {
        let mut children = Vec::new();
        let mut descriptors = Vec::new();
        for image in &self.images {
            let child = image.build()?;
            descriptors.push(with(child.descriptor(), "platform", image.platform_json()));
            children.push(child);
        }
        if self.attested {
            let images = children.clone();
            for image in &images {
                let attestation = attestation_of(image);
                let platform = json!({ "architecture": "unknown", "os": "unknown" });
                let annotations = json!({
                    "vnd.docker.reference.digest": image.digest,
                    "vnd.docker.reference.type": "attestation-manifest",
                });
                let descriptor = with(attestation.descriptor(), "annotations", annotations);
                descriptors.push(with(descriptor, "platform", platform));
                children.push(attestation);
            }
        }
        let media_type = if self.docker { DOCKER_LIST } else { OCI_INDEX };
        let manifest = json!({ "manifests": descriptors, "mediaType": media_type, "schemaVersion": 2 });
        Ok(Artifact::new(media_type, manifest.to_string(), Vec::new(), children))
    }
}

fn attestation_of(image: &Artifact) -> Artifact {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicate": {},
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{ "digest": { "sha256": image.digest.trim_start_matches("sha256:") } }],
    });
    let layer = Blob::new("application/vnd.in-toto+json", statement.to_string().into_bytes());
    let config = json!({
        "architecture": "unknown",
        "config": {},
        "os": "unknown",
        "rootfs": { "diff_ids": [layer.digest], "type": "layers" },
    });
    let config = Blob::new(crate::image::OCI_CONFIG, config.to_string().into_bytes());
    let manifest = json!({
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
        "mediaType": OCI_MANIFEST,
        "schemaVersion": 2,
    });
    Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![config, layer], Vec::new())
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::Index;
    use crate::image::Image;
    use serde_json::Value;

    #[test]
    fn an_index_of_nothing_names_nothing() {
        let index = Index::new().build().unwrap();
        assert_eq!(index.children, []);
        assert_eq!(
            serde_json::from_str::<Value>(&index.manifest).unwrap()["manifests"],
            serde_json::json!([])
        );
    }

    #[test]
    fn two_attested_platforms_are_four_children_in_order() {
        let image = Image::new("webapp1").version("1");
        let index = Index::new()
            .image(image.clone())
            .image(image.platform("linux", "arm64"))
            .attested()
            .build()
            .unwrap();
        let manifest: Value = serde_json::from_str(&index.manifest).unwrap();
        let platforms: Vec<String> = manifest["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|child| format!("{}/{}", child["platform"]["os"], child["platform"]["architecture"]))
            .collect();
        assert_eq!(
            platforms,
            [r#""linux"/"amd64""#, r#""linux"/"arm64""#, r#""unknown"/"unknown""#, r#""unknown"/"unknown""#]
        );
        let named: Vec<&str> = manifest["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|child| child["digest"].as_str().unwrap())
            .collect();
        assert_eq!(named, index.children.iter().map(|child| child.digest.as_str()).collect::<Vec<_>>());
        // Both platforms hold the same layer: it is counted once.
        assert_eq!(index.all_blobs().len(), 2 + 1 + 4);
    }
}
