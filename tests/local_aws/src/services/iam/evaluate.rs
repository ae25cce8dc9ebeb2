//! Whether documents let a request pass: an explicit deny wins, then an explicit allow, else no.

use super::document::{Document, Effect, Statement};
use super::principals::{self, Named};
use super::{conditions, wildcard};
use crate::caller::Caller;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) context: &'a [(&'a str, &'a str)],
}

/// What the documents say to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Decision {
    /// Nothing: an implicit deny.
    NotMentioned,
    /// Yes.
    Allowed,
    /// No, in so many words.
    Denied,
}

/// The decision of policies attached to the caller.
pub(super) fn identity<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    request: Request<'_>,
) -> Decision {
    documents
        .into_iter()
        .flat_map(|document| &document.statement)
        .filter(|statement| {
            matches_request(statement, request) && matches_resource(statement, request.resource)
        })
        .map(decision)
        .max()
        .unwrap_or(Decision::NotMentioned)
}

/// The decision of a resource's policy.
pub(super) fn resource(document: &Document, caller: &Caller, request: Request<'_>) -> Decision {
    speaking_of(document, caller)
        .filter(|(statement, _)| {
            matches_request(statement, request) && matches_resource(statement, request.resource)
        })
        .map(|(statement, _)| decision(statement))
        .max()
        .unwrap_or(Decision::NotMentioned)
}

/// The decision of a role's trust, and how closely the statement that allows it names the caller.
pub(super) fn trust(document: &Document, caller: &Caller, request: Request<'_>) -> (Decision, Option<Named>) {
    speaking_of(document, caller)
        .filter(|(statement, _)| matches_request(statement, request))
        .map(|(statement, named)| (decision(statement), Some(named)))
        .max()
        .unwrap_or((Decision::NotMentioned, None))
}

fn speaking_of<'a>(
    document: &'a Document,
    caller: &'a Caller,
) -> impl Iterator<Item = (&'a Statement, Named)> {
    document.statement.iter().filter_map(|statement| {
        let named = principals::names(statement.principal.as_ref()?, caller)?;
        Some((statement, named))
    })
}

fn decision(statement: &Statement) -> Decision {
    match statement.effect {
        Effect::Allow => Decision::Allowed,
        Effect::Deny => Decision::Denied,
    }
}

fn matches_request(statement: &Statement, request: Request<'_>) -> bool {
    let action = request.action.to_ascii_lowercase();
    let one_of = |patterns: &[String]| {
        patterns.iter().any(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &action))
    };
    let action_fits =
        if statement.action.is_empty() { !one_of(&statement.not_action) } else { one_of(&statement.action) };
    action_fits && conditions::hold(&statement.condition, request.context)
}

/// A statement without resources (an image repository's policy) speaks of the resource it is attached to.
fn matches_resource(statement: &Statement, resource: &str) -> bool {
    if statement.resource.is_empty() && statement.not_resource.is_empty() {
        return true;
    }
    let one_of =
        |patterns: &[String]| patterns.iter().any(|pattern| wildcard::matches_arn(pattern, resource));
    if statement.resource.is_empty() { !one_of(&statement.not_resource) } else { one_of(&statement.resource) }
}
