//! The constraints that AWS's model puts on members, reported together and in AWS's words.

use crate::error::AwsError;

/// What a text may be.
pub(super) struct Text {
    min: usize,
    max: usize,
    pattern: Option<Pattern>,
}

/// A pattern as AWS writes it, and how it is checked.
struct Pattern {
    text: &'static str,
    matches: fn(&str) -> bool,
}

/// Names of pipelines, stages and actions.
pub(super) const NAME: Text =
    Text { min: 1, max: 100, pattern: Some(Pattern { text: r"[A-Za-z0-9.@\-_]+", matches: is_name }) };
/// Names of artifacts.
pub(super) const ARTIFACT_NAME: Text =
    Text { min: 1, max: 100, pattern: Some(Pattern { text: r"[a-zA-Z0-9_\-]+", matches: is_artifact_name }) };
/// Names of pipeline variables.
pub(super) const VARIABLE_NAME: Text = Text {
    min: 1,
    max: 128,
    pattern: Some(Pattern { text: r"[A-Za-z0-9@\-_]+", matches: is_variable_name }),
};
/// Values of pipeline variables.
pub(super) const VARIABLE_VALUE: Text = Text { min: 1, max: 1000, pattern: None };
/// Ids of executions and tokens of approvals.
pub(super) const UUID: Text = Text {
    min: 0,
    max: usize::MAX,
    pattern: Some(Pattern {
        text: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        matches: is_uuid,
    }),
};
/// Tokens that make a start happen once.
pub(super) const CLIENT_REQUEST_TOKEN: Text =
    Text { min: 1, max: 128, pattern: Some(Pattern { text: "^[a-zA-Z0-9-]+$", matches: is_token }) };
/// Source revisions.
pub(super) const REVISION: Text = Text { min: 1, max: 1500, pattern: None };
/// Why an execution is stopped.
pub(super) const STOP_REASON: Text = Text { min: 0, max: 200, pattern: None };
/// Why a transition is disabled.
pub(super) const DISABLED_REASON: Text = Text {
    min: 1,
    max: 300,
    pattern: Some(Pattern { text: r"[a-zA-Z0-9!@ \(\)\.\*\?\-]+", matches: is_disabled_reason }),
};
/// What an approver wrote.
pub(super) const APPROVAL_SUMMARY: Text = Text { min: 0, max: 512, pattern: None };
/// Keys of action configurations.
pub(super) const CONFIGURATION_KEY: Text = Text { min: 1, max: 50, pattern: None };
/// Values of action configurations.
pub(super) const CONFIGURATION_VALUE: Text = Text { min: 1, max: 1000, pattern: None };
/// Names of artifact buckets.
pub(super) const BUCKET: Text =
    Text { min: 3, max: 63, pattern: Some(Pattern { text: r"[a-zA-Z0-9\-\.]+", matches: is_bucket }) };
/// ARNs of roles.
pub(super) const ROLE_ARN: Text = Text {
    min: 0,
    max: 1024,
    pattern: Some(Pattern { text: r"arn:aws(-[\w]+)*:iam::[0-9]{12}:role/.*", matches: is_role_arn }),
};
/// Keys of tags.
pub(super) const TAG_KEY: Text = Text { min: 1, max: 128, pattern: None };
/// Values of tags.
pub(super) const TAG_VALUE: Text = Text { min: 0, max: 256, pattern: None };

/// The constraints that a request breaks.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    broken: Vec<String>,
}

impl Constraints {
    /// Checks a member that must be there; hands it back, or nothing when it is missing.
    pub(super) fn required<'a>(&mut self, member: &str, value: Option<&'a str>, rule: &Text) -> &'a str {
        match value {
            Some(value) => self.text(member, value, rule),
            None => self.missing(member),
        }
        value.unwrap_or_default()
    }

    /// Checks a member that may be absent.
    pub(super) fn optional(&mut self, member: &str, value: Option<&str>, rule: &Text) {
        if let Some(value) = value {
            self.text(member, value, rule);
        }
    }

    /// Says that a member is missing.
    pub(super) fn missing(&mut self, member: &str) {
        self.broken
            .push(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"));
    }

    /// Checks a text.
    pub(super) fn text(&mut self, member: &str, value: &str, rule: &Text) {
        let length = value.chars().count();
        if length < rule.min {
            let least = format!("Member must have length greater than or equal to {}", rule.min);
            self.breaks(member, value, &least);
        } else if length > rule.max {
            let most = format!("Member must have length less than or equal to {}", rule.max);
            self.breaks(member, value, &most);
        }
        if let Some(pattern) = rule.pattern.as_ref().filter(|pattern| !(pattern.matches)(value)) {
            let expected = format!("Member must satisfy regular expression pattern: {}", pattern.text);
            self.breaks(member, value, &expected);
        }
    }

    /// Checks that a text is one of a set; an absent one passes.
    pub(super) fn one_of(&mut self, member: &str, value: Option<&str>, set: &[&str]) {
        if let Some(value) = value.filter(|value| !set.contains(value)) {
            let expected = format!("Member must satisfy enum value set: [{}]", set.join(", "));
            self.breaks(member, value, &expected);
        }
    }

    /// Checks a number; an absent one passes.
    pub(super) fn range(&mut self, member: &str, value: Option<i64>, min: i64, max: i64) {
        match value {
            Some(value) if value < min => {
                let expected = format!("Member must have value greater than or equal to {min}");
                self.breaks(member, &value.to_string(), &expected);
            }
            Some(value) if value > max => {
                let expected = format!("Member must have value less than or equal to {max}");
                self.breaks(member, &value.to_string(), &expected);
            }
            _ => {}
        }
    }

    /// Checks how many members a list has.
    pub(super) fn length(&mut self, member: &str, length: usize, min: usize, max: usize) {
        if length < min || length > max {
            let shown = format!("[{length} members]");
            let expected = format!("Member must have length between {min} and {max}");
            self.breaks(member, &shown, &expected);
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// `ValidationException` that names every broken constraint.
    pub(super) fn finish(self) -> Result<(), AwsError> {
        let count = self.broken.len();
        if count == 0 {
            return Ok(());
        }
        let noun = if count == 1 { "error" } else { "errors" };
        Err(invalid(format!("{count} validation {noun} detected: {}", self.broken.join("; "))))
    }

    fn breaks(&mut self, member: &str, value: &str, expected: &str) {
        let value = value.escape_debug();
        self.broken.push(format!("Value '{value}' at '{member}' failed to satisfy constraint: {expected}"));
    }
}

/// `ValidationException` with this text.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".@-_".contains(letter))
}

fn is_artifact_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
}

fn is_variable_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "@-_".contains(letter))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

fn is_bucket(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
}

fn is_disabled_reason(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || "!@ ().*?-".contains(letter))
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|letter| matches!(letter, '0'..='9' | 'a'..='f' | '-'))
}

fn is_role_arn(text: &str) -> bool {
    let Some(arn) = crate::names::Arn::parse(text) else { return false };
    arn.service == "iam"
        && arn.region.is_empty()
        && arn.account.len() == 12
        && arn.account.bytes().all(|digit| digit.is_ascii_digit())
        && arn.resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}
