//! The real `git`, in a clone of its own that nobody's configuration reaches.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// git did not do it.
#[derive(Debug)]
pub struct GitError {
    /// The command, without credentials.
    pub command: String,
    /// Its exit code; `None` when it could not be started or was killed.
    pub code: Option<i32>,
    /// What it wrote to its standard error.
    pub text: String,
}

impl fmt::Display for GitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} failed: {}", self.command, self.text.trim_end())
    }
}

impl std::error::Error for GitError {}

/// A temporary clone of one repository. It goes when this value goes.
#[derive(Debug)]
pub struct Git {
    folder: TempDir,
    date: Option<String>,
}

impl Git {
    /// Clones a repository of one of the local accounts, as `person`.
    ///
    /// # Errors
    /// What git says.
    pub fn clone(endpoint: &str, account: &str, repository: &str) -> Result<Self, GitError> {
        Self::clone_as("person", endpoint, account, repository)
    }

    /// Clones a repository of one of the local accounts, as somebody by name.
    ///
    /// # Errors
    /// What git says.
    pub fn clone_as(
        somebody: &str,
        endpoint: &str,
        account: &str,
        repository: &str,
    ) -> Result<Self, GitError> {
        Self::clone_from(&address(somebody, endpoint, account, repository))
    }

    /// Clones whatever is at that address. Credentials, if it needs any, stand in it.
    ///
    /// # Errors
    /// What git says.
    pub fn clone_from(address: &str) -> Result<Self, GitError> {
        let git = Self::empty()?;
        git.run(&["clone", "--quiet", address, "."])?;
        Ok(git)
    }

    /// A new repository with the branch `main` and no remote.
    ///
    /// # Errors
    /// What git says.
    pub fn init() -> Result<Self, GitError> {
        let git = Self::empty()?;
        git.run(&["init", "--quiet"])?;
        Ok(git)
    }

    fn empty() -> Result<Self, GitError> {
        let folder = TempDir::with_prefix("towpath-git-").map_err(|error| failed("make a folder", &error))?;
        Ok(Self { folder, date: None })
    }

    /// From now on, commits bear this time (seconds since 1970, UTC) instead of the clock's.
    #[must_use]
    pub fn at(mut self, epoch_seconds: u64) -> Self {
        self.date = Some(format!("{epoch_seconds} +0000"));
        self
    }

    /// Names one more remote, such as `stg`, in one of the local accounts.
    ///
    /// # Errors
    /// What git says.
    pub fn remote(
        &self,
        name: &str,
        endpoint: &str,
        account: &str,
        repository: &str,
    ) -> Result<(), GitError> {
        self.run(&["remote", "add", name, &address("person", endpoint, account, repository)]).map(|_| ())
    }

    /// The folder of the clone.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), GitError> {
        let place = self.place(path);
        let written = match place.parent() {
            Some(folder) => std::fs::create_dir_all(folder),
            None => Ok(()),
        };
        written
            .and_then(|()| std::fs::write(&place, content))
            .map_err(|error| failed(&format!("write {path}"), &error))
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn delete(&self, path: &str) -> Result<(), GitError> {
        std::fs::remove_file(self.place(path)).map_err(|error| failed(&format!("delete {path}"), &error))
    }

