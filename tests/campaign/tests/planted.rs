//! The campaign sees: each planted fault is caught by the invariants, in a history of a few steps.

use campaign::{
    Base, Broken, Environment, Failure, History, ImageKind, Planted, Rates, Step, Timed, base,
    in_virtual_time, play,
};
use clap::ValueEnum;
use local_aws::settings::Settings;
use std::time::Duration;

/// How many seeds are tried for one fault at most: a race does not happen in every history.
const SEEDS: u64 = 12;

const GOOD: Step = Step::PushNewest(ImageKind::Good);
const BAD: Step = Step::PushNewest(ImageKind::Crashing);
const BACK_BY_HAND: Step = Step::EditRevision { at: Environment::Dev, service: 0, image: 0 };
const ROLL_BACK: Step = Step::RollBack { at: Environment::Dev, service: 0 };
const APPROVE: Step = Step::Approve { repository: 0, back: 0 };
const TAKE_BACK: Step = Step::TakeApprovalBack { number: 0 };
const HOUR: Duration = Duration::from_secs(3600);

/// The invariants that a fault may break (0: nothing comes to rest), and the steps in which it does.
fn caught_by(planted: Planted) -> (&'static [u8], Vec<Step>) {
    match planted {
        Planted::OldAnswerSentAgain => (&[3], vec![GOOD, GOOD, BACK_BY_HAND]),
        Planted::CommitSwallowed => (&[0, 1], vec![GOOD]),
        Planted::WakeUpsSwallowed => (&[1], vec![GOOD]),
        Planted::HistoryRewritten => (&[10], vec![Step::EditNotes { at: Environment::Dev }, GOOD]),
        Planted::OthersFileTouched => (&[9], vec![GOOD]),
        Planted::HoldIgnored => (&[3], vec![GOOD, GOOD, ROLL_BACK, GOOD]),
        Planted::QuarantineUnread | Planted::QuarantineForgotten => (&[3], vec![GOOD, BAD, Step::Sweep]),
        Planted::RollbackWithoutHold => (&[3], vec![GOOD, GOOD, ROLL_BACK]),
        Planted::PersonUnseen => (&[3], vec![GOOD, GOOD, BACK_BY_HAND, GOOD]),
        Planted::StaleImages | Planted::OrderInverted => (&[1], vec![GOOD, GOOD]),
        Planted::StartedTwice => (&[6], vec![GOOD]),
        Planted::StartSwallowed | Planted::StartedAtParent => (&[0, 6], vec![GOOD]),
        Planted::EventBelieved => (&[5], vec![BAD]),
        Planted::EvidenceSwallowed => (&[0, 7], vec![GOOD]),
        Planted::EvidenceUnread => (&[0, 5], vec![GOOD, BAD]),
        // Without its image, an outcome can never be told.
        Planted::TagDeleted => (&[10], vec![GOOD, GOOD]),
        Planted::ApprovalNotCheckedAgain => (&[5], vec![GOOD, APPROVE, TAKE_BACK]),
        Planted::ApprovalAssumed => (&[5], vec![GOOD]),
        Planted::TagBeforeManifests => (&[4], vec![GOOD, APPROVE]),
        Planted::WrittenUpstream => (&[11], vec![GOOD, APPROVE]),
        Planted::Silent => (&[12], vec![GOOD]),
    }
}

fn history(planted: Planted, seed: u64, steps: Vec<Step>) -> History {
    let mut rates = Rates::CALM;
    let mut steps: Vec<Timed> = steps.into_iter().map(|step| Timed { step, then: HOUR }).collect();
    if planted == Planted::WakeUpsSwallowed {
        rates.lost = 1000;
    }
    // The person acts while the function reads, or copies.
    let meanwhile = match planted {
        Planted::OldAnswerSentAgain => Some(Duration::from_millis(6500)),
        Planted::ApprovalNotCheckedAgain => Some(Duration::from_secs(6 + seed)),
        _ => None,
    };
    if let (Some(then), Some(before)) = (meanwhile, steps.iter_mut().nth_back(1)) {
        rates.latency = 1000;
        before.then = then;
    }
    History { seed, rates, settings: Settings::default(), steps }
}

async fn is_caught(base: &Base, planted: Planted) -> Result<(), Failure> {
    let (expected, steps) = caught_by(planted);
    for seed in 0..SEEDS {
        let played = play(base, &history(planted, seed, steps.clone()), Some(planted)).await?;
        match played.broken {
            Some(Broken::Invariant(violation)) if expected.contains(&violation.invariant) => return Ok(()),
            Some(broken) => return Err(format!("{planted:?}, seed {seed}: {broken}").into()),
            None => {}
        }
    }
    Err(format!("{planted:?} is not caught").into())
}

/// The faults are caught in two halves, side by side.
fn each_is_caught(half: usize) -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        let mut missed = Vec::new();
        for planted in Planted::value_variants().iter().skip(half).step_by(2) {
            if let Err(failure) = is_caught(&base, *planted).await {
                missed.push(failure.to_string());
            }
        }
        assert_eq!(missed, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn every_second_planted_fault_is_caught() -> Result<(), Failure> {
    each_is_caught(0)
}

#[test]
fn the_other_planted_faults_are_caught() -> Result<(), Failure> {
    each_is_caught(1)
}

/// The same steps break nothing where nothing is planted.
#[test]
fn without_a_planted_fault_nothing_is_broken() -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        for planted in [
            Planted::OldAnswerSentAgain,
            Planted::HoldIgnored,
            Planted::QuarantineUnread,
            Planted::ApprovalNotCheckedAgain,
            Planted::TagBeforeManifests,
        ] {
            let (_, steps) = caught_by(planted);
            let played = play(&base, &history(planted, 0, steps), None).await?;
            assert!(played.broken.is_none(), "{}\n{:?}", played.tale.join("\n"), played.broken);
        }
        Ok(())
    })
}
