//! How the program ends.

use serde::Serialize;
use std::process::ExitCode;

/// How a command ended: its exit code, and its name in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// As asked.
    Done,
    /// AWS, git or this machine gave no usable answer.
    Failed,
    /// The command line or the configuration is not what it should be.
    Usage,
    /// All was so already.
    Nothing,
    /// It must not be done; the answer says why and what to do.
    Refused,
    /// A service, environment, image or commit of that name is not there.
    NotFound,
    /// Credentials are missing, expired, or lack a permission.
    NoAccess,
}

/// The exit codes, as --help and the README tell them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done, or shown
  1  AWS, git or this machine gave no usable answer
  2  the command line or towpath.yaml is wrong
  3  nothing to do: it is so already
  4  refused: it must not be done, and the answer says why
  5  not found: no such service, environment, image or commit
  6  no access: credentials are missing or expired, or lack a permission";

impl Ending {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Nothing => 3,
            Self::Refused => 4,
            Self::NotFound => 5,
            Self::NoAccess => 6,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}
