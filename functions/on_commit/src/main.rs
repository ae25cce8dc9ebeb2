//! on_commit.
fn main() {}
