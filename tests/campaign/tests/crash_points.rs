//! No crash point changes the end of a flow.

use campaign::{Ends, Failure, Flow, base, in_virtual_time, undisturbed};

/// In an unoptimised build only every so many-th crash point is tried; `scripts/campaign --crash-points` tries all.
const STRIDE: usize = 23;

fn the_end_is_the_same(flow: Flow) -> Result<(), Failure> {
    in_virtual_time(async || {
        let staged = flow.stage(&base().await?).await?;
        let (expected, points) = undisturbed(&staged, flow).await?;
        assert!(points.len() >= 10, "{flow:?} has {} crash points only", points.len());
        let mut ends = Ends::new(&staged, flow, expected);
        for point in points.iter().step_by(STRIDE) {
            let wrong = ends.wrong(point).await?;
            assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
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

#[test]
fn of_a_promotion_by_a_tag() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Promoted)
}

#[test]
fn of_a_push_to_the_next_environment() -> Result<(), Failure> {
    the_end_is_the_same(Flow::PushedOn)
}

#[test]
fn of_an_image_that_goes_on_when_it_is_verified() -> Result<(), Failure> {
    the_end_is_the_same(Flow::Verified)
}
