//! What speaks of an image and cannot be copied keeps the image from nothing. It is left out and told.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use aws::copy::{CopyOutcome, CopySummary, LeftOut};
use client::image::{OCI_CONFIG, OCI_MANIFEST};
use client::index::OCI_INDEX;
use client::{Artifact, Blob, Image, Referrer};
use copying::{Accounts, STG};
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
fn more_layers_than_may_be_held() {
    let (accounts, image, good) = world();
    let config = Blob::new(OCI_CONFIG, b"{}".to_vec());
    let many = |subject: Option<&Artifact>| {
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
            "layers": vec![config.descriptor(); 20_000] });
        with_subject(&mut manifest, subject);
        Artifact::new(OCI_MANIFEST, manifest.to_string(), vec![config.clone()], Vec::new())
    };
    accounts.push(None, &many(Some(&image)));
    let summary = accounts.copied(&image.digest);
    is_told(
        &accounts,
        &[&image, &good],
        &summary,
        &expect![
            "sha256:4568d4b9e8ae: sha256:4568d4b9e8ae69ab7fbd9c0c8862acd751d1a776d6e5e167564577fd1ae59bbe is too large to be copied: with it, the manifests name more than 20000 layers; split the index, or delete artifacts that refer to it upstream"
        ],
    );
    let own = many(None);
    accounts.push(Some("2"), &own);
    match accounts.copy(&own.digest) {
        Ok(CopyOutcome::Refused(refusal)) => expect!["sha256:6ba4bdf6c8d6a993925e0cabc7a9b029dbd439da41fd86045dd1e37115a01e6f is too large to be copied: with it, the manifests name more than 20000 layers; split the index, or delete artifacts that refer to it upstream"].assert_eq(&refusal.to_string()),
        other => panic!("{other:?}"),
    }
}
