//! A path through several accounts for one service, `cluster1/webapp1`, and what its team does along it.

use crate::story::{Failure, Story};
use client::image::Image;
use local_aws::settings::Settings;
use serde_json::{Value, json};

/// The rules of `cluster1/webapp1`, which the application `webapp1` is built into: how its image is selected, and what an
/// image needs before it enters (nothing where images are pushed).
pub fn rules(select: &str, approve: Option<&str>) -> String {
    let promote =
        approve.map_or_else(String::new, |approve| format!("    promote: {{ approve: {approve} }}\n"));
    format!(
        "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    containers:
      webapp1: {{ repository: webapp1, select: {select} }}
{promote}"
    )
}

impl Story {
    /// Dev and stg with the service, its application, rules and pipeline in both, at rest; nothing of it is told. Dev runs
    /// the application's commit; stg asks for these approvals, and its rules select in this way.
    ///
    /// # Errors
    /// What AWS says.
    pub fn with_path(select: &str, approve: &str) -> Result<Self, Failure> {
        Self::with_rules(&[("dev", &rules(select, None)), ("stg", &rules(select, Some(approve)))])
    }

    /// [`Story::with_path`] with these environments, two or three, and their rules.
    ///
    /// # Errors
    /// What AWS says.
    pub fn with_rules(environments: &[(&str, &str)]) -> Result<Self, Failure> {
        let settings = Settings::default();
        let mut story = if environments.len() > 2 { Self::chain(settings)? } else { Self::pair(settings)? };
        story.make_path(environments)?;
        Ok(story)
    }

    /// Makes the service, its application, rules and pipeline in each of these environments; nothing of it is told.
    ///
    /// # Errors
    /// What AWS says.
    pub fn make_path(&mut self, environments: &[(&str, &str)]) -> Result<(), Failure> {
        self.make_application("webapp1")?;
        for (environment, rules) in environments {
            self.at(environment)?.make_service("webapp1", true)?;
            self.commit("Deliver webapp1", &[("delivery.yaml", Some(rules))])?;
            self.make_pipeline("webapp1")?;
        }
        self.at("dev")?;
        self.forget_all()
    }

    /// Forgets what happened until now, in every account.
    ///
    /// # Errors
    /// What AWS says.
    pub fn forget_all(&mut self) -> Result<(), Failure> {
        self.outcomes().map(drop)
    }

    /// The team commits, pushes to dev, and CI pushes the image to dev; everything happens. Gives the commit.
    ///
    /// # Errors
    /// What git or the registry says.
    pub fn release(&mut self, message: &str) -> Result<String, Failure> {
        self.release_image(message, &Image::new("webapp1").version(message))
    }

    /// [`Story::release`] with this image.
    ///
    /// # Errors
    /// As [`Story::release`].
    pub fn release_image(&mut self, message: &str, image: &Image) -> Result<String, Failure> {
        let commit = self.develop("webapp1", message)?;
        self.git_push("webapp1", "dev", &format!("{commit}:main"))?;
        self.at("dev")?.push_only("webapp1", &commit, image)?;
        self.rest()?;
        Ok(commit)
    }

    /// A person approves an image for an environment: another tag on the same manifest, in dev.
    ///
    /// # Errors
    /// What ECR says.
    pub fn approve(&mut self, environment: &str, tag: &str) -> Result<(), Failure> {
        self.tag_again("webapp1", tag, &format!("approved-{environment}-{tag}"))
    }

    /// A person takes an approval back, in dev.
    ///
    /// # Errors
    /// What ECR says.
    pub fn withdraw(&mut self, environment: &str, tag: &str) -> Result<(), Failure> {
        let approval = format!("approved-{environment}-{tag}");
        let input = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageTag": approval }] });
        self.at("dev")?.aws.call("ecr", "BatchDeleteImage", &input)?;
        self.rest()
    }

    /// A person puts another tag on an image in dev, and everything happens.
    ///
    /// # Errors
    /// What ECR says.
    pub fn tag_again(&mut self, repository: &str, tag: &str, other: &str) -> Result<(), Failure> {
        let aws = self.at("dev")?.aws.clone();
        let input = json!({ "repositoryName": repository, "imageIds": [{ "imageTag": tag }] });
        let image = aws.call("ecr", "BatchGetImage", &input)?;
        let manifest = image.pointer("/images/0/imageManifest").and_then(Value::as_str);
        let input = json!({ "repositoryName": repository, "imageManifest": manifest, "imageTag": other });
        aws.call("ecr", "PutImage", &input)?;
        self.rest()
    }

    /// What a function recorded in the account in which the story stands since the last time, and nothing else.
    ///
    /// # Errors
    /// What AWS says.
    pub fn said(&mut self, function: &str) -> Result<String, Failure> {
        let told = self.told()?;
        let (_, records) = told.split_once("records\n").unwrap_or_default();
        let (mut said, mut is_its_own) = (String::new(), false);
        for line in records.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)) {
            if !line.starts_with(' ') {
                is_its_own = line.contains(&format!("{function}: "));
            }
            if is_its_own {
                said.push_str(line);
                said.push('\n');
            }
        }
        Ok(if said.is_empty() { "nothing\n".to_owned() } else { said })
    }
}
