#![doc = include_str!("../README.md")]

pub mod codecommit;
pub mod codepipeline;
mod connection;
pub mod ecr;
mod ecs;
mod error;
mod retry;
mod sqs;

pub use connection::{Clients, Connection, MissingVariable};
pub use error::{CallError, CallErrorKind};
