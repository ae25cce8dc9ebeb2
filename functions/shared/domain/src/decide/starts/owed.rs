//! Whether a start is owed: what the pipeline's executions say of it.

use super::{Asked, StartFacts, StartsFacts};
use crate::facts::{Execution, ExecutionKind, RevisionAtSource, Trigger};
use crate::names::{BlobId, CommitId, ExecutionId, PipelineName};
use crate::refusal::Refusal;
use crate::text::shown;
use std::time::Duration;

/// How long it is told that a rule starts the pipeline.
const RULE_TOLD_WITHIN: Duration = Duration::from_hours(24);

/// What the executions say of a start for a content at the tip.
pub(super) enum Owed {
    /// It is owed: the newest execution was for another content, or for this one before it was put there again.
    Yes(String),
    /// It is owed if a commit asks for it: nothing was ever deployed.
    First,
    /// It is not: an execution was started for this content.
    No(String),
    /// A person rolled the pipeline back from this content.
    RolledBack(String),
    /// An execution has not read its source yet.
    Undecided(String),
    /// An execution ended before it read its source, and may have been this start.
    Refused(Refusal),
}

/// Goes from the newest execution back to the one that decides.
pub(super) fn owed(facts: &StartsFacts, read: &StartFacts, pipeline: &PipelineName, tip: &BlobId) -> Owed {
    let mut rollback: Option<&Execution> = None;
    for execution in &read.executions {
        let Execution { id, .. } = execution;
        if execution.source == RevisionAtSource::Unknown {
            if execution.status.is_open() {
                return Owed::Undecided(format!("execution {id} of {pipeline} has not read its source yet"));
            }
            if was_this_start(facts, read, execution) {
                return Owed::Refused(Refusal::SourceNeverRead {
                    pipeline: pipeline.clone(),
                    execution: id.clone(),
                });
            }
            continue;
        }
        let is_same = execution.source.blob() == Some(tip);
        if is_same && let Some(commit) = put_there_again(read, execution) {
            return Owed::Yes(format!(
                "commit {} put this content there again after execution {id} of {pipeline}",
                commit.short()
            ));
        }
        match (execution.kind, rollback) {
            (_, None) if is_same && is_by_rule(facts, execution) => {
                let (pipeline, execution) = (pipeline.clone(), id.clone());
                return Owed::Refused(Refusal::PipelineTriggered { pipeline, execution });
            }
            (_, None) if is_same => {
                return Owed::No(format!("execution {id} of {pipeline} {}", started(execution)));
            }
            (ExecutionKind::Standard, Some(rollback)) if is_same => {
                return Owed::RolledBack(format!(
                    "execution {} of {pipeline} rolled back from it, and what a person rolled back is not started again",
                    rollback.id
                ));
            }
            (ExecutionKind::Standard, _) => {
                return match went_back(read, execution) {
                    Some(who) => Owed::RolledBack(format!(
                        "{} started execution {id} of {pipeline} at an earlier commit; what a person starts is left until git says something new",
                        shown(who)
                    )),
                    None => Owed::Yes(format!("execution {id} of {pipeline} was for another content")),
                };
            }
            (ExecutionKind::Rollback, newer) => rollback = newer.or(Some(execution)),
        }
    }
    match (rollback, &read.asked) {
        (None, _) => Owed::First,
        (Some(rollback), Asked::Commit { .. }) => {
            Owed::Yes(format!("execution {} of {pipeline} rolled back to another content", rollback.id))
        }
        (Some(rollback), Asked::WakeUp) => {
            Owed::RolledBack(format!("execution {} of {pipeline} is a rollback by a person", rollback.id))
        }
    }
}

/// Whether a rule started it lately. Of a rule that was deleted nothing is told for more than a day.
fn is_by_rule(facts: &StartsFacts, execution: &Execution) -> bool {
    let is_recent = execution.started_at.is_none_or(|at| facts.now.since(at) < RULE_TOLD_WITHIN);
    execution.trigger == Trigger::CloudWatchEvent && is_recent
}

/// The newest execution, where one at the tip is older: an earlier start arrived late and overtook it, or the branch was forced
/// back to the tip. The token of the start at the tip is used up; sent again it would start nothing.
pub(super) fn overtaken_by<'a>(read: &'a StartFacts, tip: &CommitId) -> Option<&'a ExecutionId> {
    let (newest, older) = read.executions.split_first()?;
    let was_started = older.iter().any(|older| older.source.commit() == Some(tip));
    (newest.source.commit() != Some(tip) && was_started).then_some(&newest.id)
}

/// Who went back from the content at the tip, past git, by starting this execution at an earlier commit. What git has said since
/// is the later word. When that was, Towpath's commits tell, which CodeCommit dates; of a person's the clock may go wrong, so
/// that counts as earlier only if it was started before.
fn went_back<'a>(read: &StartFacts, execution: &'a Execution) -> Option<&'a str> {
    let Trigger::StartedBy(who) = &execution.trigger else { return None };
    let change = read.last_change.as_ref()?;
    let is_earlier = if change.is_by_towpath() {
        change.at.zip(execution.started_at).is_some_and(|(changed, started)| changed < started)
    } else {
        read.started_change.as_ref() == Some(&change.commit)
    };
    (read.is_newest_in_history && is_earlier).then_some(who.as_str())
}

/// The commit that put the content of an execution that has ended back to the tip: after a rollback, or a failure that was
/// mended, this asks for it anew. Commits are told apart by their ids, since a person's clock may go wrong.
fn put_there_again<'a>(read: &'a StartFacts, execution: &Execution) -> Option<&'a CommitId> {
    let now = &read.last_change.as_ref()?.commit;
    let then = read.started_change.as_ref()?;
    (!execution.status.is_open() && now != then).then_some(now)
}

/// Whether an execution that never read its source may have been started for this tip. The run that a pipeline makes when
/// it is created was not; nor was one that is older than the tip.
fn was_this_start(facts: &StartsFacts, read: &StartFacts, execution: &Execution) -> bool {
    if matches!(execution.trigger, Trigger::CreatePipeline | Trigger::StartedBy(_)) {
        return false;
    }
    match (facts.tip_made_at, execution.started_at, &read.asked) {
        (Some(tip), Some(started), _) => started >= tip,
        // With times unknown a commit is taken at its word: its token makes a second start the same start.
        (None, _, Asked::Commit { .. }) | (_, None, Asked::Commit { .. }) => false,
        (None, _, Asked::WakeUp) | (_, None, Asked::WakeUp) => true,
    }
}

/// What is said of the execution that was for this content: who started it matters where it was not Towpath.
fn started(execution: &Execution) -> String {
    match &execution.trigger {
        Trigger::StartPipelineExecution => "was started for it".to_owned(),
        Trigger::StartedBy(who) => format!("was started for it by {}", shown(who)),
        Trigger::CreatePipeline => "was for it: the run that creating the pipeline made".to_owned(),
        Trigger::PollForSourceChanges => {
            "was for it, started by the source action itself: set PollForSourceChanges to false".to_owned()
        }
        Trigger::CloudWatchEvent => "was for it, started by an EventBridge rule".to_owned(),
        Trigger::ManualRollback | Trigger::AutomatedRollback => "rolled back to it".to_owned(),
        Trigger::Other(trigger) => format!("was for it, started by {}", shown(trigger)),
    }
}
