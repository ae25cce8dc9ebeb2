//! A bare git repository on disk: the only file that knows `gix`. Objects and references are read and
//! written in process; `git` itself works on the same folder when people push and fetch.

use crate::error::AwsError;
use chrono::{DateTime, Utc};
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// How often an update of a reference tries again while `git` holds its lock; each try waits up to
/// gix's lock timeout (100 milliseconds).
const LOCK_ATTEMPTS_MAX: u32 = 20;

/// An opened repository.
pub(super) struct Git {
    repository: gix::Repository,
}

/// A commit, decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    pub(super) message: String,
    pub(super) author: Signature,
    pub(super) committer: Signature,
}

/// Who made a commit, and when, as git writes it: seconds since the epoch and the offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) date: String,
}

impl Commit {
    /// The committer's seconds since the epoch; 0 when they cannot be read.
    pub(super) fn seconds(&self) -> i64 {
        self.committer.date.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
    }
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
}

/// What becomes of one path in a new tree.
pub(super) enum Edit {
    Put(EntryKind, ObjectId),
    Remove,
}

/// How an update of a reference ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    Done,
    /// The reference was not where it was expected; nothing was changed.
    Moved,
}

/// How many repositories are kept open.
const OPEN_MAX: usize = 16;
/// How often one is used before it is opened again. It finds what has come into it since, but only so many new packs.
const USES: u32 = 16;

thread_local! {
    /// The repositories that were opened lately: to open one takes longer than most calls do with it.
    static OPEN: RefCell<HashMap<PathBuf, (gix::Repository, u32)>> = RefCell::default();
}

impl Git {
    /// Makes an empty bare repository: no more than git needs, without the sample hooks and descriptions
    /// that `git init` adds, for a test makes many.
    pub(super) fn create(folder: &Path) -> Result<(), AwsError> {
        for part in ["objects/pack", "refs/heads", "refs/tags"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        std::fs::write(folder.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        std::fs::write(folder.join("HEAD"), "ref: refs/heads/main\n")?;
        Ok(())
    }

    /// Opens a repository without looking at anybody's configuration; one that was opened lately as it is.
    pub(super) fn open(folder: &Path) -> Result<Self, AwsError> {
        let kept = OPEN.with_borrow_mut(|open| {
            let (repository, left) = open.get_mut(folder)?;
            *left = left.checked_sub(1)?;
            Some(repository.clone())
        });
        if let Some(repository) = kept {
            return Ok(Self { repository });
        }
        let opened = Self::open_anew(folder)?;
        OPEN.with_borrow_mut(|open| {
            if open.len() >= OPEN_MAX {
                open.clear();
            }
            open.insert(folder.to_owned(), (opened.repository.clone(), USES));
        });
        Ok(opened)
    }

    fn open_anew(folder: &Path) -> Result<Self, AwsError> {
        let options = gix::open::Options::isolated().open_path_as_is(true);
        let repository = gix::open_opts(folder, options.with(gix::sec::Trust::Full))
            .map_err(|error| broken(folder, &error))?;
        Ok(Self { repository })
    }

    /// The commit of this id; `None` when there is no such object or it is no commit.
    pub(super) fn commit(&self, id: ObjectId) -> Result<Option<Commit>, AwsError> {
        let Some(object) = self.object(id, gix::objs::Kind::Commit)? else { return Ok(None) };
        let decoded = gix::objs::CommitRef::from_bytes(&object, gix::hash::Kind::Sha1)
            .map_err(|error| self.broken(&error))?;
        let signature = |signature: gix::actor::SignatureRef<'_>| Signature {
            name: signature.name.to_string(),
            email: signature.email.to_string(),
            date: signature.time.trim().to_owned(),
        };
        Ok(Some(Commit {
            id,
            tree: decoded.tree(),
            parents: decoded.parents().collect(),
            message: decoded.message.to_string(),
            author: signature(decoded.author().map_err(|error| self.broken(&error))?),
            committer: signature(decoded.committer().map_err(|error| self.broken(&error))?),
        }))
    }

    /// The content of a blob; `None` when there is no such object or it is no blob.
    pub(super) fn blob(&self, id: ObjectId) -> Result<Option<Vec<u8>>, AwsError> {
        self.object(id, gix::objs::Kind::Blob)
    }

    /// The entries of a tree, in git's order.
    pub(super) fn tree(&self, id: ObjectId) -> Result<Vec<Entry>, AwsError> {
        let Some(object) = self.object(id, gix::objs::Kind::Tree)? else {
            return Err(self.broken(&format!("there is no tree {id}")));
        };
        let decoded = gix::objs::TreeRef::from_bytes(&object, gix::hash::Kind::Sha1)
            .map_err(|error| self.broken(&error))?;
        let entry = |entry: &gix::objs::tree::EntryRef<'_>| Entry {
            name: entry.filename.to_string(),
            mode: entry.mode,
            id: entry.oid.to_owned(),
        };
        Ok(decoded.entries.iter().map(entry).collect())
    }

