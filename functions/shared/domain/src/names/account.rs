//! Accounts, Regions, environments and events.

use super::{is_made_of, name};

name!(
    /// The twelve digits of an AWS account.
    AccountId,
    "account id",
    "12 digits",
    |text| is_made_of(text, 12, 12, |character| character.is_ascii_digit())
);

name!(
    /// An AWS Region, such as `eu-west-1`.
    Region,
    "Region",
    "a name such as eu-west-1",
    |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let Some((number, words)) = parts.split_last() else { return false };
        text.len() <= 32
            && words.len() >= 2
            && words.iter().all(|word| is_made_of(word, 2, 16, |character| character.is_ascii_lowercase()))
            && is_made_of(number, 1, 2, |character| character.is_ascii_digit())
    }
);

impl Region {
    /// The domain under which this Region's services answer.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        if self.as_str().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}

name!(
    /// The name of an environment, such as `dev`: an account with a Towpath stack.
    EnvironmentName,
    "environment name",
    "1 to 32 lower-case letters, digits or -, the first a letter",
    |text| {
        is_made_of(text, 1, 32, |character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
            && text.starts_with(|character: char| character.is_ascii_lowercase())
    }
);

name!(
    /// The id of an event, or of the message that carried it.
    EventId,
    "event id",
    "1 to 128 letters, digits, -, _, . or :",
    |text| is_made_of(text, 1, 128, |character| character.is_ascii_alphanumeric() || "-_.:".contains(character))
);
