//! Every kind of image that a registry can hold arrives as it is.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use aws::copy::{CopySummary, Tagged};
use client::image::{OCI_CONFIG, OCI_MANIFEST};
use client::index::OCI_INDEX;
use client::{Artifact, Blob, Image, Index, Referrer};
use copying::{Accounts, DEV, NAME, STG};
use expect_test::expect;
use serde_json::{Value, json};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// ECR's largest manifest.
const MANIFEST_BYTES_MAX: usize = 4_194_304;

/// Pushes upstream, copies, tags: both registries then hold the same.
fn arrives(artifact: &Artifact) -> CopySummary {
    let accounts = Accounts::start();
    accounts.push(Some("1"), artifact);
    let summary = accounts.copied(&artifact.digest);
    assert!(summary.left_out.is_empty() && summary.kept.is_empty(), "{summary:?}");
    assert_eq!(accounts.tag(&artifact.digest, "1").unwrap(), Tagged::Done);
    assert_eq!(accounts.content(STG), accounts.content(DEV));
    assert_eq!(accounts.blobs(STG, artifact), accounts.blobs(DEV, artifact));
    // What is not as ECR has it would be missed by a pull.
    assert_eq!(accounts.ecr(STG).manifest(NAME, "1").unwrap().1, artifact.manifest);
    assert_eq!(accounts.copied(&artifact.digest), CopySummary::default());
    summary
}

/// An image of these layers. What `more` says stands in its manifest too.
fn image(layers: &[Blob], more: &Value) -> Artifact {
    let config = Blob::new(OCI_CONFIG, b"{\"os\":\"linux\"}".to_vec());
    let descriptors: Vec<Value> = layers.iter().map(Blob::descriptor).collect();
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
        "layers": descriptors });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut blobs = vec![config];
    blobs.extend(layers.iter().cloned());
    Artifact::new(OCI_MANIFEST, manifest.to_string(), blobs, Vec::new())
}

fn index(children: &[Artifact]) -> Artifact {
    let listed: Vec<Value> = children.iter().map(Artifact::descriptor).collect();
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed });
    Artifact::new(OCI_INDEX, manifest.to_string(), Vec::new(), children.to_vec())
}

#[test]
fn an_image_without_layers() {
    assert_eq!(arrives(&image(&[], &json!({}))).blobs, 1);
}

#[test]
fn an_index_without_children() {
    assert_eq!(arrives(&index(&[])), CopySummary { manifests: 1, ..CopySummary::default() });
}

#[test]
fn dockers_schema_2() {
    let image = Image::new("webapp1").version("1").docker().gzip().layer("a", "a").layer("b", "b");
    assert_eq!(arrives(&image.build().unwrap()).blobs, 3);
    let list = Index::new().docker().image(image.clone()).image(image.platform("linux", "arm64"));
    assert_eq!(arrives(&list.build().unwrap()).manifests, 3);
}

#[test]
fn dockers_images_in_an_index_of_the_open_specification() {
    let docker = Image::new("webapp1").docker().build().unwrap();
    let open = Image::new("webapp1").build().unwrap();
    assert_eq!(arrives(&index(&[docker, open])).manifests, 3);
}

#[test]
fn a_configuration_of_several_mebibytes() {
    let image = Image::new("webapp1").label("notes", &"configured, ".repeat(500_000)).build().unwrap();
    assert!(image.blobs.first().unwrap().bytes.len() > 5 * 1024 * 1024);
    arrives(&image);
}

#[test]
fn a_manifest_as_large_as_ecr_takes() {
    // Written by hand, with white space and escapes that no library would write again in the same way.
    let config = Blob::new(OCI_CONFIG, b"{}".to_vec());
    let head = format!(
        "{{\n\t\"schemaVersion\" : 2 ,\n\"mediaType\":\"{OCI_MANIFEST}\", \"layers\":[ ],\"config\": {}, \"annotations\": {{\"\\u00fc\\/\": \"é\\\"\\ud83d\\ude00",
        config.descriptor()
    );
    let tail = "\" } }\n\n";
    let filling = "x".repeat(MANIFEST_BYTES_MAX - head.len() - tail.len());
    let manifest = format!("{head}{filling}{tail}");
    assert_eq!(manifest.len(), MANIFEST_BYTES_MAX);
    arrives(&Artifact::new(OCI_MANIFEST, manifest, vec![config], Vec::new()));
}

