//! The names of CodePipeline.

use ring::digest::{SHA256, digest};

use super::{CommitId, InvalidName, RepositoryName, ServiceId, is_made_of, name};

/// Whether `text` is a name as CodePipeline takes it for pipelines and actions.
fn is_pipeline_name(text: &str) -> bool {
    is_made_of(text, 1, 100, |character| character.is_ascii_alphanumeric() || ".@-_".contains(character))
}

name!(
    /// The name of a pipeline.
    PipelineName,
    "pipeline name",
    "1 to 100 letters, digits, ., @, - or _",
    is_pipeline_name
);

name!(
    /// The name of an action in a pipeline.
    ActionName,
    "action name",
    "1 to 100 letters, digits, ., @, - or _",
    is_pipeline_name
);

name!(
    /// The id of one execution of a pipeline.
    ExecutionId,
    "pipeline execution id",
    "1 to 100 letters, digits or -",
    |text| is_made_of(text, 1, 100, |character| character.is_ascii_alphanumeric() || character == '-')
);

name!(
    /// What makes a request the same request when it is sent again.
    RequestToken,
    "request token",
    "1 to 128 letters, digits or -",
    |text| is_made_of(text, 1, 128, |character| character.is_ascii_alphanumeric() || character == '-')
);

impl RequestToken {
    /// The token of a pipeline's start: the same for the same repository, service and commit.
    #[must_use]
    pub fn of_start(repository: &RepositoryName, service: &ServiceId, commit: &CommitId) -> Self {
        Self::of_parts(&["start", repository.as_str(), &service.to_string(), commit.as_str()])
    }

    /// The token of a start at a commit that was started before, and overtaken since by this execution for another content.
    #[must_use]
    pub fn of_start_after(
        repository: &RepositoryName,
        service: &ServiceId,
        commit: &CommitId,
        overtaken_by: &ExecutionId,
    ) -> Self {
        let service = service.to_string();
        Self::of_parts(&["start", repository.as_str(), &service, commit.as_str(), overtaken_by.as_str()])
    }

    /// The token of a comment: the same for the same commit and text.
    #[must_use]
    pub fn of_comment(repository: &RepositoryName, commit: &CommitId, text: &str) -> Self {
        Self::of_parts(&["comment", repository.as_str(), commit.as_str(), text])
    }

    /// Each part is written with its length, so that two lists of parts never give one token.
    fn of_parts(parts: &[&str]) -> Self {
        let joined: String = parts.iter().map(|part| format!("{}:{part};", part.len())).collect();
        let hash = digest(&SHA256, joined.as_bytes());
        Self(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// How the stack names the pipelines of its services, such as `deploy-{cluster}-{service}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelinePattern(String);

impl PipelinePattern {
    const EXPECTED: &'static str =
        "a pipeline name with {cluster} and {service} in it, such as deploy-{cluster}-{service}";

    /// The pattern in `text`.
    ///
    /// # Errors
    /// When it lacks the cluster or the service, or could not be a pipeline's name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new("pipeline pattern", text, Self::EXPECTED);
        if !text.contains("{cluster}") || !text.contains("{service}") {
            return Err(invalid());
        }
        let rest = text.replace("{cluster}", "c").replace("{service}", "s");
        if is_pipeline_name(&rest) { Ok(Self(text.to_owned())) } else { Err(invalid()) }
    }

    /// The name of a service's pipeline.
    ///
    /// # Errors
    /// When the name would be longer than CodePipeline takes.
    pub fn pipeline_of(&self, service: &ServiceId) -> Result<PipelineName, InvalidName> {
        let name = self
            .0
            .replace("{cluster}", service.cluster.as_str())
            .replace("{service}", service.service.as_str());
        PipelineName::parse(&name)
    }
}
