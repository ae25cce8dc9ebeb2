//! Container images, made from nothing but their description: real tar layers, a real config, a real manifest,
//! the same bytes each time.

use crate::digest::sha256;
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;

/// The label that tells the local accounts with which code the container's process ends.
pub const LABEL_EXIT_CODE: &str = "local-aws.exit-code";
/// The label that tells the local accounts what the container's health check finds.
pub const LABEL_HEALTH: &str = "local-aws.health";
/// The media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The media type of a Docker image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Bytes under their digest: a layer or a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// What they are.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// The blob of these bytes.
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), media_type: media_type.to_owned(), bytes }
    }

    /// The descriptor by which a manifest names it.
    pub fn descriptor(&self) -> Value {
        json!({ "digest": self.digest, "mediaType": self.media_type, "size": self.bytes.len() })
    }
}

/// A manifest and everything it needs: an image, an index with its children, or a referrer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `sha256:…` of the manifest.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest, byte for byte.
    pub manifest: String,
    /// Config and layers, in the manifest's order.
    pub blobs: Vec<Blob>,
    /// An index's children, in its order.
    pub children: Vec<Artifact>,
}

impl Artifact {
    /// The artifact of this manifest.
    pub fn new(media_type: &str, manifest: String, blobs: Vec<Blob>, children: Vec<Artifact>) -> Self {
        let digest = sha256(manifest.as_bytes());
        Self { digest, media_type: media_type.to_owned(), manifest, blobs, children }
    }

    /// The descriptor by which an index or a referrer names it.
    pub fn descriptor(&self) -> Value {
        json!({ "digest": self.digest, "mediaType": self.media_type, "size": self.manifest.len() })
    }

    /// All blobs, those of the children too, each once, in the order of first mention.
    pub fn all_blobs(&self) -> Vec<&Blob> {
        let mut all: Vec<&Blob> = Vec::new();
        let own = self.blobs.iter().chain(self.children.iter().flat_map(Artifact::all_blobs));
        for blob in own {
            if !all.iter().any(|known| known.digest == blob.digest) {
                all.push(blob);
            }
        }
        all
    }
}

/// The description of an image.
#[derive(Debug, Clone)]
pub struct Image {
    name: String,
    version: String,
    os: String,
    architecture: String,
    labels: BTreeMap<String, String>,
    layers: Vec<Vec<(String, Vec<u8>)>>,
    gzip: bool,
    docker: bool,
}

