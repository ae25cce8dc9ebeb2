#![doc = include_str!("../README.md")]

mod metrics;

use aws::CallError;
use aws::facts::{SweepRead, read_services, read_sweep};
use domain::decide::sweep::{DriftCounts, sweep};
use domain::names::{EventId, ServiceId};
use domain::record::RecordContext;
use domain::sweep_message::SweepMessage;
use entrypoint::batch::ignore;
use entrypoint::event::Event;
use entrypoint::{Batch, Context, Failed, Received, record, tell_troubles};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How many services are read and decided at one time: what is read of them must fit into memory.
const PART_SERVICES: usize = 10;
/// How much time must be left to begin a part: enough also when AWS throttles and calls are tried again.
const PART_TIME: Duration = Duration::from_secs(40);

/// Answers a batch of sweeps. Returns the messages that must come back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    let mut failed = Failed::new();
    for Received { message, event } in batch.received {
        let Ok(id) = EventId::parse(&message) else { continue };
        match event {
            Event::Sweep(from) => {
                if let Err(error) = carry_out(context, &id, &from, batch.deadline).await {
                    record::failure(context.function, &[id], [], &error);
                    failed.insert(message);
                }
            }
            Event::ImagePushed(_)
            | Event::BranchMoved(_)
            | Event::EvidenceTold(_)
            | Event::ServiceChanged(_)
            | Event::PipelineChanged(_)
            | Event::WakeUp(_)
            | Event::Ignored { .. } => ignore(context, id, "reconcile acts on sweeps only".to_owned()),
        }
    }
    failed
}

/// Sweeps part by part, until all services are done or the time is up; then a message says where to go on. A part that
/// cannot be read is left to the next sweep, so that those behind it have their turn.
async fn carry_out(
    context: &Context,
    event: &EventId,
    from: &SweepMessage,
    deadline: Instant,
) -> Result<(), CallError> {
    let Some(all) = read_services(&context.clients, &context.stack).await? else {
        ignore(context, event.clone(), "the deployment repository has no such branch yet".to_owned());
        return Ok(());
    };
    let left: Vec<ServiceId> =
        all.into_iter().filter(|service| from.after.as_ref().is_none_or(|after| service > after)).collect();
    let SweepMessage { mut after, mut counts } = from.clone();
    for (number, part) in left.chunks(PART_SERVICES).enumerate() {
        let is_first = number == 0;
        if !is_first && Instant::now() + PART_TIME > deadline {
            let next = SweepMessage { after, counts };
            return context.clients.go_on(&context.queues, &next).await;
        }
        let services: BTreeSet<ServiceId> = part.iter().cloned().collect();
        // Each part begins anew: what is read of all services would not fit into memory.
        match sweep_part(&context.of_sweep(), event, &services, &mut counts).await {
            Ok(()) => {}
            Err(error) if is_first => return Err(error),
            Err(error) => {
                record::failure(context.function, std::slice::from_ref(event), &services, &error);
                counts.add_unread(services.len());
            }
        }
        after = part.last().cloned();
    }
    metrics::write(context, &counts);
    Ok(())
}

async fn sweep_part(
    context: &Context,
    event: &EventId,
    services: &BTreeSet<ServiceId>,
    counts: &mut DriftCounts,
) -> Result<(), CallError> {
    let read = Box::pin(read_sweep(
        &context.clients,
        context.upstream.as_ref(),
        &context.stack,
        services,
        context.now(),
    ))
    .await?;
    let Some(SweepRead { facts, unread }) = read else { return Ok(()) };
    let found = sweep(&facts);
    for drift in found.drift.values() {
        counts.add(drift.state);
    }
    counts.add_unread(services.iter().filter(|service| !found.drift.contains_key(*service)).count());
    let not_sent = context.clients.wake_all(&found.plan, &context.queues, |_| false).await;
    let about = RecordContext {
        function: context.function,
        events: vec![event.clone()],
        tip: Some(facts.starts.tip.clone()),
        commits: BTreeMap::new(),
    };
    record::plan(&found.plan, &about, &BTreeSet::new());
    // The next sweep looks at these services again, so that this one need not come back for them.
    tell_troubles(&about, &found.plan, unread.into_iter().chain(not_sent));
    Ok(())
}
