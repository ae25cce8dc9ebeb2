//! An application's own repository, one in each account, and the team's clone of it.

use crate::story::{Failure, Story};
use client::git::Git;
use serde_json::json;

/// When the team makes all its commits, so that they have the same ids in each run.
const COMMITTED_AT: u64 = 1_700_000_000;

impl Story {
    /// Makes an application repository of this name in every account; the team's clone knows each by its
    /// environment's name.
    ///
    /// # Errors
    /// What AWS says.
    pub fn make_application(&mut self, application: &str) -> Result<(), Failure> {
        let git = Git::init()?.at(COMMITTED_AT);
        for account in self.accounts() {
            account.aws.call("codecommit", "CreateRepository", &json!({ "repositoryName": application }))?;
            git.remote(&account.place.environment, &self.endpoint, &account.place.id, application)?;
        }
        self.applications.insert(application.to_owned(), git);
        Ok(())
    }

    /// The team commits to the application, on top of what it committed last, and pushes nothing. Gives the commit.
    ///
    /// # Errors
    /// What git says.
    pub fn develop(&mut self, application: &str, message: &str) -> Result<String, Failure> {
        let git = self.applications.get(application).ok_or("there is no such application")?;
        git.write("CHANGES", format!("{message}\n"))?;
        let commit = git.commit("Ada <ada@example.com>", message)?;
        self.names.give(&commit, message);
        Ok(commit)
    }

    /// `git push <environment> <what>`, such as `<commit>:main`, or `+<older commit>:main`; does not wait.
    ///
    /// # Errors
    /// What git says: it refuses to move a branch back without the `+`.
    pub fn git_push_only(&self, application: &str, environment: &str, what: &str) -> Result<(), Failure> {
        let git = self.applications.get(application).ok_or("there is no such application")?;
        let (commit, branch) = what.split_once(':').ok_or("expected <commit>:<branch>")?;
        // Git wants to be told what a name is that is not there yet.
        git.push_refs(environment, &[&format!("{commit}:refs/heads/{branch}")])?;
        Ok(())
    }

    /// [`Story::git_push_only`], and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::git_push_only`] and [`Story::rest`].
    pub fn git_push(&self, application: &str, environment: &str, what: &str) -> Result<(), Failure> {
        self.git_push_only(application, environment, what)?;
        self.rest()
    }
}
