//! Makes a broken history small: steps that it breaks without are left out.

use crate::{Base, Broken, Failure, History, Planted, Played, play};

/// The history with as few steps as still break the same invariant, and how it then goes.
///
/// # Errors
/// When the stage cannot be copied.
pub async fn shrink(
    base: &Base,
    mut history: History,
    mut played: Played,
    planted: Option<Planted>,
) -> Result<(History, Played), Failure> {
    let mut index = 0;
    while index < history.steps.len() {
        let mut smaller = history.clone();
        smaller.steps.remove(index);
        let again = play(base, &smaller, planted).await?;
        if number(&again).is_some() && number(&again) == number(&played) {
            (history, played) = (smaller, again);
        } else {
            index += 1;
        }
    }
    Ok((history, played))
}

fn number(played: &Played) -> Option<u8> {
    match &played.broken {
        Some(Broken::Invariant(violation)) => Some(violation.invariant),
        Some(Broken::Campaign(_)) | None => None,
    }
}
