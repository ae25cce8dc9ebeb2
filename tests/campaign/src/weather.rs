//! What happens to calls, events and functions beside what was asked: chosen by the seed, at the rates of its history.

use crate::crash::{Crash, Moment};
use crate::wire::Call;
use local_aws::World;
use local_aws::faults::{CallFault, CallFaultKind, EventFault, EventFaultKind};
use std::time::Duration;

/// The modelled errors of the operations that the functions use, one operation a line, as botocore's service models
/// list them.
const MODELLED_ERRORS: &str = include_str!("../modelled_errors.txt");

/// Errors that are answers: AWS gives them when they are true and never by mistake. To say that a hold is not there is
/// not a fault of AWS that anybody could live with.
const ANSWERS: [&str; 9] = [
    "FileDoesNotExistException",
    "ImageAlreadyExistsException",
    "ImageNotFoundException",
    "ImageTagAlreadyExistsException",
    "LayerAlreadyExistsException",
    "NoChangeException",
    "PipelineExecutionNotFoundException",
    "PipelineNotFoundException",
    "RepositoryNotFoundException",
];

/// How many events are looked ahead for: more than any history emits.
const EVENTS: u32 = 800;

/// How often what happens, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// A call fails.
    pub faults: u32,
    /// An invocation dies at one of its calls.
    pub crashes: u32,
    /// An invocation begins when its time is almost up.
    pub hurries: u32,
    /// An event is lost.
    pub lost: u32,
    /// An event comes twice.
    pub doubled: u32,
    /// An event comes late.
    pub late: u32,
    /// The longest time that one call takes, in milliseconds.
    pub latency: u64,
}

impl Rates {
    /// Nothing goes wrong, and every call takes no time.
    pub const CALM: Self =
        Self { faults: 0, crashes: 0, hurries: 0, lost: 0, doubled: 0, late: 0, latency: 0 };
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// What the accounts say.
    Passes,
    /// It never arrives, and no reply comes.
    LostBefore,
    /// It is carried out, and no reply comes.
    LostAfter,
}

/// The weather of one history.
#[derive(Debug)]
pub(crate) struct Weather {
    random: fastrand::Rng,
    pub(crate) rates: Rates,
    /// What happened to calls, for people to read.
    pub(crate) told: Vec<String>,
}

impl Weather {
    pub(crate) fn new(seed: u64, rates: Rates) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), rates, told: Vec::new() }
    }

    fn happens(&mut self, rate: u32) -> bool {
        rate > 0 && self.random.u32(..1000) < rate
    }

    /// How long the next call takes.
    pub(crate) fn latency(&mut self) -> Duration {
        match self.rates.latency {
            0 => Duration::ZERO,
            most => Duration::from_millis(self.random.u64(..=most)),
        }
    }

    /// Where the next invocation dies, if it does.
    pub(crate) fn crash(&mut self, function: &str) -> Option<Crash> {
        if !self.happens(self.rates.crashes) {
            return None;
        }
        let moment = if self.random.bool() { Moment::Before } else { Moment::After };
        let crash = Crash { call: self.random.u32(1..=25), moment };
        self.told.push(format!("{function} is to die at its call {} ({moment:?})", crash.call));
        Some(crash)
    }

    /// Whether the next invocation has almost no time.
    pub(crate) fn hurries(&mut self) -> bool {
        self.happens(self.rates.hurries)
    }

    /// What happens to this call; what the accounts have to know of it they are told.
    pub(crate) fn fate(&mut self, world: &mut World, call: &Call) -> Fate {
        if !self.happens(self.rates.faults) {
            return Fate::Passes;
        }
        let what = match self.random.u32(..12) {
            0 => return self.lost(call, Fate::LostBefore),
            1 => return self.lost(call, Fate::LostAfter),
            2 | 3 => CallFaultKind::Throttle,
            4 => CallFaultKind::Deny,
            5 => CallFaultKind::ServerError,
            6 => CallFaultKind::DropRequest,
            7 => CallFaultKind::DropReply,
            8 => CallFaultKind::ServerErrorAfterEffect,
            9 => CallFaultKind::TruncateReply,
            _ => CallFaultKind::Error(self.modelled_error(&call.operation)),
        };
        let is_its_own = !call.is_across() && call.operation != "DownloadLayer";
        // As often as not it outlasts the SDK's own attempts.
        let times = self.random.u32(1..=7);
        self.told.push(format!("{} {}: {what:?}, {times} times", call.function, call.operation));
        world.faults.add_call_fault(CallFault {
            service: None,
            operation: Some(call.operation.clone()),
            // A call upstream is a session's, and anybody may use a layer's address.
            caller: is_its_own.then(|| call.function.clone()),
            skip: 0,
            times,
            what,
        });
        Fate::Passes
    }

    fn lost(&mut self, call: &Call, fate: Fate) -> Fate {
        self.told.push(format!("{} {}: {fate:?}", call.function, call.operation));
        fate
    }

    fn modelled_error(&mut self, operation: &str) -> String {
        let listed =
            MODELLED_ERRORS.lines().find_map(|line| line.strip_prefix(operation)?.strip_prefix(": "));
        let codes = listed.unwrap_or_default().split(' ');
        let codes: Vec<&str> = codes.filter(|code| !code.is_empty() && !ANSWERS.contains(code)).collect();
        let chosen = codes.get(self.random.usize(..codes.len().max(1)));
        (*chosen.unwrap_or(&"ServiceUnavailableException")).to_owned()
    }

    /// Decides over the events to come.
    pub(crate) fn over_events(&mut self, world: &mut World) {
        let mut skip = 0;
        for _ in 0..EVENTS {
            let what = if self.happens(self.rates.lost) {
                EventFaultKind::Drop
            } else if self.happens(self.rates.doubled) {
                EventFaultKind::Duplicate
            } else if self.happens(self.rates.late) {
                EventFaultKind::Delay(f64::from(self.random.u32(1..=900)))
            } else {
                skip += 1;
                continue;
            };
            world.faults.add_event_fault(EventFault { source: None, skip, times: 1, what });
            skip = 0;
        }
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn clears(&mut self, world: &mut World) {
        world.faults.clear();
        self.rates = Rates::CALM;
    }
}
