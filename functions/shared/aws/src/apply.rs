//! Carries a plan out, step by step, in its order.

use crate::codecommit::{Committed, FileChange, NewCommit};
use crate::connection::Clients;
use crate::copy::{CopyNews, CopyOutcome, CopyRequest, CopySummary, Tagged, copy_image};
use crate::error::{CallError, CallErrorKind};
use crate::facts::Unread;
use domain::evidence::Evidence;
use domain::names::{CommitId, EnvironmentName, ServiceId};
use domain::plan::{Comment, CommitFiles, CopyImage, Notification, Plan, Step, TagImage};
use domain::refusal::Refusal;
use domain::sweep_message::SweepMessage;
use domain::text::one_line;
use domain::wake_up::Function;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How much of why an image is not copied is told.
const REFUSAL_CHARACTERS: usize = 600;

/// How long a copy may have gone on without one layer at its end, before that counts as a failure. Otherwise each
/// invocation would begin the next, and none of them get any further.
const LAYER_WITHIN: Duration = Duration::from_mins(10);

/// Where the functions' messages go.
pub type Queues = BTreeMap<Function, String>;

/// What a plan is carried out with.
#[derive(Clone, Copy)]
pub struct Applying<'a> {
    /// This environment.
    pub environment: &'a EnvironmentName,
    /// Where wake-ups go.
    pub queues: &'a Queues,
    /// The account before this one, where images are copied from.
    pub upstream: Option<&'a Clients>,
    /// When a copy must break off.
    pub deadline: Instant,
    /// Services whose steps are not carried out.
    pub left_out: &'a BTreeSet<ServiceId>,
    /// Who is told how far a long copy has come, and what each did.
    pub copies: &'a dyn Fn(&CopyImage, CopyNews<'_>),
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// The commits that it made for each service.
    pub commits: BTreeMap<ServiceId, CommitId>,
    /// Whether its commit was made.
    pub tip: Tip,
    /// How many of its steps were done.
    pub done: usize,
    /// The steps that were not done, with the services they were for. Their later steps were not tried.
    pub stopped: Vec<StoppedStep>,
}

/// Whether what the facts told was still true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tip {
    /// It was, or nothing was to be committed.
    #[default]
    Unmoved,
    /// The branch, or a tag, has moved: nothing of the plan was done from there on; read and decide again.
    Moved,
    /// CodeCommit does not take a commit for several services, and nothing of the plan was done from there on: one of them
    /// stands in the others' way, so divide the plan.
    Rejected,
}

/// A step that was not done.
#[derive(Debug)]
pub struct StoppedStep {
    /// The services it was for.
    pub services: BTreeSet<ServiceId>,
    /// Why.
    pub cause: StopCause,
}

/// Why a step was not done.
#[derive(Debug)]
pub enum StopCause {
    /// A call gave no success.
    Failed(CallError),
    /// Somebody has to mend something first.
    Refused(Refusal),
    /// Others were in its way; it is decided again by itself.
    HeldUp {
        /// What was, in words.
        because: &'static str,
    },
    /// The time was up; the next invocation goes on from here.
    OutOfTime {
        /// How far it came, in words.
        done: String,
    },
}

