//! In which order resources are made: each after what it refers to.

use super::intrinsics::{Scope, function_of, references};
use super::template::{Resource, invalid};
use crate::error::AwsError;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The logical ids of the resources whose condition holds, each after those that it depends on, else by name.
///
/// # Errors
/// `ValidationError` for a circle, or for something that is not in the template.
pub(super) fn order(
    scope: &mut Scope<'_>,
    resources: &BTreeMap<String, Resource>,
) -> Result<Vec<String>, AwsError> {
    let mut waiting: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for (id, resource) in resources {
        let wanted = match &resource.condition {
            Some(condition) => scope.condition(condition, 0)?,
            None => true,
        };
        if !wanted {
            left_out.insert(id.clone());
            continue;
        }
        let mut needed = BTreeSet::new();
        for property in resource.properties.values() {
            references(&without_branches(scope, property)?, &mut needed);
        }
        for target in &needed {
            if !resources.contains_key(target) && !is_value(scope, target) {
                return Err(invalid(&format!(
                    "Unresolved resource dependencies [{target}] in the Resources block of the template"
                )));
            }
        }
        needed.extend(resource.depends_on.ids().iter().cloned());
        needed.retain(|target| resources.contains_key(target));
        waiting.insert(id.clone(), needed);
    }
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .find(|(_, needed)| needed.iter().all(|target| !waiting.contains_key(target)))
            .map(|(id, _)| id.clone());
        let Some(id) = ready else {
            let circle: Vec<&str> = waiting.keys().map(String::as_str).collect();
            return Err(invalid(&format!("Circular dependency between resources: [{}]", circle.join(", "))));
        };
        waiting.remove(&id);
        ordered.push(id);
    }
    Ok(ordered)
}

fn is_value(scope: &Scope<'_>, target: &str) -> bool {
    target.starts_with("AWS::") || scope.parameters.contains_key(target)
}

/// The value with only the branches of `Fn::If` that are taken.
fn without_branches(scope: &mut Scope<'_>, value: &Value) -> Result<Value, AwsError> {
    match value {
        Value::Array(items) => items.iter().map(|item| without_branches(scope, item)).collect(),
        Value::Object(members) => {
            if let Some(("Fn::If", argument)) = function_of(members)
                && let Some([condition, then, otherwise]) = argument.as_array().map(Vec::as_slice)
            {
                let holds = scope.condition(condition.as_str().unwrap_or_default(), 0)?;
                return without_branches(scope, if holds { then } else { otherwise });
            }
            let mut kept = serde_json::Map::new();
            for (name, member) in members {
                kept.insert(name.clone(), without_branches(scope, member)?);
            }
            Ok(Value::Object(kept))
        }
        scalar => Ok(scalar.clone()),
    }
}
