//! What a path under `/v2/` names. Repository names contain slashes, so paths are read from their end.

use super::error::RegistryError;
use crate::services::ecr::parameters::is_repository_name;

/// The thing that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
    Uploads { name: &'a str },
    Upload { name: &'a str, id: &'a str },
    Tags { name: &'a str },
    Referrers { name: &'a str, digest: &'a str },
}

impl<'a> Target<'a> {
    /// Reads the path after `/v2/`.
    pub(super) fn parse(path: &'a str) -> Result<Self, RegistryError> {
        let target = Self::read(path).ok_or_else(|| {
            RegistryError::unsupported(format!("/v2/{} is no path of a registry", path.escape_debug()))
        })?;
        if is_repository_name(target.name()) {
            Ok(target)
        } else {
            let name = target.name().escape_debug();
            Err(RegistryError::name_invalid(format!("`{name}` is not a repository name")))
        }
    }

    fn read(path: &'a str) -> Option<Self> {
        if let Some(name) = path.strip_suffix("/tags/list") {
            return Some(Self::Tags { name });
        }
        let uploads = path.strip_suffix('/').unwrap_or(path).strip_suffix("/blobs/uploads");
        if let Some(name) = uploads {
            return Some(Self::Uploads { name });
        }
        let (rest, last) = path.rsplit_once('/')?;
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload { name, id: last });
        }
        let (name, kind) = rest.rsplit_once('/')?;
        match kind {
            "manifests" => Some(Self::Manifest { name, reference: last }),
            "blobs" => Some(Self::Blob { name, digest: last }),
            "referrers" => Some(Self::Referrers { name, digest: last }),
            _ => None,
        }
    }

    fn name(&self) -> &'a str {
        match self {
            Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Tags { name }
            | Self::Referrers { name, .. } => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_contain_slashes_and_the_words_of_paths() {
        for (path, expected) in [
            ("mesh/envoy/manifests/1.29", Target::Manifest { name: "mesh/envoy", reference: "1.29" }),
            ("blobs/manifests/blobs/sha256:0", Target::Blob { name: "blobs/manifests", digest: "sha256:0" }),
            ("a1/blobs/uploads/", Target::Uploads { name: "a1" }),
            ("a1/blobs/uploads", Target::Uploads { name: "a1" }),
            ("a1/b/blobs/uploads/7", Target::Upload { name: "a1/b", id: "7" }),
            ("a1/tags/list", Target::Tags { name: "a1" }),
            ("a1/referrers/sha256:0", Target::Referrers { name: "a1", digest: "sha256:0" }),
        ] {
            assert_eq!(Target::parse(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn other_paths_and_names_are_refused() {
        for path in
            ["", "a1", "_catalog", "manifests/x", "../x/manifests/1", "a/../../b/tags/list", "A1/tags/list"]
        {
            assert!(Target::parse(path).is_err(), "{path}");
        }
    }
}
