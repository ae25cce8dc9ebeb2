//! Answers that can never change, asked for once in an invocation: what a commit id, a blob id or a digest names stays
//! what it is. Nothing else is kept: not a branch's tip, not a listing, and not that something is missing that may still
//! come.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// What was asked for, and what it is. Whoever asks while another asks waits for that one's answer.
#[derive(Debug)]
pub(crate) struct Once<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self { cells: Mutex::new(HashMap::new()) }
    }
}

/// An answer, and whether it holds for ever.
pub(crate) enum Answer<V> {
    /// It does.
    Lasting(V),
    /// It may be another one next time.
    Passing(V),
}

/// What is not kept.
enum NotKept<V, E> {
    Passing(V),
    Failed(E),
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    /// The answer that is known, or else the one that asking gives.
    pub(crate) fn ask<E>(
        &self,
        key: K,
        ask: impl Future<Output = Result<Answer<V>, E>>,
    ) -> impl Future<Output = Result<V, E>> {
        // On the heap: it would be carried in the state of all who wait for it, several times over.
        self.answer(key, Box::pin(ask))
    }

    async fn answer<E>(&self, key: K, ask: impl Future<Output = Result<Answer<V>, E>>) -> Result<V, E> {
        let cell =
            Arc::clone(self.cells.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let asked = cell.get_or_try_init(|| async {
            match ask.await {
                Ok(Answer::Lasting(answer)) => Ok(answer),
                Ok(Answer::Passing(answer)) => Err(NotKept::Passing(answer)),
                Err(error) => Err(NotKept::Failed(error)),
            }
        });
        match asked.await {
            Ok(answer) => Ok(answer.clone()),
            Err(NotKept::Passing(answer)) => Ok(answer),
            Err(NotKept::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn nothing_is_known_at_the_beginning() {
        let (once, asked) = (Once::default(), Cell::new(0));
        let ask = async {
            asked.set(asked.get() + 1);
            Ok::<_, ()>(Answer::Lasting(7))
        };
        assert_eq!((once.ask("key", ask).await, asked.get()), (Ok(7), 1));
    }

    #[tokio::test]
    async fn what_lasts_is_asked_for_once_also_side_by_side() {
        let (once, asked) = (Once::default(), Cell::new(0));
        let ask = || async {
            tokio::task::yield_now().await;
            asked.set(asked.get() + 1);
            Ok::<_, ()>(Answer::Lasting(asked.get()))
        };
        assert_eq!(tokio::join!(once.ask("key", ask()), once.ask("key", ask())), (Ok(1), Ok(1)));
        assert_eq!(once.ask("key", ask()).await, Ok(1));
        assert_eq!(once.ask("other", ask()).await, Ok(2));
    }

    #[tokio::test]
    async fn what_passes_and_what_fails_is_asked_for_again() {
        let once = Once::default();
        assert_eq!(once.ask("key", async { Ok::<_, &str>(Answer::Passing(1)) }).await, Ok(1));
        assert_eq!(once.ask("key", async { Err("throttled") }).await, Err("throttled"));
        assert_eq!(once.ask("key", async { Ok::<_, &str>(Answer::Lasting(2)) }).await, Ok(2));
    }
}
