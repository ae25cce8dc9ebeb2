//! A copy that takes long says how far it is, and one that runs out of time goes on where it was.

use client::image::Image;
use expect_test::expect;
use local_aws::faults::{CallFault, CallFaultKind};
use std::collections::BTreeMap;
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
        promote_image: {"towpath":"copy","function":"promote_image","services":["cluster1/webapp1"],"repository":"webapp1","digest":"<webapp1:<first>>","layers":6,"bytes":1507299,"layersHere":0,"manifests":2,"referrers":1}
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
    "#]].assert_eq(told.last().map_or("", String::as_str));
    assert_eq!(told.len(), 2, "{told:#?}");
    Ok(())
}

#[test]
fn a_copy_that_runs_out_of_time_goes_on_and_sends_no_layer_twice() -> Result<(), Failure> {
    let (mut story, first) = released(6)?;
    story.at("stg")?.reinstall_with("Timeout: 900", "Timeout: 11")?;
    story.forget_all()?;
    let before = story.world(|world| world.journal.last_number());
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 copying: webapp1@<webapp1:<first>>: 5 layers (1005539 bytes) were sent before the time was up; the next invocation goes on from there
        promote_image: {"towpath":"copy","function":"promote_image","services":["cluster1/webapp1"],"repository":"webapp1","digest":"<webapp1:<first>>","layers":1,"bytes":501760,"layersHere":5,"manifests":2,"referrers":1}
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    let uploads = story.world(|world| {
        let mut uploads: BTreeMap<String, usize> = BTreeMap::new();
        for entry in world.journal.after(before).filter(|entry| entry.caller == "towpath-promote_image") {
            *uploads.entry(entry.operation.clone()).or_default() += 1;
        }
        uploads
    });
    expect![[r#"
        {
            "AssumeRole": 1,
            "BatchCheckLayerAvailability": 2,
            "BatchGetImage": 3,
            "CompleteLayerUpload": 6,
            "CreateCommit": 1,
            "DescribeImages": 3,
            "GetAuthorizationToken": 2,
            "GetBranch": 3,
            "GetFile": 7,
            "InitiateLayerUpload": 7,
            "ListFileCommitHistory": 2,
            "PutImage": 3,
            "SendMessageBatch": 1,
            "UploadLayerPart": 6,
        }
    "#]].assert_eq(&format!("{uploads:#?}\n"));
    Ok(())
}
