//! What speaks of an image and cannot be copied keeps the image from nothing. It is left out and told.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use aws::copy::{CopyOutcome, CopySummary, LeftOut};
use client::image::{OCI_CONFIG, OCI_MANIFEST};
use client::index::OCI_INDEX;
use client::{Artifact, Blob, Image, Referrer};
use copying::{Accounts, DEV, STG};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

/// Accounts with an image upstream and something good that speaks of it.
fn world() -> (Accounts, Artifact, Artifact) {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1").build().unwrap();
    accounts.push(Some("1"), &image);
    let good = Referrer::new(&image, "application/x.good").build();
    accounts.push(None, &good);
    (accounts, image, good)
}

/// The image and what is good have arrived, and nothing else.
fn is_told(accounts: &Accounts, arrived: &[&Artifact], summary: &CopySummary, expected: &Expect) {
    let here: Vec<String> = accounts.content(STG).manifests.into_keys().collect();
    let mut wanted: Vec<String> = arrived.iter().map(|artifact| artifact.digest.clone()).collect();
    wanted.sort_unstable();
    assert_eq!(here, wanted);
    let told = |LeftOut { digest, because }: &LeftOut| format!("{}: {because}", digest.short());
    let told: Vec<String> = summary.left_out.iter().map(told).collect();
    expected.assert_eq(&told.join("\n"));
    // The next copy says the same, and does nothing.
    let again = accounts.copied(arrived.first().unwrap().digest.as_str());
    assert_eq!((again.blobs, again.manifests, &again.left_out), (0, 0, &summary.left_out));
}

/// A manifest with a layer whose size nobody says: ECR takes it, and it cannot be copied.
fn odd(subject: Option<&Artifact>) -> Artifact {
    let config = Blob::new(OCI_CONFIG, b"{}".to_vec());
    let layer = Blob::new("application/x.layer", b"layer".to_vec());
    let sizeless = json!({ "digest": layer.digest, "mediaType": layer.media_type });
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
        "layers": [sizeless] });
    with_subject(&mut manifest, subject);
    Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![config, layer], Vec::new())
}

fn index(subject: Option<&Artifact>, children: &[&Artifact]) -> Artifact {
    let listed: Vec<Value> = children.iter().map(|child| child.descriptor()).collect();
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed });
    with_subject(&mut manifest, subject);
    let children = children.iter().map(|child| (*child).clone()).collect();
    Artifact::new(OCI_INDEX, manifest.to_string(), Vec::new(), children)
}

fn with_subject(manifest: &mut Value, subject: Option<&Artifact>) {
    if let Some(subject) = subject {
        manifest.as_object_mut().unwrap().insert("subject".to_owned(), subject.descriptor());
    }
}

fn cosign_tag(artifact: &Artifact, suffix: &str) -> String {
    format!("{}.{suffix}", artifact.digest.replace(':', "-"))
}

#[test]
fn where_nothing_is_odd_nothing_is_left_out() {
    let (accounts, image, good) = world();
    let summary = accounts.copied(&image.digest);
    is_told(&accounts, &[&image, &good], &summary, &expect![""]);
}

#[test]
fn a_referrer_that_cannot_be_read() {
    let (accounts, image, good) = world();
    accounts.push(None, &odd(Some(&image)));
    let summary = accounts.copied(&image.digest);
    is_told(
        &accounts,
        &[&image, &good],
        &summary,
        &expect![
            "sha256:580a1fca75db: sha256:580a1fca75db5a9e5c27522878d246b2231c70a9025bd03df4534ca9d23b9e60 is not a manifest that can be copied: it cannot be read: missing field `size` at line 1 column 287; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool"
        ],
    );
}

#[test]
fn a_signature_that_cannot_be_read() {
    let (accounts, image, good) = world();
    accounts.push(Some(&cosign_tag(&image, "sig")), &odd(None));
    let summary = accounts.copied(&image.digest);
    is_told(
        &accounts,
        &[&image, &good],
        &summary,
        &expect![
            "sha256:7e390b93f612: sha256:7e390b93f61202a1b90800837fc47cc90198399f03894c14187724edd642505b is not a manifest that can be copied: it cannot be read: missing field `size` at line 1 column 287; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool"
        ],
    );
    assert!(accounts.content(STG).tags.is_empty());
}

