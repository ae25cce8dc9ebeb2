//! How a service replaces its tasks, and when it gives up.

use crate::error::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const BREAKER_PERCENT: u32 = 50;
const BREAKER_LEAST: u32 = 3;
const BREAKER_MOST: u32 = 200;

/// What a request says; absent members keep what was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeploymentConfigurationInput {
    deployment_circuit_breaker: Option<CircuitBreaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    #[serde(rename = "strategy")]
    _strategy: Option<Strategy>,
}

/// Rolling updates only.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Strategy {
    Rolling,
}

/// How a service replaces its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DeploymentConfiguration {
    pub(super) circuit_breaker: Option<CircuitBreaker>,
    maximum_percent: u32,
    minimum_healthy_percent: u32,
}

/// When a deployment has failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CircuitBreaker {
    pub(super) enable: bool,
    pub(super) rollback: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_on_healthy_task: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold_configuration: Option<Threshold>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Threshold {
    r#type: ThresholdType,
    value: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ThresholdType {
    BoundedPercent,
    UnboundedPercent,
    Count,
}

impl Default for DeploymentConfiguration {
    fn default() -> Self {
        Self { circuit_breaker: None, maximum_percent: 200, minimum_healthy_percent: 100 }
    }
}

impl DeploymentConfiguration {
    /// This configuration with what a request changes in it.
    ///
    /// # Errors
    /// `InvalidParameterException` for percentages under which no deployment could ever move.
    pub(super) fn changed_by(&self, input: DeploymentConfigurationInput) -> Result<Self, AwsError> {
        let changed = Self {
            circuit_breaker: input.deployment_circuit_breaker.or_else(|| self.circuit_breaker.clone()),
            maximum_percent: input.maximum_percent.unwrap_or(self.maximum_percent),
            minimum_healthy_percent: input.minimum_healthy_percent.unwrap_or(self.minimum_healthy_percent),
        };
        let refuse = |message: &str| Err(AwsError::new("InvalidParameterException", message));
        if changed.maximum_percent == 100 && changed.minimum_healthy_percent == 100 {
            return refuse(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            );
        }
        if changed.maximum_percent < 100 || changed.minimum_healthy_percent > 100 {
            return refuse("maximumPercent must be at least 100 and minimumHealthyPercent at most 100.");
        }
        let threshold = changed.circuit_breaker.as_ref().and_then(|it| it.threshold_configuration.as_ref());
        if threshold.is_some_and(|threshold| threshold.value == 0) {
            return refuse("The value of thresholdConfiguration must be at least 1.");
        }
        Ok(changed)
    }

    /// How many tasks there may be during a deployment.
    pub(super) fn tasks_max(&self, desired: u32) -> u32 {
        percent_of(self.maximum_percent, desired, 0)
    }

    /// How many tasks must stay healthy during a deployment.
    pub(super) fn healthy_min(&self, desired: u32) -> u32 {
        percent_of(self.minimum_healthy_percent, desired, 99)
    }

    /// The circuit breaker, if it is on.
    pub(super) fn breaker(&self) -> Option<&CircuitBreaker> {
        self.circuit_breaker.as_ref().filter(|breaker| breaker.enable)
    }

    pub(super) fn shown(&self) -> Value {
        let off = json!({ "enable": false, "rollback": false });
        json!({
            "deploymentCircuitBreaker": self.circuit_breaker.as_ref().map_or(off, |breaker| json!(breaker)),
            "maximumPercent": self.maximum_percent,
            "minimumHealthyPercent": self.minimum_healthy_percent,
            "strategy": "ROLLING",
        })
    }
}

impl CircuitBreaker {
    /// How many failed tasks make a failed deployment.
    pub(super) fn threshold(&self, desired: u32) -> u32 {
        let bounded = |percent| percent_of(percent, desired, 99).clamp(BREAKER_LEAST, BREAKER_MOST);
        match &self.threshold_configuration {
            None => bounded(BREAKER_PERCENT),
            Some(Threshold { r#type: ThresholdType::BoundedPercent, value }) => bounded(*value),
            Some(Threshold { r#type: ThresholdType::UnboundedPercent, value }) => {
                percent_of(*value, desired, 99).max(1)
            }
            Some(Threshold { r#type: ThresholdType::Count, value }) => *value,
        }
    }

    /// Whether a healthy task makes earlier failures forgotten.
    pub(super) fn resets_on_healthy_task(&self) -> bool {
        self.reset_on_healthy_task.unwrap_or(true)
    }
}

/// `percent` of `count`; `extra` hundredths are added before rounding down (99 rounds up).
fn percent_of(percent: u32, count: u32, extra: u64) -> u32 {
    let hundredths = u64::from(percent) * u64::from(count) + extra;
    u32::try_from(hundredths / 100).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{CircuitBreaker, DeploymentConfiguration, DeploymentConfigurationInput};
    use serde_json::{Value, json};

    fn threshold(configuration: Value, desired: u32) -> u32 {
        let mut breaker = json!({ "enable": true, "rollback": true });
        if !configuration.is_null() {
            breaker["thresholdConfiguration"] = configuration;
        }
        serde_json::from_value::<CircuitBreaker>(breaker).unwrap().threshold(desired)
    }

    #[test]
    fn the_breaker_tolerates_half_of_the_tasks_but_3_to_200() {
        let thresholds = [0, 1, 6, 7, 25, 400, 1000].map(|desired| threshold(Value::Null, desired));
        assert_eq!(thresholds, [3, 3, 3, 4, 13, 200, 200]);
    }

    #[test]
    fn the_threshold_can_be_configured() {
        assert_eq!(threshold(json!({ "type": "COUNT", "value": 1 }), 10), 1);
        assert_eq!(threshold(json!({ "type": "UNBOUNDED_PERCENT", "value": 10 }), 10), 1);
        assert_eq!(threshold(json!({ "type": "BOUNDED_PERCENT", "value": 100 }), 10), 10);
    }

    #[test]
    fn a_configuration_under_which_nothing_moves_is_refused() {
        let input: DeploymentConfigurationInput =
            serde_json::from_value(json!({ "maximumPercent": 100 })).unwrap();
        let error = DeploymentConfiguration::default().changed_by(input).unwrap_err();
        assert_eq!(error.code, "InvalidParameterException");
    }
}
