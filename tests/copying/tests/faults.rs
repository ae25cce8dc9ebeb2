//! Faults that take more than another try: the copy mends what it can, and the next one mends the rest.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as expected fails the test")]

use aws::copy::{CopyOutcome, CopyRefusal, CopySummary, Tagged};
use client::{Artifact, Image, Index, Referrer};
use copying::{Accounts, DEV, NAME, STG};
use domain::rules::MissingRepositories;
use expect_test::{Expect, expect};
use local_aws::faults::CallFaultKind;
use local_aws::settings::{Settings, Unconfirmed};
use serde_json::json;
use std::time::Duration;

/// An index with a layer that takes several pieces, and evidence on it.
fn world() -> (Accounts, Artifact) {
    world_with(Settings::default())
}

fn world_with(settings: Settings) -> (Accounts, Artifact) {
    let accounts = Accounts::start_with(settings);
    let image = Image::new("webapp1").version("1").layer("a", vec![7; 2_000_000]).layer("b", "b");
    let index = Index::new().image(image.clone()).image(image.platform("linux", "arm64")).build().unwrap();
    accounts.push(Some("1"), &index);
    accounts.push(None, &Referrer::new(&index, "application/x.evidence").build());
    (accounts, index)
}

fn is_same(accounts: &Accounts, index: &Artifact) {
    let (there, here) = (accounts.content(DEV), accounts.content(STG));
    assert_eq!(there.manifests, here.manifests);
    assert_eq!(here.tags.len(), 0);
    assert_eq!(accounts.blobs(DEV, index), accounts.blobs(STG, index));
}

/// Each fault, at the first call of the operation or at its second: the copy gets over it by itself.
fn gets_over(operation: &str, faults: &[CallFaultKind]) {
    for (fault, skip) in faults.iter().zip([0, 1].into_iter().cycle()) {
        let (accounts, index) = world();
        accounts.fail(operation, skip, 1, fault.clone());
        match accounts.copy(&index.digest) {
            Ok(CopyOutcome::Complete(_)) => {}
            other => panic!("{operation} {fault:?} after {skip}: {other:?}"),
        }
        is_same(&accounts, &index);
    }
}

#[test]
fn what_ecr_misses_although_it_was_there_is_sent_again() {
    gets_over("PutImage", &["LayersNotFoundException", "ReferencedImagesNotFoundException"].map(error));
}

#[test]
fn an_address_that_expires_on_the_way_is_asked_for_again() {
    let (accounts, index) = world();
    accounts.calls();
    // The download breaks off in the middle; then its address is no good any more.
    accounts.fail("DownloadLayer", 0, 1, CallFaultKind::TruncateReply);
    accounts.fail("DownloadLayer", 0, 1, CallFaultKind::Deny);
    let summary = accounts.copied(&index.digest);
    let calls = accounts.calls();
    let asked = summary.blobs + 1;
    assert!(calls.contains(&format!("dev GetDownloadUrlForLayer: {asked}")), "{calls:?}");
    assert!(calls.contains(&format!("stg InitiateLayerUpload: {}", summary.blobs)), "{calls:?}");
    is_same(&accounts, &index);
}

fn error(code: &str) -> CallFaultKind {
    CallFaultKind::Error(code.to_owned())
}

#[test]
fn a_download_that_breaks_goes_on_where_it_broke() {
    let (accounts, index) = world();
    accounts.calls();
    accounts.fail("DownloadLayer", 0, 3, CallFaultKind::TruncateReply);
    let summary = accounts.copied(&index.digest);
    let calls = accounts.calls();
    // No upload was begun twice, although each of three downloads came in two halves.
    assert!(calls.contains(&format!("stg InitiateLayerUpload: {}", summary.blobs)), "{calls:?}");
    is_same(&accounts, &index);
}

#[test]
fn more_puts_than_ecr_takes_in_a_second_only_take_longer() {
    let (accounts, index) = world();
    accounts.fail("PutImage", 0, 6, CallFaultKind::Throttle);
    accounts.copied(&index.digest);
    is_same(&accounts, &index);
}

#[test]
fn a_copy_that_runs_out_of_time_goes_on_without_sending_finished_layers_again() {
    let (mut accounts, index) = world();
    accounts.time = Duration::ZERO;
    assert_eq!(accounts.copy(&index.digest).unwrap(), CopyOutcome::OutOfTime(CopySummary::default()));
    // Two of the four downloads succeed, the others never.
    accounts.fail("DownloadLayer", 2, 10_000, CallFaultKind::ServerError);
    accounts.time = Duration::from_secs(5);
    let CopyOutcome::OutOfTime(summary) = accounts.copy(&index.digest).unwrap() else {
        panic!("the copy was in time")
    };
    assert_eq!((summary.blobs, summary.manifests), (2, 0));
    accounts.heal();
    accounts.time = Duration::from_secs(120);
    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.skipped, summary.blobs), (2, index.all_blobs().len() + 1 - 2));
    is_same(&accounts, &index);
}