#[test]
fn a_referring_index_with_such_a_child_and_what_speaks_of_it() {
    let (accounts, image, good) = world();
    let fine = Image::new("attestation").build().unwrap();
    let bundle = index(Some(&image), &[&odd(None), &fine]);
    accounts.push(None, &bundle);
    accounts.push(None, &Referrer::new(&bundle, "application/x.signature").build());
    let summary = accounts.copied(&image.digest);
    is_told(
        &accounts,
        &[&image, &good],
        &summary,
        &expect![[r#"
        sha256:44fda47dd613: what it belongs to is left out
        sha256:7e390b93f612: sha256:7e390b93f61202a1b90800837fc47cc90198399f03894c14187724edd642505b is not a manifest that can be copied: it cannot be read: missing field `size` at line 1 column 287; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool
        sha256:8f00f1fbbfda: what it belongs to is left out
        sha256:ffc27edc55e0: it lists sha256:7e390b93f61202a1b90800837fc47cc90198399f03894c14187724edd642505b, which is left out"#]],
    );
}

#[test]
fn what_the_image_lists_itself_is_not_left_out() {
    let (accounts, image, _) = world();
    let odd = odd(Some(&image));
    accounts.push(None, &odd);
    // It refers to one of the children, and is read before it is known to be a child itself.
    let inner = index(None, &[&odd]);
    let outer = index(None, &[&image, &index(None, &[&inner])]);
    accounts.push(Some("2"), &outer);
    match accounts.copy(&outer.digest) {
        Ok(CopyOutcome::Refused(refusal)) => expect!["sha256:580a1fca75db5a9e5c27522878d246b2231c70a9025bd03df4534ca9d23b9e60 is not a manifest that can be copied: it cannot be read: missing field `size` at line 1 column 287; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool"].assert_eq(&refusal.to_string()),
        other => panic!("{other:?}"),
    }
    assert!(accounts.content(STG).manifests.is_empty());
}

#[test]
fn a_referrer_whose_layer_is_not_as_long_as_it_says() {
    let (accounts, image, good) = world();
    let config = Blob::new(OCI_CONFIG, b"{}".to_vec());
    let layer = Blob::new("application/x.layer", b"layer".to_vec());
    let longer = json!({ "digest": layer.digest, "mediaType": layer.media_type, "size": 50 });
    let of = |subject: Option<&Artifact>| {
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
            "layers": [longer] });
        with_subject(&mut manifest, subject);
        Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![config.clone(), layer.clone()], Vec::new())
    };
    accounts.push(None, &of(Some(&image)));
    let summary = accounts.copied(&image.digest);
    is_told(
        &accounts,
        &[&image, &good],
        &summary,
        &expect![
            "sha256:91813b331bfa: layer sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85 in upstream's repository webapp1 has 5 bytes, and the manifest says 50: no one can pull such an image; build and push it again"
        ],
    );
    // Of the image itself that is a refusal.
    let own = of(None);
    accounts.push(Some("2"), &own);
    match accounts.copy(&own.digest) {
        Ok(CopyOutcome::Refused(refusal)) => expect!["layer sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85 in upstream's repository webapp1 has 5 bytes, and the manifest says 50: no one can pull such an image; build and push it again"].assert_eq(&refusal.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_than_may_be_held() {
    let (accounts, image, good) = world();
    let large = |name: &str| {
        Referrer::new(&image, "application/x.sbom").annotation(name, &"x".repeat(1_900_000)).build()
    };
    for name in ["one", "two", "three"] {
        accounts.push(None, &large(name));
    }
    let summary = accounts.copied(&image.digest);
    assert_eq!((summary.manifests, summary.left_out.len()), (4, 1));
    let because = summary.left_out.first().unwrap().because.clone();
    expect!["is too large to be copied: the manifests that would be held have more than 4194304 bytes; split the index, or delete artifacts that refer to it upstream"].assert_eq(because.split_once(' ').unwrap().1);
    assert!(accounts.content(STG).manifests.contains_key(&good.digest));
    assert!(accounts.content(STG).manifests.contains_key(&image.digest));
    // They are here now, and the last one fits.
    let summary = accounts.copied(&image.digest);
    assert_eq!((summary.manifests, summary.left_out.len()), (1, 0));
    assert_eq!(accounts.content(STG).manifests, accounts.content(DEV).manifests);
}

#[test]
fn an_image_of_more_than_may_be_held_is_refused() {
    let accounts = Accounts::start();
    let child = |number: usize| {
        let config = Blob::new(OCI_CONFIG, format!("{{\"number\":{number}}}").into_bytes());
        let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
            "layers": [], "annotations": { "x": "x".repeat(4_000_000) } });
        Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![config], Vec::new())
    };
    let children: Vec<Artifact> = (0..5).map(child).collect();
    let five = index(None, &children.iter().collect::<Vec<_>>());
    accounts.push(Some("5"), &five);
    match accounts.copy(&five.digest) {
        Ok(CopyOutcome::Refused(refusal)) => {
            assert_eq!(refusal.kind(), "copy_too_large");
            expect!["is too large to be copied: the manifests that would be held have more than 16777216 bytes; split the index, or delete artifacts that refer to it upstream"].assert_eq(refusal.to_string().split_once(' ').unwrap().1);
        }
        other => panic!("{other:?}"),
    }
}
