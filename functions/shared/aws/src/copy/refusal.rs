//! Why an image is not copied although everything works, and what to do about it.

use crate::error::CallError;
use domain::names::{ImageDigest, ImageRepositoryName};

/// A reason that another try does not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyRefusal {
    /// Upstream does not have the image.
    #[error(
        "upstream's repository {repository} has no image {digest}: it was deleted or archived; push it there again, or restore it with UpdateImageStorageClass"
    )]
    ImageGone {
        /// The repository upstream.
        repository: ImageRepositoryName,
        /// The image, or a child of its index.
        digest: ImageDigest,
    },
    /// Upstream has the image and does not give it out.
    #[error(
        "upstream's repository {repository} does not give out {digest}: {problem}; mend that in ECR there"
    )]
    ImageInaccessible {
        /// The repository upstream.
        repository: ImageRepositoryName,
        /// The image.
        digest: ImageDigest,
        /// What ECR says.
        problem: String,
    },
    /// Upstream has the image and not its layer.
    #[error(
        "upstream's repository {repository} does not give out layer {digest} ({problem}); restore the image from the archive with UpdateImageStorageClass, or push it there again"
    )]
    LayerGone {
        /// The repository upstream.
        repository: ImageRepositoryName,
        /// The layer or configuration.
        digest: ImageDigest,
        /// What ECR says.
        problem: String,
    },
    /// A layer is not as long as the manifest says.
    #[error(
        "layer {digest} in upstream's repository {repository} has {bytes} bytes, and the manifest says {said}: no one can pull such an image; build and push it again"
    )]
    LayerDiffers {
        /// The repository upstream.
        repository: ImageRepositoryName,
        /// The layer or configuration.
        digest: ImageDigest,
        /// How long it is.
        bytes: u64,
        /// How long it should be.
        said: u64,
    },
    /// Upstream has no such repository.
    #[error(
        "upstream has no ECR repository {repository}; create it there, or name the right one in delivery.yaml (from: …)"
    )]
    SourceRepositoryMissing {
        /// The repository upstream.
        repository: ImageRepositoryName,
    },
    /// This account has no such repository.
    #[error(
        "there is no ECR repository {repository} in this account; create it, or let promotion do so with create-repositories: true in delivery.yaml"
    )]
    TargetRepositoryMissing {
        /// The repository here.
        repository: ImageRepositoryName,
    },
    /// Upstream does not let us read.
    #[error(
        "upstream's registry may not be read: {problem}; deploy upstream's stack with this account as its parameter Downstream, and admit the repository's name with NamePrefix there"
    )]
    SourceDenied {
        /// What AWS said.
        problem: String,
    },
    /// This account does not let us write.
    #[error(
        "this account's registry may not be written: {problem}; admit the repository's name with the stack parameter NamePrefix"
    )]
    TargetDenied {
        /// What AWS said.
        problem: String,
    },
    /// A manifest is of a kind that Towpath does not copy.
    #[error(
        "{digest} is not a manifest that can be copied: {problem}; expected Docker's schema 2 or OCI, an image or an index: build and push it again with a current tool"
    )]
    UnsupportedManifest {
        /// The manifest.
        digest: ImageDigest,
        /// What is wrong with it.
        problem: String,
    },
    /// So much belongs to the image that it does not fit.
    #[error(
        "{digest} is too large to be copied: {problem}; split the index, or delete artifacts that refer to it upstream"
    )]
    TooLarge {
        /// The image, or what speaks of it.
        digest: ImageDigest,
        /// What there is too much of.
        problem: String,
    },
}

impl CopyRefusal {
    /// Its name for programs; it never changes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ImageGone { .. } => "copy_image_gone",
            Self::ImageInaccessible { .. } => "copy_image_inaccessible",
            Self::LayerGone { .. } => "copy_layer_gone",
            Self::LayerDiffers { .. } => "copy_layer_differs",
            Self::SourceRepositoryMissing { .. } => "copy_source_repository_missing",
            Self::TargetRepositoryMissing { .. } => "copy_target_repository_missing",
            Self::SourceDenied { .. } => "copy_source_denied",
            Self::TargetDenied { .. } => "copy_target_denied",
            Self::UnsupportedManifest { .. } => "copy_unsupported_manifest",
            Self::TooLarge { .. } => "copy_too_large",
        }
    }

    /// Whether it is about one layer alone.
    pub(super) fn is_of_a_layer(&self) -> bool {
        matches!(self, Self::LayerGone { .. } | Self::LayerDiffers { .. })
    }

    pub(super) fn source_denied(error: &CallError) -> Self {
        Self::SourceDenied { problem: error.to_string() }
    }

    pub(super) fn target_denied(error: &CallError) -> Self {
        Self::TargetDenied { problem: error.to_string() }
    }
}