impl Image {
    /// An OCI image for `linux/amd64`. Unless layers are added, it has one, a file that holds name and version; so
    /// images of another name or version have another digest.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: "0".to_owned(),
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            labels: BTreeMap::new(),
            layers: Vec::new(),
            gzip: false,
            docker: false,
        }
    }

    /// Its version, also in the label `org.opencontainers.image.version`.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// A label in its config.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// In the local accounts, its container's process ends with this code.
    #[must_use]
    pub fn exit_code(self, code: i32) -> Self {
        self.label(LABEL_EXIT_CODE, &code.to_string())
    }

    /// In the local accounts, its container's health check finds this, such as `unhealthy`.
    #[must_use]
    pub fn health(self, health: &str) -> Self {
        self.label(LABEL_HEALTH, health)
    }

    /// Its platform, such as `linux` and `arm64`.
    #[must_use]
    pub fn platform(mut self, os: &str, architecture: &str) -> Self {
        os.clone_into(&mut self.os);
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// One more layer, with one file.
    #[must_use]
    pub fn layer(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.layers.push(vec![(path.to_owned(), bytes.into())]);
        self
    }

    /// Layers compressed with gzip.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Docker's media types instead of OCI's.
    #[must_use]
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Operating system and architecture.
    pub(crate) fn platform_json(&self) -> Value {
        json!({ "architecture": self.architecture, "os": self.os })
    }

    /// Makes the bytes.
    ///
    /// # Errors
    /// When a file's path does not fit into a tar header.
    pub fn build(&self) -> std::io::Result<Artifact> {
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        let own = vec![(
            format!("app/{}.txt", self.name.replace('/', "-")),
            format!("{} {}\n", self.name, self.version).into_bytes(),
        )];
        let described = if self.layers.is_empty() { std::slice::from_ref(&own) } else { &self.layers };
        for files in described {
            let tar = tar_of(files)?;
            diff_ids.push(sha256(&tar));
            let bytes = if self.gzip { gzip_of(&tar)? } else { tar };
            layers.push(Blob::new(self.layer_media_type(), bytes));
        }
        let (manifest_type, config_type) =
            if self.docker { (DOCKER_MANIFEST, DOCKER_CONFIG) } else { (OCI_MANIFEST, OCI_CONFIG) };
        let config = Blob::new(config_type, self.config(&diff_ids).to_string().into_bytes());
        let manifest = json!({
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
            "mediaType": manifest_type,
            "schemaVersion": 2,
        });
        let blobs = std::iter::once(config).chain(layers).collect();
        Ok(Artifact::new(manifest_type, manifest.to_string(), blobs, Vec::new()))
    }

    fn config(&self, diff_ids: &[String]) -> Value {
        let mut labels = Map::new();
        labels.insert("org.opencontainers.image.title".to_owned(), json!(self.name));
        labels.insert("org.opencontainers.image.version".to_owned(), json!(self.version));
        for (name, value) in &self.labels {
            labels.insert(name.clone(), json!(value));
        }
        json!({
            "architecture": self.architecture,
            "config": { "Labels": labels },
            "os": self.os,
            "rootfs": { "diff_ids": diff_ids, "type": "layers" },
        })
    }

    fn layer_media_type(&self) -> &'static str {
        match (self.docker, self.gzip) {
            (false, false) => "application/vnd.oci.image.layer.v1.tar",
            (false, true) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (true, false) => "application/vnd.docker.image.rootfs.diff.tar",
            (true, true) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

/// A tar archive without times and owners: the same files give the same bytes.
fn tar_of(files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    archive.into_inner()
}

fn gzip_of(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::Image;
    use crate::digest::sha256;
    use expect_test::expect;
    use serde_json::Value;

    #[test]
    fn the_same_description_gives_the_same_bytes() {
        let first = Image::new("webapp1").version("1").build().unwrap();
        assert_eq!(first, Image::new("webapp1").version("1").build().unwrap());
        assert_ne!(first.digest, Image::new("webapp1").version("2").build().unwrap().digest);
        assert_ne!(first.digest, Image::new("webapp1").version("1").exit_code(1).build().unwrap().digest);
        let config = first.blobs.first().unwrap();
        expect![[r#"{"architecture":"amd64","config":{"Labels":{"org.opencontainers.image.title":"webapp1","org.opencontainers.image.version":"1"}},"os":"linux","rootfs":{"diff_ids":["sha256:383c2cb62c9d853d4bdb9943e481a2cef6e5d4f7229abeade9868f509777472f"],"type":"layers"}}"#]].assert_eq(&String::from_utf8_lossy(&config.bytes));
        expect![[r#"sha256:fcdea7564b4d42f7e6832ea05e13f91d06a5e06032b854f3b18ac866b75ad6f8 {"config":{"digest":"sha256:b45cbb8be738e7a0236ac4beb2969aac98f15645797a24d592a8cb25bf8a5dfb","mediaType":"application/vnd.oci.image.config.v1+json","size":255},"layers":[{"digest":"sha256:383c2cb62c9d853d4bdb9943e481a2cef6e5d4f7229abeade9868f509777472f","mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#]].assert_eq(&format!("{} {}", first.digest, first.manifest));
    }

    #[test]
    fn a_layer_is_a_tar_that_the_manifest_names_by_its_digest() {
        let image =
            Image::new("webapp1").layer("bin/app", "one").layer("etc/app", "two").gzip().build().unwrap();
        let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
        for (layer, blob) in manifest["layers"].as_array().unwrap().iter().zip(&image.blobs[1..]) {
            assert_eq!(layer["digest"], sha256(&blob.bytes));
            assert_eq!(layer["size"], blob.bytes.len());
        }
        let tar = flate2::read::GzDecoder::new(image.blobs[1].bytes.as_slice());
        let mut archive = tar::Archive::new(tar);
        let paths: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(paths, [std::path::Path::new("bin/app")]);
    }

    #[test]
    fn the_local_accounts_read_two_labels() {
        let image = Image::new("webapp1").exit_code(137).health("unhealthy").build().unwrap();
        let config: Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
        assert_eq!(config["config"]["Labels"]["local-aws.exit-code"], "137");
        assert_eq!(config["config"]["Labels"]["local-aws.health"], "unhealthy");
    }
}
