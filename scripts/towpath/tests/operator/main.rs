//! The real `towpath`, as an operator types it, against the local accounts.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod approve;
mod chain;
mod desk;
mod first;
mod help;
mod history;
mod neighbours;
mod promote;
mod refused;
mod rollback;
