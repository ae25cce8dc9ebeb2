//! The environments, in the order of the path to production, and how each is reached.

use crate::arguments::Common;
use crate::failure::Failure;
use domain::names::{EnvironmentName, Region};
use domain::text::shown;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const FILE: &str = "towpath.yaml";

/// How one environment is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Its name; none when the credentials that are there anyway say which it is.
    pub(crate) name: Option<EnvironmentName>,
    /// The AWS profile.
    pub(crate) profile: Option<String>,
    /// The ARN of a role to become first.
    pub(crate) role: Option<String>,
    /// The Region.
    pub(crate) region: Option<Region>,
}

/// All environments that were named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    /// In the order of the path to production.
    pub(crate) places: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    environments: Vec<Place>,
}

impl Place {
    /// What it is called in messages.
    pub(crate) fn label(&self) -> String {
        match (&self.name, &self.profile) {
            (Some(name), Some(profile)) => format!("environment {name} (profile {})", shown(profile)),
            (Some(name), None) => format!("environment {name}"),
            (None, _) => "the account of your AWS credentials".to_owned(),
        }
    }
}

impl Chain {
    /// The environments that the command line names, else towpath.yaml, else the account of the credentials.
    pub(crate) fn read(common: &Common) -> Result<Self, Failure> {
        let mut chain = if common.places.is_empty() {
            match file(common.config.as_deref()) {
                Some(path) => Self::of_file(&path)?,
                None => Self { places: vec![Place::default()] },
            }
        } else {
            let named = common.places.iter().map(|text| named(text));
            Self { places: named.collect::<Result<_, _>>()? }
        };
        for (index, place) in chain.places.iter().enumerate() {
            let is_twice = chain
                .places
                .iter()
                .skip(index + 1)
                .any(|other| place.name.is_some() && place.name == other.name);
            if is_twice {
                return Err(Failure::usage(format!("{} is named twice", place.label())));
            }
        }
        for place in &mut chain.places {
            place.region = place.region.take().or_else(|| common.region.clone());
        }
        Ok(chain)
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        let at = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{at} cannot be read: {error}")))?;
        let written: Written = serde_saphyr::from_str(&text).map_err(|error| {
            let problem = error.to_string();
            let line = problem.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Failure::usage(format!("{at}: {line}")).hint("towpath --help shows what towpath.yaml looks like")
        })?;
        if written.environments.is_empty() {
            return Err(Failure::usage(format!("{at} names no environment: expected at least one")));
        }
        if written.environments.iter().any(|place| place.name.is_none()) {
            return Err(Failure::usage(format!("{at}: an environment has no name")));
        }
        Ok(Self { places: written.environments })
    }

    /// The environment of that name; without a name, the only one.
    pub(crate) fn one(&self, name: Option<&EnvironmentName>) -> Result<&Place, Failure> {
        match (name, self.places.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Failure::usage(format!("which environment? say --in one of {}", self.names()))),
            // What the account is called is asked of itself.
            (Some(_), [only]) if only.name.is_none() => Ok(only),
            (Some(name), places) => places
                .iter()
                .find(|place| place.name.as_ref() == Some(name))
                .ok_or_else(|| self.unknown(name)),
        }
    }

    /// The environments of those names; all when none is said.
    pub(crate) fn several(&self, names: &[EnvironmentName]) -> Result<Vec<&Place>, Failure> {
        if names.is_empty() {
            return Ok(self.places.iter().collect());
        }
        names.iter().map(|name| self.one(Some(name))).collect()
    }

    /// The environment before that one in the chain.
    pub(crate) fn before(&self, name: &EnvironmentName) -> Option<&Place> {
        let index = self.places.iter().position(|place| place.name.as_ref() == Some(name))?;
        self.places.get(index.checked_sub(1)?)
    }

    fn names(&self) -> String {
        let names: Vec<&str> =
            self.places.iter().filter_map(|place| place.name.as_ref()).map(EnvironmentName::as_str).collect();
        names.join(", ")
    }

    fn unknown(&self, name: &EnvironmentName) -> Failure {
        Failure::not_found(format!("there is no environment {name}: known are {}", self.names()))
            .hint(format!("add it to {FILE}, or say --environment {name}=<profile>"))
    }
}

/// `dev` or `dev=profile`.
fn named(text: &str) -> Result<Place, Failure> {
    let (name, profile) = match text.split_once('=') {
        Some((name, profile)) if !profile.is_empty() => (name, Some(profile.to_owned())),
        Some((_, _)) => {
            return Err(Failure::usage(format!("--environment {}: no profile behind =", shown(text))));
        }
        None => (text, None),
    };
    let name = EnvironmentName::parse(name)
        .map_err(|error| Failure::usage(format!("--environment {}: {error}", shown(text))))?;
    Ok(Place { name: Some(name), profile, ..Place::default() })
}

/// The file that names the environments, if there is one.
fn file(said: Option<&Path>) -> Option<PathBuf> {
    if let Some(said) = said {
        return Some(said.to_owned());
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let own = home.map(|home| home.join("towpath").join(FILE));
    [Some(PathBuf::from(FILE)), own].into_iter().flatten().find(|path| path.is_file())
}
