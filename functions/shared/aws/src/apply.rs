//! Carries a plan out, step by step, in its order.

use crate::codecommit::{Committed, FileChange, NewCommit};
use crate::connection::Clients;
use crate::error::CallError;
use domain::names::{CommitId, EnvironmentName, ServiceId};
use domain::plan::{Comment, CommitFiles, Notification, Plan, Step};
use domain::sweep_message::SweepMessage;
use domain::wake_up::Function;
use std::collections::{BTreeMap, BTreeSet};

/// Where the functions' messages go.
pub type Queues = BTreeMap<Function, String>;

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// The commit that it made.
    pub commit: Option<CommitId>,
    /// Whether its commit was made.
    pub tip: Tip,
    /// The steps that failed, with the services they were for. Their later steps were not tried.
    pub failed: Vec<FailedStep>,
}

/// Whether the branch was still where the facts were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tip {
    /// It was, or nothing was to be committed.
    #[default]
    Unmoved,
    /// It has moved: nothing of the plan was done from the commit on; read and decide again.
    Moved,
}

/// A step that gave no success.
#[derive(Debug)]
pub struct FailedStep {
    /// The services it was for.
    pub services: BTreeSet<ServiceId>,
    /// What went wrong.
    pub error: CallError,
}

impl Clients {
    /// Carries a plan out. A step that fails leaves those of other services undisturbed; a commit that comes too
    /// late ends it.
    pub async fn apply(&self, plan: &Plan, environment: &EnvironmentName, queues: &Queues) -> Applied {
        let mut applied = Applied::default();
        let mut wake_ups: BTreeMap<Function, Vec<(ServiceId, String)>> = BTreeMap::new();
        for step in &plan.steps {
            let services: BTreeSet<ServiceId> = step.services().into_iter().cloned().collect();
            if applied.failed.iter().any(|failed| !failed.services.is_disjoint(&services)) {
                continue;
            }
            let done = match step {
                Step::CommitFiles(commit) => match self.commit_files(commit).await {
                    Ok(Committed::Done(id)) => {
                        applied.commit = Some(id);
                        Ok(())
                    }
                    Ok(Committed::NoChange) => Ok(()),
                    Ok(Committed::TipMoved) => {
                        applied.tip = Tip::Moved;
                        return applied;
                    }
                    Err(error) => Err(error),
                },
                Step::StartPipeline(start) => self.start_pipeline(start).await.map(|_| ()),
                Step::StopExecution(stop) => self.stop_execution(stop).await,
                Step::StopDeployment(stop) => self.stop_deployment(&stop.service, &stop.deployment).await,
                Step::PutEvidence(evidence) => self.put_evidence(evidence).await,
                Step::Notify(notification) => self.notify(environment, notification).await,
                Step::Comment(comment) => self.tell(comment).await,
                Step::WakeUp { function, wake_up } => {
                    wake_ups.entry(*function).or_default().push((wake_up.service.clone(), wake_up.text()));
                    Ok(())
                }
            };
            if let Err(error) = done {
                applied.failed.push(FailedStep { services, error });
            }
        }
        for (function, messages) in wake_ups {
            let (services, bodies): (BTreeSet<ServiceId>, Vec<String>) = messages.into_iter().unzip();
            if let Err(error) = self.wake(function, &bodies, queues).await {
                applied.failed.push(FailedStep { services, error });
            }
        }
        applied
    }

    /// Puts the rest of a sweep on `reconcile`'s own queue.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn go_on(&self, queues: &Queues, next: &SweepMessage) -> Result<(), CallError> {
        self.wake(Function::Reconcile, &[next.text()], queues).await
    }

    async fn commit_files(&self, commit: &CommitFiles) -> Result<Committed, CallError> {
        let CommitFiles { repository, branch, parent, files, message } = commit;
        let message = message.to_string();
        let files =
            files.iter().map(|file| FileChange::Put(file.path.clone(), file.text.clone().into_bytes()));
        let new = NewCommit { repository, branch, parent, message: &message, files: files.collect() };
        self.commit(&new).await
    }

    async fn tell(&self, comment: &Comment) -> Result<(), CallError> {
        let Comment { service: _, repository, commit, text, token } = comment;
        let parent = self.commit_by_id(repository, commit).await?.and_then(|commit| commit.parent);
        self.comment(repository, parent.as_ref(), commit, text, token).await
    }

    async fn notify(
        &self,
        environment: &EnvironmentName,
        notification: &Notification,
    ) -> Result<(), CallError> {
        let Notification { service, subject, text } = notification;
        let detail = serde_json::json!({
            "environment": environment.as_str(), "service": service.to_string(), "subject": subject, "text": text,
        });
        self.put_event("Towpath Notification", service, &detail.to_string()).await
    }

    async fn wake(&self, function: Function, bodies: &[String], queues: &Queues) -> Result<(), CallError> {
        match queues.get(&function) {
            Some(queue) => self.send(queue, bodies).await,
            None => Err(CallError::malformed(
                "SQS",
                "SendMessageBatch",
                function,
                "the stack names no queue for it",
            )),
        }
    }
}
