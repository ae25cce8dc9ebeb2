//! What stands between an image upstream and its place here is told, with what a person can do about it.

use client::image::Image;
use expect_test::expect;
use local_aws::faults::CallFaultKind;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, STG, Story, rules};

/// The rules of stg with the repositories here and upstream.
fn rules_from(repository: &str, from: &str) -> String {
    rules("commit", Some("push"))
        .replace("repository: webapp1", &format!("repository: {repository}, from: {from}"))
}

/// Dev has a release, which is pushed to stg under these rules; what stg says to it.
fn released(stg: &str) -> Result<(Story, String), Failure> {
    let mut story = Story::with_rules(&[("dev", &rules("commit", None)), ("stg", stg)])?;
    let first = story.release("first")?;
    let said = story.pushed_to("stg", &first)?;
    Ok((story, said))
}

#[test]
fn a_repository_that_is_missing_upstream_is_named() -> Result<(), Failure> {
    let (_, said) = released(&rules_from("webapp1", "nowhere"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (upstream_repository_missing): there is no ECR repository nowhere upstream in account 111111111111; push an image there, or correct delivery.yaml (from: …)
    "#]].assert_eq(&said);
    Ok(())
}

#[test]
fn a_repository_that_upstream_does_not_admit_is_named() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let first = story.release("first")?;
    story.at("dev")?.reinstall(&[("NamePrefix", "team/")])?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (upstream_unreadable): the ECR repository webapp1 of account 111111111111 may not be read: ECR DescribeImages for repository webapp1: AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/towpath-read_images/promote_image-stg is not authorized to perform: ecr:DescribeImages on resource: arn:aws:ecr:eu-west-1:111111111111:repository/webapp1 because no identity-based policy a…; deploy template.yaml there with this account as the parameter Downstream, and admit the repository with its NamePrefix
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    story.at("dev")?.reinstall(&[("NamePrefix", "")])?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.said("promote_image")?);
    Ok(())
}

#[test]
fn an_upstream_that_names_no_downstream_lets_nobody_read() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    story.at("dev")?.reinstall(&[("Downstream", "")])?;
    let first = story.release("first")?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (upstream_unreadable): the ECR repository webapp1 of account 111111111111 may not be read: ECR DescribeImages for repository webapp1: AccessDenied: User: arn:aws:sts::222222222222:assumed-role/towpath-promote_image/towpath-promote_image is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/towpath-read_images (the caller's role lacks this permission); deploy template.yaml there with this account as the parameter Downstream, and admit the repository with its NamePrefix
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    story.at("dev")?.reinstall(&[("Downstream", STG)])?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.said("promote_image")?);
    Ok(())
}

#[test]
fn a_commit_without_an_image_waits_for_it() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let first = story.develop("webapp1", "first")?;
    expect![[r#"
        promote_image: cluster1/webapp1 waiting: webapp1: no image in webapp1 upstream (111111111111) for commit <first>
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    story.at("dev")?.push_only("webapp1", &first, &Image::new("webapp1").version("first"))?;
    story.rest()?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → <first>
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:<first>>
        evidence
          <webapp1:<first>> account=222222222222 commit=<commit 3> environment=stg kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 3>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.at("stg")?.outcome()?);
    Ok(())
}

