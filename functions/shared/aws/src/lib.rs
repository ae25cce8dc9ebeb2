#![doc = include_str!("../README.md")]

pub mod codecommit;
pub mod codepipeline;
mod connection;
pub mod ecr;
mod ecs;
mod error;
pub mod evidence;
pub mod facts;
mod retry;
mod sqs;
mod stack;

pub use connection::{Clients, Connection, MissingVariable};
pub use error::{CallError, CallErrorKind};
pub use stack::Stack;