#[test]
fn a_layer_that_never_comes_right_is_told_without_its_address() {
    let (accounts, index) = world();
    accounts.fail("DownloadLayer", 0, 10_000, CallFaultKind::CorruptReply);
    let error = accounts.copy(&index.digest).unwrap_err();
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(text.contains("the bytes that came have another digest"), "{text}");
    assert!(!text.contains("http") && !text.contains("token"), "{text}");
    assert!(accounts.content(STG).manifests.is_empty());
    accounts.heal();
    accounts.copied(&index.digest);
    is_same(&accounts, &index);
}

fn refused(accounts: &Accounts, digest: &str, expected: &Expect) -> CopyRefusal {
    match accounts.copy(digest) {
        Ok(CopyOutcome::Refused(refusal)) => {
            let mut text = format!("{}: {refusal}", refusal.kind());
            // Of several layers that are gone, whichever comes first is told.
            if let CopyRefusal::LayerGone { digest, .. } = &refusal {
                text = text.replace(digest.as_str(), "<layer>");
            }
            expected.assert_eq(&text);
            refusal
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn what_a_person_must_mend_is_said_with_what_to_do() {
    let (accounts, index) = world();
    let absent = Image::new("absent").build().unwrap().digest;
    refused(
        &accounts,
        &absent,
        &expect![
            "copy_image_gone: upstream's repository webapp1 has no image sha256:d427f3dbc32acf0b868b25a1f85597032cf5a406e75b5f5e36599ed9132194b7: it was deleted or archived; push it there again, or restore it with UpdateImageStorageClass"
        ],
    );

    accounts.fail("BatchGetImage", 0, 1, CallFaultKind::Deny);
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_source_denied: upstream's registry may not be read: ECR BatchGetImage for 4 images of repository webapp1: AccessDeniedException: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: ecr:BatchGetImage on resource: * because it was told to fail (the caller's role lacks this permission); deploy upstream's stack with this account as its parameter Downstream, and admit the repository's name with NamePrefix there"
        ],
    );
    accounts.fail("InitiateLayerUpload", 0, 100, CallFaultKind::Deny);
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_target_denied: this account's registry may not be written: ECR upload for repository webapp1: begin an upload: status 403 DENIED User: arn:aws:iam::222222222222:user/administrator is not authorized to perform: ecr:InitiateLayerUpload on resource: * because it was told to fail (the caller's role lacks this permission); admit the repository's name with the stack parameter NamePrefix"
        ],
    );
    accounts.heal();
    accounts.fail(
        "GetDownloadUrlForLayer",
        0,
        100,
        CallFaultKind::Error("LayerInaccessibleException".to_owned()),
    );
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_layer_gone: upstream's repository webapp1 does not give out layer <layer> (LayerInaccessibleException); restore the image from the archive with UpdateImageStorageClass, or push it there again"
        ],
    );
    accounts.heal();
    accounts.fail("PutImage", 0, 1, CallFaultKind::Deny);
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_target_denied: this account's registry may not be written: ECR PutImage for sha256:d1eda5c9b94b7d39ada979e68ad69071b70cb0eba29c51e745be253ebf4eea05 in repository webapp1: AccessDeniedException: User: arn:aws:iam::222222222222:user/administrator is not authorized to perform: ecr:PutImage on resource: * because it was told to fail (the caller's role lacks this permission); admit the repository's name with the stack parameter NamePrefix"
        ],
    );
    accounts.copied(&index.digest);
    is_same(&accounts, &index);
}

#[test]
fn a_repository_that_is_missing_here_is_created_if_the_rules_say_so() {
    let (mut accounts, index) = world();
    accounts.ecr(STG).call("DeleteRepository", NAME, json!({ "force": true })).unwrap();
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_target_repository_missing: there is no ECR repository webapp1 in this account; create it, or let promotion do so with create-repositories: true in delivery.yaml"
        ],
    );
    accounts.missing_repository = MissingRepositories::Create;
    accounts.copied(&index.digest);
    is_same(&accounts, &index);
    accounts.ecr(DEV).call("DeleteRepository", NAME, json!({ "force": true })).unwrap();
    refused(
        &accounts,
        &index.digest,
        &expect![
            "copy_source_repository_missing: upstream has no ECR repository webapp1; create it there, or name the right one in delivery.yaml (from: …)"
        ],
    );
}

