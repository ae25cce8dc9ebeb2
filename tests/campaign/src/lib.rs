#![doc = include_str!("../README.md")]

mod accounts;
mod crash;
mod drive;
mod lambda;
mod people;
mod stage;
mod wire;

pub use accounts::{Accounts, Base};
pub use crash::{Crash, Invocation, Moment};
pub use drive::Drive;
pub use people::ImageKind;
pub use stage::{SERVICES, base};
pub use wire::Call;

/// Whatever went wrong, as text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The account of the first environment.
pub const DEV: &str = "111111111111";
