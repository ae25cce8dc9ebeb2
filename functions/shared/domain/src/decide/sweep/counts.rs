//! How many services a sweep found in which state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DriftState;

/// What stands for the services that could not be read.
const UNREAD: &str = "unread";

/// How many services are in which state. A sweep that goes on in another invocation takes them along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u32>", into = "BTreeMap<String, u32>")]
pub struct DriftCounts {
    states: BTreeMap<DriftState, u32>,
    unread: u32,
}

impl DriftCounts {
    /// Counts one more service in a state.
    pub fn add(&mut self, state: DriftState) {
        *self.states.entry(state).or_default() += 1;
    }

    /// Counts services that could not be read.
    pub fn add_unread(&mut self, services: usize) {
        self.unread = self.unread.saturating_add(u32::try_from(services).unwrap_or(u32::MAX));
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each state's name with its number of services; 0 where there is none.
    #[must_use]
    pub fn named(&self) -> BTreeMap<&'static str, u32> {
        let states = DriftState::ALL
            .into_iter()
            .map(|state| (state.as_str(), self.states.get(&state).copied().unwrap_or_default()));
        states.chain([(UNREAD, self.unread)]).collect()
    }
}

impl TryFrom<BTreeMap<String, u32>> for DriftCounts {
    type Error = String;

    fn try_from(named: BTreeMap<String, u32>) -> Result<Self, String> {
        let mut counts = Self::default();
        for (name, count) in named {
            if name == UNREAD {
                counts.unread = count;
                continue;
            }
            let state = DriftState::ALL.into_iter().find(|state| state.as_str() == name);
            counts.states.insert(state.ok_or_else(|| format!("{name:?} is no state of a service"))?, count);
        }
        Ok(counts)
    }
}

impl From<DriftCounts> for BTreeMap<String, u32> {
    fn from(counts: DriftCounts) -> Self {
        let counted = counts.named().into_iter().filter(|(_, count)| *count > 0);
        counted.map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counted_is_nothing_written() {
        assert_eq!(serde_json::to_string(&DriftCounts::default()).unwrap(), "{}");
    }

    #[test]
    fn counts_are_read_as_they_were_written() {
        let mut counts = DriftCounts::default();
        counts.add(DriftState::InSync);
        counts.add(DriftState::InSync);
        counts.add_unread(10);
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(text, r#"{"in_sync":2,"unread":10}"#);
        assert_eq!(serde_json::from_str::<DriftCounts>(&text).unwrap(), counts);
        let error = serde_json::from_str::<DriftCounts>(r#"{"lost":1}"#).unwrap_err();
        assert!(error.to_string().starts_with("\"lost\" is no state of a service"), "{error}");
    }
}
