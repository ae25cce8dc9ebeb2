//! What a service does next to become what it should be: a pure function of what it is.

use super::deployments::RolloutState;
use super::services::{EcsService, ServiceStatus};
use super::tasks::Task;

/// The next moves of a service.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Moves {
    /// How many tasks of the primary deployment to start.
    pub(super) start: u32,
    /// The ids of the tasks to stop.
    pub(super) stop: Vec<String>,
    /// Its percentages leave it no room to move, now or ever.
    pub(super) blocked: bool,
    /// It is what it should be.
    pub(super) settled: bool,
}

/// Decides. New tasks start as far as `maximumPercent` has room. Old ones stop as new ones become healthy; where
/// there is no room, they stop first, down to `minimumHealthyPercent`.
pub(super) fn next_moves(service: &EcsService) -> Moves {
    let nobody_wanted = service.status != ServiceStatus::Active || service.desired_count == 0;
    let Some(primary) = service.primary() else { return Moves::default() };
    let wanted: Vec<&Task> = service.tasks.iter().filter(|task| task.is_wanted()).collect();
    if nobody_wanted && (primary.begun || service.status != ServiceStatus::Active) {
        let stop: Vec<String> = wanted.iter().map(|task| task.id.clone()).collect();
        let settled = service.tasks.iter().all(|task| !task.is_there());
        return Moves { stop, settled, ..Moves::default() };
    }
    if !primary.begun || primary.state == RolloutState::Failed {
        return Moves::default();
    }
    let desired = service.desired_count;
    let (new, old): (Vec<&Task>, Vec<&Task>) =
        wanted.into_iter().partition(|task| task.deployment == primary.id);
    let new_healthy = count(new.iter().filter(|task| task.healthy));
    let old_healthy: Vec<&&Task> = old.iter().filter(|task| task.healthy).collect();
    let missing = desired.saturating_sub(count(new.iter()));
    let there = count(service.tasks.iter().filter(|task| task.is_there()));
    let room = service.configuration.tasks_max(desired).saturating_sub(there);

    // Old tasks that do not work serve nobody.
    let mut stop: Vec<String> = ids(old.iter().filter(|task| !task.healthy));
    let must_stay =
        if missing > 0 && room == 0 { service.configuration.healthy_min(desired) } else { desired };
    let may_stop = (new_healthy + count(old_healthy.iter())).saturating_sub(must_stay);
    stop.extend(ids(old_healthy.iter().take(usize::try_from(may_stop).unwrap_or(usize::MAX)).copied()));
    // Too many new ones: those that work least, and the youngest, go first.
    let mut new = new;
    new.reverse();
    new.sort_by_key(|task| task.healthy);
    let surplus = new.len().saturating_sub(usize::try_from(desired).unwrap_or(usize::MAX));
    stop.extend(ids(new.iter().take(surplus)));

    let start = if primary.waiting { 0 } else { missing.min(room) };
    let nothing_moves = start == 0 && stop.is_empty() && !primary.waiting;
    let draining = service.tasks.iter().any(|task| task.is_there() && !task.is_wanted());
    Moves {
        blocked: nothing_moves && missing > 0 && !draining && new_healthy == count(new.iter()),
        settled: new_healthy == desired && count(new.iter()) == desired && there == desired,
        start,
        stop,
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn ids<'a>(tasks: impl Iterator<Item = &'a &'a Task>) -> Vec<String> {
    tasks.map(|task| task.id.clone()).collect()
}
