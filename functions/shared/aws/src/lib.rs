#![doc = include_str!("../README.md")]

mod apply;
pub mod codecommit;
pub mod codepipeline;
mod connection;
pub mod ecr;
mod ecs;
mod error;
mod eventbridge;
pub mod evidence;
pub mod facts;
#[cfg(feature = "operator")]
pub mod operator;
mod retry;
mod sqs;
mod stack;
#[cfg(test)]
mod tests;

pub use apply::{Applied, FailedStep, Queues, Tip};
pub use connection::{Clients, Connection, MissingVariable, https_client};
pub use error::{CallError, CallErrorKind};
pub use stack::Stack;
