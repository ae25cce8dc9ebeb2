//! What a commit does to files: which paths go together, and which tree comes out.

use super::changes::DEFAULT_MODE;
use super::files::no_such_file;
use super::git::{Edit, Entry, Git};
use crate::error::AwsError;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use std::collections::{BTreeMap, BTreeSet};

/// The file that keeps an otherwise empty folder.
pub(super) const KEEP: &str = ".gitkeep";

/// The changes of one commit.
pub(super) struct Changes {
    pub(super) files: Vec<FileChange>,
    pub(super) keep_empty_folders: bool,
}

/// A change of one file.
pub(super) enum FileChange {
    Put { path: String, mode: Option<EntryKind>, content: FileContent },
    Delete { path: String },
    SetMode { path: String, mode: EntryKind },
}

/// Where a file's content comes from.
pub(super) enum FileContent {
    Bytes(Vec<u8>),
    CopyOf { path: String, is_move: bool },
}

/// A file that a commit changed.
pub(super) struct Changed {
    pub(super) kind: Kind,
    pub(super) path: String,
    pub(super) blob: ObjectId,
    pub(super) mode: EntryKind,
}

/// How a commit changed a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Added,
    Updated,
    Deleted,
}

impl FileChange {
    fn path(&self) -> &str {
        match self {
            Self::Put { path, .. } | Self::Delete { path } | Self::SetMode { path, .. } => path,
        }
    }
}

impl Changes {
    /// Refuses two changes of one path, and a path that is both a file and a folder.
    pub(super) fn check_paths(&self) -> Result<(), AwsError> {
        let mut seen = BTreeSet::new();
        let moved = self.files.iter().filter_map(|file| match file {
            FileChange::Put { content: FileContent::CopyOf { path, is_move: true }, .. } => {
                Some(path.as_str())
            }
            _ => None,
        });
        for path in self.files.iter().map(FileChange::path).chain(moved) {
            if !seen.insert(path) {
                return Err(AwsError::new(
                    "SamePathRequestException",
                    format!("{path} is changed more than once in this commit"),
                ));
            }
        }
        let puts: BTreeSet<&str> = self.files.iter().filter_map(put_path).collect();
        match puts.iter().find(|path| folders_of(path).any(|folder| puts.contains(folder))) {
            Some(path) => Err(AwsError::new(
                "PutFileEntryConflictException",
                format!("{path} lies in a folder whose name another entry gives to a file"),
            )),
            None => Ok(()),
        }
    }

    /// Writes the tree that comes from another by these changes.
    pub(super) fn apply(&self, git: &Git, tree: ObjectId) -> Result<(ObjectId, Vec<Changed>), AwsError> {
        let mut edits = BTreeMap::new();
        let mut changed = Vec::new();
        for file in &self.files {
            self.apply_one(git, tree, file, &mut edits, &mut changed)?;
        }
        let mut written = git.edit_tree(tree, &edits)?;
        if self.keep_empty_folders {
            let emptied = emptied_folders(git, written, &changed)?;
            for folder in emptied {
                let path = format!("{folder}/{KEEP}");
                let blob = git.write_blob(b"")?;
                changed.push(Changed { kind: Kind::Added, path: path.clone(), blob, mode: DEFAULT_MODE });
                edits.insert(path, Edit::Put(DEFAULT_MODE, blob));
            }
            written = git.edit_tree(tree, &edits)?;
        }
        Ok((written, changed))
    }

    fn apply_one(
        &self,
        git: &Git,
        tree: ObjectId,
        file: &FileChange,
        edits: &mut BTreeMap<String, Edit>,
        changed: &mut Vec<Changed>,
    ) -> Result<(), AwsError> {
        match file {
            FileChange::Put { path, mode, content } => {
                self.check_place(git, tree, path)?;
                let (blob, mode) = match content {
                    FileContent::Bytes(bytes) => (git.write_blob(bytes)?, mode.unwrap_or(DEFAULT_MODE)),
                    FileContent::CopyOf { path: source, is_move } => {
                        let entry = file_entry(git, tree, source)?;
                        if *is_move {
                            delete(source, &entry, edits, changed);
                        }
                        (entry.id, mode.unwrap_or(entry.mode.kind()))
                    }
                };
                put(git, tree, path, (mode, blob), edits, changed)?;
            }
            FileChange::Delete { path } => delete(path, &file_entry(git, tree, path)?, edits, changed),
            FileChange::SetMode { path, mode } => {
                let entry = file_entry(git, tree, path)?;
                put(git, tree, path, (*mode, entry.id), edits, changed)?;
            }
        }
        Ok(())
    }

