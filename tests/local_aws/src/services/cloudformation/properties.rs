//! A resource's properties as its handler takes them, one by one: what is left over at the end is refused by
//! name.

use super::parameters::text;
use crate::error::AwsError;
use serde_json::{Map, Value};

/// Properties that are being taken.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    of: String,
    members: Map<String, Value>,
}

impl Properties {
    /// The properties of a resource or of a part of it; `of` names it in errors.
    pub(super) fn new(of: &str, members: Map<String, Value>) -> Self {
        Self { of: of.to_owned(), members }
    }

    /// The properties in a value that must be an object.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn of_value(of: &str, value: Value) -> Result<Self, AwsError> {
        match value {
            Value::Object(members) => Ok(Self::new(of, members)),
            other => Err(refused(of, &format!("is {other}; expected properties"))),
        }
    }

    /// A property of any type.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// A string; numbers and flags are taken as their text.
    ///
    /// # Errors
    /// For a list or an object.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, AwsError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(_) | Value::Object(_)) => Err(self.wrong(name, "a string")),
            Some(scalar) => Ok(Some(text(&scalar))),
        }
    }

    /// A string that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn required(&mut self, name: &str) -> Result<String, AwsError> {
        self.text(name)?.ok_or_else(|| refused(&self.of, &format!("has no {name}")))
    }

    /// A whole number, or the text of one.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<i64>, AwsError> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        value.parse().map(Some).map_err(|_| self.wrong(name, "a whole number"))
    }

    /// A flag, or the text of one.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, AwsError> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        value.parse().map(Some).map_err(|_| self.wrong(name, "true or false"))
    }

    /// A list; empty when it is not there.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, AwsError> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(name, "a list")),
        }
    }

    /// A list of strings; empty when it is not there.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, AwsError> {
        Ok(self.list(name)?.iter().map(text).collect())
    }

    /// Properties within the properties; none when they are not there.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Self>, AwsError> {
        let of = format!("{}.{name}", self.of);
        self.value(name).map(|value| Self::of_value(&of, value)).transpose()
    }

    /// The names of properties that were not taken yet.
    pub(super) fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// Ends the taking.
    ///
    /// # Errors
    /// `NotInLocalAws` for a property that nobody took.
    pub(super) fn finish(self) -> Result<(), AwsError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(AwsError::not_in_local_aws(format!("the property {name} of {}", self.of))),
        }
    }

    fn wrong(&self, name: &str, expected: &str) -> AwsError {
        refused(&self.of, &format!("has a wrong {name}: expected {expected}"))
    }
}

fn refused(of: &str, what: &str) -> AwsError {
    AwsError::new("ValidationError", format!("Properties validation failed: {of} {what}"))
}
