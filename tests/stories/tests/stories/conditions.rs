//! What the rules ask of images beside their tags.

use client::image::Image;
use client::index::Index;
use client::registry::Registry;
use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story};

#[test]
fn only_images_for_the_platform_run_single_or_in_an_index() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let rules = "version: 1
services:
  cluster1/webapp1:
    containers:
      webapp1: { repository: webapp1, select: newest, platform: linux/arm64 }
";
    story.commit("On Graviton", &[("delivery.yaml", Some(rules))])?;
    let image = |version: &str, architecture: &str| {
        Image::new("webapp1").version(version).platform("linux", architecture)
    };
    story.push_only("webapp1", "1111111", &image("1111111", "amd64"))?;
    story.rest()?;
    story.push_only("webapp1", "2222222", &image("2222222", "arm64"))?;
    story.rest()?;
    story.push_only("webapp1", "3333333", &image("3333333", "amd64"))?;
    story.rest()?;
    let both =
        Index::new().image(image("4444444", "amd64")).image(image("4444444", "arm64")).attested().build()?;
    Registry::login(&story.aws)?.push("webapp1", Some("4444444"), &both)?;
    story.rest()?;
    expect![[r#"
        commits
          <commit 2> Pat Person: On Graviton
            M delivery.yaml
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            A cluster1/webapp1/revision.json
          <commit 4> Towpath: cluster1/webapp1: webapp1 → 4444444
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<digest 1>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
          <digest 1> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 3>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 2> deployed commit <commit 4>, and ECS completed it
            Execution <id 2> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 waiting: container webapp1: 1111111 (<webapp1:1111111>) is not built for linux/arm64, which its rules ask for, but for linux/amd64; build it for linux/arm64 and push it under a new tag
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (<webapp1:2222222>)
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
          on_image_push: cluster1/webapp1 nothing: git says what the rules select: 2222222
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 4444444 (<digest 1>), git said <webapp1:2222222>
            - commit to deployment main on <commit 3>: cluster1/webapp1: webapp1 → 4444444 (cluster1/webapp1/revision.json)
          on_commit: - ignored: commit <commit 2> changes no revision.json
          on_commit: cluster1/webapp1 started: execution <id 3> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 3>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:2222222>
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 verified
          on_deployment_change: cluster1/webapp1 rolling: execution <id 2> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 2> deployed commit <commit 4>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<digest 1>
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn an_image_that_is_too_young_waits() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let rules = "version: 1
services:
  cluster1/webapp1:
    containers:
      webapp1: { repository: webapp1, select: newest, minimum_age: 10m, ignore: \"2.*\" }
";
    story.commit("Not at once", &[("delivery.yaml", Some(rules))])?;
    story.forget()?;
    story.push("webapp1", "1111111")?;
    story.push("webapp1", "2222222")?;
    expect![[r#"
        records
          on_image_push: cluster1/webapp1 waiting: webapp1: 1111111 (<webapp1:1111111>) of webapp1 is younger than minimum_age asks for: it is a candidate from <time>
          on_image_push: cluster1/webapp1 waiting: webapp1: 2222222 (<webapp1:2222222>) of webapp1 is younger than minimum_age asks for: it is a candidate from <time>
    "#]].assert_eq(&story.told()?);
    Ok(())
}
