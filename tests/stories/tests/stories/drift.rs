//! Where git, the registry and ECS differ: told by each sweep, and mended by nobody but a person.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, Story};

/// A service that no rules name is watched all the same: its next task could not start.
#[test]
fn an_image_that_is_gone_is_told_also_of_a_service_without_rules() -> Result<(), Failure> {
    let mut story = Story::start(Settings::default())?;
    story.make_service("webapp1", true)?;
    story.make_pipeline("webapp1")?;
    let digest = story.push("webapp1", "1111111")?;
    let revision = story.revision("webapp1", &digest);
    story.commit("By hand", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    story.sweep()?;
    story.forget()?;
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 nothing: it runs what git says
    "#]]
    .assert_eq(&story.told()?);
    let image = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageDigest": digest }] });
    story.aws.call("ecr", "BatchDeleteImage", &image)?;
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 drifted: image_missing: the image of webapp1 (webapp1@<webapp1:1111111>) is not in the registry: no new task can start
    "#]].assert_eq(&story.told()?);
    Ok(())
}
