//! The images that are copied.

use crate::generated::{Generated, Noise};
use client::{Artifact, Blob};
use serde_json::{Value, json};

const MIB: u64 = 1024 * 1024;
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// From this size on, a layer is made piece by piece.
const GENERATED_FROM_BYTES: u64 = 32 * MIB;

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
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is called in the table.
    pub(crate) title: String,
    pub(crate) before: Before,
    layers: u64,
    layer_bytes: u64,
    platforms: u64,
    /// How many bytes of annotations each image's manifest has.
    notes_bytes: usize,
}

/// An image that was made: what is held of it, and the layers that are too large for that.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) artifact: Artifact,
    pub(crate) generated: Vec<Generated>,
}

/// All shapes; layers of more than a MiB are smaller by `scale`.
pub(crate) fn shapes(scale: u64) -> Vec<Shape> {
    let smaller = |bytes: u64| if bytes > MIB { bytes / scale.max(1) } else { bytes };
    let (one, fifty, five) = (smaller(1024 * MIB), smaller(50 * MIB), smaller(5 * MIB));
    vec![
        shape("one-large", format!("one layer of {}", shown(one)), Before::Nothing, (1, one, 1)),
        shape("twenty", format!("20 layers of {}", shown(fifty)), Before::Nothing, (20, fifty, 1)),
        shape("tiny", "200 layers of 4 KiB".to_owned(), Before::Nothing, (200, 4096, 1)),
        shape(
            "index",
            format!("index of 3 platforms, 4 layers of {} each", shown(five)),
            Before::Nothing,
            (4, five, 3),
        ),
        shape(
            "everything",
            format!("all of it there (20 × {})", shown(fifty)),
            Before::Everything,
            (20, fifty, 1),
        ),
        shape("layers", "200 layers there, manifest missing".to_owned(), Before::Layers, (200, 4096, 1)),
    ]
}

/// Manifests nearly as large as ECR takes them. No line of the table: only for who asks for it.
pub(crate) fn large_manifests() -> Shape {
    let title = "index of 3 platforms, manifests of 4 MiB".to_owned();
    let notes_bytes = 4 * 1024 * 1024 - 16 * 1024;
    Shape { notes_bytes, ..shape("manifests", title, Before::Nothing, (1, 4096, 3)) }
}

/// One layer of this size.
pub(crate) fn one_layer(bytes: u64) -> Shape {
    shape("layer", format!("one layer of {}", shown(bytes)), Before::Nothing, (1, bytes, 1))
}

fn shape(
    name: &'static str,
    title: String,
    before: Before,
    (layers, layer_bytes, platforms): (u64, u64, u64),
) -> Shape {
    Shape { name, title, before, layers, layer_bytes, platforms, notes_bytes: 0 }
}

fn shown(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1024 * MIB && bytes.is_multiple_of(1024 * MIB) => format!("{} GiB", bytes / 1024 / MIB),
        _ if bytes >= MIB => format!("{} MiB", bytes / MIB),
        _ => format!("{} KiB", bytes / 1024),
    }
}

/// A size such as `10GiB` or `256MiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let sizes = [("GiB", 1024 * MIB), ("MiB", MIB)];
    let read = sizes.iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*bytes)
    });
    read.filter(|bytes| *bytes > 0).ok_or_else(|| "expected a size such as 256MiB or 10GiB".to_owned())
}

impl Shape {
    /// Makes it.
    pub(crate) fn build(&self) -> Made {
        let mut generated = Vec::new();
        let mut images: Vec<Artifact> =
            (0..self.platforms).map(|platform| self.image(platform, &mut generated)).collect();
        if images.len() == 1
            && let Some(artifact) = images.pop()
        {
            return Made { artifact, generated };
        }
        let manifest = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE,
            "manifests": images.iter().map(Artifact::descriptor).collect::<Vec<_>>() });
        let artifact = Artifact::new(INDEX_TYPE, manifest.to_string(), Vec::new(), images);
        Made { artifact, generated }
    }

    fn image(&self, platform: u64, generated: &mut Vec<Generated>) -> Artifact {
        let seed = self.name.len() as u64 * 1_000_003 + platform * 10_007 + 1;
        let mut held = Vec::new();
        let mut descriptors: Vec<Value> = Vec::new();
        for seed in (0..self.layers).map(|layer| seed + layer * 7919) {
            if self.layer_bytes >= GENERATED_FROM_BYTES {
                let layer = Generated::new(LAYER_TYPE, seed, self.layer_bytes);
                descriptors.push(layer.descriptor());
                generated.push(layer);
            } else {
                let bytes = usize::try_from(self.layer_bytes).unwrap_or_default();
                let layer = Blob::new(LAYER_TYPE, Noise::new(seed).take(bytes));
                descriptors.push(layer.descriptor());
                held.push(layer);
            }
        }
        let diff_ids: Vec<&Value> =
            descriptors.iter().filter_map(|descriptor| descriptor.get("digest")).collect();
        let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "platform": platform,
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let config = Blob::new(CONFIG_TYPE, config.to_string().into_bytes());
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config.descriptor(),
            "layers": descriptors, "annotations": { "notes": "n".repeat(self.notes_bytes) } });
        let blobs = std::iter::once(config).chain(held).collect();
        Artifact::new(MANIFEST_TYPE, manifest.to_string(), blobs, Vec::new())
    }
}
