//! Some histories, as many as an unoptimised build can play within a minute; `scripts/campaign --seeds N` plays more.

use campaign::{Failure, History, base, in_virtual_time, play};

/// How many histories are played.
const HISTORIES: u64 = 8;

#[test]
fn nothing_to_do_means_nothing_done() -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        let mut history = History::of(0);
        history.steps.clear();
        let played = play(&base, &history, None).await?;
        assert!(played.broken.is_none(), "{:?}", played.broken);
        assert_eq!(played.figures.commits, 2, "commits beside the stage's own of each environment");
        Ok(())
    })
}

#[test]
fn no_history_breaks_an_invariant() -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        for seed in 0..HISTORIES {
            let played = play(&base, &History::of(seed), None).await?;
            let tale = played.tale.join("\n");
            assert!(
                played.broken.is_none(),
                "{tale}\n{:?}\nreplay it: scripts/campaign --seed {seed}",
                played.broken
            );
        }
        Ok(())
    })
}

#[test]
fn a_history_goes_the_same_way_each_time() -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        let history = History::of(3);
        let (first, second) = (play(&base, &history, None).await?, play(&base, &history, None).await?);
        assert_eq!(first.tale, second.tale);
        Ok(())
    })
}
