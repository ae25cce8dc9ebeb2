//! Which waiting execution may enter which stage, and which one gives up its place.

use super::declaration::ExecutionMode;
use super::records::{Execution, ExecutionStatus, Pipeline, Place};

/// The next execution that may pass into a stage, if any: later stages first, so that what is further on
/// makes room for what follows.
pub(super) fn next_entry(pipeline: &Pipeline) -> Option<(String, usize)> {
    let stages = pipeline.declaration.stages.iter().enumerate().rev();
    stages.filter(|(_, stage)| pipeline.admits_to(&stage.name)).find_map(|(index, _)| {
        let mut waiting = waiting_before(pipeline, index);
        let next = match pipeline.declaration.mode() {
            ExecutionMode::Parallel => waiting.next(),
            _ if is_locked(pipeline, index) => None,
            ExecutionMode::Queued => waiting.next(),
            ExecutionMode::Superseded => waiting.last(),
        };
        next.map(|execution| (execution.id.clone(), index))
    })
}

/// The executions that newer ones have overtaken while they waited for the same stage.
pub(super) fn overtaken(pipeline: &Pipeline) -> Vec<String> {
    if pipeline.declaration.mode() != ExecutionMode::Superseded {
        return Vec::new();
    }
    let overtaken_before = |index| {
        let waiting: Vec<&Execution> = waiting_before(pipeline, index).collect();
        let older = waiting.len().saturating_sub(1);
        waiting.into_iter().take(older).map(|execution| execution.id.clone())
    };
    (0..pipeline.declaration.stages.len()).flat_map(overtaken_before).collect()
}

/// Who waits to enter a stage, in the order in which they were started.
pub(super) fn waiting_before(pipeline: &Pipeline, stage: usize) -> impl Iterator<Item = &Execution> {
    pipeline.executions.iter().filter(move |execution| {
        execution.place == Place::Before(stage) && execution.status == ExecutionStatus::InProgress
    })
}

/// Whether an execution is in the stage, so that no other may enter (unless they run in parallel).
pub(super) fn is_locked(pipeline: &Pipeline, stage: usize) -> bool {
    pipeline.executions.iter().any(|execution| execution.place == Place::In(stage))
}
