//! From the tree to the rules: every key is known by name, every value by its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::conditions::duration;
use super::tree::{self, Node, Value};
use super::{
    Application, Approval, Conditions, ContainerRules, MissingRepositories, OnFailure, Policy, Promote,
    RuleError, RuleProblem, RulesFile, ServiceRules, TagPattern, VersionRange,
};
use crate::names::{BranchName, InvalidName, ServiceId};
use crate::text::shown;

const VERSION: &str = "1";
const DEFAULT_BRANCH: &str = "main";

pub(super) fn rules(bytes: &[u8]) -> Result<RulesFile, RuleError> {
    let document = tree::parse(bytes)?;
    let fields = Fields::of(&document, "delivery.yaml", &["version", "services", "create-repositories"])?;
    let (version, line) = fields.required("version")?.text("version", "1")?;
    if version != VERSION {
        return Err(wrong("version", shown(version), "1").at(line));
    }
    let mut rules = RulesFile {
        missing_repositories: fields
            .optional("create-repositories")
            .map_or(Ok(MissingRepositories::Refuse), switch)?,
        ..RulesFile::default()
    };
    let Some(services) = fields.optional("services") else { return Ok(rules) };
    let mut seen = BTreeSet::new();
    for (key, value) in services.map("services", "a map of <cluster>/<service> to rules")? {
        let service = match key.text("service", "<cluster>/<service>").and_then(name(ServiceId::parse)) {
            Ok(service) => service,
            Err(error) => {
                rules.invalid.push(error);
                continue;
            }
        };
        let read = if seen.insert(service.clone()) {
            service_rules(value)
        } else {
            Err(RuleProblem::Duplicate(shown(&service.to_string())).at(key.line))
        };
        rules.services.insert(service, read);
    }
    Ok(rules)
}

fn service_rules(node: &Node) -> Result<ServiceRules, RuleError> {
    let keys = ["application", "branch", "containers", "promote", "on_failure", "pipeline"];
    let fields = Fields::of(node, "a service", &keys)?;
    let application = application(&fields)?;
    let mut containers = BTreeMap::new();
    let listed = fields.required("containers")?;
    for (key, value) in listed.map("containers", "a map of container names to rules")? {
        let container = key.name("container name")?;
        if containers.insert(container, container_rules(value)?).is_some() {
            return Err(RuleProblem::Duplicate(key.shown()).at(key.line));
        }
    }
    if containers.is_empty() {
        return Err(wrong("containers", "empty".to_owned(), "at least one container").at(listed.line));
    }
    if application.is_none() && containers.values().any(|container| container.select == Policy::Commit) {
        return Err(RuleProblem::CommitWithoutApplication.at(node.line));
    }
    Ok(ServiceRules {
        application,
        containers,
        promote: fields.optional("promote").map(promote).transpose()?,
        on_failure: fields.optional("on_failure").map_or(Ok(OnFailure::default()), on_failure)?,
        pipeline: fields.optional("pipeline").map(|node| node.name("pipeline name")).transpose()?,
    })
}

fn application(fields: &Fields<'_>) -> Result<Option<Application>, RuleError> {
    let branch = fields.optional("branch");
    let Some(repository) = fields.optional("application") else {
        return match branch {
            None => Ok(None),
            Some(branch) => {
                Err(RuleProblem::Missing { key: "application", place: "a service" }.at(branch.line))
            }
        };
    };
    let branch = match branch {
        Some(branch) => branch.name("branch name")?,
        None => {
            BranchName::parse(DEFAULT_BRANCH).map_err(|error| RuleProblem::Name(error).at(repository.line))?
        }
    };
    Ok(Some(Application { repository: repository.name("repository name")?, branch }))
}

fn container_rules(node: &Node) -> Result<ContainerRules, RuleError> {
    let fields = Fields::of(
        node,
        "a container",
        &["repository", "select", "allow", "ignore", "minimum_age", "platform", "from"],
    )?;
    Ok(ContainerRules {
        repository: fields.required("repository")?.name("image repository name")?,
        select: policy(fields.required("select")?)?,
        conditions: Conditions {
            allow: fields.optional("allow").map(|node| pattern("allow", node)).transpose()?,
            ignore: fields.optional("ignore").map(|node| pattern("ignore", node)).transpose()?,
            platform: fields.optional("platform").map(|node| node.name("platform")).transpose()?,
            minimum_age: fields.optional("minimum_age").map(minimum_age).transpose()?.unwrap_or_default(),
        },
        from: fields.optional("from").map(|node| node.name("image repository name")).transpose()?,
    })
}

fn policy(node: &Node) -> Result<Policy, RuleError> {
    const EXPECTED: &str = "commit, newest, newest: \"<regex>\", semver: \"<range>\" or manual";
    if let Value::Map(pairs) = &node.value {
        let fields = Fields::of(node, "select", &["newest", "semver"])?;
        if pairs.len() != 1 {
            return Err(wrong("select", "more or less than one policy".to_owned(), EXPECTED).at(node.line));
        }
        if let Some(newest) = fields.optional("newest") {
            return pattern("newest", newest).map(Policy::Newest);
        }
        let (text, line) = fields.required("semver")?.text("semver", "a range of versions")?;
        let problem = || wrong("semver", shown(text), "a range of versions such as \">=1.29, <2\"");
        return VersionRange::parse(text).map(Policy::Semver).ok_or_else(|| problem().at(line));
    }
    let (text, line) = node.text("select", EXPECTED)?;
    let policy = match text {
        "commit" => Some(Policy::Commit),
        "newest" => Some(Policy::Newest(TagPattern::commit_ids())),
        "manual" => Some(Policy::Manual),
        _ => None,
    };
    policy.ok_or_else(|| wrong("select", shown(text), EXPECTED).at(line))
}