    /// A file's content; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match std::fs::read(self.place(path)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&format!("read {path}"), &error)),
        }
    }

    /// Commits everything that changed, as `Name <email>`, and gives the commit id. A commit that changes nothing
    /// is made too.
    ///
    /// # Errors
    /// What git says.
    pub fn commit(&self, author: &str, message: &str) -> Result<String, GitError> {
        let (name, email) = author.split_once(" <").unwrap_or((author, "person@example.com"));
        let email = email.trim_end_matches('>');
        self.run(&["add", "--all"])?;
        let (name, email) = (format!("user.name={name}"), format!("user.email={email}"));
        self.run(&["-c", &name, "-c", &email, "commit", "--quiet", "--allow-empty", "-m", message])?;
        self.head()
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// What git says, for instance that there is none yet.
    pub fn head(&self) -> Result<String, GitError> {
        self.commit_id("HEAD")
    }

    /// The commit that a name stands for.
    ///
    /// # Errors
    /// What git says.
    pub fn commit_id(&self, name: &str) -> Result<String, GitError> {
        Ok(self.run(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])?.trim_end().to_owned())
    }

    /// Pushes the checked-out commit to `main` of `origin`. Gives what git printed.
    ///
    /// # Errors
    /// What git says.
    pub fn push(&self) -> Result<String, GitError> {
        self.push_refs("origin", &["HEAD:refs/heads/main"])
    }

    /// The same, even when that drops commits.
    ///
    /// # Errors
    /// What git says.
    pub fn force_push(&self) -> Result<String, GitError> {
        self.push_refs("origin", &["+HEAD:refs/heads/main"])
    }

    /// Pushes several references at once, each in git's own form (`<commit>:refs/heads/main`, `+main`, `:old`).
    ///
    /// # Errors
    /// What git says.
    pub fn push_refs(&self, remote: &str, references: &[&str]) -> Result<String, GitError> {
        let arguments: Vec<&str> =
            ["push", "--porcelain", remote].iter().chain(references).copied().collect();
        self.run(&arguments)
    }

    /// Takes over what `main` of `origin` is now; local changes go.
    ///
    /// # Errors
    /// What git says.
    pub fn update(&self) -> Result<String, GitError> {
        self.run(&["fetch", "--quiet", "origin"])?;
        self.run(&["checkout", "--quiet", "-B", "main", "origin/main"])?;
        self.run(&["reset", "--quiet", "--hard", "origin/main"])?;
        self.run(&["clean", "--quiet", "-d", "--force"])?;
        self.head()
    }

    /// The newest commits of what is checked out, one `<author>: <subject>` each, newest first.
    ///
    /// # Errors
    /// What git says.
    pub fn log(&self, at_most: usize) -> Result<Vec<String>, GitError> {
        let count = format!("--max-count={at_most}");
        Ok(self.run(&["log", &count, "--format=%an: %s"])?.lines().map(str::to_owned).collect())
    }

    /// The whole message of a commit.
    ///
    /// # Errors
    /// What git says.
    pub fn message(&self, commit: &str) -> Result<String, GitError> {
        self.run(&["log", "--max-count=1", "--format=%B", commit])
    }

    /// Any other git command in the clone; what it wrote to its standard output.
    ///
    /// # Errors
    /// What git says.
    pub fn run(&self, arguments: &[&str]) -> Result<String, GitError> {
        let shown = shown(arguments);
        let output = self.command(arguments).output().map_err(|error| failed(&shown, &error))?;
        let Output { status, stdout, stderr } = output;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let text = format!("{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout));
        Err(GitError { command: shown, code: status.code(), text })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", nothing)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true");
        if let Some(date) = &self.date {
            command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
        }
        command.args(["-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", "-c", "gc.auto=0"]);
        command.args(arguments);
        command
    }

    fn place(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }
}

/// `http://<somebody>-at-<account>:x@<host>/v1/repos/<repository>`.
pub fn address(somebody: &str, endpoint: &str, account: &str, repository: &str) -> String {
    let (scheme, host) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let host = host.trim_end_matches('/');
    format!("{scheme}://{somebody}-at-{account}:x@{host}/v1/repos/{repository}")
}

fn failed(command: &str, error: &io::Error) -> GitError {
    GitError { command: command.to_owned(), code: None, text: error.to_string() }
}

/// The command for people: an address in it loses its credentials.
fn shown(arguments: &[&str]) -> String {
    let words = arguments.iter().map(|word| match (word.split_once("://"), word.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        _ => (*word).to_owned(),
    });
    format!("git {}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Git, address};

    #[test]
    fn an_address_carries_who_and_where() {
        assert_eq!(
            address("ada", "http://127.0.0.1:4566/", "111111111111", "deployment"),
            "http://ada-at-111111111111:x@127.0.0.1:4566/v1/repos/deployment"
        );
    }

    #[test]
    fn commits_travel_by_real_git_and_are_the_same_at_the_same_time() {
        let remote = Git::init().unwrap();
        remote.run(&["config", "receive.denyCurrentBranch", "ignore"]).unwrap();
        let git = Git::clone_from(&remote.path().to_string_lossy()).unwrap().at(1_700_000_000);
        git.write("a/b.txt", "one").unwrap();
        let first = git.commit("Ada <ada@example.com>", "Add b").unwrap();
        assert_eq!(first, "b429d7b6cd254a1e8b73bb70550188db7beabf70");
        git.push().unwrap();
        git.delete("a/b.txt").unwrap();
        let second = git.commit("Ada <ada@example.com>", "Delete b").unwrap();
        git.push_refs("origin", &["HEAD:refs/heads/main", &format!("{first}:refs/heads/old")]).unwrap();
        assert_eq!(remote.commit_id("main").unwrap(), second);
        assert_eq!(remote.commit_id("old").unwrap(), first);
        git.push_refs("origin", &[&format!("+{first}:refs/heads/main")]).unwrap();
        assert_eq!(git.update().unwrap(), first);
        assert_eq!(git.read("a/b.txt").unwrap().as_deref(), Some(b"one".as_slice()));
        assert_eq!(git.read("nowhere").unwrap(), None);
        assert_eq!(git.log(5).unwrap(), ["Ada: Add b"]);
    }

    #[test]
    fn a_failure_names_the_command_without_its_credentials() {
        let failure = Git::clone("http://127.0.0.1:1", "111111111111", "deployment").unwrap_err();
        assert_eq!(failure.command, "git clone --quiet http://127.0.0.1:1/v1/repos/deployment .");
    }
}
