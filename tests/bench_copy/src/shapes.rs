//! The images that are copied.

use client::{Artifact, Blob};
use serde_json::json;

const MIB: usize = 1024 * 1024;
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// What is in the target before the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing.
    Nothing,
    /// All of it, with its tag.
    Everything,
    /// The layers and the configuration; the manifest is missing.
    Layers,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is called in the table.
    pub(crate) title: &'static str,
    pub(crate) before: Before,
    layers: usize,
    layer_bytes: usize,
    platforms: usize,
}

/// All of them.
pub(crate) const SHAPES: [Shape; 6] = [
    shape("one-large", "one layer of 1 GiB", Before::Nothing, (1, 1024 * MIB, 1)),
    shape("twenty", "20 layers of 50 MiB", Before::Nothing, (20, 50 * MIB, 1)),
    shape("tiny", "200 layers of 4 KiB", Before::Nothing, (200, 4096, 1)),
    shape("index", "index of 3 platforms, 4 layers of 5 MiB each", Before::Nothing, (4, 5 * MIB, 3)),
    shape("everything", "all of it there (20 × 50 MiB)", Before::Everything, (20, 50 * MIB, 1)),
    shape("layers", "200 layers there, manifest missing", Before::Layers, (200, 4096, 1)),
];

const fn shape(
    name: &'static str,
    title: &'static str,
    before: Before,
    (layers, layer_bytes, platforms): (usize, usize, usize),
) -> Shape {
    Shape { name, title, before, layers, layer_bytes, platforms }
}

impl Shape {
    /// Makes it; layers of more than a MiB are smaller by `scale`.
    pub(crate) fn build(&self, scale: usize) -> Artifact {
        let bytes = if self.layer_bytes > MIB { self.layer_bytes / scale.max(1) } else { self.layer_bytes };
        let image = |platform: usize| {
            let seed = self.name.len() * 1_000_003 + platform * 10_007 + 1;
            let layers: Vec<Blob> = (0..self.layers)
                .map(|layer| Blob::new(LAYER_TYPE, noise(seed + layer * 7919, bytes)))
                .collect();
            let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "platform": platform,
                "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|layer| &layer.digest).collect::<Vec<_>>() } });
            let config = Blob::new(CONFIG_TYPE, config.to_string().into_bytes());
            let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config.descriptor(),
                "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>() });
            let blobs = std::iter::once(config).chain(layers).collect();
            Artifact::new(MANIFEST_TYPE, manifest.to_string(), blobs, Vec::new())
        };
        if self.platforms == 1 {
            return image(0);
        }
        let children: Vec<Artifact> = (0..self.platforms).map(image).collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE,
            "manifests": children.iter().map(Artifact::descriptor).collect::<Vec<_>>() });
        Artifact::new(INDEX_TYPE, manifest.to_string(), Vec::new(), children)
    }
}

/// Bytes that cannot be compressed, the same each time. They begin as gzip does, or skopeo would compress them.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    bytes.extend_from_slice(&[0x1f, 0x8b, 8, 0]);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
