//! on_image_push.
fn main() {}
