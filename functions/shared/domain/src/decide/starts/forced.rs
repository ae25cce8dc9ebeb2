//! A forced push of which no event told: the commit that a pipeline was started at is not in the branch's history any more.

use super::{StartFacts, StartsFacts};
use crate::decide::forced::{ForcedFiles, ForcedService, again, commit_files, hold_file, notification};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{ApplicationTip, Execution, ExecutionKind, LastChange, Trigger};
use crate::names::{BlobId, CommitId, ServiceId};
use crate::plan::{FileContent, Plan, Step};
use crate::time::Timestamp;

/// Where the branch was before it was forced, as far as a pipeline tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForcedFrom {
    /// The source commit of the newest execution, from which the tip does not stem.
    pub commit: CommitId,
    /// When that execution was started.
    pub started_at: Option<Timestamp>,
    /// The service's files at that commit.
    pub files: ForcedFiles,
    /// The tip of the service's application.
    pub application: ApplicationTip,
}

/// Towpath's newest execution, if the branch may have been forced away from it: it was for another content, and the revision at
/// the tip is Towpath's and older. What others started may never have been in the branch; what a person committed is held for
/// what it is; and what Towpath has committed since is its own move. One that has not read its source yet tells nothing, and
/// the one before it is not the last word.
#[must_use]
pub fn may_be_forced_from<'a>(
    executions: &'a [Execution],
    revision: Option<&BlobId>,
    last_change: Option<&LastChange>,
) -> Option<&'a Execution> {
    let is_own = |execution: &&Execution| {
        execution.kind == ExecutionKind::Standard && execution.trigger == Trigger::StartPipelineExecution
    };
    let newest = executions.iter().find(is_own)?;
    let was_other = newest.source.blob().is_some_and(|blob| Some(blob) != revision);
    let is_older = last_change.is_some_and(|change| {
        change.is_by_towpath()
            && change.at.zip(newest.started_at).is_some_and(|(changed, started)| changed < started)
    });
    (was_other && is_older).then_some(newest)
}

/// The holds of what a person forced the branch to. They are written before a start: the newest execution tells what the tip
/// was before, and a start takes its place.
pub(super) fn holds(facts: &StartsFacts) -> Plan {
    let mut plan = Plan::default();
    let mut written: Vec<(ServiceId, FileContent)> = Vec::new();
    let mut body: Vec<String> = Vec::new();
    for (service, read) in &facts.services {
        let Some(forced) = read.forced.as_ref().filter(|forced| !is_decided(read, forced, facts.now)) else {
            continue;
        };
        let what = what_happened(facts, forced);
        // A `hold.json` that cannot be read stops the service already.
        let Ok(Some(file)) = again(&as_service(read, forced), &what, facts.now) else { continue };
        written.push((service.clone(), hold_file(service, &file)));
        let because = format!("{what}; what the tip says of it is a person's act");
        plan.decisions.push(Decision::of(service, DecisionKind::Held, because));
        plan.steps.push(Step::Notify(notification(&facts.environment, service, &what)));
        if !body.contains(&what) {
            body.push(what);
        }
    }
    if !written.is_empty() {
        let commit = commit_files(&facts.repository, &facts.tip, (body, Vec::new()), written);
        plan.steps.insert(0, Step::CommitFiles(commit));
    }
    plan
}

fn what_happened(facts: &StartsFacts, forced: &ForcedFrom) -> String {
    let name = &facts.repository.name;
    let (branch, before) = (&facts.repository.branch, &forced.commit);
    format!("somebody forced {branch} of {name} away from {before}, and no event told of it")
}

/// Whether somebody has held or released what the tip says since that execution was started: the event did come, or a person
/// has decided.
fn is_decided(read: &StartFacts, forced: &ForcedFrom, now: Timestamp) -> bool {
    let hold = read.hold.content().and_then(|file| file.hold.as_ref());
    hold.is_some_and(|hold| {
        let decided_at = hold.until.filter(|until| *until <= now).unwrap_or(hold.at);
        read.revision.blob() == Some(&hold.revision) && forced.started_at.is_none_or(|at| decided_at >= at)
    })
}

