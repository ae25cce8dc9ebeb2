#![doc = include_str!("../README.md")]

mod apply;
pub mod codecommit;
pub mod codepipeline;
mod connection;
pub mod copy;
pub mod ecr;
mod ecs;
mod error;
mod eventbridge;
pub mod evidence;
pub mod facts;
mod once;
#[cfg(feature = "operator")]
pub mod operator;
mod retry;
mod sha256;
mod sqs;
mod ssm;
mod stack;
#[cfg(test)]
mod tests;
mod upstream;

pub use apply::{Applied, Applying, Queues, StopCause, StoppedStep, Tip};
pub use connection::{Clients, Connection, MissingVariable, Transfers, https_client};
pub use error::{CallError, CallErrorKind};
pub use stack::Stack;
pub use upstream::UpstreamRole;
