//! `towpath approve`: the tag `approved-<environment>-<tag>` on the digest in the registry before.

use crate::account::Account;
use crate::arguments::Approve;
use crate::chain::Chain;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::passage::{Passage, approvals};
use crate::revision::read_current;
use crate::show::{plain, print, print_json};
use aws::copy::Tagged;
use domain::approval::approval_tag;
use domain::image::Image;
use domain::names::{ContainerName, EnvironmentName, ImageDigest, ImageRepositoryName, ImageTag};
use domain::rules::Approval;
use domain::text::shown;
use serde::Serialize;
use serde_json::json;

/// One image to approve.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    container: ContainerName,
    repository: ImageRepositoryName,
    tag: ImageTag,
    digest: ImageDigest,
    /// The tag that says it is approved.
    approval: ImageTag,
    /// Whether it stands there already.
    is_there: bool,
}

/// What the person named.
enum Wanted {
    Tag(ImageTag),
    Digest(ImageDigest),
}

pub(crate) async fn run(chain: &Chain, arguments: &Approve, as_json: bool) -> Result<Ending, Failure> {
    let Approve { service, environment, image, dry_run } = arguments;
    let wanted = image.as_deref().map(wanted).transpose()?;
    let passage = Passage::find(chain, service, None, environment).await?;
    if !passage.rules.containers.values().any(|container| passage.asks_for_tag(container)) {
        let asked = approvals(&passage.promote);
        return Err(Failure::refused(format!(
            "the rules of {environment} ask for {asked} on {service}, and for no tag: an approval tag would change nothing"
        ))
        .hint(format!("add it to {environment}'s delivery.yaml: promote: {{ approve: [{asked}, tag] }}")));
    }
    let candidates = candidates(&passage, environment, wanted.as_ref()).await?;
    let mut is_new = false;
    for candidate in candidates.iter().filter(|candidate| !candidate.is_there) {
        is_new = true;
        if !dry_run {
            put(&passage.from, candidate).await?;
        }
    }
    let ending = if is_new { Ending::Done } else { Ending::Nothing };
    if as_json {
        print_json(&json!({
            "ending": ending, "service": service, "environment": environment, "dryRun": dry_run,
            "registry": passage.from.stack.registry.to_string(), "approvals": candidates,
        }));
    } else {
        print(&told(&passage, arguments, &candidates));
    }
    Ok(ending)
}

fn wanted(text: &str) -> Result<Wanted, Failure> {
    if let Ok(digest) = ImageDigest::parse(text) {
        return Ok(Wanted::Digest(digest));
    }
    ImageTag::parse(text).map(Wanted::Tag).map_err(|_| {
        Failure::usage(format!("--image {}: expected an image tag, or a digest (sha256:…)", shown(text)))
    })
}

/// The images that are meant: the one that was named, else those that the environment before runs.
async fn candidates(
    passage: &Passage,
    environment: &EnvironmentName,
    wanted: Option<&Wanted>,
) -> Result<Vec<Candidate>, Failure> {
    let current = read_current(&passage.from, &passage.service_before).await?;
    let mut candidates = Vec::new();
    for (container, rules) in &passage.rules.containers {
        if !passage.asks_for_tag(rules) {
            continue;
        }
        let repository = rules.source();
        let images = images(&passage.from, repository).await?;
        let runs = current.versions.iter().find(|version| version.container == *container);
        let (digest, tag) = match wanted {
            None => (
                runs.and_then(|version| version.digest.clone()),
                runs.and_then(|version| version.tag.clone()),
            ),
            Some(Wanted::Digest(digest)) => (Some(digest.clone()), None),
            Some(Wanted::Tag(tag)) => {
                (bearer(&images, tag).map(|image| image.digest.clone()), Some(tag.clone()))
            }
        };
        let image = digest.and_then(|digest| images.iter().find(|image| image.digest == digest));
        if let Some(image) = image {
            candidates.push(candidate(passage, environment, (container, repository), (image, tag), &images)?);
        }
    }
    if candidates.is_empty() {
        return Err(none_found(passage, wanted));
    }
    Ok(candidates)
}

fn none_found(passage: &Passage, wanted: Option<&Wanted>) -> Failure {
    let (from, service) = (passage.from.name(), &passage.service_before);
    match wanted {
        Some(Wanted::Digest(digest)) => {
            Failure::not_found(format!("{from} has no image {digest} for {service}"))
        }
        Some(Wanted::Tag(tag)) => {
            Failure::not_found(format!("{from} has no image with the tag {tag} for {service}"))
        }
        None => Failure::not_found(format!("git tells of no image by digest that {service} runs in {from}"))
            .hint("say which image: --image <tag or digest>"),
    }
}

