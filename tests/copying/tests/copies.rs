//! What is copied, in how many calls.

use aws::copy::{CopySummary, Tagged};
use client::{Image, Index, Referrer};
use copying::{Accounts, DEV, NAME, STG};
use expect_test::expect;

#[test]
fn nothing_to_copy_is_two_calls_and_a_page_of_referrers() {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1").build().unwrap();
    accounts.push(Some("1"), &image);
    accounts.copied(&image.digest);
    accounts.calls();
    assert_eq!(accounts.copied(&image.digest), CopySummary::default());
    expect![[r#"
        [
            "dev BatchGetImage: 1",
            "dev ListImageReferrers: 1",
            "stg BatchGetImage: 1",
        ]
    "#]]
    .assert_debug_eq(&accounts.calls());
}

#[test]
fn an_image_arrives_byte_for_byte_and_without_its_tag() {
    let accounts = Accounts::start();
    let image =
        Image::new("webapp1").version("1").layer("a", vec![1; 3_000_000]).layer("b", "b").build().unwrap();
    accounts.push(Some("1"), &image);
    let summary = accounts.copied(&image.digest);
    assert_eq!((summary.blobs, summary.manifests, summary.skipped), (3, 1, 0));
    let (there, here) = (accounts.content(DEV), accounts.content(STG));
    assert_eq!(there.manifests, here.manifests);
    assert!(here.tags.is_empty());
    assert_eq!(accounts.blobs(DEV, &image), accounts.blobs(STG, &image));
    assert_eq!(accounts.tag(&image.digest, "1").unwrap(), Tagged::Done);
    assert_eq!(accounts.content(STG), there);
}

#[test]
fn layers_that_are_here_are_not_sent_again() {
    let accounts = Accounts::start();
    let mut image = Image::new("webapp1");
    for layer in 0..149 {
        image = image.layer("a", format!("{layer}"));
    }
    let image = image.build().unwrap();
    accounts.push(Some("1"), &image);
    for blob in &image.blobs {
        accounts.ecr(STG).push_layer(NAME, blob).unwrap();
    }
    accounts.calls();
    let summary = accounts.copied(&image.digest);
    assert_eq!((summary.blobs, summary.skipped, summary.manifests), (0, 150, 1));
    // 2 + ⌈150/100⌉ + 1
    expect![[r#"
        [
            "dev BatchGetImage: 1",
            "dev ListImageReferrers: 1",
            "stg BatchCheckLayerAvailability: 2",
            "stg BatchGetImage: 1",
            "stg PutImage: 1",
        ]
    "#]]
    .assert_debug_eq(&accounts.calls());
}

#[test]
fn an_index_brings_its_children_and_all_that_speaks_of_them() {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1");
    let index =
        Index::new().image(image.clone()).image(image.platform("linux", "arm64")).attested().build().unwrap();
    accounts.push(Some("1"), &index);
    let evidence = Referrer::new(&index, "application/x.evidence").build();
    let signature = Referrer::new(&evidence, "application/x.signature").build();
    let of_child = Referrer::new(index.children.first().unwrap(), "application/x.sbom").build();
    for referrer in [&evidence, &signature, &of_child] {
        accounts.push(None, referrer);
    }
    let cosign = Image::new("signature").build().unwrap();
    accounts.push(Some(&format!("{}.sig", index.digest.replace(':', "-"))), &cosign);
    let sbom = Image::new("sbom").build().unwrap();
    let child = &index.children.last().unwrap().digest;
    accounts.push(Some(&format!("{}.sbom", child.replace(':', "-"))), &sbom);
    accounts.push(Some("other"), &Image::new("other").build().unwrap());

    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.manifests, summary.referrers), (10, 5));
    let (there, here) = (accounts.content(DEV), accounts.content(STG));
    let mut expected = there.manifests.clone();
    expected.remove(there.tags.get("other").unwrap());
    assert_eq!(here.manifests, expected);
    assert_eq!(here.tags.len(), 2);
    assert!(here.tags.iter().all(|(tag, digest)| there.tags.get(tag) == Some(digest)));
    accounts.calls();
    assert_eq!(accounts.copied(&index.digest), CopySummary::default());
    expect![[r#"
        [
            "dev BatchGetImage: 2",
            "dev ListImageReferrers: 8",
            "stg BatchGetImage: 2",
        ]
    "#]]
    .assert_debug_eq(&accounts.calls());
}

#[test]
fn what_is_signed_later_arrives_later_also_of_a_child() {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1");
    let index = Index::new().image(image.clone()).image(image.platform("linux", "arm64")).build().unwrap();
    accounts.push(Some("1"), &index);
    accounts.copied(&index.digest);
    let child = index.children.first().unwrap();
    let referrer = Referrer::new(child, "application/x.sbom").build();
    accounts.push(None, &referrer);
    for (signed, name) in [(&index, "of the index"), (child, "of the child")] {
        let signature = Image::new(name).build().unwrap();
        accounts.push(Some(&format!("{}.sig", signed.digest.replace(':', "-"))), &signature);
    }
    let summary = accounts.copied(&index.digest);
    assert_eq!((summary.manifests, summary.referrers), (3, 3));
    let (mut there, here) = (accounts.content(DEV), accounts.content(STG));
    there.tags.remove("1");
    assert_eq!(here, there);
}

#[test]
fn what_claims_to_be_this_accounts_own_evidence_is_not_let_in() {
    let accounts = Accounts::start();
    let image = Image::new("webapp1").version("1").build().unwrap();
    accounts.push(Some("1"), &image);
    let said_by = |account| {
        Referrer::new(&image, "application/vnd.towpath.evidence.v1+json")
            .annotation("io.towpath.account", account)
            .build()
    };
    let (own, forged) = (said_by(DEV), said_by(STG));
    accounts.push(None, &own);
    accounts.push(None, &forged);
    accounts.push(Some(&format!("{}.sig", image.digest.replace(':', "-"))), &forged);

    let summary = accounts.copied(&image.digest);
    let told: Vec<String> = summary.left_out.iter().map(|one| one.because.clone()).collect();
    expect!["sha256:6677bd549389101b2ec1d146d96802e21a3102b8f1324d742b18275afb038ef4 is not a manifest that can be copied: it claims to be this account's own evidence; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool"].assert_eq(&told.join("\n"));
    let here = accounts.content(STG);
    assert!(here.manifests.contains_key(&own.digest), "upstream's own word travels with the image");
    assert!(!here.manifests.contains_key(&forged.digest));
    assert_eq!(here.tags.len(), 0);
}
