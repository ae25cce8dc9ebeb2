//! The decisions, one file each: pure functions from facts to plans.

pub mod forced;
pub mod outcome;
pub mod revisions;
pub mod rollback;
pub mod starts;
pub mod sweep;
