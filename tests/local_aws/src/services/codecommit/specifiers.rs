//! The ways to name a commit: a full id, a branch, a tag, `HEAD`, or a reference's full name.

use super::checks;
use super::git::Commit;
use super::repositories::Opened;
use crate::error::AwsError;
use crate::world::World;

/// The commit that a specifier names; without one, the tip of the default branch.
pub(super) fn resolve(world: &World, opened: &Opened, specifier: Option<&str>) -> Result<Commit, AwsError> {
    let shown = specifier.unwrap_or("HEAD");
    let default_branch = opened.repository(world)?.default_branch.as_deref();
    let candidates: Vec<String> = match specifier {
        None | Some("HEAD") => default_branch.map(|name| format!("refs/heads/{name}")).into_iter().collect(),
        Some(text) => {
            if let Some(id) = checks::object_id(text) {
                return opened.git.commit(id)?.ok_or_else(|| no_such_commit(shown));
            }
            let names = match text.starts_with("refs/") {
                true => vec![text.to_owned()],
                false => vec![format!("refs/heads/{text}"), format!("refs/tags/{text}")],
            };
            if names.iter().all(|name| gix::refs::FullName::try_from(name.as_str()).is_err()) {
                return Err(checks::invalid(
                    "InvalidCommitException",
                    "commit",
                    text,
                    "a full commit ID, a branch, a tag, HEAD or a full reference name",
                ));
            }
            names
        }
    };
    for name in candidates {
        let Some(id) = opened.git.reference(&name)? else { continue };
        if let Some(id) = opened.git.peel_to_commit(id)?
            && let Some(commit) = opened.git.commit(id)?
        {
            return Ok(commit);
        }
    }
    Err(no_such_commit(shown))
}

fn no_such_commit(specifier: &str) -> AwsError {
    AwsError::new(
        "CommitDoesNotExistException",
        format!("`{}` names no commit of this repository", specifier.escape_debug()),
    )
}
