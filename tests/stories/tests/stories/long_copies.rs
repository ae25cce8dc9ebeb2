//! A copy that takes long says how far it is, and one that runs out of time goes on where it was.

use client::image::Image;
use expect_test::expect;
use local_aws::faults::{CallFault, CallFaultKind};
use stories::{Failure, Story};

/// The blobs of [`released`]'s image and of what dev says of it.
const BLOBS: u32 = 6;

/// Dev runs an image of four layers; so many downloads of the last of its blobs break off, each after a longer pause. The
/// image's commit.
fn released(broken_downloads: u32) -> Result<(Story, String), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let mut image = Image::new("webapp1").version("first");
    for layer in ["one", "two", "three", "four"] {
        image = image.layer(layer, layer.repeat(100_000));
    }
    let commit = story.release_image("first", &image)?;
    story.forget_all()?;
    story.world(|world| {
        world.faults.add_call_fault(CallFault {
            service: None,
            operation: Some("DownloadLayer".to_owned()),
            caller: None,
            skip: BLOBS - 1,
            times: broken_downloads,
            what: CallFaultKind::ServerError,
        });
    });
    Ok((story, commit))
}

#[test]
fn a_short_copy_says_only_what_it_did() -> Result<(), Failure> {
    let (mut story, first) = released(0)?;
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<first>>: 6 layers (1507299 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    Ok(())
}

#[test]
fn a_long_copy_says_now_and_then_how_far_it_is() -> Result<(), Failure> {
    let (mut story, first) = released(5)?;
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    let told = story.at("stg")?.progress()?;
    // The first line comes after a second, and how much was sent by then depends on the machine.
    expect![[r#"
        6 of 6 layers, 1507299 of 1507299 bytes of <webapp1:<first>>
    "#]]
    .assert_eq(told.last().map_or("", String::as_str));
    assert!(told.len() >= 2, "{told:#?}");
    Ok(())
}

/// The text with no numbers of bytes in it.
fn without_bytes(text: &str) -> String {
    let mut parts = text.split(" bytes").peekable();
    let mut shown = String::new();
    while let Some(part) = parts.next() {
        match parts.peek() {
            Some(_) => {
                shown += part.trim_end_matches(|last: char| last.is_ascii_digit());
                shown += "some bytes";
            }
            None => shown += part,
        }
    }
    shown
}

#[test]
fn a_copy_that_runs_out_of_time_goes_on_and_sends_no_layer_twice() -> Result<(), Failure> {
    let (mut story, first) = released(6)?;
    story.at("stg")?.reinstall_with("Timeout: 900", "Timeout: 11")?;
    story.forget_all()?;
    let before = story.world(|world| world.journal.last_number());
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    // Which layer comes last depends on the machine.
    let said = without_bytes(&story.at("stg")?.said("promote_image")?);
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 copying: webapp1@<webapp1:<first>>: 5 layers (some bytes) were sent before the time was up; the next invocation goes on from there
        promote_image: copied webapp1@<webapp1:<first>>: 1 layers (some bytes), 5 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&said);
    let uploaded = story.world(|world| {
        let uploads = world.journal.after(before).filter(|entry| entry.operation == "CompleteLayerUpload");
        uploads.count()
    });
    assert_eq!(uploaded, 6);
    Ok(())
}
