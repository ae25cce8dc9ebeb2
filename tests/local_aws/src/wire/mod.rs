//! HTTP on one loopback port: finds out who calls which operation, and writes the answer in the protocol
//! that the client spoke.

pub mod git;