    /// Refuses a file where a folder or a submodule is, or below a file that stays.
    fn check_place(&self, git: &Git, tree: ObjectId, path: &str) -> Result<(), AwsError> {
        if let Some(entry) = git.entry_at(tree, path)? {
            match entry.mode.kind() {
                EntryKind::Tree => {
                    return Err(AwsError::new(
                        "FileNameConflictsWithDirectoryNameException",
                        format!("{path} is a folder in this repository"),
                    ));
                }
                EntryKind::Commit => return Err(submodule(path)),
                _ => {}
            }
        }
        for folder in folders_of(path) {
            let Some(entry) = git.entry_at(tree, folder)? else { continue };
            match entry.mode.kind() {
                EntryKind::Tree => {}
                EntryKind::Commit => return Err(submodule(folder)),
                _ if self.deletes(folder) => {}
                _ => {
                    return Err(AwsError::new(
                        "DirectoryNameConflictsWithFileNameException",
                        format!("{folder} is a file in this repository, so {path} cannot lie in it"),
                    ));
                }
            }
        }
        Ok(())
    }

    fn deletes(&self, wanted: &str) -> bool {
        self.files.iter().any(|file| matches!(file, FileChange::Delete { path } if path == wanted))
    }
}

/// A file's entry: there, and neither a folder nor a submodule.
fn file_entry(git: &Git, tree: ObjectId, path: &str) -> Result<Entry, AwsError> {
    match git.entry_at(tree, path)? {
        Some(entry) if entry.mode.is_commit() => Err(submodule(path)),
        Some(entry) if entry.mode.is_blob_or_symlink() => Ok(entry),
        _ => Err(no_such_file(path)),
    }
}

/// A file that has this content and mode already is not among the changed ones.
fn put(
    git: &Git,
    tree: ObjectId,
    path: &str,
    (mode, blob): (EntryKind, ObjectId),
    edits: &mut BTreeMap<String, Edit>,
    changed: &mut Vec<Changed>,
) -> Result<(), AwsError> {
    let kind = match git.entry_at(tree, path)? {
        Some(entry) if entry.id == blob && entry.mode.kind() == mode => return Ok(()),
        Some(_) => Kind::Updated,
        None => Kind::Added,
    };
    edits.insert(path.to_owned(), Edit::Put(mode, blob));
    changed.push(Changed { kind, path: path.to_owned(), blob, mode });
    Ok(())
}

fn delete(path: &str, entry: &Entry, edits: &mut BTreeMap<String, Edit>, changed: &mut Vec<Changed>) {
    edits.insert(path.to_owned(), Edit::Remove);
    let mode = entry.mode.kind();
    changed.push(Changed { kind: Kind::Deleted, path: path.to_owned(), blob: entry.id, mode });
}

/// The folders of deleted files that the new tree no longer has.
fn emptied_folders(git: &Git, tree: ObjectId, changed: &[Changed]) -> Result<BTreeSet<String>, AwsError> {
    let mut emptied = BTreeSet::new();
    for file in changed.iter().filter(|file| file.kind == Kind::Deleted) {
        if let Some((folder, _)) = file.path.rsplit_once('/')
            && git.entry_at(tree, folder)?.is_none()
        {
            emptied.insert(folder.to_owned());
        }
    }
    // A folder that is kept keeps the ones around it.
    let outer: BTreeSet<String> =
        emptied.iter().flat_map(|folder| folders_of(folder)).map(str::to_owned).collect();
    Ok(emptied.into_iter().filter(|folder| !outer.contains(folder)).collect())
}

fn put_path(file: &FileChange) -> Option<&str> {
    match file {
        FileChange::Put { path, .. } => Some(path),
        _ => None,
    }
}

/// The folders that a path lies in, outermost first.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| path.get(..end).unwrap_or(path))
}

fn submodule(path: &str) -> AwsError {
    AwsError::new("FilePathConflictsWithSubmodulePathException", format!("{path} is a submodule"))
}
