use proptest::prelude::*;

use super::*;
use crate::rules::{TagPattern, VersionRange};

const APPLICATION: &str = "0012e34aa0000000000000000000000000000000";

fn digest(number: u32) -> ImageDigest {
    ImageDigest::parse(&format!("sha256:{number:064x}")).unwrap()
}

fn tag(text: &str) -> ImageTag {
    ImageTag::parse(text).unwrap()
}

fn image(number: u32, pushed_at: i64, tags: &[&str]) -> Image {
    Image {
        digest: digest(number),
        tags: tags.iter().map(|text| tag(text)).collect(),
        pushed_at: Timestamp::from_epoch_seconds(pushed_at),
        manifest_media_type: None,
        artifact_media_type: None,
        subject: None,
    }
}

fn newest(pattern: &str) -> Policy {
    Policy::Newest(TagPattern::parse(pattern).unwrap())
}

fn range(text: &str) -> Policy {
    Policy::Semver(VersionRange::parse(text).unwrap())
}

/// The tag and number of the chosen image, or why there is none.
fn selected(policy: &Policy, images: &[Image]) -> String {
    match select(policy, images, Some(&CommitId::parse(APPLICATION).unwrap())) {
        Selection::Chosen(candidate) => format!(
            "{} {}",
            candidate.tag,
            candidate.digest.as_str().trim_start_matches("sha256:").trim_start_matches('0')
        ),
        Selection::None(reason) => reason.to_string(),
    }
}

#[test]
fn of_no_image_none_is_selected() {
    assert_eq!(selected(&Policy::Commit, &[]), format!("no image for commit {APPLICATION}"));
    assert_eq!(selected(&newest(".*"), &[]), "no image has a tag that the rule accepts");
    assert_eq!(selected(&range("*"), &[]), "no image has a tag that the rule accepts");
    assert_eq!(selected(&Policy::Manual, &[image(1, 1, &["1.0.0"])]), "only people move it");
    let no_tip = select(&Policy::Commit, &[image(1, 1, &["0012e34"])], None);
    assert_eq!(no_tip, Selection::None(NoSelection::NoApplicationTip));
}

#[test]
fn commit_takes_the_full_id_before_a_prefix() {
    let cases: [(&[Image], &str); 6] = [
        (&[image(1, 1, &["0012e34"])], "0012e34 1"),
        (&[image(1, 1, &["0012e3"])], &format!("no image for commit {APPLICATION}")),
        (&[image(1, 1, &["0012e34", "0012e34aa"])], "0012e34aa 1"),
        (&[image(1, 1, &["0012e34"]), image(2, 2, &[APPLICATION])], &format!("{APPLICATION} 2")),
        (
            &[image(1, 1, &["0012e34"]), image(2, 2, &["0012e34aa"])],
            &format!("several images for commit {APPLICATION}: 0012e34, 0012e34aa"),
        ),
        (
            &[image(1, 1, &["0012e35", "latest", "approved-prd-0012e34"])],
            &format!("no image for commit {APPLICATION}"),
        ),
    ];
    for (images, expected) in cases {
        assert_eq!(selected(&Policy::Commit, images), expected);
    }
}

#[test]
fn newest_takes_what_was_pushed_last_and_matches() {
    let images = [
        image(1, 10, &["1111111"]),
        image(2, 30, &["latest"]),
        image(3, 20, &["3333333", "x"]),
        image(4, 40, &[]),
    ];
    assert_eq!(selected(&newest("[0-9a-f]{7,40}"), &images), "3333333 3");
    assert_eq!(selected(&newest("latest"), &images), "latest 2");
    let tie = [image(5, 10, &["aaaaaaa"]), image(6, 10, &["bbbbbbb"])];
    assert_eq!(selected(&newest(".*"), &tie), "bbbbbbb 6");
}

