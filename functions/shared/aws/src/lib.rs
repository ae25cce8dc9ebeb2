#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod retry;

pub use connection::{Clients, Connection, MissingVariable};
pub use error::{CallError, CallErrorKind};
