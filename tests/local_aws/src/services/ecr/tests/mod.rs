//! What ECR does, request by request.

mod access;
mod deletions;
mod events;
mod images;
mod layers;
mod pulls;
mod put_image;
mod referrers;
mod repositories;
mod stage;
