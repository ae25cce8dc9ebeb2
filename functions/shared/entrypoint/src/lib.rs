#![doc = include_str!("../README.md")]

pub mod batch;
mod context;
pub mod event;
pub mod record;
pub mod revisions;
mod settle;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Failed, MessageId, Received, run};
pub use context::{Context, Lookup, StartError};
pub use settle::{Mode, NotSettled, Read, Settled, Unsettled, answer, settle, tell_troubles};
