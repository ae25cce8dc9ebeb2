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
    let both = Index::new().image(image("4444444", "amd64")).image(image("4444444", "arm64")).attested().build()?;
    Registry::login(&story.aws)?.push("webapp1", Some("4444444"), &both)?;
    story.rest()?;
    expect![[""]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn an_image_that_is_too_young_is_delivered_by_a_later_sweep() -> Result<(), Failure> {
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
    expect![[""]].assert_eq(&story.told()?);
    story.let_pass(10)?;
    story.sweep()?;
    expect![[""]].assert_eq(&story.outcome()?);
    Ok(())
}
