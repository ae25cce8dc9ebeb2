#![doc = include_str!("../README.md")]

pub mod approval;
pub mod decide;
pub mod decision;
pub mod evidence;
pub mod facts;
#[cfg(test)]
mod fixtures;
pub mod hold;
pub mod image;
pub mod names;
pub mod plan;
pub mod record;
pub mod refusal;
pub mod revision;
pub mod rules;
pub mod select;
pub mod sweep_message;
pub mod text;
pub mod time;
pub mod trailers;
pub mod wake_up;
