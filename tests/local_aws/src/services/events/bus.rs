//! A bus, and how operations find it.

use super::DEFAULT_BUS;
use super::rule::Rule;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::{AccountId, Arn};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An event bus.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Bus {
    /// When it was made; the default bus was always there.
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) modified: Option<DateTime<Utc>>,
    pub(super) description: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policy: Option<Value>,
    pub(super) rules: BTreeMap<String, Rule>,
}

/// Which bus of which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BusAddress {
    pub(super) account: AccountId,
    pub(super) name: String,
}

impl BusAddress {
    /// Reads a bus's name or ARN; nothing means the default bus.
    pub(super) fn parse(text: Option<&str>, own: &AccountId) -> Result<Self, AwsError> {
        let Some(text) = text else {
            return Ok(Self { account: own.clone(), name: DEFAULT_BUS.to_owned() });
        };
        if !text.starts_with("arn:") {
            return Ok(Self { account: own.clone(), name: text.to_owned() });
        }
        Self::of_arn(text).ok_or_else(|| super::invalid(format!("`{text}` is not the ARN of an event bus")))
    }

    /// Reads `arn:aws:events:<region>:<account>:event-bus/<name>`.
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let arn = Arn::parse(arn).filter(|arn| arn.service == "events")?;
        let name = arn.resource.strip_prefix("event-bus/")?;
        Some(Self { account: arn.account.parse().ok()?, name: name.to_owned() })
    }

    /// The caller's own bus: rules and permissions are nobody else's business.
    pub(super) fn own(text: Option<&str>, caller: &Caller) -> Result<Self, AwsError> {
        let address = Self::parse(text, &caller.account)?;
        if address.account == caller.account {
            return Ok(address);
        }
        Err(AwsError::access_denied(
            &caller.arn(),
            "events",
            text.unwrap_or_default(),
            "the bus belongs to another account",
        ))
    }

    pub(super) fn arn(&self, world: &World) -> String {
        world.arn("events", &self.account, &format!("event-bus/{}", self.name))
    }

    /// The ARN of one of its rules.
    pub(super) fn rule_arn(&self, world: &World, rule: &str) -> String {
        let resource = if self.name == DEFAULT_BUS {
            format!("rule/{rule}")
        } else {
            format!("rule/{}/{rule}", self.name)
        };
        world.arn("events", &self.account, &resource)
    }

    pub(super) fn bus<'a>(&self, world: &'a World) -> Result<&'a Bus, AwsError> {
        world.account(&self.account)?.events.buses.get(&self.name).ok_or_else(|| self.not_there())
    }

    pub(super) fn bus_mut<'a>(&self, world: &'a mut World) -> Result<&'a mut Bus, AwsError> {
        world.account_mut(&self.account)?.events.buses.get_mut(&self.name).ok_or_else(|| self.not_there())
    }

    pub(super) fn rule<'a>(&self, world: &'a World, name: &str) -> Result<&'a Rule, AwsError> {
        self.bus(world)?.rules.get(name).ok_or_else(|| self.no_rule(name))
    }

    pub(super) fn rule_mut<'a>(&self, world: &'a mut World, name: &str) -> Result<&'a mut Rule, AwsError> {
        self.bus_mut(world)?.rules.get_mut(name).ok_or_else(|| self.no_rule(name))
    }

    fn not_there(&self) -> AwsError {
        let text = format!("Event bus {} does not exist.", self.name);
        AwsError::new("ResourceNotFoundException", text)
    }

    fn no_rule(&self, name: &str) -> AwsError {
        let text = format!("Rule {name} does not exist on EventBus {}.", self.name);
        AwsError::new("ResourceNotFoundException", text)
    }
}
