//! Evidence as it lies in the registry: a small OCI artifact that refers to the image (its `subject`), with what it
//! says in its annotations. <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use crate::connection::Clients;
use crate::ecr::{OCI_MANIFEST, Put, Referrer};
use crate::error::CallError;
use crate::sha256::sha256;
use domain::evidence::{Evidence, EvidenceKind};
use domain::names::{AccountId, CommitId, EnvironmentName, ImageDigest, ImageRepositoryName, ServiceId};
use domain::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What marks an artifact as Towpath's evidence.
pub const ARTIFACT_TYPE: &str = "application/vnd.towpath.evidence.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The content that OCI gives to a blob which says nothing.
const EMPTY: &[u8] = b"{}";

const KIND: &str = "io.towpath.kind";
/// The annotation that names the account whose word it is.
pub(crate) const ACCOUNT: &str = "io.towpath.account";
const ENVIRONMENT: &str = "io.towpath.environment";
const SERVICE: &str = "io.towpath.service";
const COMMIT: &str = "io.towpath.commit";
const AT: &str = "org.opencontainers.image.created";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    subject: Descriptor,
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: ImageDigest,
    size: u64,
}

impl Clients {
    /// All evidence on an image that this registry's own account has given: what travelled here with the image is another
    /// environment's word. What cannot be read as evidence is none.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn evidence(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Vec<Evidence>, CallError> {
        let referrers = self.referrers(repository, digest, Some(ARTIFACT_TYPE)).await?;
        Ok(referrers
            .iter()
            .filter_map(|referrer| read(&self.account, repository, digest, referrer))
            .collect())
    }

    /// Puts evidence beside its image; what is there already is success. Of an image that is gone there is nothing to say.
    ///
    /// # Errors
    /// When ECR refuses it, or gives no usable answer.
    pub async fn put_evidence(&self, evidence: &Evidence) -> Result<(), CallError> {
        let repository = &evidence.repository;
        let Some(subject) = self.manifest_size(repository, &evidence.digest).await? else { return Ok(()) };
        let empty = digest_of(EMPTY)?;
        let text = manifest_text(evidence, &self.account, subject, &empty)?;
        let digest = digest_of(text.as_bytes())?;
        let put = || self.put_manifest(repository, &digest, (OCI_MANIFEST, &text), None);
        // Only the first evidence in a repository has to bring the empty blob that all of them name.
        if let Put::NotThere(_) = put().await? {
            self.put_small_blob(repository, &empty, EMPTY).await?;
            if let Put::NotThere(error) = put().await? {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// An image's own media type and size.
pub(crate) struct Subject {
    pub(crate) media_type: String,
    pub(crate) size: u64,
}

fn manifest_text(
    evidence: &Evidence,
    account: &AccountId,
    subject: Subject,
    empty: &ImageDigest,
) -> Result<String, CallError> {
    let nothing = Descriptor { media_type: EMPTY_TYPE.to_owned(), digest: empty.clone(), size: 2 };
    let manifest = Manifest {
        schema_version: 2,
        media_type: OCI_MANIFEST,
        artifact_type: ARTIFACT_TYPE,
        config: nothing.clone(),
        layers: vec![nothing],
        subject: Descriptor {
            media_type: subject.media_type,
            digest: evidence.digest.clone(),
            size: subject.size,
        },
        annotations: BTreeMap::from([
            (ACCOUNT, account.to_string()),
            (KIND, evidence.kind.to_string()),
            (ENVIRONMENT, evidence.environment.to_string()),
            (SERVICE, evidence.service.to_string()),
            (COMMIT, evidence.commit.to_string()),
            (AT, evidence.at.to_string()),
        ]),
    };
    let malformed = |error: serde_json::Error| CallError::malformed("ECR", "PutImage", "evidence", error);
    serde_json::to_string(&manifest).map_err(malformed)
}

fn digest_of(content: &[u8]) -> Result<ImageDigest, CallError> {
    let malformed = |error| CallError::malformed("ECR", "PutImage", "evidence", error);
    ImageDigest::parse(&sha256(content)).map_err(malformed)
}

fn read(
    account: &AccountId,
    repository: &ImageRepositoryName,
    digest: &ImageDigest,
    referrer: &Referrer,
) -> Option<Evidence> {
    if referrer.artifact_type != ARTIFACT_TYPE {
        return None;
    }
    let said = |name: &str| referrer.annotations.get(name).map(String::as_str);
    if said(ACCOUNT)? != account.as_str() {
        return None;
    }
    Some(Evidence {
        kind: EvidenceKind::parse(said(KIND)?)?,
        environment: EnvironmentName::parse(said(ENVIRONMENT)?).ok()?,
        service: ServiceId::parse(said(SERVICE)?).ok()?,
        repository: repository.clone(),
        digest: digest.clone(),
        commit: CommitId::parse(said(COMMIT)?).ok()?,
        at: Timestamp::parse(said(AT)?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn evidence() -> Evidence {
        Evidence {
            kind: EvidenceKind::Verified,
            environment: EnvironmentName::parse("dev").unwrap(),
            service: ServiceId::parse("cluster1/webapp1").unwrap(),
            repository: ImageRepositoryName::parse("webapp1").unwrap(),
            digest: ImageDigest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
            commit: CommitId::parse(&"c".repeat(40)).unwrap(),
            at: Timestamp::parse("2026-11-20T09:30:00Z").unwrap(),
        }
    }

    fn referrer(annotations: &[(&str, &str)]) -> Referrer {
        Referrer {
            digest: evidence().digest,
            media_type: OCI_MANIFEST.to_owned(),
            size: 7,
            artifact_type: ARTIFACT_TYPE.to_owned(),
            annotations: annotations
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn account(number: &str) -> AccountId {
        AccountId::parse(&number.repeat(12)).unwrap()
    }

    #[test]
    fn an_artifact_that_says_nothing_is_no_evidence() {
        let evidence = evidence();
        assert_eq!(read(&account("1"), &evidence.repository, &evidence.digest, &referrer(&[])), None);
    }

    #[test]
    fn evidence_is_read_as_it_was_written() {
        let evidence = evidence();
        let subject = Subject { media_type: OCI_MANIFEST.to_owned(), size: 7 };
        let text = manifest_text(&evidence, &account("1"), subject, &digest_of(EMPTY).unwrap()).unwrap();
        expect![[r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.towpath.evidence.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":7},"annotations":{"io.towpath.account":"111111111111","io.towpath.commit":"cccccccccccccccccccccccccccccccccccccccc","io.towpath.environment":"dev","io.towpath.kind":"verified","io.towpath.service":"cluster1/webapp1","org.opencontainers.image.created":"2026-11-20T09:30:00Z"}}"#]].assert_eq(&text);
        let written: serde_json::Value = serde_json::from_str(&text).unwrap();
        let annotations: Vec<(&str, &str)> = written["annotations"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let read_in =
            |number| read(&account(number), &evidence.repository, &evidence.digest, &referrer(&annotations));
        assert_eq!(read_in("2"), None, "it travelled with the image, and is not account 2's word");
        assert_eq!(read_in("1"), Some(evidence.clone()));
    }
}
