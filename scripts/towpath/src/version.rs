//! The human name of what a revision says: tags and source commits, from Towpath's trailers where they fit.

use aws::codecommit::Commit;
use domain::facts::{LastChange, RepositoryImages};
use domain::image::Image;
use domain::names::{
    CommitId, ContainerName, EcrRegistry, ImageDigest, ImageRepositoryName, ImageTag, ServiceId,
};
use domain::revision::RevisionFile;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::show::plain;

/// One container of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) container: ContainerName,
    pub(crate) tag: Option<ImageTag>,
    pub(crate) digest: Option<ImageDigest>,
    pub(crate) source_commit: Option<CommitId>,
    pub(crate) image: String,
}

/// What is known of images beside their digests.
pub(crate) type Images = BTreeMap<ImageRepositoryName, RepositoryImages>;

/// The versions of a revision that this commit put there.
pub(crate) fn versions(
    service: &ServiceId,
    revision: &RevisionFile,
    change: Option<&LastChange>,
    registry: &EcrRegistry,
    images: &Images,
) -> Vec<Version> {
    let trailers = change.and_then(|change| change.trailers(service, revision));
    let version = |entry: &domain::revision::Entry| {
        let told = trailers.as_ref().and_then(|trailers| {
            trailers.containers.iter().find(|container| container.container == entry.container)
        });
        let digest = entry.image.digest().cloned();
        let listed = || {
            let repository = entry.image.repository_in(registry)?;
            let RepositoryImages::Listed(images) = images.get(repository)? else { return None };
            let image = images.iter().find(|image| Some(&image.digest) == digest.as_ref())?;
            newest_tag(image)
        };
        let told_tag = told.and_then(|told| told.image_tag.clone());
        let tag = told_tag.or_else(|| entry.image.tag().cloned()).or_else(listed);
        let told_commit = told.and_then(|told| told.source_commit.clone());
        let source_commit =
            told_commit.or_else(|| tag.as_ref().and_then(|tag| CommitId::parse(tag.as_str()).ok()));
        Version {
            container: entry.container.clone(),
            tag,
            digest,
            source_commit,
            image: entry.image.to_string(),
        }
    };
    revision.entries().iter().map(version).collect()
}

/// A tag that names an image, the same one each time.
fn newest_tag(image: &Image) -> Option<ImageTag> {
    image.candidate_tags().max().cloned()
}

/// A commit as the decisions know the last change.
pub(crate) fn change_of(commit: &Commit) -> LastChange {
    LastChange {
        commit: commit.id.clone(),
        message: commit.message.clone(),
        author: commit.author.clone(),
        committer: commit.committer.clone(),
        at: Some(commit.at),
    }
}

/// The longest name of a version in a table: a whole commit id would push everything else out of sight.
const TAG_CHARACTERS: usize = 20;

/// The versions for a table: a line for each container, named where there are several.
pub(crate) fn tags(versions: &[Version]) -> String {
    lines(versions, |version| match (&version.tag, &version.digest) {
        (Some(tag), _) => match CommitId::parse(tag.as_str()) {
            Ok(commit) => commit.short().to_owned(),
            Err(_) => crate::show::cut(tag.as_str(), TAG_CHARACTERS),
        },
        (None, _) => "-".to_owned(),
    })
}

/// The digests for a table.
pub(crate) fn digests(versions: &[Version]) -> String {
    lines(versions, |version| {
        version.digest.as_ref().map_or_else(|| "(by tag)".to_owned(), |digest| digest.short().to_owned())
    })
}

fn lines(versions: &[Version], cell: impl Fn(&Version) -> String) -> String {
    if let [only] = versions {
        return cell(only);
    }
    let named =
        versions.iter().map(|version| format!("{} {}", plain(version.container.as_str()), cell(version)));
    named.collect::<Vec<_>>().join("\n")
}
