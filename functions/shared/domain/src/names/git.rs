//! The names of CodeCommit and of git.

use super::{is_lower_hexadecimal, is_made_of, name};

name!(
    /// The name of a CodeCommit repository.
    RepositoryName,
    "repository name",
    "1 to 100 letters, digits, ., _ or -, not ending in .git",
    |text| {
        is_made_of(text, 1, 100, |character| character.is_ascii_alphanumeric() || "._-".contains(character))
            && text != "."
            && text != ".."
            && !text.ends_with(".git")
    }
);

name!(
    /// The name of a branch, without `refs/heads/`.
    BranchName,
    "branch name",
    "a git branch name of 1 to 256 characters, such as main",
    |text| {
        let forbidden = |character: char| {
            character.is_control() || character.is_whitespace() || "~^:?*[\\".contains(character)
        };
        (1..=256).contains(&text.len())
            && !text.chars().any(forbidden)
            && !text.contains("..")
            && !text.contains("@{")
            && text != "@"
            && !text.starts_with('-')
            && !text.ends_with('.')
            && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
    }
);

name!(
    /// The full id of a commit.
    CommitId,
    "commit id",
    "40 hexadecimal digits",
    |text| is_made_of(text, 40, 40, is_lower_hexadecimal)
);

impl CommitId {
    /// The first eight digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

name!(
    /// The id of a file's content.
    BlobId,
    "blob id",
    "40 hexadecimal digits",
    |text| is_made_of(text, 40, 40, is_lower_hexadecimal)
);

name!(
    /// The path of a file in a repository, from its root.
    FilePath,
    "file path",
    "a path of 1 to 4096 characters without empty, . or .. parts",
    |text| {
        (1..=4096).contains(&text.len())
            && !text.chars().any(|character| character.is_control() || character == '\\')
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
    }
);

impl FilePath {
    /// The path of the rules.
    #[must_use]
    pub fn rules() -> Self {
        Self("delivery.yaml".to_owned())
    }

    /// A path whose parts have been checked already.
    pub(super) fn of_checked_parts(parts: &[&str]) -> Self {
        Self(parts.join("/"))
    }
}