fn pattern(key: &'static str, node: &Node) -> Result<TagPattern, RuleError> {
    let (text, line) = node.text(key, "a regular expression")?;
    let problem = || wrong(key, shown(text), "a regular expression, matched against the whole tag");
    TagPattern::parse(text).ok_or_else(|| problem().at(line))
}

fn minimum_age(node: &Node) -> Result<Duration, RuleError> {
    const EXPECTED: &str = "a number of seconds, minutes, hours or days, such as 90s, 30m, 12h or 7d";
    let (text, line) = node.text("minimum_age", EXPECTED)?;
    duration(text).ok_or_else(|| wrong("minimum_age", shown(text), EXPECTED).at(line))
}

fn promote(node: &Node) -> Result<Promote, RuleError> {
    let fields = Fields::of(node, "promote", &["approve", "from"])?;
    let approve = fields.required("approve")?;
    let approve = match &approve.value {
        Value::List(nodes) if !nodes.is_empty() => nodes.iter().map(approval).collect::<Result<_, _>>()?,
        _ => BTreeSet::from([approval(approve)?]),
    };
    Ok(Promote { approve, from: fields.optional("from").map(|node| node.name("service")).transpose()? })
}

fn approval(node: &Node) -> Result<Approval, RuleError> {
    const EXPECTED: &str = "push, tag, verified or a list of these";
    match node.text("approve", EXPECTED)? {
        ("push", _) => Ok(Approval::Push),
        ("tag", _) => Ok(Approval::Tag),
        ("verified", _) => Ok(Approval::Verified),
        (other, line) => Err(wrong("approve", shown(other), EXPECTED).at(line)),
    }
}

fn on_failure(node: &Node) -> Result<OnFailure, RuleError> {
    const EXPECTED: &str = "revert, hold or notify";
    match node.text("on_failure", EXPECTED)? {
        ("revert", _) => Ok(OnFailure::Revert),
        ("hold", _) => Ok(OnFailure::Hold),
        ("notify", _) => Ok(OnFailure::Notify),
        (other, line) => Err(wrong("on_failure", shown(other), EXPECTED).at(line)),
    }
}

fn switch(node: &Node) -> Result<MissingRepositories, RuleError> {
    const EXPECTED: &str = "true or false";
    match node.text("create-repositories", EXPECTED)? {
        ("true", _) => Ok(MissingRepositories::Create),
        ("false", _) => Ok(MissingRepositories::Refuse),
        (other, line) => Err(wrong("create-repositories", shown(other), EXPECTED).at(line)),
    }
}

fn wrong(what: &'static str, found: String, expected: &'static str) -> RuleProblem {
    RuleProblem::Wrong { what, found, expected }
}

/// Parses the text of a line as a name.
fn name<T>(parse: fn(&str) -> Result<T, InvalidName>) -> impl Fn((&str, usize)) -> Result<T, RuleError> {
    move |(text, line)| parse(text).map_err(|error| RuleProblem::Name(error).at(line))
}

impl Node {
    /// The text, with its line.
    fn text(&self, what: &'static str, expected: &'static str) -> Result<(&str, usize), RuleError> {
        match &self.value {
            Value::Text(text) => Ok((text, self.line)),
            Value::Nothing | Value::List(_) | Value::Map(_) => {
                Err(wrong(what, self.shown(), expected).at(self.line))
            }
        }
    }

    fn map(&self, what: &'static str, expected: &'static str) -> Result<&[(Node, Node)], RuleError> {
        match &self.value {
            Value::Map(pairs) => Ok(pairs),
            Value::Nothing | Value::Text(_) | Value::List(_) => {
                Err(wrong(what, self.shown(), expected).at(self.line))
            }
        }
    }

    fn name<T: std::str::FromStr<Err = InvalidName>>(&self, what: &'static str) -> Result<T, RuleError> {
        let (text, line) = self.text(what, "a text")?;
        text.parse().map_err(|error| RuleProblem::Name(error).at(line))
    }

    fn shown(&self) -> String {
        match &self.value {
            Value::Nothing => "empty".to_owned(),
            Value::Text(text) => shown(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// A map whose keys are all known, each there once.
struct Fields<'a> {
    place: &'static str,
    line: usize,
    pairs: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    fn of(node: &'a Node, place: &'static str, keys: &[&str]) -> Result<Self, RuleError> {
        let mut pairs: Vec<(&str, &Node)> = Vec::new();
        for (key, value) in node.map(place, "a map of keys and values")? {
            let text = match &key.value {
                Value::Text(text) if keys.contains(&text.as_str()) => text.as_str(),
                _ => {
                    let expected = keys.join(", ");
                    return Err(RuleProblem::UnknownKey { key: key.shown(), place, expected }.at(key.line));
                }
            };
            if pairs.iter().any(|(other, _)| *other == text) {
                return Err(RuleProblem::Duplicate(key.shown()).at(key.line));
            }
            pairs.push((text, value));
        }
        Ok(Self { place, line: node.line, pairs })
    }

    fn optional(&self, key: &str) -> Option<&'a Node> {
        self.pairs.iter().find(|(other, _)| *other == key).map(|(_, node)| *node)
    }

    fn required(&self, key: &'static str) -> Result<&'a Node, RuleError> {
        self.optional(key).ok_or_else(|| RuleProblem::Missing { key, place: self.place }.at(self.line))
    }
}
