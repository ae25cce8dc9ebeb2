//! on_deployment_change.
fn main() {}
