//! AWS's behaviour as far as Towpath relies on it, checked against any endpoint: the local accounts, or a real
//! account of somebody who has one. Each check is a sentence about AWS; it makes what it needs under a name of its
//! own and deletes it again.

pub mod accounts;
pub mod answers;
pub mod check;
pub mod codecommit_reading;
pub mod codecommit_writing;
pub mod codepipeline;
pub mod ecr_images;
pub mod ecr_layers;
pub mod ecs;
pub mod events;
pub mod expect;
pub mod git;
pub mod intention;
pub mod listener;
pub mod pipelines;
pub mod registry;
pub mod report;
pub mod resources;
pub mod scene;
pub mod services;
pub mod sqs;
pub mod sts;
pub mod suite;

pub use check::{Check, Stop, Verdict};
pub use scene::{Options, Scene};
