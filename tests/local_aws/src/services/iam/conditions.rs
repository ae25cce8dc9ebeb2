//! The `Condition` element.

use super::document::{Values, malformed, no_variable};
use super::wildcard;
use crate::error::AwsError;
use std::collections::BTreeMap;

/// How one value of a policy is compared with one value of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    /// `ArnEquals` and `ArnLike` are the same to AWS.
    Arn,
    Bool,
    Null,
}

/// Which of a request's values must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Any,
    All,
}

/// An operator's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    comparison: Comparison,
    negated: bool,
    if_exists: bool,
    quantifier: Quantifier,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return None,
            None => (Quantifier::Any, name),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let (comparison, negated) = match rest {
            "StringEquals" => (Comparison::StringEquals, false),
            "StringNotEquals" => (Comparison::StringEquals, true),
            "StringEqualsIgnoreCase" => (Comparison::StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::StringEqualsIgnoreCase, true),
            "StringLike" => (Comparison::StringLike, false),
            "StringNotLike" => (Comparison::StringLike, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Bool" => (Comparison::Bool, false),
            "Null" if !if_exists => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { comparison, negated, if_exists, quantifier })
    }

    /// Several values of the policy are alternatives, or, negated, all of them are ruled out. An absent key
    /// fits no comparison, so it satisfies only a negated one, an `IfExists` and `ForAllValues`.
    fn holds(self, wanted: &[String], found: &[&str]) -> bool {
        if self.comparison == Comparison::Null {
            return wanted.iter().any(|wanted| (wanted == "true") == found.is_empty());
        }
        if found.is_empty() {
            return self.negated || self.if_exists || self.quantifier == Quantifier::All;
        }
        let fits = |found: &&str| {
            wanted.iter().any(|wanted| compare(self.comparison, wanted, found)) != self.negated
        };
        match self.quantifier {
            Quantifier::Any => found.iter().any(fits),
            Quantifier::All => found.iter().all(fits),
        }
    }
}

fn compare(comparison: Comparison, wanted: &str, found: &str) -> bool {
    match comparison {
        Comparison::StringEquals => wanted == found,
        Comparison::StringEqualsIgnoreCase | Comparison::Bool => wanted.eq_ignore_ascii_case(found),
        Comparison::StringLike => wildcard::matches(wanted, found),
        Comparison::Arn => wildcard::matches_arn(wanted, found),
        Comparison::Null => false,
    }
}

/// Refuses operators and keys that would not be judged.
pub(super) fn check(
    conditions: &BTreeMap<String, BTreeMap<String, Values>>,
    known_keys: &[&str],
) -> Result<(), AwsError> {
    for (name, keys) in conditions {
        if Operator::parse(name).is_none() {
            return Err(AwsError::not_in_local_aws(format!("the condition operator {name}")));
        }
        for (key, values) in keys {
            if !known_keys.iter().any(|known| is_key(known, key)) {
                return Err(AwsError::not_in_local_aws(format!("the condition key {key}")));
            }
            if values.texts().next().is_none() {
                return Err(malformed(&format!("the condition key {key} has no value")));
            }
            values.texts().try_for_each(|value| no_variable(&value))?;
        }
    }
    Ok(())
}

/// Whether a key is the known one; a known key that ends in `*` stands for those of all tags.
fn is_key(known: &str, key: &str) -> bool {
    match known.strip_suffix('*') {
        Some(prefix) => {
            let (start, tag) = key.split_at_checked(prefix.len()).unwrap_or((key, ""));
            start.eq_ignore_ascii_case(prefix) && !tag.is_empty()
        }
        None => known.eq_ignore_ascii_case(key),
    }
}

/// Whether all conditions of a statement hold for a request with these keys; a key may come several times.
pub(super) fn hold(
    conditions: &BTreeMap<String, BTreeMap<String, Values>>,
    context: &[(&str, &str)],
) -> bool {
    conditions.iter().all(|(name, keys)| {
        let Some(operator) = Operator::parse(name) else { return false };
        keys.iter().all(|(key, values)| {
            let wanted: Vec<String> = values.texts().collect();
            let found: Vec<&str> = context
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| *value)
                .collect();
            operator.holds(&wanted, &found)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: serde_json::Value, context: &[(&str, &str)]) -> bool {
        hold(&serde_json::from_value(condition).expect("a condition"), context)
    }

    #[test]
    fn no_condition_always_holds() {
        assert!(holds(serde_json::json!({}), &[]));
    }

    #[test]
    fn an_absent_key_fails_a_plain_comparison_and_passes_a_negated_or_optional_one() {
        let key = "codecommit:References";
        assert!(!holds(serde_json::json!({"StringEquals": {key: "refs/heads/main"}}), &[]));
        assert!(holds(serde_json::json!({"StringNotEquals": {key: "refs/heads/main"}}), &[]));
        assert!(holds(serde_json::json!({"StringEqualsIfExists": {key: "refs/heads/main"}}), &[]));
        assert!(holds(serde_json::json!({"Null": {key: "true"}}), &[]));
        assert!(!holds(serde_json::json!({"Null": {key: false}}), &[]));
    }

    #[test]
    fn values_are_alternatives_keys_and_operators_are_not() {
        let condition = serde_json::json!({
            "StringEquals": {"aws:SourceAccount": ["111111111111", "222222222222"]},
            "ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/towpath-*"},
        });
        let rule = "arn:aws:events:eu-west-1:222222222222:rule/towpath-on_commit";
        assert!(holds(condition.clone(), &[("aws:SourceAccount", "222222222222"), ("aws:sourcearn", rule)]));
        assert!(!holds(condition.clone(), &[("aws:SourceAccount", "333333333333"), ("aws:SourceArn", rule)]));
        assert!(!holds(condition, &[("aws:SourceAccount", "222222222222")]));
    }

    #[test]
    fn a_key_with_several_values_is_judged_by_its_quantifier() {
        let pushed =
            [("codecommit:References", "refs/heads/main"), ("codecommit:References", "refs/heads/x")];
        let condition =
            |operator: &str| serde_json::json!({operator: {"codecommit:References": "refs/heads/x"}});
        assert!(holds(condition("ForAnyValue:StringEquals"), &pushed));
        assert!(!holds(condition("ForAllValues:StringEquals"), &pushed));
        assert!(holds(condition("ForAllValues:StringEquals"), &[]));
    }

    #[test]
    fn an_operator_that_is_not_judged_is_refused_by_name() {
        let condition = serde_json::from_value(serde_json::json!({"DateLessThan": {"aws:SourceArn": "x"}}));
        let error = check(&condition.expect("a condition"), &["aws:SourceArn"]).expect_err("a refusal");
        assert_eq!(
            error.message,
            "the local accounts do not know the condition operator DateLessThan; AWS may"
        );
    }
}
