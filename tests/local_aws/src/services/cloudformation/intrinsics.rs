//! The intrinsic functions.

use super::parameters::text;
use super::template::{Template, invalid};
use crate::error::AwsError;
use crate::names::AccountId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How deeply conditions may refer to one another.
const CONDITION_DEPTH_MAX: usize = 32;

/// The functions that a value may call.
const FUNCTIONS: [&str; 9] = [
    "Fn::FindInMap",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Ref",
];

/// What a resource is known by, once it is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Identity {
    /// What `Ref` gives.
    pub(super) physical_id: String,
    /// What `Fn::GetAtt` gives.
    pub(super) attributes: BTreeMap<String, String>,
}

/// Where a stack lies.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) region: String,
    pub(super) stack_name: String,
    pub(super) stack_id: String,
    /// The exports of the account's stacks.
    pub(super) exports: BTreeMap<String, String>,
}

/// Everything that a template can refer to.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) template: &'a Template,
    pub(super) parameters: &'a BTreeMap<String, String>,
    pub(super) place: &'a Place,
    /// Resources that are there already.
    pub(super) resources: BTreeMap<String, Identity>,
    /// Exports that were used.
    pub(super) imported: std::collections::BTreeSet<String>,
}

impl Scope<'_> {
    /// The value with all functions carried out; `None` for `AWS::NoValue`.
    ///
    /// # Errors
    /// `ValidationError` for what cannot be resolved, `NotInLocalAws` for a function that is not done here.
    pub(super) fn evaluate(&mut self, value: &Value) -> Result<Option<Value>, AwsError> {
        match value {
            Value::Array(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.extend(self.evaluate(item)?);
                }
                Ok(Some(Value::Array(list)))
            }
            Value::Object(members) => match function_of(members) {
                Some((name, argument)) => self.function(name, argument),
                None => {
                    let mut map = Map::new();
                    for (name, member) in members {
                        if let Some(value) = self.evaluate(member)? {
                            map.insert(name.clone(), value);
                        }
                    }
                    Ok(Some(Value::Object(map)))
                }
            },
            scalar => Ok(Some(scalar.clone())),
        }
    }

    /// As [`Scope::evaluate`], where there must be a scalar.
    pub(super) fn evaluate_text(&mut self, value: &Value) -> Result<String, AwsError> {
        match self.evaluate(value)? {
            Some(scalar @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Ok(text(&scalar)),
            other => Err(invalid(&format!("expected a string, not {}", other.unwrap_or(Value::Null)))),
        }
    }

    fn function(&mut self, name: &str, argument: &Value) -> Result<Option<Value>, AwsError> {
        let value = match name {
            "Ref" => {
                let target = text(argument);
                if target == "AWS::NoValue" {
                    return Ok(None);
                }
                self.reference(&target)?
            }
            "Fn::GetAtt" => self.attribute(argument)?,
            "Fn::Sub" => Value::String(self.substitute(argument)?),
            "Fn::Join" => {
                let [delimiter, list] = two(name, argument)?;
                let delimiter = self.evaluate_text(delimiter)?;
                let mut parts = Vec::new();
                for item in self.list(name, list)? {
                    parts.push(text(&item));
                }
                Value::String(parts.join(&delimiter))
            }
            "Fn::Split" => {
                let [delimiter, source] = two(name, argument)?;
                let (delimiter, source) = (self.evaluate_text(delimiter)?, self.evaluate_text(source)?);
                source.split(delimiter.as_str()).map(Value::from).collect()
            }
            "Fn::Select" => {
                let [index, list] = two(name, argument)?;
                let index = self.evaluate_text(index)?;
                let list = self.list(name, list)?;
                let selected = index.parse::<usize>().ok().and_then(|index| list.get(index).cloned());
                selected.ok_or_else(|| {
                    invalid(&format!("Fn::Select cannot select {index} of {} items", list.len()))
                })?
            }
            "Fn::If" => {
                let [condition, then, otherwise] = three(name, argument)?;
                let holds = self.condition(&text(condition), 0)?;
                return self.evaluate(if holds { then } else { otherwise });
            }
            "Fn::ImportValue" => {
                let export = self.evaluate_text(argument)?;
                let value = self.place.exports.get(&export).cloned();
                self.imported.insert(export.clone());
                Value::String(value.ok_or_else(|| {
                    AwsError::new(
                        "ValidationError",
                        format!("No export named {export} found. Rollback requested by user."),
                    )
                })?)
            }
            "Fn::FindInMap" => {
                let [map, first, second] = three(name, argument)?;
                let path =
                    [self.evaluate_text(map)?, self.evaluate_text(first)?, self.evaluate_text(second)?];
                let found = path
                    .iter()
                    .try_fold(None, |at: Option<&Value>, key| {
                        at.map_or_else(|| self.template.mappings.get(key), |at| at.get(key)).map(Some)
                    })
                    .flatten();
                found
                    .cloned()
                    .ok_or_else(|| invalid(&format!("Unable to get mapping for {}", path.join("::"))))?
            }
            other => {
                return Err(AwsError::not_in_local_aws(format!("the function {other} in a template here")));
            }
        };
        Ok(Some(value))
    }

    fn list(&mut self, name: &str, value: &Value) -> Result<Vec<Value>, AwsError> {
        match self.evaluate(value)? {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(invalid(&format!("{name} needs a list"))),
        }
    }

    fn reference(&self, target: &str) -> Result<Value, AwsError> {
        if let Some(value) = self.parameters.get(target) {
            let declared = self.template.parameters.get(target);
            return Ok(if declared.is_some_and(|declared| declared.kind == "CommaDelimitedList") {
                value.split(',').map(|item| Value::from(item.trim())).collect()
            } else {
                Value::from(value.as_str())
            });
        }
        let pseudo = match target {
            "AWS::AccountId" => Some(self.place.account.as_str()),
            "AWS::Region" => Some(self.place.region.as_str()),
            "AWS::StackName" => Some(self.place.stack_name.as_str()),
            "AWS::StackId" => Some(self.place.stack_id.as_str()),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => self.resources.get(target).map(|resource| resource.physical_id.as_str()),
        };
        pseudo.map(Value::from).ok_or_else(|| unresolved(target))
    }

    fn attribute(&mut self, argument: &Value) -> Result<Value, AwsError> {
        let (id, name) = match argument {
            Value::String(path) => {
                let (id, name) =
                    path.split_once('.').ok_or_else(|| invalid("Fn::GetAtt needs Id.Attribute"))?;
                (id.to_owned(), name.to_owned())
            }
            list => {
                let [id, name] = two("Fn::GetAtt", list)?;
                (text(id), self.evaluate_text(name)?)
            }
        };
        let resource = self.resources.get(&id).ok_or_else(|| unresolved(&id))?;
        resource
            .attributes
            .get(&name)
            .map(|value| Value::from(value.as_str()))
            .ok_or_else(|| AwsError::not_in_local_aws(format!("the attribute {name} of {id}")))
    }

    fn substitute(&mut self, argument: &Value) -> Result<String, AwsError> {
        let (pattern, own) = match argument {
            Value::String(pattern) => (pattern.clone(), Map::new()),
            list => {
                let [pattern, own] = two("Fn::Sub", list)?;
                (text(pattern), own.as_object().cloned().unwrap_or_default())
            }
        };
        let mut result = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}').ok_or_else(|| invalid("Fn::Sub has a ${ without }"))?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match own.get(name) {
                Some(value) => self.evaluate_text(value)?,
                None if name.contains('.') => text(&self.attribute(&Value::from(name))?),
                None => text(&self.reference(name)?),
            };
            result.push_str(&value);
        }
        result.push_str(rest);
        Ok(result)
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&mut self, name: &str, depth: usize) -> Result<bool, AwsError> {
        let template = self.template;
        let definition = template
            .conditions
            .get(name)
            .filter(|_| depth < CONDITION_DEPTH_MAX)
            .ok_or_else(|| invalid(&format!("unresolved condition dependency {name}")))?;
        self.holds(definition, depth + 1)
    }

    fn holds(&mut self, definition: &Value, depth: usize) -> Result<bool, AwsError> {
        let Some((name, argument)) = definition.as_object().and_then(function_of) else {
            return Err(invalid(&format!("{definition} is not a condition")));
        };
        match name {
            "Condition" => self.condition(&text(argument), depth),
            "Fn::Equals" => {
                let [left, right] = two(name, argument)?;
                Ok(self.evaluate_text(left)? == self.evaluate_text(right)?)
            }
            "Fn::Not" => match argument.as_array().map(Vec::as_slice) {
                Some([condition]) => Ok(!self.holds(condition, depth)?),
                _ => Err(invalid("Fn::Not needs one condition")),
            },
            "Fn::And" | "Fn::Or" => {
                let conditions = argument.as_array().filter(|list| (2..=10).contains(&list.len()));
                let conditions =
                    conditions.ok_or_else(|| invalid(&format!("{name} needs 2 to 10 conditions")))?;
                let mut held = 0;
                for condition in conditions {
                    held += usize::from(self.holds(condition, depth)?);
                }
                Ok(if name == "Fn::And" { held == conditions.len() } else { held > 0 })
            }
            other => Err(invalid(&format!("{other} is not allowed in a condition"))),
        }
    }
}

