//! `local_aws serve`: the local accounts as a program.

fn main() {}
