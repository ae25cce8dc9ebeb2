//! The reference model: what people did, and what follows from it. It shares no code with the functions.

use crate::{DEV, ImageKind};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// An image that CI pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The image repository.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// Its digest.
    pub digest: String,
    /// How it behaves.
    pub kind: ImageKind,
    /// When it was there.
    pub at: DateTime<Utc>,
}

/// Who put something into git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A person.
    Person,
    /// Towpath.
    Towpath,
}

/// What people did.
#[derive(Debug, Default)]
pub struct Model {
    /// All images, in the order of their pushes.
    pub pushed: Vec<Pushed>,
    /// The application's commits, oldest first.
    pub application_commits: Vec<String>,
    /// Where the application's branch was, the newest last, with the time from which on.
    pub application_tips: Vec<(String, DateTime<Utc>)>,
    /// The commits that people made in the deployment repository.
    pub person_commits: BTreeSet<String>,
    /// What the files say that are people's alone.
    pub files: BTreeMap<String, String>,
    /// The services for which a rollback was asked.
    pub rollbacks: BTreeSet<String>,
    /// Whether the deployment branch was just moved by force.
    pub forced: bool,
}

impl Model {
    /// The newest tip of the application.
    pub fn application_tip(&self) -> Option<&str> {
        self.application_tips.last().map(|(commit, _)| commit.as_str())
    }

    /// An image by its digest.
    pub fn image(&self, repository: &str, digest: &str) -> Option<&Pushed> {
        self.pushed.iter().find(|image| image.repository == repository && image.digest == digest)
    }

    /// Whether an image runs.
    pub fn is_good(&self, digest: &str) -> bool {
        self.pushed.iter().any(|image| image.digest == digest && image.kind == ImageKind::Good)
    }

    /// Where an image stands in its rule's order: none if it has no place there.
    pub fn place(&self, repository: &str, digest: &str) -> Option<Place> {
        let index =
            self.pushed.iter().position(|image| image.repository == repository && image.digest == digest)?;
        let image = self.pushed.get(index)?;
        match repository {
            "newest1" => Some(Place(0, 0, 0, index)),
            "semver1" => version(&image.tag),
            _ => None,
        }
    }

    /// The image that a rule with an order selects.
    pub fn first(&self, repository: &str) -> Option<&Pushed> {
        let own = self.pushed.iter().filter(|image| image.repository == repository);
        own.filter_map(|image| Some((self.place(repository, &image.digest)?, image)))
            .max_by_key(|(place, _)| *place)
            .map(|(_, image)| image)
    }

    /// The image of an application's commit in a repository.
    pub fn build(&self, repository: &str, commit: &str) -> Option<&Pushed> {
        self.pushed.iter().find(|image| image.repository == repository && image.tag == commit)
    }

    /// An image as `revision.json` names it.
    pub fn uri(repository: &str, digest: &str) -> String {
        format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/{repository}@{digest}")
    }
}

/// A place in a rule's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64, u64, u64, usize);

/// The place of a version in the rule `>=1, <3`, which leaves pre-releases out.
fn version(tag: &str) -> Option<Place> {
    let mut parts = tag.split('.').map(str::parse::<u64>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (1..3).contains(&major).then_some(Place(major, minor, patch, 0))
}
