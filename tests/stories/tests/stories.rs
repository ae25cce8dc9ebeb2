//! The stories. Each plays in a dev account of its own.

#[path = "stories/acts.rs"]
mod acts;
#[path = "stories/again.rs"]
mod again;
#[path = "stories/bad_input.rs"]
mod bad_input;
#[path = "stories/buses.rs"]
mod buses;
#[path = "stories/by_hand.rs"]
mod by_hand;
#[path = "stories/commits.rs"]
mod commits;
#[path = "stories/conditions.rs"]
mod conditions;
#[path = "stories/deliver.rs"]
mod deliver;
#[path = "stories/drift.rs"]
mod drift;
#[path = "stories/failures.rs"]
mod failures;
#[path = "stories/first_contact.rs"]
mod first_contact;
#[path = "stories/isolation.rs"]
mod isolation;
#[path = "stories/large_repositories.rs"]
mod large_repositories;
#[path = "stories/long_copies.rs"]
mod long_copies;
#[path = "stories/lost.rs"]
mod lost;
#[path = "stories/many.rs"]
mod many;
#[path = "stories/nothing.rs"]
mod nothing;
#[path = "stories/people.rs"]
mod people;
#[path = "stories/pipelines.rs"]
mod pipelines;
#[path = "stories/promote.rs"]
mod promote;
#[path = "stories/promote_approvals.rs"]
mod promote_approvals;
#[path = "stories/promote_order.rs"]
mod promote_order;
#[path = "stories/promote_refusals.rs"]
mod promote_refusals;
#[path = "stories/races.rs"]
mod races;
#[path = "stories/rejected.rs"]
mod rejected;
#[path = "stories/roll_back.rs"]
mod roll_back;
#[path = "stories/roll_back_refusals.rs"]
mod roll_back_refusals;
#[path = "stories/second_environment.rs"]
mod second_environment;
