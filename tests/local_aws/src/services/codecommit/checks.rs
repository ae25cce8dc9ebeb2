//! What CodeCommit accepts as a name, a path, an id, an author or a page; each refusal with its own code.

use super::mode_of;
use crate::error::AwsError;
use gix::ObjectId;
use gix::objs::tree::EntryKind;

/// The longest repository name.
const REPOSITORY_NAME_CHARACTERS_MAX: usize = 100;
/// The longest branch name.
const BRANCH_NAME_CHARACTERS_MAX: usize = 256;
/// The longest path of a file.
const PATH_CHARACTERS_MAX: usize = 4096;
/// How deep folders may lie in one another.
const PATH_FOLDERS_MAX: usize = 20;
/// The longest author name; AWS has a limit and does not publish it.
const AUTHOR_NAME_CHARACTERS_MAX: usize = 256;
/// The longest email address; AWS has a limit and does not publish it.
const EMAIL_CHARACTERS_MAX: usize = 256;
/// The longest commit message.
const COMMIT_MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// A required text member: absent and empty are the same to CodeCommit.
pub(super) fn required(value: Option<String>, code: &str, what: &str) -> Result<String, AwsError> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| AwsError::new(code, format!("{what} is required")))
}

pub(super) fn repository_name(value: Option<String>) -> Result<String, AwsError> {
    let name = required(value, "RepositoryNameRequiredException", "a repository name")?;
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '-');
    let length = name.chars().count();
    if length > REPOSITORY_NAME_CHARACTERS_MAX
        || !name.chars().all(allowed)
        || name.chars().all(|c| c == '.')
        || name.ends_with(".git")
    {
        return Err(invalid(
            "InvalidRepositoryNameException",
            "repository name",
            &name,
            "1 to 100 letters, digits, `.`, `_` or `-`, not ending in `.git`",
        ));
    }
    Ok(name)
}

pub(super) fn branch_name(value: Option<String>) -> Result<String, AwsError> {
    let name = required(value, "BranchNameRequiredException", "a branch name")?;
    let is_valid = name.chars().count() <= BRANCH_NAME_CHARACTERS_MAX
        && !name.starts_with("refs/")
        && !name.starts_with('-')
        && name != "HEAD"
        && object_id(&name).is_none()
        && gix::refs::FullName::try_from(format!("refs/heads/{name}")).is_ok();
    if is_valid {
        Ok(name)
    } else {
        Err(invalid(
            "InvalidBranchNameException",
            "branch name",
            &name,
            "a name that git allows, without `refs/heads/`, of at most 256 characters",
        ))
    }
}

/// A full commit id.
pub(super) fn commit_id(value: Option<String>) -> Result<ObjectId, AwsError> {
    let text = required(value, "CommitIdRequiredException", "a commit ID")?;
    object_id(&text)
        .ok_or_else(|| invalid("InvalidCommitIdException", "commit ID", &text, "40 hexadecimal digits"))
}

/// The text as a full object id.
pub(super) fn object_id(text: &str) -> Option<ObjectId> {
    if text.len() == 40 { ObjectId::from_hex(text.as_bytes()).ok() } else { None }
}

/// A file's path: the leading slash that AWS's examples write is dropped.
pub(super) fn path(value: Option<String>) -> Result<String, AwsError> {
    let given = required(value, "PathRequiredException", "a path")?;
    let path = given.strip_prefix('/').unwrap_or(&given);
    let segment_is_valid = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && !segment.eq_ignore_ascii_case(".git")
            && !segment.chars().any(char::is_control)
    };
    let is_valid = path.chars().count() <= PATH_CHARACTERS_MAX
        && path.split('/').count() <= PATH_FOLDERS_MAX + 1
        && path.split('/').all(segment_is_valid);
    if is_valid {
        Ok(path.to_owned())
    } else {
        let shown: String = given.chars().take(300).collect();
        Err(invalid(
            "InvalidPathException",
            "path",
            &shown,
            "names joined by `/`, none empty, `.`, `..` or `.git`, at most 20 folders deep and 4096 characters",
        ))
    }
}

/// A folder's path: empty for the root, which is written `/`.
pub(super) fn folder_path(value: Option<String>) -> Result<String, AwsError> {
    let given = required(value, "PathRequiredException", "a folder path")?;
    if given == "/" {
        return Ok(String::new());
    }
    path(Some(given.strip_suffix('/').unwrap_or(&given).to_owned()))
}

/// A file mode's name as git's entry kind.
pub(super) fn file_mode(value: &str) -> Result<EntryKind, AwsError> {
    mode_of(value).ok_or_else(|| {
        invalid("InvalidFileModeException", "file mode", value, "EXECUTABLE, NORMAL or SYMLINK")
    })
}

/// Name, email address and message of a commit.
pub(super) fn authorship(
    name: Option<&str>,
    email: Option<&str>,
    message: Option<&str>,
) -> Result<(), AwsError> {
    if name.is_some_and(|name| name.chars().count() > AUTHOR_NAME_CHARACTERS_MAX) {
        return Err(AwsError::new(
            "NameLengthExceededException",
            format!("the author's name is longer than {AUTHOR_NAME_CHARACTERS_MAX} characters"),
        ));
    }
    let email_is_invalid = |email: &str| {
        email.chars().count() > EMAIL_CHARACTERS_MAX
            || email.chars().any(|character| character.is_control() || matches!(character, '<' | '>'))
    };
    if let Some(email) = email.filter(|email| email_is_invalid(email)) {
        return Err(invalid(
            "InvalidEmailException",
            "email address",
            email,
            "at most 256 characters, no `<`, `>` or control characters",
        ));
    }
    if message.is_some_and(|message| message.len() > COMMIT_MESSAGE_BYTES_MAX) {
        return Err(AwsError::new(
            "CommitMessageLengthExceededException",
            "the commit message is longer than 256 KB",
        ));
    }
    Ok(())
}

/// How many results a page shall have.
pub(super) fn max_results(value: Option<i64>, default: usize, limit: usize) -> Result<usize, AwsError> {
    let Some(wanted) = value else { return Ok(default) };
    usize::try_from(wanted).ok().filter(|wanted| (1..=limit).contains(wanted)).ok_or_else(|| {
        AwsError::new(
            "InvalidMaxResultsException",
            format!("`{wanted}` is not a number of results: expected 1 to {limit}"),
        )
    })
}

/// An error that names the value and what was expected.
pub(super) fn invalid(code: &str, what: &str, value: &str, expected: &str) -> AwsError {
    AwsError::new(code, format!("`{}` is not a valid {what}: expected {expected}", value.escape_debug()))
}