    /// What lies at a path below a tree; the path has no leading slash and no empty segments.
    pub(super) fn entry_at(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>, AwsError> {
        let mut folder = tree;
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            let Some(entry) = self.tree(folder)?.into_iter().find(|entry| entry.name == segment) else {
                return Ok(None);
            };
            if segments.peek().is_none() {
                return Ok(Some(entry));
            }
            if !entry.mode.is_tree() {
                return Ok(None);
            }
            folder = entry.id;
        }
        Ok(None)
    }

    /// Writes a blob.
    pub(super) fn write_blob(&self, content: &[u8]) -> Result<ObjectId, AwsError> {
        Ok(self.repository.write_blob(content).map_err(|error| self.broken(&error))?.detach())
    }

    /// Writes the tree that comes from another by these edits. Folders left empty are gone.
    ///
    /// # Errors
    /// `InvalidPathException` when git allows no such name.
    pub(super) fn edit_tree(
        &self,
        tree: ObjectId,
        edits: &BTreeMap<String, Edit>,
    ) -> Result<ObjectId, AwsError> {
        let mut editor = self.repository.edit_tree(tree).map_err(|error| self.broken(&error))?;
        // Removals come first, so that a file can take the place of a folder that is emptied with it.
        for (path, _) in edits.iter().filter(|(_, edit)| matches!(edit, Edit::Remove)) {
            editor.remove(path.as_str()).map_err(|error| self.broken(&error))?;
        }
        for (path, edit) in edits {
            if let Edit::Put(kind, id) = edit {
                editor.upsert(path.as_str(), *kind, *id).map_err(|error| self.broken(&error))?;
            }
        }
        let written = editor.write().map_err(|error| {
            AwsError::new("InvalidPathException", format!("git allows no such path: {error}"))
        })?;
        Ok(written.detach())
    }