/// The same as a forced push of which an event told, and which left in `hold.json` what is there now.
fn as_service(read: &StartFacts, forced: &ForcedFrom) -> ForcedService {
    let tip = ForcedFiles { revision: read.revision.blob().cloned(), hold: read.hold.clone() };
    ForcedService {
        has_rules: true,
        application: forced.application.clone(),
        old: forced.files.clone(),
        new: tip.clone(),
        tip,
        is_written: false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::decide::starts::{Asked, decide};
    use crate::facts::{ExecutionStatus, FileFact, PipelineFact, RevisionAtSource};
    use crate::fixtures::*;
    use crate::hold::{Hold, HoldFile};
    use crate::names::PipelineName;

    /// The pipeline was started at commit 9 with content 1, and the tip, which says content 2, does not stem from it.
    fn facts() -> StartsFacts {
        let mut facts = starts_facts();
        let read = webapp1(&mut facts);
        read.asked = Asked::WakeUp;
        read.forced = Some(ForcedFrom {
            commit: commit(9),
            started_at: Some(at(10)),
            files: ForcedFiles { revision: Some(blob(1)), hold: FileFact::Absent },
            application: ApplicationTip::NotNamed,
        });
        facts
    }

    fn webapp1(facts: &mut StartsFacts) -> &mut StartFacts {
        facts.services.get_mut(&service(WEBAPP1)).unwrap()
    }

    /// A hold of the revision at the tip, which ended.
    fn released(at_second: i64) -> HoldFile {
        let hold = Hold {
            revision: blob(2),
            application_commit: None,
            reason: "rolled back: 500s".to_owned(),
            by: "mary".to_owned(),
            at: at(1),
            until: Some(at(at_second)),
        };
        HoldFile { hold: Some(hold), quarantine: Vec::new() }
    }

    #[test]
    fn what_was_forced_without_an_event_is_held_before_it_is_started() {
        let mut facts = facts();
        expect![[r#"
            cluster1/webapp1: held: somebody forced main of deployment away from 00000009cccccccccccccccccccccccccccccccc, and no event told of it; what the tip says of it is a person's act
            - commit to deployment main on 00000007: Holds written again after a forced push (cluster1/webapp1/hold.json)
            - notify: dev cluster1/webapp1: the deployment branch was forced
        "#]].assert_eq(&decide(&facts).to_string());
        let hold = decide(&facts).steps.iter().find_map(|step| match step {
            Step::CommitFiles(commit) => HoldFile::parse(commit.files[0].text.as_bytes()).unwrap().hold,
            _ => None,
        });
        assert_eq!(hold.as_ref().map(|hold| &hold.revision), Some(&blob(2)));
        // Once it is held, the start follows.
        webapp1(&mut facts).hold = hold_present(HoldFile { hold, quarantine: Vec::new() });
        expect![[r#"
            cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit 00000007
        "#]]
        .assert_eq(&decide(&facts).to_string());
    }

    #[test]
    fn what_was_released_since_is_not_held_again() {
        let mut facts = facts();
        webapp1(&mut facts).hold = hold_present(released(50));
        assert_eq!(holds(&facts), Plan::default());
        // It was released before that execution: the forced push brought it back, and that is the later act.
        webapp1(&mut facts).hold = hold_present(released(5));
        assert_eq!(holds(&facts).steps.len(), 2);
    }

    #[test]
    fn only_towpaths_own_start_tells_and_only_of_an_older_revision_of_its_own() {
        let own = || execution("e-9", ExecutionStatus::Succeeded, source(9, 1));
        let change = |second| LastChange {
            at: Some(at(second)),
            ..by_towpath(7, WEBAPP1, DecisionKind::Moved, &[("webapp1", 2, "2222222")])
        };
        let told = |executions: &[Execution], change: &LastChange| {
            may_be_forced_from(executions, Some(&blob(2)), Some(change)).is_some()
        };
        assert!(told(&[own()], &change(5)));
        // Towpath's own move, of which the event was lost.
        assert!(!told(&[own()], &change(15)));
        assert!(!told(&[own()], &LastChange { at: Some(at(5)), ..by_mary(7) }));
        assert!(!told(&[execution("e-9", ExecutionStatus::Succeeded, source(9, 2))], &change(5)));
        let unread = execution("e-10", ExecutionStatus::InProgress, RevisionAtSource::Unknown);
        assert!(!told(&[unread, own()], &change(5)));
        let by_pat = Execution { trigger: Trigger::StartedBy("arn:aws:iam::1:user/pat".to_owned()), ..own() };
        assert!(!told(std::slice::from_ref(&by_pat), &change(5)));
        assert!(told(&[by_pat, own()], &change(5)));
    }

    /// Else a hold that CodeCommit does not take would keep all from their starts that are woken beside it.
    #[test]
    fn the_others_are_started_beside_a_hold() {
        let mut facts = facts();
        let mut other = starts_facts().services.remove(&service(WEBAPP1)).unwrap();
        other.pipeline_name = Ok(PipelineName::parse("deploy-cluster1-webapp2").unwrap());
        other.pipeline = PipelineFact::Found(pipeline("cluster1/webapp2"));
        facts.services.insert(service("cluster1/webapp2"), other);
        expect![[r#"
            cluster1/webapp2: started: execution e-1 of deploy-cluster1-webapp2 was for another content; committed by hand by Towpath
            cluster1/webapp1: held: somebody forced main of deployment away from 00000009cccccccccccccccccccccccccccccccc, and no event told of it; what the tip says of it is a person's act
            - start pipeline deploy-cluster1-webapp2 at commit 00000007
            - commit to deployment main on 00000007: Holds written again after a forced push (cluster1/webapp1/hold.json)
            - notify: dev cluster1/webapp1: the deployment branch was forced
        "#]].assert_eq(&decide(&facts).to_string());
    }
}
