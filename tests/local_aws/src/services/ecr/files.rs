//! Where blobs lie on disk: once for each account, named by their digests.

use crate::names::AccountId;
use crate::store::Store;
use std::io;
use std::path::{Path, PathBuf};

/// The file of a finished blob.
pub(super) fn blob(store: &Store, account: &AccountId, digest: &str) -> PathBuf {
    folder(store, account).join("blobs").join(digest.replace(':', "/"))
}

/// The file of an upload that is under way.
pub(super) fn upload(store: &Store, account: &AccountId, upload_id: &str) -> PathBuf {
    uploads(store, account).join(upload_id)
}

/// Makes the folders that uploads and blobs need.
pub(super) fn prepare(store: &Store, account: &AccountId) -> io::Result<()> {
    std::fs::create_dir_all(folder(store, account).join("blobs/sha256"))?;
    std::fs::create_dir_all(uploads(store, account))
}

/// Removes what unfinished uploads of an earlier run left behind.
pub(super) fn forget_uploads(store: &Store, account: &AccountId) -> io::Result<()> {
    absent_is_fine(std::fs::remove_dir_all(uploads(store, account)))
}

/// Removes a file, which may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    absent_is_fine(std::fs::remove_file(path))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn folder(store: &Store, account: &AccountId) -> PathBuf {
    store.folder(account, "ecr")
}

fn uploads(store: &Store, account: &AccountId) -> PathBuf {
    folder(store, account).join("uploads")
}
