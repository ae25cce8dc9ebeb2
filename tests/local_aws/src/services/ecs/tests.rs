//! What ECS does, told as stories in virtual time.

mod authorization;
mod failures;
mod operations;
mod rollouts;
mod stage;
