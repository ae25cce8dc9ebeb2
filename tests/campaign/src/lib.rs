#![doc = include_str!("../README.md")]

mod accounts;
mod approvals;
mod commits;
mod crash;
mod crash_points;
mod drive;
mod entered;
mod environment;
mod history;
mod lambda;
mod model;
mod observe;
mod people;
mod planted;
mod play;
mod rest;
mod shrink;
mod stage;
mod state;
mod steps;
mod violation;
mod watch;
mod weather;
mod wire;

pub use accounts::{Account, Accounts, Base};
pub use crash::{Crash, Invocation, Moment};
pub use crash_points::{CrashPoint, Ends, Flow, undisturbed};
pub use drive::{Drive, Named};
pub use environment::{Approval, Environment, StagedService};
pub use history::{History, Step, Timed};
pub use people::ImageKind;
pub use planted::Planted;
pub use play::{Figures, Played, play};
pub use shrink::shrink;
pub use stage::base;
pub use violation::{Broken, Violation};
pub use weather::Rates;
pub use wire::Call;

/// Whatever went wrong, as text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// More than an unoptimised build's handlers need: their futures lie on the stack.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Does some work in time that passes only when nothing else can happen, on a thread of its own.
///
/// # Errors
/// What the work says.
pub fn in_virtual_time<T: Send>(work: impl AsyncFnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    let begin = || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(work())
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, begin)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
