//! Clients that no one here wrote, unmodified, against the local accounts: `aws`, boto3, `git` and `skopeo`.
//!
//! Each test starts accounts of its own and drives the real client as a process, with a clean environment. Where a
//! client is not installed, its tests say so in one line and pass; with TOWPATH_TEST_ALL set they fail instead.

#[cfg(test)]
mod aws;
#[cfg(test)]
mod boto3;
#[cfg(test)]
mod git;
#[cfg(test)]
mod skopeo;
#[cfg(test)]
mod stage;