    /// Writes a commit by one author at one time.
    pub(super) fn write_commit(
        &self,
        tree: ObjectId,
        parents: &[ObjectId],
        author: (&str, &str),
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<ObjectId, AwsError> {
        let (name, email) = author;
        let signature = gix::actor::Signature {
            name: printable(name).into(),
            email: printable(email).into(),
            time: gix::date::Time { seconds: at.timestamp(), offset: 0 },
        };
        let commit = gix::objs::Commit {
            tree,
            parents: parents.iter().copied().collect(),
            author: signature.clone(),
            committer: signature,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        Ok(self.repository.write_object(&commit).map_err(|error| self.broken(&error))?.detach())
    }

    /// The tree without entries.
    pub(super) fn empty_tree() -> ObjectId {
        ObjectId::empty_tree(gix::hash::Kind::Sha1)
    }

    /// Takes over a commit of another repository, with all that it reaches and that is not here.
    pub(super) fn fetch(&self, from: &Self, commit: ObjectId) -> Result<(), AwsError> {
        let mut left = vec![commit];
        while let Some(id) = left.pop() {
            if self.repository.has_object(id) {
                continue;
            }
            let object = from.repository.find_object(id).map_err(|error| from.broken(&error))?.detach();
            match object.kind {
                gix::objs::Kind::Commit => {
                    let decoded = gix::objs::CommitRef::from_bytes(&object.data, gix::hash::Kind::Sha1)
                        .map_err(|error| from.broken(&error))?;
                    left.push(decoded.tree());
                    left.extend(decoded.parents());
                }
                gix::objs::Kind::Tree => {
                    // A submodule's commit lies in a repository of its own.
                    let entries = from.tree(id)?.into_iter().filter(|entry| !entry.mode.is_commit());
                    left.extend(entries.map(|entry| entry.id));
                }
                gix::objs::Kind::Blob | gix::objs::Kind::Tag => {}
            }
            gix::objs::Write::write_buf(&self.repository.objects, object.kind, &object.data)
                .map_err(|error| self.broken(&error))?;
        }
        Ok(())
    }

    /// All branches and tags by full name, unpeeled.
    pub(super) fn references(&self) -> Result<BTreeMap<String, ObjectId>, AwsError> {
        let platform = self.repository.references().map_err(|error| self.broken(&error))?;
        let mut found = BTreeMap::new();
        let branches = platform.local_branches().map_err(|error| self.broken(&error))?;
        let tags = platform.tags().map_err(|error| self.broken(&error))?;
        for reference in branches.chain(tags) {
            let reference = reference.map_err(|error| self.broken(&error))?;
            if let Some(id) = reference.try_id() {
                found.insert(reference.name().as_bstr().to_string(), id.detach());
            }
        }
        Ok(found)
    }

    /// Where one reference points, unpeeled; `None` when it is not there.
    pub(super) fn reference(&self, full_name: &str) -> Result<Option<ObjectId>, AwsError> {
        // A name that cannot be a reference's names none.
        let Ok(name) = FullName::try_from(full_name) else { return Ok(None) };
        let found = self.repository.try_find_reference(name.as_ref()).map_err(|error| self.broken(&error))?;
        // Another reference may answer to a part of the name: only the exact one counts.
        let found = found.filter(|reference| reference.name().as_bstr() == full_name);
        Ok(found.and_then(|reference| reference.try_id().map(gix::Id::detach)))
    }

    /// The commit behind an object: itself, or what an annotated tag stands for.
    pub(super) fn peel_to_commit(&self, id: ObjectId) -> Result<Option<ObjectId>, AwsError> {
        let Some(object) = self.repository.try_find_object(id).map_err(|error| self.broken(&error))? else {
            return Ok(None);
        };
        Ok(object.peel_to_kind(gix::objs::Kind::Commit).ok().map(|commit| commit.id))
    }

    /// Moves a reference from exactly `expected` (`None`: not there) to `new` (`None`: deleted), under
    /// git's own lock file: a push that got there first is never overwritten.
    pub(super) fn swap_reference(
        &self,
        full_name: &str,
        expected: Option<ObjectId>,
        new: Option<ObjectId>,
    ) -> Result<Swap, AwsError> {
        let name = FullName::try_from(full_name)
            .map_err(|error| self.broken(&format!("`{full_name}` cannot name a reference: {error}")))?;
        let previous = match expected {
            Some(id) => PreviousValue::MustExistAndMatch(Target::Object(id)),
            None => PreviousValue::MustNotExist,
        };
        let edit = match new {
            Some(id) => RefEdit::update(name, Target::Object(id), previous, ""),
            None => RefEdit::delete(name, previous),
        };
        // Gix takes a reference that is there and already has the new value for one that it has made.
        if expected.is_none() && self.reference(full_name)?.is_some() {
            return Ok(Swap::Moved);
        }
        let mut attempts = 0;
        loop {
            let Err(error) = self.repository.edit_references_as([edit.clone()], None) else {
                return Ok(Swap::Done);
            };
            if self.reference(full_name)? != expected {
                return Ok(Swap::Moved);
            }
            attempts += 1;
            if attempts == LOCK_ATTEMPTS_MAX {
                return Err(self.broken(&error));
            }
        }
    }

    /// Lets HEAD stand for a branch, which need not be there yet.
    pub(super) fn set_head(&self, branch: &str) -> Result<(), AwsError> {
        let head = FullName::try_from("HEAD").map_err(|error| self.broken(&error))?;
        let target =
            FullName::try_from(format!("refs/heads/{branch}")).map_err(|error| self.broken(&error))?;
        let edit = RefEdit::update(head, Target::Symbolic(target), PreviousValue::Any, "");
        self.repository.edit_references_as([edit], None).map_err(|error| self.broken(&error))?;
        Ok(())
    }

    fn object(&self, id: ObjectId, kind: gix::objs::Kind) -> Result<Option<Vec<u8>>, AwsError> {
        let found = self.repository.try_find_object(id).map_err(|error| self.broken(&error))?;
        Ok(found.filter(|object| object.kind == kind).map(|object| object.detach().data))
    }

    fn broken(&self, error: &impl std::fmt::Display) -> AwsError {
        broken(self.repository.git_dir(), error)
    }
}

/// What git allows in a name or an email address: no angle brackets, no line breaks, no NUL.
fn printable(text: &str) -> String {
    let allowed = |character: &char| !matches!(character, '<' | '>' | '\n' | '\r' | '\0');
    text.chars().filter(allowed).collect::<String>().trim().to_owned()
}

fn broken(folder: &Path, error: &impl std::fmt::Display) -> AwsError {
    AwsError::new("InternalFailure", format!("the git repository {}: {error}", folder.display()))
        .with_status(500)
}
