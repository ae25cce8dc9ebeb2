//! Where the local accounts keep things on disk: git repositories, layers, and the state between runs.

use crate::names::AccountId;
use std::path::{Path, PathBuf};

/// A folder that belongs to one set of local accounts.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Removes the folder when the accounts are gone, unless a person named it.
    _temporary: Option<tempfile::TempDir>,
}

impl Store {
    /// A folder that a person named; made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn at(root: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(root)?;
        Ok(Self { root: root.canonicalize()?, _temporary: None })
    }

    /// A folder that vanishes with the accounts.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn temporary() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("local_aws-").tempdir()?;
        Ok(Self { root: folder.path().canonicalize()?, _temporary: Some(folder) })
    }

    /// The folder of one service in one account.
    pub fn folder(&self, account: &AccountId, service: &str) -> PathBuf {
        self.root.join(account.as_str()).join(service)
    }

    /// The file that holds the state between runs.
    pub fn state_file(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
}
