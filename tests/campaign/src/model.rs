//! The reference model: what people did, and what follows from it. It shares no code with the functions.

use crate::{Environment, ImageKind};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// An image that CI pushed to the first environment.
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

/// A person's approval of an image, by a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The image repository.
    pub repository: String,
    /// The image's own tag.
    pub tag: String,
    /// The image.
    pub digest: String,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Since when not any more.
    pub until: Option<DateTime<Utc>>,
}

/// A span of time in which something was read and acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it was read.
    pub from: DateTime<Utc>,
    /// When it had been acted upon.
    pub until: DateTime<Utc>,
}

/// What people did in one environment.
#[derive(Debug, Default)]
pub struct Deeds {
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
    /// Whether somebody ever pushed the branch back by force.
    pub was_forced: bool,
    /// The images that were pushed straight into the registry of an environment with an upstream.
    pub aside: Vec<Pushed>,
}

/// What people did.
#[derive(Debug, Default)]
pub struct Model {
    /// All images, in the order of their pushes.
    pub pushed: Vec<Pushed>,
    /// The application's commits, oldest first.
    pub application_commits: Vec<String>,
    /// The approvals by tags for the second environment.
    pub approved: Vec<Approved>,
    deeds: BTreeMap<Environment, Deeds>,
}

/// What people did, as it stands to one environment.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// All of it.
    pub model: &'a Model,
    /// The environment.
    pub environment: Environment,
    /// What they did there.
    pub deeds: &'a Deeds,
}

/// Nobody has done anything.
static NO_DEEDS: Deeds = Deeds {
    application_tips: Vec::new(),
    person_commits: BTreeSet::new(),
    files: BTreeMap::new(),
    rollbacks: BTreeSet::new(),
    forced: false,
    was_forced: false,
    aside: Vec::new(),
};

impl Deeds {
    /// The newest tip of the application.
    pub fn application_tip(&self) -> Option<&str> {
        self.application_tips.last().map(|(commit, _)| commit.as_str())
    }

    /// Whether a commit was the application's tip at any moment of a span.
    pub fn was_tip(&self, commit: &str, span: Span) -> bool {
        let until = |index: usize| self.application_tips.get(index + 1).map(|(_, until)| *until);
        let mut tips = self.application_tips.iter().enumerate();
        tips.any(|(index, (tip, from))| {
            tip == commit && *from <= span.until && until(index).is_none_or(|until| until >= span.from)
        })
    }
}

impl Model {
    /// What people did in an environment.
    pub fn at(&self, environment: Environment) -> View<'_> {
        let deeds = self.deeds.get(&environment).unwrap_or(&NO_DEEDS);
        View { model: self, environment, deeds }
    }

    /// The same, to be added to.
    pub fn deeds(&mut self, environment: Environment) -> &mut Deeds {
        self.deeds.entry(environment).or_default()
    }

    /// Whether an image runs.
    pub fn is_good(&self, digest: &str) -> bool {
        self.pushed.iter().any(|image| image.digest == digest && image.kind == ImageKind::Good)
    }

    /// An image that CI pushed.
    pub fn image(&self, repository: &str, digest: &str) -> Option<&Pushed> {
        self.pushed.iter().find(|image| image.repository == repository && image.digest == digest)
    }

    /// Whether an image bore its approval tag at any moment of a span.
    pub fn was_approved(&self, repository: &str, digest: &str, span: Span) -> bool {
        let own = |approved: &&Approved| approved.repository == repository && approved.digest == digest;
        self.approved.iter().filter(own).any(|approved| {
            approved.from <= span.until && approved.until.is_none_or(|until| until >= span.from)
        })
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

    /// The image that a rule with an order selects among those that may be.
    pub fn first(&self, repository: &str, may: impl Fn(&Pushed) -> bool) -> Option<&Pushed> {
        let own = self.pushed.iter().filter(|image| image.repository == repository && may(image));
        own.filter_map(|image| Some((self.place(repository, &image.digest)?, image)))
            .max_by_key(|(place, _)| *place)
            .map(|(_, image)| image)
    }

    /// The image of an application's commit in a repository.
    pub fn build(&self, repository: &str, commit: &str) -> Option<&Pushed> {
        self.pushed.iter().find(|image| image.repository == repository && image.tag == commit)
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
