//! How the local accounts behave where AWS leaves a choice, and how long things take.

use serde::{Deserialize, Serialize};

/// Everything that can be chosen when the local accounts start.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long things take.
    pub timing: Timing,
    /// Facts of AWS that nobody has confirmed: each can be had both ways.
    pub unconfirmed: Unconfirmed,
    /// Where the functions' executables lie, each under its own name: what a stack's `CodeUri: .` stands for.
    pub functions_directory: Option<std::path::PathBuf>,
}

/// How long things take, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// From a service's emitting an event until its rules are matched.
    pub event_delivery: f64,
    /// A pipeline action's own work, before it waits for anybody else.
    pub pipeline_action: f64,
    /// From a task's placement until its containers run (or fail).
    pub task_start: f64,
    /// From running until a rollout counts it as healthy.
    pub task_healthy: f64,
    /// How long an old task drains.
    pub task_drain: f64,
    /// From a failed asynchronous invocation until the second attempt; the third comes after twice that.
    pub async_retry_delay: f64,
    /// How long a mebibyte of a layer is on its way out, on each connection.
    pub layer_mebibyte: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            event_delivery: 0.05,
            pipeline_action: 0.2,
            task_start: 0.5,
            task_healthy: 0.5,
            task_drain: 0.2,
            async_retry_delay: 60.0,
            layer_mebibyte: 0.0,
        }
    }
}

/// Facts that AWS's documents leave open (each a question for a real account). `false`, the default, is
/// the likelier answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unconfirmed {
    /// An untagged push leaves `image-tag` out of its event; otherwise it is the empty string.
    pub untagged_push_has_no_tag_member: bool,
    /// Putting another tag on a digest that is there emits no event.
    pub retag_is_silent: bool,
    /// An index's children emit no push event of their own.
    pub child_push_is_silent: bool,
    /// A referrer's push emits only `ECR Referrer Action`, no `ECR Image Action`.
    pub referrer_push_is_not_an_image_action: bool,
    /// `ECR Referrer Action` names the digest that the referrer refers to; otherwise the referrer's own.
    pub referrer_action_names_its_subject: bool,
    /// A pull by tag that names no accepted media types gets Docker's schema 2; otherwise what was pushed.
    pub pull_by_tag_prefers_docker: bool,
    /// An absent layer is reported as a failure, not as `UNAVAILABLE`.
    pub absent_layer_is_a_failure: bool,
    /// A second put of the same tag and digest in an immutable repository says
    /// `ImageTagAlreadyExistsException`; otherwise `ImageAlreadyExistsException`.
    pub same_immutable_tag_is_tag_already_exists: bool,
    /// A running task reports the digest of the index's child for its platform; otherwise the index's own.
    pub task_reports_child_digest: bool,
    /// A service revision carries the image string only, no `imageDigest`.
    pub revision_without_digest: bool,
    /// A client request token is forgotten at once: a second start with it makes a second execution.
    pub start_token_is_forgotten: bool,
    /// A new execution lists its source revision only once its source action is done.
    pub source_revision_comes_late: bool,
    /// CodeCommit's throttles are XML with status 400; otherwise JSON.
    pub codecommit_throttles_in_xml: bool,
    /// `ListFileCommitHistory` gives the oldest version first; otherwise the newest.
    pub history_is_oldest_first: bool,
}
