//! A history: what people do, when, and in which weather. Made from a seed and nothing else.

use crate::{Environment, ImageKind, Rates};
use local_aws::settings::{Settings, Unconfirmed};
use std::fmt;
use std::time::Duration;

/// What somebody does. Numbers choose among what is there at that moment, so that any step can be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// CI pushes an image that is selected by the time of its push.
    PushNewest(ImageKind),
    /// CI pushes an image that is selected by its version.
    PushVersion {
        /// The version.
        version: &'static str,
        /// How it behaves.
        kind: ImageKind,
    },
    /// Somebody commits to the application, and its branch moves.
    CommitApplication,
    /// CI pushes the image of an application's commit.
    PushBuild {
        /// The container, 0 or 1.
        container: usize,
        /// Which commit, counted back from the newest.
        back: usize,
        /// How it behaves.
        kind: ImageKind,
    },
    /// Somebody moves the application's branch back to an earlier commit.
    MoveApplicationBack {
        /// How many commits.
        back: usize,
    },
    /// Somebody pushes a commit of the application to stg.
    PushApplication {
        /// Which, counted back from the newest.
        back: usize,
    },
    /// A person approves an image for stg by a tag.
    Approve {
        /// Which image repository.
        repository: usize,
        /// Which of its images, counted back from the newest.
        back: usize,
    },
    /// A person takes an approval back.
    TakeApprovalBack {
        /// Which of those that stand, counted back from the newest.
        number: usize,
    },
    /// Somebody pushes an image straight into stg's registry.
    PushAside {
        /// Its version.
        version: &'static str,
    },
    /// A person writes a revision by hand.
    EditRevision {
        /// Where.
        at: Environment,
        /// The service.
        service: usize,
        /// Which of the images that were pushed.
        image: usize,
    },
    /// A person writes to a file that is theirs alone.
    EditNotes {
        /// Where.
        at: Environment,
    },
    /// A person writes a remark into the rules.
    EditRules {
        /// Where.
        at: Environment,
    },
    /// A person pushes the deployment branch back by force.
    ForceBack {
        /// Where.
        at: Environment,
        /// How many commits.
        back: usize,
    },
    /// A person takes a service's revision away.
    DeleteRevision {
        /// Where.
        at: Environment,
        /// The service.
        service: usize,
    },
    /// A person starts a pipeline at the commit of an earlier execution.
    StartEarlier {
        /// Where.
        at: Environment,
        /// The service.
        service: usize,
        /// Which execution, counted back from the newest.
        back: usize,
    },
    /// A person asks for a rollback.
    RollBack {
        /// Where.
        at: Environment,
        /// The service.
        service: usize,
    },
    /// A person asks for a release.
    Release {
        /// Where.
        at: Environment,
        /// The service.
        service: usize,
    },
    /// The schedules fire.
    Sweep,
}

/// A step and how long things then take their course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// The step.
    pub step: Step,
    /// The time until the next one.
    pub then: Duration,
}

/// One history.
#[derive(Debug, Clone)]
pub struct History {
    /// Where it comes from.
    pub seed: u64,
    /// What goes wrong.
    pub rates: Rates,
    /// How AWS behaves where nobody knows.
    pub settings: Settings,
    /// What people do.
    pub steps: Vec<Timed>,
}

/// The versions that CI pushes: in and out of the rule's range, and not in their order.
const VERSIONS: [&str; 10] =
    ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "2.1.3", "3.0.0", "0.9.0", "1.2.1", "2.9.9"];

impl History {
    /// The history of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let rates = rates(&mut random);
        let settings = Settings { unconfirmed: unconfirmed(&mut random), ..Settings::default() };
        let length = random.usize(3..=12);
        let steps =
            (0..length).map(|_| Timed { step: step(&mut random), then: pause(&mut random) }).collect();
        Self { seed, rates, settings, steps }
    }
}

