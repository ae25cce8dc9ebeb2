//! The artifacts that refer to an image.

use super::SERVICE;
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind, code_of};
use aws_sdk_ecr::types::{ListImageReferrersFilter, SubjectIdentifier};
use domain::names::{ImageDigest, ImageRepositoryName};
use std::collections::BTreeMap;

/// ECR's largest page of `ListImageReferrers`.
const REFERRERS_PER_PAGE: i32 = 50;
/// How many pages of referrers of one image are read at most.
const REFERRER_PAGES_MAX: usize = 20;

/// The code of having more of them than are read.
pub(crate) const TOO_MANY_REFERRERS: &str = "TooManyReferrers";

/// An artifact that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The artifact's digest.
    pub digest: ImageDigest,
    /// The media type of its manifest.
    pub media_type: String,
    /// The size of its manifest in bytes.
    pub size: u64,
    /// What kind of thing it is.
    pub artifact_type: String,
    /// What it says.
    pub annotations: BTreeMap<String, String>,
}

impl Clients {
    /// The artifacts that refer to an image, all or those of one type. None at all when the image is not there.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn referrers(
        &self,
        repository: &ImageRepositoryName,
        subject: &ImageDigest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, CallError> {
        let thing = format!("{subject} in repository {repository}");
        let operation = "ListImageReferrers";
        let id = SubjectIdentifier::builder().image_digest(subject.as_str()).build();
        let id = id.map_err(|error| CallError::malformed(SERVICE, operation, &thing, error))?;
        let filter =
            artifact_type.map(|name| ListImageReferrersFilter::builder().artifact_types(name).build());
        let mut referrers = Vec::new();
        let mut next = None;
        for _ in 0..REFERRER_PAGES_MAX {
            let sent = self
                .ecr
                .list_image_referrers()
                .repository_name(repository.as_str())
                .subject_id(id.clone())
                .set_filter(filter.clone())
                .max_results(REFERRERS_PER_PAGE)
                .set_next_token(next);
            let page = match sent.send().await {
                Ok(page) => page,
                Err(error) => {
                    return match code_of(&error) {
                        Some("ImageNotFoundException" | "RepositoryNotFoundException") => Ok(Vec::new()),
                        _ => Err(CallError::from_sdk(SERVICE, operation, thing, error)),
                    };
                }
            };
            for referrer in page.referrers() {
                let annotations = referrer.annotations().into_iter().flatten();
                referrers.push(Referrer {
                    digest: CallError::parsed(SERVICE, operation, &thing, "digest", Some(referrer.digest()))?,
                    media_type: referrer.media_type().to_owned(),
                    size: u64::try_from(referrer.size()).unwrap_or_default(),
                    artifact_type: referrer.artifact_type().unwrap_or_default().to_owned(),
                    annotations: annotations.map(|(name, value)| (name.clone(), value.clone())).collect(),
                });
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(referrers);
            }
        }
        let what = format!("more than {REFERRER_PAGES_MAX} pages");
        Err(CallError::transfer(CallErrorKind::Rejected, operation, thing, Some(TOO_MANY_REFERRERS), what))
    }
}