impl From<CallError> for StopCause {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// What became of a step.
enum Done {
    Yes,
    Committed(CommitId),
    TipMoved,
}

/// Whether a copy that ran out of time would not get any further by going on.
fn stands_still(summary: &CopySummary, after: Duration) -> bool {
    summary.blobs == 0 && summary.manifests == 0 && after >= LAYER_WITHIN
}

impl Clients {
    /// Carries a plan out. A step that is not done leaves those of other services undisturbed; a commit that comes too
    /// late ends it. Of several commits each is made on the one before.
    pub async fn apply(&self, plan: &Plan, with: &Applying<'_>) -> Applied {
        let mut applied = Applied::default();
        let mut own_tip: Option<CommitId> = None;
        for step in &plan.steps {
            let services: BTreeSet<ServiceId> = step.services().into_iter().cloned().collect();
            let is_stopped = |service: &ServiceId| {
                with.left_out.contains(service)
                    || applied.stopped.iter().any(|stopped| stopped.services.contains(service))
            };
            // A copy that one service has no use for any more can still be another's.
            let is_skipped = match step {
                Step::CopyImage(_) => services.iter().all(is_stopped),
                _ => services.iter().any(is_stopped),
            };
            if is_skipped {
                // One commit is for all services: those that did nothing to stop it are decided anew without the others.
                let held_up: BTreeSet<ServiceId> =
                    services.iter().filter(|service| !is_stopped(service)).cloned().collect();
                if matches!(step, Step::CommitFiles(_)) && !held_up.is_empty() {
                    let because = "its commit is also another service's, for which something failed";
                    applied
                        .stopped
                        .push(StoppedStep { services: held_up, cause: StopCause::HeldUp { because } });
                }
                continue;
            }
            if matches!(step, Step::CommitFiles(_)) && own_tip.is_some() && Instant::now() >= with.deadline {
                let because = "the time was up before its commit was made";
                applied.stopped.push(StoppedStep { services, cause: StopCause::HeldUp { because } });
                continue;
            }
            if matches!(step, Step::WakeUp { .. }) {
                continue;
            }
            // A second commit for a service was decided without the first: on its own parent it comes too late, and is decided again.
            let has_committed = services.iter().any(|service| applied.commits.contains_key(service));
            let parent = own_tip.as_ref().filter(|_| !has_committed);
            match Box::pin(self.carry_out(step, parent, with)).await {
                Ok(Done::Yes) => applied.done += 1,
                Ok(Done::Committed(commit)) => {
                    applied.done += 1;
                    applied.commits.extend(services.into_iter().map(|service| (service, commit.clone())));
                    own_tip = Some(commit);
                }
                Ok(Done::TipMoved) => {
                    applied.tip = Tip::Moved;
                    return applied;
                }
                Err(StopCause::Failed(error)) if error.is_rejected_commit() && services.len() > 1 => {
                    applied.tip = Tip::Rejected;
                    return applied;
                }
                Err(cause) => applied.stopped.push(StoppedStep { services, cause }),
            }
        }
        let is_stopped = |service: &ServiceId| {
            with.left_out.contains(service)
                || applied.stopped.iter().any(|stopped| stopped.services.contains(service))
        };
        let failures = self.wake_all(plan, with.queues, is_stopped).await;
        let causes = failures
            .into_iter()
            .map(|Unread { services, error }| StoppedStep { services, cause: StopCause::Failed(error) });
        applied.stopped.extend(causes);
        applied
    }

    /// Sends the wake-ups of a plan, but those of services that are left out: one batch for each function. Returns what
    /// was not sent. What only wakes others up needs nothing else of [`Clients::apply`], and its executable stays small.
    pub async fn wake_all(
        &self,
        plan: &Plan,
        queues: &Queues,
        is_left_out: impl Fn(&ServiceId) -> bool,
    ) -> Vec<Unread> {
        let mut wake_ups: BTreeMap<Function, Vec<(ServiceId, String)>> = BTreeMap::new();
        for step in &plan.steps {
            if let Step::WakeUp { function, wake_up } = step
                && !is_left_out(&wake_up.service)
            {
                wake_ups.entry(*function).or_default().push((wake_up.service.clone(), wake_up.text()));
            }
        }
        let mut failures = Vec::new();
        for (function, messages) in wake_ups {
            let (services, bodies): (BTreeSet<ServiceId>, Vec<String>) = messages.into_iter().unzip();
            if let Err(error) = self.wake(function, &bodies, queues).await {
                failures.push(Unread { services, error });
            }
        }
        failures
    }

    async fn carry_out(
        &self,
        step: &Step,
        own_tip: Option<&CommitId>,
        with: &Applying<'_>,
    ) -> Result<Done, StopCause> {
        match step {
            Step::CopyImage(copy) => return self.copy(copy, with).await,
            Step::TagImage(tag) => return self.tag(tag).await,
            Step::CommitFiles(commit) => {
                return Ok(match self.commit_files(commit, own_tip).await? {
                    Committed::Done(id) => Done::Committed(id),
                    Committed::NoChange => Done::Yes,
                    Committed::TipMoved => Done::TipMoved,
                });
            }
            Step::StartPipeline(start) => self.start_pipeline(start).await.map(|_| ())?,
            Step::StopExecution(stop) => self.stop_execution(stop).await?,
            Step::StopDeployment(stop) => self.stop_deployment(&stop.service, &stop.deployment).await?,
            Step::PutEvidence(evidence) => self.say(evidence).await?,
            Step::Notify(notification) => self.notify(with.environment, notification).await?,
            Step::Comment(comment) => self.tell(comment).await?,
            Step::WakeUp { function, wake_up } => {
                self.wake(*function, &[wake_up.text()], with.queues).await?;
            }
        }
        Ok(Done::Yes)
    }

