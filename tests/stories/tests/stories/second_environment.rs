//! An environment is added to one that has run for a while: what has run before does not come over by itself.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, STG, Story, rules};

/// Dev alone has run this application for two releases; now stg is made, with its service, its rules and its pipeline.
/// The commits of the releases.
fn added(select: &str, approve: &str) -> Result<(Story, String, String), Failure> {
    let now = chrono::DateTime::from(std::time::SystemTime::now()) - chrono::Duration::hours(1);
    let mut story = Story::before_towpath_at(Settings::default(), now)?;
    story.install_alone()?;
    story.make_path(&[("dev", &rules(select, None))])?;
    let (first, second) = (story.release("first")?, story.release("second")?);
    story.at("stg")?.install()?;
    story.make_service("webapp1", true)?;
    let rules = rules(select, Some(approve));
    story.commit("Deliver webapp1", &[("delivery.yaml", Some(&rules))])?;
    story.make_pipeline("webapp1")?;
    story.at("dev")?.reinstall(&[("Downstream", STG)])?;
    story.forget_all()?;
    Ok((story, first, second))
}

#[test]
fn before_upstream_lets_the_new_environment_read_its_images_that_is_told() -> Result<(), Failure> {
    let (mut story, _, _) = added("newest", "verified")?;
    story.at("dev")?.reinstall(&[("Downstream", "")])?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
          reconcile: cluster1/webapp1 refused (upstream_unreadable): the ECR repository webapp1 of account 111111111111 may not be read: ECR DescribeImages for repository webapp1: AccessDenied: User: arn:aws:sts::222222222222:assumed-role/towpath-reconcile/towpath-reconcile is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/towpath-read_images (the caller's role lacks this permission); deploy template.yaml there with this account as the parameter Downstream, and admit the repository with its NamePrefix
    "#]].assert_eq(&story.told()?);
    Ok(())
}

/// The first image comes over to stg, and nothing else happens.
fn first_arrives(story: &mut Story) -> Result<(), Failure> {
    expect![[r#"
        stg
          commits
            <commit 5> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 5>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 2> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<first>> account=222222222222 commit=<commit 5> environment=stg kind=verified service=cluster1/webapp1
          comments
            <commit 5> Towpath: cluster1/webapp1 verified
              execution <id 4> deployed commit <commit 5>, and ECS completed it
              Execution <id 4> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    Ok(())
}

#[test]
fn where_a_push_is_asked_for_nothing_comes_over_but_what_is_pushed() -> Result<(), Failure> {
    let (mut story, first, _) = added("commit", "[push, verified]")?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
          reconcile: cluster1/webapp1 refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]].assert_eq(&story.told()?);
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    first_arrives(&mut story)?;
    Ok(())
}

#[test]
fn where_a_tag_is_asked_for_nothing_comes_over_but_what_is_tagged() -> Result<(), Failure> {
    let (mut story, first, _) = added("newest", "tag")?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
    "#]]
    .assert_eq(&story.told()?);
    story.approve("stg", &first)?;
    first_arrives(&mut story)?;
    Ok(())
}

#[test]
fn where_upstreams_word_is_enough_its_newest_image_comes_over_and_no_earlier_one() -> Result<(), Failure> {
    let (mut story, _, _) = added("newest", "verified")?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: webapp1 → <second>
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1@<webapp1:<second>>
        evidence
          <webapp1:<second>> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
          <webapp1:<second>> account=222222222222 commit=<commit 5> environment=stg kind=verified service=cluster1/webapp1
        comments
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 5>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 ignored: its rules ask for approvals (promote), so promote_image moves it
          promote_image: copied webapp1@<webapp1:<second>>: 3 layers (2310 bytes), 0 were here, 2 manifests, 1 of them speak of it
          promote_image: cluster1/webapp1 copying: webapp1: newest "[0-9a-f]{7,40}" selects <second> (<webapp1:<second>>), approved: verified by dev at <time>
            - copy webapp1@<webapp1:<second>> of 111111111111 to webapp1
          promote_image: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects <second> (<webapp1:<second>>), approved: verified by dev at <time>
            - tag webapp1@<webapp1:<second>> as <second>
            - commit to deployment main on <commit 4>: cluster1/webapp1: webapp1 → <second> (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 5> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 5>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 4> deployed commit <commit 5>, and ECS completed it
            - put evidence verified of stg for cluster1/webapp1 on webapp1@<webapp1:<second>>
            - comment at commit <commit 5> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 woken: something was missed; the service is never_deployed: it has no revision.json
            - wake up promote_image for cluster1/webapp1: copying: webapp1: newest "[0-9a-f]{7,40}" selects <second> (<webapp1:<second>>), approved: verified by dev at <time>
    "#]].assert_eq(&story.told()?);
    let listed = story.aws.call("ecr", "ListImages", &json!({ "repositoryName": "webapp1" }))?;
    let tags = listed.get("imageIds").and_then(serde_json::Value::as_array).into_iter().flatten();
    let tags = tags.filter_map(|image| image.get("imageTag")?.as_str()).collect::<Vec<_>>();
    expect![[r#"
        [
            "placeholder",
            "<second>",
        ]
    "#]]
    .assert_eq(&story.named(&format!("{tags:#?}\n")));
    Ok(())
}

#[test]
fn an_upstream_without_images_has_nothing_to_give_until_it_has() -> Result<(), Failure> {
    let mut story = Story::pair(Settings::default())?;
    story.make_application("webapp1")?;
    story.at("stg")?.make_service("webapp1", true)?;
    let rules = rules("commit", Some("push"));
    story.commit("Deliver webapp1", &[("delivery.yaml", Some(&rules))])?;
    story.make_pipeline("webapp1")?;
    story.forget()?;
    let first = story.develop("webapp1", "first")?;
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (upstream_repository_missing): there is no ECR repository webapp1 upstream in account 111111111111; push an image there, or correct delivery.yaml (from: …)
    "#]].assert_eq(&story.said("promote_image")?);
    story.at("dev")?.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
    "#]]
    .assert_eq(&story.told()?);
    story.at("dev")?.push_only("webapp1", &first, &Image::new("webapp1").version("first"))?;
    story.rest()?;
    expect![[r#"
        stg
          commits
            <commit 2> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 2>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=222222222222 commit=<commit 2> environment=stg kind=verified service=cluster1/webapp1
          comments
            <commit 2> Towpath: cluster1/webapp1 verified
              execution <id 1> deployed commit <commit 2>, and ECS completed it
              Execution <id 1> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    Ok(())
}
