//! What the engine does when an action's timer is due.

use super::Timer;
use super::action_types::ActionKind;
use super::declaration::ActionDeclaration;
use super::deploy_action::{self, Progress};
use super::engine::Engine;
use super::records::{ActionResult, ActionStatus, Artifact, Failure, Revision, Rollout};
use super::source_action::{self, Fetched};
use crate::clock;
use crate::services;
use chrono::Duration;

/// How long an approval waits when the action does not say: seven days.
const APPROVAL_MINUTES: i64 = 7 * 24 * 60;
/// A deployment is looked at this often at most, …
const LOOK_MIN: Duration = Duration::milliseconds(50);
/// … and this often at least.
const LOOK_MAX: Duration = Duration::seconds(15);
/// Between the two: when this share of its age has passed since the last look.
const LOOKS_PER_AGE: i32 = 10;

impl Engine<'_> {
    /// Sets an action's first timer, and what must be known of it before anybody hears of it.
    pub(super) fn prepare(&mut self, id: &str, action_id: &str) -> Option<()> {
        let (kind, action) = self.told(id, action_id)?;
        let after = match kind {
            ActionKind::ManualApproval => {
                Duration::minutes(action.timeout_in_minutes.unwrap_or(APPROVAL_MINUTES))
            }
            _ => clock::seconds(self.world.settings.timing.pipeline_action),
        };
        if kind == ActionKind::ManualApproval {
            let token = self.world.ids.uuid();
            self.touch(id)?.action_mut(action_id)?.token = Some(token);
        }
        self.wake(id, action_id, after);
        Some(())
    }

    /// An action's timer is due.
    pub(super) fn work(&mut self, id: &str, action_id: &str) -> Option<()> {
        let run = self.pipeline.execution(id)?.action(action_id)?;
        if run.status != ActionStatus::InProgress {
            return None;
        }
        let rollout = run.rollout.clone();
        let (kind, action) = self.told(id, action_id)?;
        match (kind, rollout) {
            (ActionKind::CodeCommitSource, _) => self.take_source(id, action_id, &action),
            (ActionKind::EcsDeploy, None) => self.begin_deployment(id, action_id, &action),
            (ActionKind::EcsDeploy, Some(rollout)) => {
                self.look_at_deployment(id, action_id, &action, &rollout)
            }
            (ActionKind::ManualApproval, _) => {
                self.fail(id, action_id, Failure::job_failed("The approval was not given in time"))
            }
        }
    }

    fn take_source(&mut self, id: &str, action_id: &str, action: &ActionDeclaration) -> Option<()> {
        let role = self.role(id);
        let artifact = action.output_artifacts.first()?.name.clone();
        let bucket = self.pipeline.declaration.bucket().to_owned();
        let key = self.artifact_key(&artifact);
        let arn = format!("arn:aws:s3:::{bucket}/{key}");
        let named = self.pipeline.execution(id)?.overrides.get(&action.name).cloned();
        let fetched = match source_action::fetch(self.world, &role, action, named.as_deref(), &arn) {
            Ok(fetched) => fetched,
            Err(failure) => return self.fail(id, action_id, failure),
        };
        if named.is_none() {
            self.pipeline.known_tips.insert(action.name.clone(), fetched.commit.clone());
        }
        let created = self.world.now();
        let Fetched { repository, commit, summary, url, variables } = fetched;
        let revision = Revision {
            artifact: artifact.clone(),
            id: commit.clone(),
            summary: Some(summary.clone()).filter(|summary| !summary.is_empty()),
            url: Some(url.clone()),
            created,
        };
        let execution = self.touch(id)?;
        execution.artifacts.insert(artifact, Artifact { repository, commit: commit.clone(), bucket, key });
        execution.revisions.insert(action.name.clone(), revision);
        let result = ActionResult {
            external_id: Some(commit),
            summary: Some(summary),
            url: Some(url),
            error: None,
            variables,
        };
        self.settle(id, action_id, ActionStatus::Succeeded, result)
    }

    fn begin_deployment(&mut self, id: &str, action_id: &str, action: &ActionDeclaration) -> Option<()> {
        let role = self.role(id);
        let input = &action.input_artifacts.first()?.name;
        let artifact = self.pipeline.execution(id)?.artifacts.get(input).cloned();
        let begun = match &artifact {
            Some(artifact) => deploy_action::begin(self.world, &role, action, artifact),
            None => Err(Failure::job_failed(format!("There is no artifact {input}"))),
        };
        match begun {
            Ok(rollout) => {
                let after = self.next_look(id, action_id, &rollout)?;
                self.touch(id)?.action_mut(action_id)?.rollout = Some(rollout);
                self.wake(id, action_id, after);
                Some(())
            }
            Err(failure) => self.fail(id, action_id, failure),
        }
    }

    fn look_at_deployment(
        &mut self,
        id: &str,
        action_id: &str,
        action: &ActionDeclaration,
        rollout: &Rollout,
    ) -> Option<()> {
        let role = self.role(id);
        match deploy_action::look(self.world, &role, action, rollout) {
            Ok(Progress::Complete) => {
                let result = ActionResult {
                    external_id: Some(action_id.to_owned()),
                    url: Some(deploy_action::service_url(&self.world.region, action)),
                    ..ActionResult::default()
                };
                self.settle(id, action_id, ActionStatus::Succeeded, result)
            }
            Ok(Progress::GoingOn) => {
                let after = self.next_look(id, action_id, rollout)?;
                self.wake(id, action_id, after);
                Some(())
            }
            Err(failure) => self.fail(id, action_id, failure),
        }
    }

    /// Young deployments are looked at often, so that nobody waits long for a quick one; old ones seldom.
    fn next_look(&self, id: &str, action_id: &str, rollout: &Rollout) -> Option<Duration> {
        let run = self.pipeline.execution(id)?.action(action_id)?;
        let age = self.world.now() - run.started;
        let pace = clock::seconds(self.world.settings.timing.pipeline_action).max(age / LOOKS_PER_AGE);
        let left = (rollout.deadline - self.world.now()).max(LOOK_MIN);
        Some(pace.clamp(LOOK_MIN, LOOK_MAX).min(left))
    }

    fn fail(&mut self, id: &str, action_id: &str, failure: Failure) -> Option<()> {
        let result = ActionResult { error: Some(failure), ..ActionResult::default() };
        self.settle(id, action_id, ActionStatus::Failed, result)
    }

    fn told(&self, id: &str, action_id: &str) -> Option<(ActionKind, ActionDeclaration)> {
        let execution = self.pipeline.execution(id)?;
        let action = self.pipeline.action_of(execution.version, execution.action(action_id)?)?;
        Some((ActionKind::of(&action.action_type_id).ok()?, action.clone()))
    }

    fn wake(&mut self, id: &str, action_id: &str, after: Duration) {
        let timer = Timer::ActionGoesOn {
            pipeline: self.pipeline.declaration.name.clone(),
            execution: id.to_owned(),
            action: action_id.to_owned(),
        };
        self.world.set_timer(self.account, after, services::Timer::CodePipeline(timer));
    }

    /// As AWS names the objects: the first letters of pipeline and artifact, and seven that it makes up.
    fn artifact_key(&mut self, artifact: &str) -> String {
        let pipeline: String = self.pipeline.declaration.name.chars().take(20).collect();
        let artifact: String = artifact.chars().take(10).collect();
        format!("{pipeline}/{artifact}/{}", self.world.ids.hex(7))
    }
}