fn rates(random: &mut fastrand::Rng) -> Rates {
    let mut rate = |rates: &[u32]| rates.get(random.usize(..rates.len())).copied().unwrap_or_default();
    Rates {
        faults: rate(&[0, 0, 5, 20, 60]),
        crashes: rate(&[0, 0, 50, 200]),
        hurries: rate(&[0, 0, 0, 50]),
        lost: rate(&[0, 0, 100, 400, 1000]),
        doubled: rate(&[0, 0, 100, 400]),
        late: rate(&[0, 0, 100, 400]),
        latency: u64::from(rate(&[0, 20, 200, 1000])),
    }
}

fn unconfirmed(random: &mut fastrand::Rng) -> Unconfirmed {
    // Every switch on its own; as often as not all of them as they are likely to be.
    let is_mixed = random.bool();
    let mut switch = || is_mixed && random.bool();
    Unconfirmed {
        untagged_push_has_no_tag_member: switch(),
        retag_is_silent: switch(),
        child_push_is_silent: switch(),
        referrer_push_is_not_an_image_action: switch(),
        referrer_action_names_its_subject: switch(),
        pull_by_tag_prefers_docker: switch(),
        absent_layer_is_a_failure: switch(),
        same_immutable_tag_is_tag_already_exists: switch(),
        task_reports_child_digest: switch(),
        revision_without_digest: switch(),
        start_token_is_forgotten: switch(),
        source_revision_comes_late: switch(),
        codecommit_throttles_in_xml: switch(),
        history_is_oldest_first: switch(),
    }
}

fn step(random: &mut fastrand::Rng) -> Step {
    let version =
        |random: &mut fastrand::Rng| VERSIONS.get(random.usize(..VERSIONS.len())).copied().unwrap_or("1.0.0");
    match random.u32(..125) {
        0..22 => Step::PushNewest(kind(random)),
        22..38 => Step::PushVersion { version: version(random), kind: kind(random) },
        38..44 => Step::CommitApplication,
        44..58 => {
            Step::PushBuild { container: random.usize(..2), back: random.usize(..2), kind: kind(random) }
        }
        58..61 => Step::MoveApplicationBack { back: random.usize(1..=2) },
        61..69 => Step::PushApplication { back: random.usize(..2) },
        69..82 => Step::Approve { repository: random.usize(..5), back: random.usize(..2) },
        82..86 => Step::TakeApprovalBack { number: random.usize(..2) },
        86..88 => Step::PushAside { version: version(random) },
        88..95 => {
            Step::EditRevision { at: at(random), service: random.usize(..4), image: random.usize(..16) }
        }
        95..99 => Step::EditNotes { at: at(random) },
        99..101 => Step::EditRules { at: at(random) },
        101..103 => Step::ForceBack { at: at(random), back: random.usize(1..=3) },
        103..109 => Step::RollBack { at: at(random), service: random.usize(..4) },
        109..113 => Step::Release { at: at(random), service: random.usize(..4) },
        113..116 => {
            Step::StartEarlier { at: at(random), service: random.usize(..4), back: random.usize(1..=2) }
        }
        116..118 => Step::DeleteRevision { at: at(random), service: random.usize(..4) },
        _ => Step::Sweep,
    }
}

fn at(random: &mut fastrand::Rng) -> Environment {
    if random.u32(..5) < 2 { Environment::Stg } else { Environment::Dev }
}

fn kind(random: &mut fastrand::Rng) -> ImageKind {
    match random.u32(..10) {
        0 | 1 => ImageKind::Crashing,
        2 => ImageKind::Unhealthy,
        _ => ImageKind::Good,
    }
}

fn pause(random: &mut fastrand::Rng) -> Duration {
    match random.u32(..6) {
        0 => Duration::ZERO,
        1 => Duration::from_millis(random.u64(..2_000)),
        2 => Duration::from_millis(random.u64(..8_000)),
        3 => Duration::from_secs(random.u64(..30)),
        4 => Duration::from_secs(random.u64(..600)),
        // The sweep looks for untold outcomes a day back.
        _ => Duration::from_secs(random.u64(..3600)),
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}, then {:?}", self.step, self.then)
    }
}
