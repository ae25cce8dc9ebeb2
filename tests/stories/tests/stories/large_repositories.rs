//! A repository of ten thousand images: each rule finds its own among all of them.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use std::fmt::Write;
use std::time::{Duration, SystemTime};
use stories::{Failure, Story};

const IMAGES: usize = 10_000;
/// The rules of three services that run images of one repository, each chosen in another way.
const RULES: &str = "version: 1
services:
  cluster1/webapp1:
    containers:
      webapp1: { repository: webapp1, select: newest }
  cluster1/webapp2:
    application: webapp1
    containers:
      webapp1: { repository: webapp1, select: commit }
  cluster1/webapp3:
    containers:
      webapp1: { repository: webapp1, select: { semver: \">=1, <3\" } }
";

/// The tag of an image, in the order in which they are pushed: the application's commit in the middle, the highest version
/// of the range among the first, a higher one outside the range, and commit ids in between.
fn tag(number: usize, commit: &str) -> String {
    match number {
        17 => "2.10.0".to_owned(),
        4_999 => commit.to_owned(),
        number if number % 4 == 0 => format!("1.{number}.0"),
        number if number % 4 == 2 => format!("3.{number}.0"),
        number => format!("{number:040x}"),
    }
}

/// Pushes so many images that differ in nothing but an annotation, one a second; nobody is told.
fn fill(story: &mut Story, commit: &str) -> Result<(), Failure> {
    let first = Image::new("webapp1").build()?;
    let mut manifest: serde_json::Value = serde_json::from_str(&first.manifest)?;
    story.lose_events("aws.ecr");
    for number in 0..IMAGES {
        story.world(|world| {
            let now = world.clock.now();
            world.clock.set(now + chrono::Duration::seconds(1));
        });
        let written = manifest.as_object_mut().ok_or("a manifest that is no object")?;
        written.insert("annotations".to_owned(), json!({ "number": number.to_string() }));
        let image = json!({
            "repositoryName": "webapp1", "imageManifest": manifest.to_string(),
            "imageManifestMediaType": first.media_type, "imageTag": tag(number, commit),
        });
        story.aws.call("ecr", "PutImage", &image)?;
    }
    story.heal();
    Ok(())
}

#[test]
fn each_rule_finds_its_image_among_ten_thousand() -> Result<(), Failure> {
    let begins = SystemTime::now().checked_sub(Duration::from_hours(4)).ok_or("before all time")?;
    let mut story = Story::start_at(Settings::default(), begins.into())?;
    story.make_application("webapp1")?;
    let commit = story.develop("webapp1", "the middle one")?;
    story.git_push("webapp1", "dev", &format!("{commit}:main"))?;
    story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    story.push_only("webapp1", "first", &Image::new("webapp1"))?;
    story.commit("Deliver from one repository", &[("delivery.yaml", Some(RULES))])?;
    fill(&mut story, &commit)?;
    story.forget()?;
    story.push("webapp1", "abcdef1")?;
    let happened = story.happened()?;
    let (mut told, mut is_its_own) = (String::new(), false);
    for line in happened.lines() {
        if !line.starts_with("    ") {
            is_its_own = line.contains("on_image_push: ") || line.contains("> Towpath: ");
        }
        if is_its_own {
            let _ = writeln!(told, "{}", line.trim_start());
        }
    }
    expect![[r#"
        <commit 2> Towpath: 3 services: cluster1/webapp1, cluster1/webapp2, cluster1/webapp3
        A cluster1/webapp1/revision.json
        A cluster1/webapp2/revision.json
        A cluster1/webapp3/revision.json
        on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects abcdef1 (<webapp1:abcdef1>)
        - commit to deployment main on <commit 1>: 3 services: cluster1/webapp1, cluster1/webapp2, cluster1/webapp3 (cluster1/webapp1/revision.json, cluster1/webapp2/revision.json, cluster1/webapp3/revision.json)
        on_image_push: cluster1/webapp2 moved: webapp1: commit selects <the middle one> (<digest 1>)
        - commit to deployment main on <commit 1>: 3 services: cluster1/webapp1, cluster1/webapp2, cluster1/webapp3 (cluster1/webapp1/revision.json, cluster1/webapp2/revision.json, cluster1/webapp3/revision.json)
        on_image_push: cluster1/webapp3 moved: webapp1: semver ">=1, <3" selects 2.10.0 (<digest 2>)
        - commit to deployment main on <commit 1>: 3 services: cluster1/webapp1, cluster1/webapp2, cluster1/webapp3 (cluster1/webapp1/revision.json, cluster1/webapp2/revision.json, cluster1/webapp3/revision.json)
        on_image_push: 23
        1 codecommit CreateCommit
        1 codecommit GetBranch
        1 codecommit GetFile
        6 codecommit GetFile (FileDoesNotExistException)
        3 codecommit ListFileCommitHistory
        11 ecr DescribeImages
    "#]].assert_eq(&told);
    Ok(())
}
