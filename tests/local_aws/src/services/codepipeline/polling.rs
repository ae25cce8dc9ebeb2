//! Source actions that look for new tips by themselves.

use super::Timer;
use super::action_types;
use super::engine::{self, Engine};
use super::records::{Pipeline, Trigger};
use super::source_action;
use super::start;
use crate::names::AccountId;
use crate::services;
use crate::world::World;
use chrono::Duration;

/// AWS looks about once a minute.
const POLL_EVERY: Duration = Duration::minutes(1);

/// Whether any source action of the pipeline polls.
pub(super) fn polls(pipeline: &Pipeline) -> bool {
    pipeline.declaration.sources().any(action_types::polls)
}

/// Looks at the tips, starts an execution for each one that is new, and comes back in a minute.
pub(super) fn due(world: &mut World, account: &AccountId, pipeline: &str, id: &str) {
    let same = |world: &World| {
        let state = world.account(account).ok()?;
        Some(state.codepipeline.pipelines.get(pipeline)?.id == id)
    };
    if same(world) == Some(true) {
        // The pipeline is there: that was just looked at.
        let _there = engine::run(world, account, pipeline, |engine| {
            engine.poll();
            Ok(())
        });
    }
}

impl Engine<'_> {
    /// Sets the timer for the next poll, if the pipeline polls and none is set.
    pub(super) fn keep_polling(&mut self) {
        if self.pipeline.polling || !polls(&self.pipeline) {
            return;
        }
        self.pipeline.polling = true;
        let timer = Timer::SourcesPolled {
            pipeline: self.pipeline.declaration.name.clone(),
            id: self.pipeline.id.clone(),
        };
        self.world.set_timer(self.account, POLL_EVERY, services::Timer::CodePipeline(timer));
    }

    fn poll(&mut self) {
        self.pipeline.polling = false;
        let sources: Vec<_> =
            self.pipeline.declaration.sources().filter(|it| action_types::polls(it)).cloned().collect();
        for action in sources {
            let repository = source_action::configured(&action, "RepositoryName");
            let branch = source_action::configured(&action, "BranchName");
            let role = self.role("polling");
            // What cannot be read now is looked at again in a minute; AWS tells nobody either.
            let Ok(tip) = source_action::tip(self.world, &role, &repository, &branch) else { continue };
            if start::check_limit(&self.pipeline).is_err() {
                continue;
            }
            let known = self.pipeline.known_tips.insert(action.name.clone(), tip.clone());
            if known.is_none_or(|known| known != tip) {
                let trigger = Trigger {
                    trigger_type: "PollForSourceChanges".to_owned(),
                    trigger_detail: action.name.clone(),
                };
                let execution = start::new_execution(self.world, &self.pipeline, trigger);
                self.begin(execution);
            }
        }
        self.keep_polling();
    }
}
