//! ECR: the images of a repository, what they are made of, and the artifacts that speak of them.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/>

mod images;
mod layers;
mod manifests;
mod platforms;
mod referrers;
mod written;

pub(crate) use images::timestamp;
pub(crate) use layers::RegistryLogin;
pub(crate) use manifests::{
    DOCKER_LIST, DOCKER_MANIFEST, FoundImage, OCI_INDEX, OCI_MANIFEST, Put, by_digest, by_tag,
};
pub use referrers::Referrer;
pub(crate) use referrers::TOO_MANY_REFERRERS;
pub(crate) use written::PROBLEM_CHARACTERS;
pub use written::{Configuration, WrittenManifest};

const SERVICE: &str = "ECR";
