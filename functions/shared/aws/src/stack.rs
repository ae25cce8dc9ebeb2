//! What the stack's parameters say of this environment.

use domain::facts::DeploymentRepository;
use domain::names::{
    AccountId, EcrRegistry, EnvironmentName, InvalidName, PipelineName, PipelinePattern, ServiceId,
};
use domain::rules::ServiceRules;
use std::time::Duration;

/// One environment: what every function of its stack is told at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub environment: EnvironmentName,
    /// The deployment repository and its branch.
    pub repository: DeploymentRepository,
    /// This account's registry.
    pub registry: EcrRegistry,
    /// The account of the environment before it; none in the first.
    pub upstream: Option<AccountId>,
    /// How the pipelines are named.
    pub pipelines: PipelinePattern,
    /// How long a rollout may take that nothing watches.
    pub stalled_after: Duration,
}

impl Stack {
    /// The name of a service's pipeline: from its rules, else from the pattern.
    ///
    /// # Errors
    /// When the pattern gives no name that CodePipeline would take.
    pub fn pipeline_of(
        &self,
        service: &ServiceId,
        rules: Option<&ServiceRules>,
    ) -> Result<PipelineName, InvalidName> {
        match rules.and_then(|rules| rules.pipeline.clone()) {
            Some(pipeline) => Ok(pipeline),
            None => self.pipelines.pipeline_of(service),
        }
    }
}
