//! The platforms that an image is built for, as OCI names them.
//! <https://github.com/opencontainers/image-spec/blob/main/image-index.md>

use super::{is_made_of, name};

name!(
    /// An operating system and an architecture, and perhaps a variant of it: `linux/amd64`, `linux/arm64/v8`.
    Platform,
    "platform",
    "<os>/<architecture> or <os>/<architecture>/<variant>, such as linux/arm64",
    |text| {
        let parts: Vec<&str> = text.split('/').collect();
        let is_part = |part: &&str| {
            is_made_of(part, 1, 64, |character| character.is_ascii_alphanumeric() || "._-".contains(character))
        };
        (2..=3).contains(&parts.len()) && parts.iter().all(is_part)
    }
);

impl Platform {
    /// Whether an image that is built for `built` runs where this platform is asked for. A variant that is not asked for may
    /// be any.
    #[must_use]
    pub fn is_met_by(&self, built: &Self) -> bool {
        let is_variant_of = |rest: &str| rest.is_empty() || rest.starts_with('/');
        built.as_str().strip_prefix(self.as_str()).is_some_and(is_variant_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        Platform::parse(text).unwrap()
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "linux/arm64/v8/x", "linux amd64/x", "linux/é"] {
            assert!(Platform::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_variant_matters_where_it_is_asked_for() {
        assert!(platform("linux/arm64").is_met_by(&platform("linux/arm64/v8")));
        assert!(platform("linux/arm64/v8").is_met_by(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm64/v8").is_met_by(&platform("linux/arm64")));
        assert!(!platform("linux/arm").is_met_by(&platform("linux/arm64")));
    }
}