#[test]
fn an_equal_tag_is_success_and_another_is_told_with_both_digests() {
    for same_is_tag_error in [false, true] {
        for mutability in ["MUTABLE", "IMMUTABLE"] {
            let unconfirmed = Unconfirmed {
                same_immutable_tag_is_tag_already_exists: same_is_tag_error,
                absent_layer_is_a_failure: same_is_tag_error,
                ..Unconfirmed::default()
            };
            let (accounts, index) = world_with(Settings { unconfirmed, ..Settings::default() });
            let mutable = json!({ "imageTagMutability": mutability });
            accounts.ecr(STG).call("PutImageTagMutability", NAME, mutable).unwrap();
            assert_eq!(accounts.tag(&index.digest, "1").unwrap(), Tagged::ImageGone);
            accounts.copied(&index.digest);
            assert_eq!(accounts.tag(&index.digest, "1").unwrap(), Tagged::Done);
            assert_eq!(accounts.tag(&index.digest, "1").unwrap(), Tagged::AlreadyThere);
            let child = index.children.first().unwrap().digest.clone();
            let Tagged::Taken { here, wanted } = accounts.tag(&child, "1").unwrap() else { panic!("moved") };
            assert_eq!((here.as_str(), wanted.as_str()), (index.digest.as_str(), child.as_str()));
            assert_eq!(accounts.content(STG).tags.get("1"), Some(&index.digest));
            // The tag that was put and whose answer was lost.
            accounts.fail("PutImage", 0, 1, CallFaultKind::DropReply);
            assert_eq!(accounts.tag(&child, "2").unwrap(), Tagged::AlreadyThere);
        }
    }
}

#[test]
fn a_signature_that_was_added_to_moves_its_tag_and_another_does_not() {
    let (accounts, index) = world();
    let tag = format!("{}.sig", index.digest.replace(':', "-"));
    let signed = |signatures: &[&str]| {
        let image = signatures.iter().fold(Image::new("signature"), |image, one| image.layer("s", *one));
        let mut artifact = image.build().unwrap();
        // As cosign does, the configuration is the same whatever was signed.
        let config = artifact.blobs.remove(0);
        let manifest: serde_json::Value = serde_json::from_str(&artifact.manifest).unwrap();
        let empty = client::Blob::new(&config.media_type, b"{}".to_vec());
        let manifest = json!({ "schemaVersion": 2, "mediaType": artifact.media_type, "config": empty.descriptor(),
            "layers": manifest.get("layers") });
        artifact.blobs.insert(0, empty);
        Artifact::new(&artifact.media_type, manifest.to_string(), artifact.blobs, Vec::new())
    };
    let first = signed(&["one"]);
    accounts.push(Some(&tag), &first);
    accounts.copied(&index.digest);
    assert_eq!(accounts.content(STG).tags.get(&tag), Some(&first.digest));

    let second = signed(&["one", "two"]);
    accounts.push(Some(&tag), &second);
    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.manifests, summary.referrers, summary.kept.len()), (1, 1, 0));
    assert_eq!(accounts.content(STG).tags.get(&tag), Some(&second.digest));

    // Somebody signs here as well: that must not be lost.
    let own = signed(&["one", "two", "ours"]);
    accounts.ecr(STG).push(NAME, Some(&tag), &own).unwrap();
    let summary = accounts.copied(&index.digest);
    let kept = summary.kept.first().unwrap();
    assert_eq!((kept.here.as_str(), kept.upstream.as_str()), (own.digest.as_str(), second.digest.as_str()));
    assert_eq!(accounts.content(STG).tags.get(&tag), Some(&own.digest));
}

#[test]
fn archived_images_are_told_upstream_and_brought_back_here() {
    let (accounts, index) = world();
    let store = |account: &str, digest: &str, class: &str| {
        let input = json!({ "imageId": { "imageDigest": digest }, "targetStorageClass": class });
        accounts.ecr(account).call("UpdateImageStorageClass", NAME, input).unwrap();
    };
    store(DEV, &index.digest, "ARCHIVE");
    let refused = accounts.copy(&index.digest);
    assert!(matches!(refused, Ok(CopyOutcome::Refused(CopyRefusal::ImageGone { .. }))), "{refused:?}");
    store(DEV, &index.digest, "STANDARD");
    accounts.copied(&index.digest);
    for image in std::iter::once(&index).chain(&index.children) {
        store(STG, &image.digest, "ARCHIVE");
    }
    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.manifests, summary.skipped), (3, 0));
    is_same(&accounts, &index);
}
