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
mod retry;
mod sqs;
mod ssm;
mod stack;
mod upstream;
#[cfg(test)]
mod tests;

pub use apply::{Applied, Applying, Queues, StopCause, StoppedStep, Tip};
pub use connection::{Clients, Connection, MissingVariable};
pub use error::{CallError, CallErrorKind};
pub use stack::Stack;
pub use upstream::UpstreamRole;
