//! No crash point changes the end of a flow.

use campaign::{Failure, Flow, base, crashed, in_virtual_time, undisturbed};

/// In an unoptimised build only every so many-th crash point is tried; `scripts/campaign --crash-points` tries all.
const STRIDE: usize = 9;

fn the_end_is_the_same(flow: Flow) -> Result<(), Failure> {
    in_virtual_time(async || {
        let staged = flow.stage(&base().await?).await?;
        let (expected, points) = undisturbed(&staged, flow).await?;
        assert!(points.len() > 10, "{flow:?} has {} crash points only", points.len());
        for point in points.iter().step_by(STRIDE) {
            let (end, log) = crashed(&staged, flow, point).await?;
            assert_eq!(end, expected, "{flow:?}: {point}\n{log}");
        }
        Ok(())
    })
}

#[test]
fn of_a_push_that_is_deployed() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Deployed)
}

#[test]
fn of_a_bad_image_that_is_reverted() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Reverted)
}

#[test]
fn of_a_bad_image_that_is_held() -> Result<(), Failure> {
    the_end_is_the_same(Flow::HeldAfterFailure)
}

#[test]
fn of_a_hold_of_what_a_person_put_there() -> Result<(), Failure> {
    the_end_is_the_same(Flow::HeldByHand)
}

#[test]
fn of_images_that_move_together() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Together)
}

#[test]
fn of_a_rollback() -> Result<(), Failure> {
    the_end_is_the_same(Flow::RolledBack)
}

#[test]
fn of_a_release() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Released)
}

#[test]
fn of_a_sweep_that_makes_up_for_lost_events() -> Result<(), Failure> {
    the_end_is_the_same(Flow::SweptUp)
}