#[test]
fn a_repository_that_is_missing_here_is_named() -> Result<(), Failure> {
    let (mut story, said) = released(&rules_from("team/webapp1", "webapp1"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (not_copied): there is no ECR repository team/webapp1 in this account to copy images to; create it, or let promotions create it (create-repositories: true in delivery.yaml)
    "#]].assert_eq(&said);
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.at("stg")?.outcome()?);
    Ok(())
}

#[test]
fn a_repository_that_is_missing_here_is_made_where_the_rules_say_so() -> Result<(), Failure> {
    let rules = rules_from("team/webapp1", "webapp1");
    let (mut story, said) = released(&rules.replace("services:", "create-repositories: true\nservices:"))?;
    expect![[r#"
        promote_image: copied team/webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to team/webapp1, creating the repository if it is missing
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - tag team/webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&said);
    expect![[r#"
        [
          {
            "name": "webapp1",
            "imageUri": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/team/webapp1@<webapp1:<first>>"
          }
        ]
    "#]]
    .assert_eq(&story.at("stg")?.file("cluster1/webapp1/revision.json")?);
    Ok(())
}

#[test]
fn an_image_that_is_here_under_its_tag_already_is_not_copied_again() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let first = story.release("first")?;
    // The same bytes, pushed past Towpath.
    story.at("stg")?.push_only("webapp1", &first, &Image::new("webapp1").version("first"))?;
    story.rest()?;
    expect![[r#"
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    Ok(())
}

#[test]
fn a_tag_that_is_on_another_image_here_is_not_moved() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let immutable = json!({ "repositoryName": "webapp1", "imageTagMutability": "IMMUTABLE" });
    story.at("stg")?.aws.call("ecr", "PutImageTagMutability", &immutable)?;
    let first = story.release("first")?;
    let other = Image::new("webapp1").version("other");
    let here = story.at("stg")?.push_only("webapp1", &first, &other)?;
    story.rest()?;
    story.call_it(&here, "the image here");
    expect![[r#"
        promote_image: cluster1/webapp1 refused (tag_taken): container webapp1: webapp1:<first> is <the image here> here, and <webapp1:<first>> upstream; Towpath moves no tag: remove it here, or tag the image upstream anew
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.at("stg")?.outcome()?);
    Ok(())
}

#[test]
fn a_tag_that_was_moved_after_its_approval_is_refused_with_both_images() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "[push, tag]")?;
    let first = story.release("first")?;
    story.approve("stg", &first)?;
    let moved = Image::new("webapp1").version("moved");
    let moved = story.at("dev")?.push_only("webapp1", &first, &moved)?;
    story.rest()?;
    story.call_it(&moved, "the image that has the tag now");
    expect![[r#"
        promote_image: cluster1/webapp1 refused (approved_other): container webapp1: the tag <first> is on <the image that has the tag now> now, and <webapp1:<first>> was approved as <first>; approve the one that is meant
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.at("stg")?.outcome()?);
    // The tag comes back to what was approved.
    let approved = Image::new("webapp1").version("first");
    story.at("dev")?.push_only("webapp1", &first, &approved)?;
    story.rest()?;
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main, tag approved-stg-<first>
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main, tag approved-stg-<first>
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    Ok(())
}

#[test]
fn an_image_for_another_platform_than_the_rules_ask_for_stays_out() -> Result<(), Failure> {
    let stg = rules("commit, platform: linux/arm64", Some("push"));
    let mut story = Story::with_rules(&[("dev", &rules("commit", None)), ("stg", &stg)])?;
    let first = story.release("first")?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (other_platform): container webapp1: <first> (<webapp1:<first>>) is not built for linux/arm64, which its rules ask for, but for linux/amd64; build it for linux/arm64 and push it under a new tag
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    let arm = Image::new("webapp1").version("second").platform("linux", "arm64");
    let second = story.release_image("second", &arm)?;
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<second>>: 3 layers (2310 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <second> (<webapp1:<second>>), approved: push of <second> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<second>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <second> (<webapp1:<second>>), approved: push of <second> to webapp1:main by arn:aws:iam::222222222222:user/person
          - tag webapp1@<webapp1:<second>> as <second>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <second> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.pushed_to("stg", &second)?);
    Ok(())
}

#[test]
fn an_image_that_is_younger_than_the_rules_ask_for_waits() -> Result<(), Failure> {
    // To the functions, the first release is forty minutes old and the second is new.
    let now = chrono::DateTime::from(std::time::SystemTime::now()) - chrono::Duration::minutes(40);
    let mut story = Story::pair_at(Settings::default(), now)?;
    let stg = rules("commit, minimum_age: 20m", Some("push"));
    story.make_path(&[("dev", &rules("commit", None)), ("stg", &stg)])?;
    let first = story.release("first")?;
    story.let_pass(40)?;
    let second = story.release("second")?;
    expect![[r#"
        promote_image: cluster1/webapp1 waiting: webapp1: <second> (<webapp1:<second>>) of webapp1 upstream (111111111111) is younger than minimum_age asks for: it is a candidate from <time>
    "#]].assert_eq(&story.pushed_to("stg", &second)?);
    expect![[r#"
        promote_image: copied webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.pushed_to("stg", &format!("+{first}"))?);
    Ok(())
}

/// Dev has an approved release. Stg's registry does not answer when the release is pushed there, so that the copy begins
/// and does not end; then something happens, and then the registry answers again.
fn meanwhile(happens: impl FnOnce(&mut Story, &str) -> Result<(), Failure>) -> Result<String, Failure> {
    let mut story = Story::with_path("commit", "[push, tag]")?;
    let first = story.release("first")?;
    story.approve("stg", &first)?;
    story.forget_all()?;
    let failure = CallFaultKind::Error("InvalidParameterException".to_owned());
    story.fail_calls("BatchCheckLayerAvailability", "towpath-promote_image", u32::MAX, failure);
    story.git_push_only("webapp1", "stg", &format!("{first}:main"))?;
    story.let_pass(1)?;
    let mut said = story.at("stg")?.said("promote_image")?;
    happens(&mut story, &first)?;
    story.heal();
    story.rest()?;
    said.push_str("\nmeanwhile\n");
    said.push_str(&story.at("stg")?.said("promote_image")?);
    Ok(said)
}

#[test]
fn a_tag_that_is_moved_while_its_image_is_copied_is_refused_with_both_images() -> Result<(), Failure> {
    let said = meanwhile(|story, tag| {
        let moved = Image::new("webapp1").version("moved");
        let moved = story.at("dev")?.push_only("webapp1", tag, &moved)?;
        story.call_it(&moved, "the image that has the tag now");
        Ok(())
    })?;
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person, tag approved-stg-<first>
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: failed: ECR BatchCheckLayerAvailability for 3 layers in repository webapp1: InvalidParameterException: told to fail

        meanwhile
        3 × promote_image: cluster1/webapp1 refused (approved_other): container webapp1: the tag <first> is on <the image that has the tag now> now, and <webapp1:<first>> was approved as <first>; approve the one that is meant
    "#]].assert_eq(&said);
    Ok(())
}

#[test]
fn an_approval_that_is_withdrawn_while_its_image_is_copied_counts_no_more() -> Result<(), Failure> {
    let said = meanwhile(|story, tag| {
        let approval = json!({ "imageTag": format!("approved-stg-{tag}") });
        let input = json!({ "repositoryName": "webapp1", "imageIds": [approval] });
        story.at("dev")?.aws.call("ecr", "BatchDeleteImage", &input)?;
        Ok(())
    })?;
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person, tag approved-stg-<first>
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: failed: ECR BatchCheckLayerAvailability for 3 layers in repository webapp1: InvalidParameterException: told to fail

        meanwhile
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks the tag approved-stg-<first> on it upstream
    "#]].assert_eq(&said);
    Ok(())
}
