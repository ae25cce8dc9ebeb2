//! The world as many connections share it.

use crate::world::World;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// A handle to the local accounts; clones share one world.
#[derive(Debug, Clone)]
pub struct LocalAws {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    changed: Notify,
    requests: AtomicU64,
}

impl LocalAws {
    /// Shares a world.
    pub fn new(world: World) -> Self {
        Self {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                changed: Notify::new(),
                requests: AtomicU64::new(0),
            }),
        }
    }

    /// The world, while the guard lives. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock()
    }

    /// Tells everybody who waits in [`LocalAws::changed`] to look again.
    pub fn notify(&self) {
        self.inner.changed.notify_waiters();
    }

    /// How many HTTP requests of clients came so far, those under `/_local/` left out.
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Counts one.
    pub(crate) fn count_request(&self) {
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for the next [`LocalAws::notify`]. Create the future before looking, so that no change is missed.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.inner.changed.notified()
    }
}
