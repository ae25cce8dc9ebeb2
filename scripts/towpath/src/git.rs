//! git as the transport between two CodeCommit repositories: a bare repository of our own, fetched into and pushed from.

use crate::failure::Failure;
use crate::show::plain;
use aws::operator::GitAccess;
use domain::names::{BranchName, CommitId};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Hands the user name and the password to git, out of the environment, so that no other process sees them.
const HELPER: &str = "credential.helper=!f() { test \"$1\" = get && \
    printf 'username=%s\\npassword=%s\\n' \"$TOWPATH_GIT_USERNAME\" \"$TOWPATH_GIT_PASSWORD\"; }; f";

/// A bare repository that goes when this value goes.
#[derive(Debug)]
pub(crate) struct Git {
    folder: TempDir,
}

impl Git {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("towpath-")
            .map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
        let git = Self { folder };
        git.succeed(None, &["init", "--quiet", "--bare"])?;
        Ok(git)
    }

    /// Fetches all branches of a repository, below `refs/<name>/`.
    pub(crate) fn fetch(&self, from: &GitAccess, name: &str) -> Result<(), Failure> {
        let branches = format!("+refs/heads/*:refs/{name}/*");
        self.succeed(Some(from), &["fetch", "--quiet", "--no-tags", &from.url, &branches]).map(|_| ())
    }

    /// The commit that an id, or the beginning of one, names; none if there is none.
    pub(crate) fn commit(&self, id: &str) -> Option<CommitId> {
        let asked = format!("{id}^{{commit}}");
        let said = self.run(None, &["rev-parse", "--verify", "--quiet", "--end-of-options", &asked]).ok()?;
        CommitId::parse(text(&said.stdout).trim()).ok().filter(|_| said.status.success())
    }

    /// Whether one commit is the other or one of its ancestors.
    pub(crate) fn is_ancestor(&self, older: &CommitId, newer: &CommitId) -> Result<bool, Failure> {
        let said = self.run(None, &["merge-base", "--is-ancestor", older.as_str(), newer.as_str()])?;
        Ok(said.status.success())
    }

    /// The subjects of the commits that one has and the other has not, newest first.
    pub(crate) fn subjects(
        &self,
        has_not: Option<&CommitId>,
        has: &CommitId,
        limit: usize,
    ) -> Result<Vec<String>, Failure> {
        let limit = format!("--max-count={limit}");
        let without = has_not.map(|commit| format!("^{commit}"));
        let mut arguments = vec!["log", "--format=%h %s", "--abbrev=7", &limit, has.as_str()];
        arguments.extend(without.as_deref());
        let said = self.succeed(None, &arguments)?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Pushes a commit to a branch. Where it goes back, only if the branch is still where it was seen.
    pub(crate) fn push(
        &self,
        to: &GitAccess,
        commit: &CommitId,
        branch: &BranchName,
        back_from: Option<&CommitId>,
    ) -> Result<(), Failure> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let lease = back_from.map(|tip| format!("--force-with-lease=refs/heads/{branch}:{tip}"));
        let mut arguments = vec!["push", "--quiet", "--no-follow-tags"];
        arguments.extend(lease.as_deref());
        arguments.extend([to.url.as_str(), &refspec]);
        self.succeed(Some(to), &arguments).map(|_| ())
    }

    fn succeed(&self, access: Option<&GitAccess>, arguments: &[&str]) -> Result<String, Failure> {
        let said = self.run(access, arguments)?;
        if said.status.success() {
            return Ok(text(&said.stdout));
        }
        let what = arguments.first().copied().unwrap_or_default();
        let why: Vec<String> = text(&said.stderr).lines().map(plain).collect();
        Err(Failure::failed(format!("git {what} did not succeed: {}", why.join("; ")))
            .hint("what was not pushed has changed nothing; the same command may be given again"))
    }

    fn run(&self, access: Option<&GitAccess>, arguments: &[&str]) -> Result<Output, Failure> {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(self.folder.path())
            // An empty helper first takes away those that the person has configured.
            .args(["-c", "credential.helper=", "-c", HELPER, "-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .stdin(Stdio::null());
        if let Some(access) = access {
            command
                .env("TOWPATH_GIT_USERNAME", &access.username)
                .env("TOWPATH_GIT_PASSWORD", &access.password);
        }
        command.output().map_err(|error| {
            Failure::failed(format!("git cannot be started: {error}"))
                .hint("install git, such as: apt-get install git")
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