#[test]
fn more_manifests_than_are_held() {
    let accounts = Accounts::start();
    let child =
        |number: usize| image(&[], &json!({ "annotations": { "x": number.to_string().repeat(1_500_000) } }));
    let index = index(&[child(1), child(2)]);
    accounts.push(Some("1"), &index);
    // Each of these would be held by itself.
    for number in 0..25 {
        let said = number.to_string().repeat(100_000);
        accounts.push(None, &Referrer::new(&index, "application/x.sbom").annotation("x", &said).build());
    }
    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.manifests, summary.referrers, summary.left_out.len()), (28, 25, 0));
    assert_eq!(accounts.content(STG).manifests, accounts.content(DEV).manifests);
}

#[test]
fn more_than_200_layers() {
    let layers: Vec<Blob> = (0..250).map(|number| Blob::new(LAYER, vec![7; 1 + number])).collect();
    assert_eq!(arrives(&image(&layers, &json!({}))).blobs, 251);
}

#[test]
fn indexes_in_indexes_with_attestations() {
    let inner = Index::new().image(Image::new("webapp1")).attested().build().unwrap();
    let middle = index(&[inner.clone(), Image::new("webapp1").version("2").build().unwrap()]);
    // One of them is listed at two depths.
    let outer = index(&[middle.clone(), inner]);
    assert_eq!(arrives(&index(&[outer, middle])).manifests, 3 + 1 + 1 + 1 + 1);
}

#[test]
fn manifests_that_do_not_say_what_they_are() {
    let without = |artifact: &Artifact| {
        let mut manifest: Value = serde_json::from_str(&artifact.manifest).unwrap();
        manifest.as_object_mut().unwrap().remove("mediaType");
        let Artifact { media_type, blobs, children, .. } = artifact.clone();
        Artifact::new(&media_type, manifest.to_string(), blobs, children)
    };
    let image = without(&Image::new("webapp1").build().unwrap());
    arrives(&image);
    arrives(&without(&index(&[image])));
}

#[test]
fn foreign_layers_stay_where_they_are() {
    let elsewhere = |media_type: &str, urls: &[&str]| json!({ "digest": client::digest::sha256(media_type.as_bytes()), "size": 9, "mediaType": media_type, "urls": urls });
    let own = Blob::new(LAYER, b"own".to_vec());
    let layers = json!({ "layers": [
        own.descriptor(),
        elsewhere("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", &["https://example.com/"]),
        elsewhere("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &["https://example.com/"]),
        elsewhere("application/vnd.oci.image.layer.nondistributable.v1.tar", &[]),
    ] });
    assert_eq!(arrives(&image(&[own], &layers)).blobs, 2);
}

#[test]
fn the_empty_layer_is_sent_once_however_often_it_is_named() {
    // What Docker writes for each instruction that changes no file: an archive of nothing, compressed.
    let empty = b"\x1f\x8b\x08\x00\x00\x09\x6e\x88\x00\xff\x62\x18\x05\xa3\x60\x14\x8c\x58\x00\x08\x00\x00\xff\xff\x2e\xaf\xb5\xef\x00\x04\x00\x00";
    let empty = Blob::new("application/vnd.oci.image.layer.v1.tar+gzip", empty.to_vec());
    let layers = [empty.clone(), Blob::new(LAYER, b"a".to_vec()), empty.clone(), empty];
    assert_eq!(arrives(&image(&layers, &json!({}))).blobs, 3);
}

#[test]
fn several_tags_of_one_digest_are_one_copy() {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1").build().unwrap();
    accounts.push(Some("1"), &image);
    accounts.ecr(DEV).put_image(NAME, Some("1.0"), &image).unwrap();
    accounts.copied(&image.digest);
    assert_eq!(accounts.tag(&image.digest, "1").unwrap(), Tagged::Done);
    accounts.calls();
    assert_eq!(accounts.copied(&image.digest), CopySummary::default());
    assert_eq!(accounts.tag(&image.digest, "1.0").unwrap(), Tagged::Done);
    expect![[r#"
        [
            "dev BatchGetImage: 1",
            "dev ListImageReferrers: 1",
            "stg BatchGetImage: 2",
            "stg PutImage: 1",
        ]
    "#]]
    .assert_debug_eq(&accounts.calls());
    assert_eq!(accounts.content(STG), accounts.content(DEV));
}

#[test]
fn two_copies_of_one_image_at_once_are_one_image() {
    let accounts = Accounts::start();
    let layers: Vec<Blob> = (0..40).map(|number| Blob::new(LAYER, vec![number; 20_000])).collect();
    let image = image(&layers, &json!({}));
    accounts.push(Some("1"), &image);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| accounts.copied(&image.digest));
        }
    });
    assert_eq!(accounts.content(STG).manifests, accounts.content(DEV).manifests);
    assert_eq!(accounts.blobs(STG, &image), accounts.blobs(DEV, &image));
}