async fn images(account: &Account, repository: &ImageRepositoryName) -> Result<Vec<Image>, Failure> {
    let images = account.clients.images(repository).await.map_err(|error| account.failed(&error))?;
    images.ok_or_else(|| {
        Failure::not_found(format!("there is no ECR repository {repository} in {}", account.name()))
    })
}

fn bearer<'a>(images: &'a [Image], tag: &ImageTag) -> Option<&'a Image> {
    images.iter().find(|image| image.tags.contains(tag))
}

fn candidate(
    passage: &Passage,
    environment: &EnvironmentName,
    (container, repository): (&ContainerName, &ImageRepositoryName),
    (image, tag): (&Image, Option<ImageTag>),
    images: &[Image],
) -> Result<Candidate, Failure> {
    let tag = match tag.filter(|tag| image.candidate_tags().any(|other| other == tag)) {
        Some(tag) => tag,
        None => only_tag(image, repository)?,
    };
    let approval = approval_tag(environment, &tag).ok_or_else(|| {
        Failure::refused(format!(
            "the tag {tag} is too long for an approval: approved-{environment}-{tag} would be no tag"
        ))
    })?;
    let is_there = match bearer(images, &approval) {
        None => false,
        Some(other) if other.digest == image.digest => true,
        Some(other) => {
            return Err(stands_elsewhere(
                &passage.from,
                repository,
                &approval,
                (&image.digest, &other.digest),
            ));
        }
    };
    let (container, repository, digest) = (container.clone(), repository.clone(), image.digest.clone());
    Ok(Candidate { container, repository, tag, digest, approval, is_there })
}

/// The tag that the approval is about, where nobody said it.
fn only_tag(image: &Image, repository: &ImageRepositoryName) -> Result<ImageTag, Failure> {
    let tags: Vec<&ImageTag> = image.candidate_tags().collect();
    match tags.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(Failure::refused(format!(
            "{repository}@{} has no tag that an approval could name",
            image.digest
        ))
        .hint("only tagged images are candidates; tag it first")),
        several => {
            let tags: Vec<&str> = several.iter().map(|tag| tag.as_str()).collect();
            Err(Failure::refused(format!(
                "{repository}@{} has several tags ({}): which one is approved?",
                image.digest,
                tags.join(", ")
            ))
            .hint("say it: --image <tag>"))
        }
    }
}

fn stands_elsewhere(
    account: &Account,
    repository: &ImageRepositoryName,
    approval: &ImageTag,
    (wanted, stands): (&ImageDigest, &ImageDigest),
) -> Failure {
    Failure::refused(format!(
        "{repository}:{approval} in {} stands on {stands}, not on {wanted}: an approval belongs to one image",
        account.name()
    ))
    .hint("find out who approved the other image; an approval that no longer holds is taken back by deleting its tag")
}

async fn put(account: &Account, candidate: &Candidate) -> Result<(), Failure> {
    let Candidate { repository, digest, approval, .. } = candidate;
    let put = account.clients.tag_image(repository, digest, approval).await;
    match put.map_err(|error| account.failed(&error))? {
        Tagged::Done | Tagged::AlreadyThere => Ok(()),
        Tagged::Taken { here, wanted } => {
            Err(stands_elsewhere(account, repository, approval, (&wanted, &here)))
        }
        Tagged::ImageGone => {
            Err(Failure::not_found(format!("{repository}@{digest} is no longer in {}", account.name())))
        }
    }
}

fn told(passage: &Passage, arguments: &Approve, candidates: &[Candidate]) -> String {
    let Approve { service, environment, dry_run, .. } = arguments;
    let mut text = String::new();
    for candidate in candidates {
        let Candidate { repository, tag, digest, approval, is_there, .. } = candidate;
        let did = match (is_there, dry_run) {
            (true, _) => "is approved already",
            (false, true) => "would be approved",
            (false, false) => "is approved now",
        };
        text += &format!(
            "{repository}:{tag} {did} for {environment}: the tag {approval} on {digest} in {}\n",
            passage.from.stack.registry
        );
    }
    let others: Vec<&str> =
        [(Approval::Push, "a push of its commit"), (Approval::Verified, "its verification")]
            .into_iter()
            .filter(|(approval, _)| passage.asks_for(*approval))
            .map(|(_, word)| word)
            .collect();
    if !others.is_empty() {
        text += &format!(
            "The rules of {environment} ask for more: {}, in {}.\n",
            others.join(" and "),
            if passage.asks_for(Approval::Push) { environment } else { passage.from.name() }
        );
    }
    let service = plain(&service.to_string());
    text + &format!(
        "Watch it arrive: towpath status {service} --environments {},{environment}\n",
        passage.from.name()
    )
}
