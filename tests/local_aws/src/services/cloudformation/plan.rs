//! What a request comes to before anything is done: the template with its parameters, transformed and ordered.

use super::intrinsics::{Place, Scope, check_functions};
use super::parameters::{self, Parameter};
use super::template::{Resource, Template};
use super::{order, resources, sam};
use crate::error::AwsError;
use std::collections::{BTreeMap, BTreeSet};

/// A template and its parameters, ready to be carried out.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) text: String,
    pub(super) template: Template,
    pub(super) parameters: BTreeMap<String, String>,
    /// After the transform.
    pub(super) resources: BTreeMap<String, Resource>,
}

impl Plan {
    /// Reads and checks everything that can be checked without touching a resource.
    ///
    /// # Errors
    /// What the template or the parameters do wrong, or what is not done here.
    pub(super) fn new(
        text: &str,
        given: &[Parameter],
        previous: Option<&BTreeMap<String, String>>,
    ) -> Result<Self, AwsError> {
        let template = Template::parse(text)?;
        let parameters = parameters::resolve(&template, given, previous)?;
        let resources =
            if template.is_serverless() { sam::transform(&template)? } else { template.resources.clone() };
        for (id, resource) in &resources {
            resources::check_kind(id, &resource.kind)?;
            resource.properties.values().try_for_each(check_functions)?;
        }
        Ok(Self { text: text.to_owned(), template, parameters, resources })
    }

    /// What the template can refer to, before any resource is there.
    pub(super) fn scope<'a>(&'a self, place: &'a Place) -> Scope<'a> {
        Scope {
            template: &self.template,
            parameters: &self.parameters,
            place,
            resources: BTreeMap::new(),
            imported: BTreeSet::new(),
        }
    }

    /// The logical ids in the order in which they are made.
    ///
    /// # Errors
    /// As [`order::order`].
    pub(super) fn order(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, AwsError> {
        order::order(scope, &self.resources)
    }

    /// Refuses what could only fail later: circles, and references to nothing.
    ///
    /// # Errors
    /// As [`order::order`].
    pub(super) fn check_order(&self, place: &Place) -> Result<(), AwsError> {
        self.order(&mut self.scope(place)).map(|_| ())
    }

    /// Refuses when a capability that the template needs was not acknowledged. A change set shows what a
    /// transform makes before it is carried out, so it needs none for that.
    ///
    /// # Errors
    /// `InsufficientCapabilitiesException`.
    pub(super) fn check_capabilities(&self, given: &[String], directly: bool) -> Result<(), AwsError> {
        let has = |capability: &str| given.iter().any(|given| given == capability);
        let needed =
            capabilities(&self.resources).filter(|needed| !has(needed) && !has("CAPABILITY_NAMED_IAM"));
        let expands = directly && self.template.is_serverless() && !has("CAPABILITY_AUTO_EXPAND");
        let Some(needed) = needed.or(expands.then_some("CAPABILITY_AUTO_EXPAND")) else { return Ok(()) };
        Err(AwsError::new("InsufficientCapabilitiesException", format!("Requires capabilities : [{needed}]")))
    }

    /// Parameters whose values are not to be shown.
    pub(super) fn hidden(&self) -> BTreeSet<String> {
        let hidden = self.template.parameters.iter().filter(|(_, declared)| declared.no_echo == Some(true));
        hidden.map(|(key, _)| key.clone()).collect()
    }

    /// What carrying this out would change: `(action, logical id, type)`, by logical id.
    pub(super) fn changes_from(&self, before: Option<&Self>) -> Vec<(&'static str, String, String)> {
        let empty = BTreeMap::new();
        let old = before.map_or(&empty, |before| &before.resources);
        let changed_parameters: BTreeSet<&String> = self
            .parameters
            .iter()
            .filter(|(key, value)| before.is_some_and(|before| before.parameters.get(*key) != Some(value)))
            .map(|(key, _)| key)
            .collect();
        let mut changes = Vec::new();
        for (id, resource) in &self.resources {
            let mut refers = BTreeSet::new();
            for property in resource.properties.values() {
                super::intrinsics::references(property, &mut refers);
            }
            let touched = refers.iter().any(|target| changed_parameters.contains(target));
            match old.get(id) {
                None => changes.push(("Add", id.clone(), resource.kind.clone())),
                Some(there) if there != resource || touched => {
                    changes.push(("Modify", id.clone(), resource.kind.clone()));
                }
                Some(_) => {}
            }
        }
        for (id, resource) in old.iter().filter(|(id, _)| !self.resources.contains_key(*id)) {
            changes.push(("Remove", id.clone(), resource.kind.clone()));
        }
        changes
    }

    /// Whether it says the same as another plan.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        let outputs = |plan: &Self| {
            serde_json::json!(plan.template.conditions).to_string() + &format!("{:?}", plan.template.outputs)
        };
        self.resources == other.resources
            && self.parameters == other.parameters
            && outputs(self) == outputs(other)
    }
}

/// What must be acknowledged for these resources: whether roles are made, and whether under names of their own.
pub(super) fn capabilities(resources: &BTreeMap<String, Resource>) -> Option<&'static str> {
    let mut grants = resources.values().filter(|resource| {
        matches!(resource.kind.as_str(), "AWS::IAM::Role" | "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy")
    });
    let named = |resource: &Resource| {
        resource.properties.contains_key("RoleName") || resource.properties.contains_key("ManagedPolicyName")
    };
    let first = grants.next()?;
    let any_named = named(first) || grants.any(named);
    Some(if any_named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" })
}
