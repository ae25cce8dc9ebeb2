//! What ECS does, told as stories in virtual time.

mod failures;
mod operations;
mod rollouts;
mod stage;