    async fn copy(&self, copy: &CopyImage, with: &Applying<'_>) -> Result<Done, StopCause> {
        let Some(source) = with.upstream else { return Err(StopCause::Refused(Refusal::NoUpstream)) };
        let CopyImage { services: _, account: _, from, to, digest, missing_repository } = copy;
        let request = CopyRequest {
            source,
            target: self,
            from,
            to,
            digest,
            missing_repository: *missing_repository,
            deadline: with.deadline,
        };
        let begun = Instant::now();
        let under_way = |progress| (with.copies)(copy, CopyNews::UnderWay(progress));
        match copy_image(&request, under_way).await? {
            CopyOutcome::Complete(summary) => {
                (with.copies)(copy, CopyNews::Complete(&summary));
                Ok(Done::Yes)
            }
            CopyOutcome::Refused(refusal) => Err(StopCause::Refused(Refusal::NotCopied(one_line(
                &refusal.to_string(),
                REFUSAL_CHARACTERS,
            )))),
            CopyOutcome::OutOfTime(summary) if stands_still(&summary, begun.elapsed()) => {
                let what = format!(
                    "not one layer was sent within {} minutes; give promote_image more memory, which brings a faster network, or make the layers smaller",
                    LAYER_WITHIN.as_secs() / 60
                );
                let thing = format!("{from}@{}", digest.short());
                Err(CallError::transfer(CallErrorKind::Transient, "copy", thing, None, what).into())
            }
            CopyOutcome::OutOfTime(summary) => {
                let CopySummary { blobs, bytes, .. } = summary;
                let done = format!(
                    "{from}@{}: {blobs} layers ({bytes} bytes) were sent before the time was up",
                    digest.short()
                );
                Err(StopCause::OutOfTime { done })
            }
        }
    }

    async fn tag(&self, tag: &TagImage) -> Result<Done, StopCause> {
        let TagImage { service: _, repository, digest, tag } = tag;
        Ok(match self.tag_image(repository, digest, tag).await? {
            Tagged::Done | Tagged::AlreadyThere => Done::Yes,
            // What the facts told has changed since.
            Tagged::Taken { .. } | Tagged::ImageGone => Done::TipMoved,
        })
    }

    /// Puts evidence, and tells whoever listens, such as the next environment, that there is some.
    async fn say(&self, evidence: &Evidence) -> Result<(), CallError> {
        self.put_evidence(evidence).await?;
        let Evidence { kind, environment, service, repository, digest, commit: _, at: _ } = evidence;
        let detail = serde_json::json!({
            "environment": environment.as_str(), "service": service.to_string(), "kind": kind.as_str(),
            "repository-name": repository.as_str(), "image-digest": digest.as_str(),
        });
        self.put_event("Towpath Evidence", service, &detail.to_string()).await
    }

    /// Puts the rest of a sweep on `reconcile`'s own queue.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn go_on(&self, queues: &Queues, next: &SweepMessage) -> Result<(), CallError> {
        self.wake(Function::Reconcile, &[next.text()], queues).await
    }

    async fn commit_files(
        &self,
        commit: &CommitFiles,
        own_tip: Option<&CommitId>,
    ) -> Result<Committed, CallError> {
        let CommitFiles { repository, branch, parent, files, message } = commit;
        let parent = own_tip.unwrap_or(parent);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_without_end_is_a_failure_and_one_that_gets_further_is_not() {
        let nothing = CopySummary::default();
        let layer = CopySummary { blobs: 1, ..CopySummary::default() };
        assert!(stands_still(&nothing, LAYER_WITHIN));
        assert!(!stands_still(&nothing, LAYER_WITHIN / 2));
        assert!(!stands_still(&layer, LAYER_WITHIN));
    }
}