/// The function that an object calls, if it is a call.
pub(super) fn function_of(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    // In a policy document, `Condition` holds an object and is no function.
    let calls = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    calls.then_some((name.as_str(), argument))
}

/// Refuses a function that is not done here, wherever in the value it stands.
///
/// # Errors
/// `NotInLocalAws`.
pub(super) fn check_functions(value: &Value) -> Result<(), AwsError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_functions),
        Value::Object(members) => {
            if let Some((name, _)) = function_of(members).filter(|(name, _)| !FUNCTIONS.contains(name)) {
                return Err(AwsError::not_in_local_aws(format!("the function {name} in a template here")));
            }
            members.values().try_for_each(check_functions)
        }
        _ => Ok(()),
    }
}

/// The logical ids, parameters and pseudo parameters that a value refers to.
pub(super) fn references(value: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => match function_of(members) {
            Some(("Ref", target)) => {
                found.insert(text(target));
            }
            Some(("Fn::GetAtt", Value::String(path))) => {
                found.extend(path.split('.').next().map(str::to_owned));
            }
            Some(("Fn::GetAtt", list)) => found.extend(list.get(0).map(text)),
            Some(("Fn::Sub", argument)) => {
                let own = argument.get(1).and_then(Value::as_object).cloned().unwrap_or_default();
                let pattern = argument.as_str().map(str::to_owned).or_else(|| argument.get(0).map(text));
                for part in pattern.unwrap_or_default().split("${").skip(1) {
                    let name = part.split(['}', '.']).next().unwrap_or_default();
                    if !name.starts_with('!') && !own.contains_key(name) {
                        found.insert(name.to_owned());
                    }
                }
                own.values().for_each(|value| references(value, found));
            }
            _ => members.values().for_each(|member| references(member, found)),
        },
        _ => {}
    }
}

fn two<'a>(name: &str, argument: &'a Value) -> Result<[&'a Value; 2], AwsError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([first, second]) => Ok([first, second]),
        _ => Err(invalid(&format!("{name} needs two arguments"))),
    }
}

fn three<'a>(name: &str, argument: &'a Value) -> Result<[&'a Value; 3], AwsError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([first, second, third]) => Ok([first, second, third]),
        _ => Err(invalid(&format!("{name} needs three arguments"))),
    }
}

fn unresolved(target: &str) -> AwsError {
    invalid(&format!("Unresolved resource dependencies [{target}] in the Resources block of the template"))
}
