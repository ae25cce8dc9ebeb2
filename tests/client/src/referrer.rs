//! Artifacts that refer to an image by its digest.

use crate::image::{Artifact, Blob, OCI_MANIFEST};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The media type of the empty blob that stands for a config and a layer.
const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// The description of a referrer: an artifact without content of its own, all it says is in its annotations.
#[derive(Debug, Clone)]
pub struct Referrer {
    subject: Value,
    artifact_type: String,
    annotations: BTreeMap<String, String>,
}

impl Referrer {
    /// A referrer of this type to that image.
    pub fn new(subject: &Artifact, artifact_type: &str) -> Self {
        Self {
            subject: subject.descriptor(),
            artifact_type: artifact_type.to_owned(),
            annotations: BTreeMap::new(),
        }
    }

    /// One more annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Makes the bytes.
    pub fn build(&self) -> Artifact {
        let empty = Blob::new(OCI_EMPTY, b"{}".to_vec());
        let annotations: Map<String, Value> =
            self.annotations.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let manifest = json!({
            "annotations": annotations,
            "artifactType": self.artifact_type,
            "config": empty.descriptor(),
            "layers": [empty.descriptor()],
            "mediaType": OCI_MANIFEST,
            "schemaVersion": 2,
            "subject": self.subject,
        });
        Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![empty], Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::Referrer;
    use crate::image::Image;
    use serde_json::Value;

    #[test]
    fn a_referrer_names_its_subject_and_needs_only_the_empty_blob() {
        let image = Image::new("webapp1").build().unwrap();
        let referrer = Referrer::new(&image, "application/x.note").annotation("by", "me").build();
        let manifest: Value = serde_json::from_str(&referrer.manifest).unwrap();
        assert_eq!(manifest["subject"]["digest"], image.digest);
        assert_eq!(manifest["annotations"]["by"], "me");
        assert_eq!(referrer.blobs.len(), 1);
        assert_eq!(referrer.blobs[0].bytes, b"{}");
    }
}