#[test]
fn semver_takes_the_highest_version_in_the_range() {
    let images = [
        image(1, 10, &["1.29.0", "1"]),
        image(2, 9, &["v1.30.1"]),
        image(3, 20, &["1.4.0"]),
        image(4, 30, &["2.0.0"]),
        image(5, 30, &["1.31.0-rc.1", "latest"]),
    ];
    assert_eq!(selected(&range(">=1.29, <2"), &images), "v1.30.1 2");
    assert_eq!(selected(&range(">=1.31.0-rc.1, <2"), &images), "1.31.0-rc.1 5");
    assert_eq!(selected(&range("*"), &images), "2.0.0 4");
    let moved = [image(6, 10, &["1.0.0"]), image(7, 11, &["v1.0.0"])];
    assert_eq!(selected(&range("*"), &moved), "v1.0.0 7");
}

#[test]
fn an_image_that_is_gone_is_only_passed_by_what_was_pushed_after_it() {
    let candidate =
        |at| Candidate { digest: digest(2), tag: tag("1.0.0"), pushed_at: Timestamp::from_epoch_seconds(at) };
    let (gone, told) = (digest(1), tag("1.0.0"));
    let other =
        Other { digest: &gone, image: None, tag: None, there_at: Some(Timestamp::from_epoch_seconds(100)) };
    assert_eq!(order(&newest(".*"), &candidate(99), &other), Order::Unknown);
    assert_eq!(order(&newest(".*"), &candidate(101), &other), Order::Newer);
    assert_eq!(order(&range("*"), &candidate(101), &other), Order::Unknown);
    let other = Other { tag: Some(&told), ..other };
    assert_eq!(order(&range("*"), &candidate(99), &other), Order::Unknown);
    assert_eq!(order(&range("*"), &candidate(101), &other), Order::Newer);
}

#[test]
fn an_image_without_a_version_has_no_place_among_versions() {
    let candidate =
        Candidate { digest: digest(2), tag: tag("1.0.0"), pushed_at: Timestamp::from_epoch_seconds(1) };
    let listed = image(1, 9, &["0012e34"]);
    let other = Other { digest: &listed.digest, image: Some(&listed), tag: None, there_at: None };
    assert_eq!(order(&range("*"), &candidate, &other), Order::Unordered);
}

/// A few images with tags that all policies can read, at times that often collide.
fn repositories() -> impl Strategy<Value = Vec<Image>> {
    let tags = prop::sample::subsequence(
        vec!["1.0.0", "v1.0.0", "1.1.0-rc.1", "2.0.0", "0012e34", "0012e34aa", "latest"],
        0..4,
    );
    prop::collection::vec((tags, 0_i64..4), 0..6).prop_map(|images| {
        images.iter().zip(1..).map(|((tags, at), number)| image(number, *at, tags)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_order_of_the_list_changes_nothing(mut images in repositories(), turn in 0_usize..6) {
        // A tag is on one image of a repository at a time.
        let mut seen = std::collections::BTreeSet::new();
        for image in &mut images {
            image.tags.retain(|tag| seen.insert(tag.clone()));
        }
        let mut turned = images.clone();
        turned.rotate_left(turn.min(images.len()));
        for policy in [Policy::Commit, newest(".*"), range("*"), Policy::Manual] {
            prop_assert_eq!(selected(&policy, &images), selected(&policy, &turned));
        }
    }

    #[test]
    fn nothing_in_the_repository_comes_after_what_is_selected(images in repositories()) {
        for policy in [newest(".*"), range("*")] {
            let Selection::Chosen(chosen) = select(&policy, &images, None) else { continue };
            for image in &images {
                let other = Other { digest: &image.digest, image: Some(image), tag: None, there_at: None };
                let is_candidate = select(&policy, std::slice::from_ref(image), None) != Selection::None(NoSelection::NoMatch);
                if is_candidate {
                    prop_assert!(matches!(order(&policy, &chosen, &other), Order::Same | Order::Newer));
                }
            }
        }
    }
}
