#![doc = include_str!("../README.md")]

pub mod caller;
pub mod clock;
pub mod error;
pub mod faults;
pub mod ids;
pub mod journal;
pub mod names;
pub mod rest;
pub mod runtime;
pub mod serve;
pub mod services;
pub mod settings;
pub mod shared;
pub mod store;
pub mod wire;
pub mod world;

pub use caller::Caller;
pub use error::AwsError;
pub use names::{AccountId, Arn};
pub use rest::Restless;
pub use shared::LocalAws;
pub use world::World;
