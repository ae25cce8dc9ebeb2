//! The doors.

use aws::copy::Manifest;
use aws::ecr::WrittenManifest;
use domain::hold::HoldFile;
use domain::names::{
    BranchName, CommitId, ContainerName, ImageDigest, ImageRepositoryName, ImageTag, ImageUri,
    PipelinePattern, Platform, RepositoryName, ServiceId,
};
use domain::revision::RevisionFile;
use domain::rules::RulesFile;
use domain::sweep_message::SweepMessage;
use domain::trailers::{CommitMessage, Trailers};
use domain::wake_up::WakeUp;
use std::collections::{BTreeMap, BTreeSet};

/// One door.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Says what is wrong with the treatment of an input.
    pub check: fn(&[u8]) -> Result<(), String>,
    /// The words of its format.
    pub words: &'static [&'static str],
}

/// All doors.
pub const TARGETS: [Target; 8] = [
    Target { name: "events", check: events, words: EVENT_WORDS },
    Target { name: "revision", check: revision, words: REVISION_WORDS },
    Target { name: "delivery", check: delivery, words: DELIVERY_WORDS },
    Target { name: "hold", check: hold, words: HOLD_WORDS },
    Target { name: "names", check: names, words: NAME_WORDS },
    Target { name: "trailers", check: trailers, words: TRAILER_WORDS },
    Target { name: "request", check: request, words: REQUEST_WORDS },
    Target { name: "manifest", check: manifest, words: MANIFEST_WORDS },
];

const EVENT_WORDS: &[&str] = &[
    "\"source\":",
    "\"detail-type\":",
    "\"detail\":",
    "\"id\":",
    "\"resources\":",
    "aws.ecr",
    "aws.codecommit",
    "aws.ecs",
    "aws.codepipeline",
    "ECR Image Action",
    "\"image-tag\":",
    "sha256:",
    "null",
    "\"towpath\":",
    "\"sweep\"",
    "\"wake_up\"",
    "\"version\":",
    "1.0E3",
    "{}",
    "[]",
    "arn:aws:ecs:eu-west-1:111111111111:service/c/s",
];
const REVISION_WORDS: &[&str] = &[
    "\"name\":",
    "\"imageUri\":",
    "@sha256:",
    ":latest",
    "\"extra\":",
    "[{",
    "}]",
    ",",
    "null",
    "1e10",
    "\u{feff}",
];
const DELIVERY_WORDS: &[&str] = &[
    "version: 1\n",
    "services:\n",
    "  cluster1/webapp1:\n",
    "select: ",
    "{ semver: \">=1, <3\" }",
    "newest",
    "commit",
    "manual",
    "{ newest: \"[0-9a-f]+\" }",
    "promote: { approve: push }",
    "on_failure: revert\n",
    "containers:\n",
    "application: ",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "? ",
    "- ",
    "\t",
    "0012e34",
    "1e10",
    "yes",
    "~",
];
const HOLD_WORDS: &[&str] = &[
    "\"version\":",
    "\"hold\":",
    "\"quarantine\":",
    "\"revision\":",
    "\"application_commit\":",
    "\"until\":",
    "\"at\":",
    "\"2026-01-05T09:00:00Z\"",
    "\"digest\":",
    "\"container\":",
    "null",
    "1",
    "2",
    "\"+262143-01-01T00:00:00Z\"",
];
const NAME_WORDS: &[&str] = &[
    "/",
    "..",
    "cluster1",
    "webapp1",
    "revision.json",
    "hold.json",
    "@sha256:",
    ":",
    "{cluster}",
    "{service}",
    "refs/heads/",
    ".dkr.ecr.eu-west-1.amazonaws.com/",
    "111111111111",
    ".lock",
    "-",
    "_",
    ".",
];
const TRAILER_WORDS: &[&str] = &[
    "\n\n",
    "\r\n",
    "Service: ",
    "Container: ",
    "Image-Digest: ",
    "Image-Tag: ",
    "Decision: moved\n",
    "Actor: ",
    "Event-Id: ",
    "Approved-By: ",
    "Source-Commit: ",
    "Previous-Digest: ",
    "sha256:",
    ": ",
];
const REQUEST_WORDS: &[&str] = &[
    "\"service\":",
    "\"action\":",
    "\"to\":",
    "\"reason\":",
    "\"who\":",
    "\"dryRun\":",
    "\"previous\"",
    "\"roll_back\"",
    "\"release\"",
    "\"all\"",
    "\"hold\"",
    "true",
    "\"true\"",
    "sha256:",
    "null",
];
const MANIFEST_WORDS: &[&str] = &[
    "\"schemaVersion\":2,",
    "\"mediaType\":",
    "\"application/vnd.docker.distribution.manifest.v2+json\"",
    "\"application/vnd.docker.distribution.manifest.list.v2+json\"",
    "\"application/vnd.oci.image.manifest.v1+json\"",
    "\"application/vnd.oci.image.index.v1+json\"",
    "\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\"",
    "\"config\":",
    "\"layers\":",
    "\"manifests\":",
    "\"subject\":",
    "\"annotations\":",
    "\"io.towpath.account\":\"111111111111\"",
    "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}",
    "\"urls\":[\"https://example.com/layer\"]",
    "\"digest\":",
    "\"size\":",
    "sha256:",
    "18446744073709551615",
    "1099511627777",
    "-1",
    "null",
    "[]",
    "{}",
    ",",
];

/// What ECR may say beside a manifest; nothing, for one that was pushed without it.
const MEDIA_TYPES: [Option<&str>; 7] = [
    None,
    Some(""),
    Some("application/vnd.docker.distribution.manifest.v2+json"),
    Some("application/vnd.docker.distribution.manifest.list.v2+json"),
    Some("application/vnd.oci.image.manifest.v1+json"),
    Some("application/vnd.oci.image.index.v1+json"),
    Some("text/html"),
];

fn same<T: PartialEq>(what: &str, one: &T, other: &T) -> Result<(), String> {
    if one == other {
        Ok(())
    } else {
        Err(format!("{what} is not the same when it is written and read again"))
    }
}

/// An error is one line that a log can show.
fn one_line(error: impl std::fmt::Display) -> Result<(), String> {
    let text = error.to_string();
    if text.chars().any(char::is_control) {
        return Err(format!("an error is not one line of text: {text:?}"));
    }
    if text.len() > 4096 {
        return Err(format!("an error has {} bytes", text.len()));
    }
    Ok(())
}

fn events(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if let Err(error) = entrypoint::event::parse(&text) {
        one_line(error)?;
    }
    if let Ok(Some(message)) = SweepMessage::parse(&text) {
        same("a sweep", &SweepMessage::parse(&message.text()).ok().flatten(), &Some(message))?;
    }
    if let Ok(Some(message)) = WakeUp::parse(&text) {
        same("a wake-up", &WakeUp::parse(&message.text()).ok().flatten(), &Some(message))?;
    }
    Ok(())
}

fn revision(input: &[u8]) -> Result<(), String> {
    let file = match RevisionFile::parse(input) {
        Ok(file) => file,
        Err(error) => return one_line(error),
    };
    if file.text().as_bytes() != input {
        return Err("its text is not what was read".to_owned());
    }
    let Some(first) = file.entries().first() else { return Err("it has no entry".to_owned()) };
    let moved = file.with_images(&BTreeMap::from([(first.container.clone(), first.image.clone())]));
    let again = RevisionFile::parse(moved.text().as_bytes()).map_err(|error| format!("written: {error}"))?;
    let images = |file: &RevisionFile| -> Vec<_> {
        file.entries().iter().map(|entry| (entry.container.clone(), entry.image.clone())).collect()
    };
    same("what its entries say", &images(&again), &images(&file))?;
    if !again.has_images_of(&file) || !file.has_images_of(&again) {
        return Err("its images are others when it is written again".to_owned());
    }
    Ok(())
}

fn delivery(input: &[u8]) -> Result<(), String> {
    match RulesFile::parse(input) {
        Ok(rules) => {
            let errors = rules.services.values().filter_map(|rules| rules.as_ref().err());
            errors.into_iter().try_for_each(one_line)
        }
        Err(error) => one_line(error),
    }
}

fn hold(input: &[u8]) -> Result<(), String> {
    let file = match HoldFile::parse(input) {
        Ok(file) => file,
        Err(error) => return one_line(error),
    };
    let again = HoldFile::parse(file.text().as_bytes()).map_err(|error| format!("written: {error}"))?;
    same("the file", &again, &file)
}

fn names(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if let Ok(service) = ServiceId::parse(&text) {
        let path = service.revision_path();
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let is_safe = parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && !part.starts_with('.'));
        if !is_safe {
            return Err(format!("{text:?} makes the path {path}"));
        }
        same("a service", &ServiceId::of_revision_path(path.as_str()), &Some(service.clone()))?;
        same("a service", &ServiceId::parse(&service.to_string()).ok(), &Some(service))?;
    }
    if let Some(service) = ServiceId::of_revision_path(&text) {
        same("a path", &service.revision_path().as_str().to_owned(), &text.clone().into_owned())?;
    }
    if let Ok(image) = ImageUri::parse(&text) {
        same("an image", &ImageUri::parse(&image.to_string()).ok(), &Some(image))?;
    }
    if let Ok(pattern) = PipelinePattern::parse(&text)
        && let Ok(service) = ServiceId::parse("cluster1/webapp1")
        && let Err(error) = pattern.pipeline_of(&service)
    {
        one_line(error)?;
    }
    let errors = [
        ServiceId::parse(&text).err(),
        BranchName::parse(&text).err(),
        CommitId::parse(&text).err(),
        ContainerName::parse(&text).err(),
        ImageDigest::parse(&text).err(),
        ImageRepositoryName::parse(&text).err(),
        ImageTag::parse(&text).err(),
        ImageUri::parse(&text).err(),
        RepositoryName::parse(&text).err(),
    ];
    errors.into_iter().flatten().try_for_each(one_line)
}

/// What was written once of services is read again as it was. (What a person wrote need not be: control characters do
/// not stay.)
fn trailers(input: &[u8]) -> Result<(), String> {
    let written = |trailers: Trailers| {
        let (subject, body) = ("Again".to_owned(), Vec::new());
        Trailers::parse(&CommitMessage { subject, body, trailers }.to_string())
    };
    let once = written(Trailers::parse(&String::from_utf8_lossy(input)));
    same("what is said of services", &written(once.clone()).services, &once.services)
}

fn request(input: &[u8]) -> Result<(), String> {
    let Ok(payload) = serde_json::from_slice(input) else { return Ok(()) };
    match roll_back::Asked::parse(payload, "11111111-2222-4333-8444-555555555555") {
        Ok(_) => Ok(()),
        Err(error) => one_line(error),
    }
}

/// The copier and the decisions read the same manifest, and each only what it must know.
fn manifest(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let written = WrittenManifest::parse(&text);
    match &written {
        Ok(written) => names_of_manifest(written)?,
        Err(error) => one_line(error)?,
    }
    for media_type in MEDIA_TYPES {
        match Manifest::parse(text.clone().into_owned(), media_type) {
            Ok(manifest) => copied(&text, media_type, &manifest, written.as_ref())?,
            Err(error) => one_line(error)?,
        }
    }
    Ok(())
}

fn names_of_manifest(written: &WrittenManifest) -> Result<(), String> {
    for digest in &written.children {
        same("a child", &ImageDigest::parse(digest.as_str()).as_ref(), &Ok(digest))?;
    }
    for platform in &written.platforms {
        same("a platform", &Platform::parse(platform.as_str()).as_ref(), &Ok(platform))?;
    }
    if written.configuration.is_some() && !written.children.is_empty() {
        return Err("an index has a configuration".to_owned());
    }
    Ok(())
}

/// What must hold of a manifest that is copied.
fn copied(
    text: &str,
    media_type: Option<&str>,
    manifest: &Manifest,
    written: Result<&WrittenManifest, &String>,
) -> Result<(), String> {
    let Manifest { media_type: own, text: kept, blobs, children, word_of: _ } = manifest;
    same("its text", &kept.as_deref(), &Some(text))?;
    if media_type.is_some_and(|said| !said.is_empty() && said != own) {
        return Err(format!("ECR says it is {media_type:?}, and it is taken for {own}"));
    }
    if !MEDIA_TYPES.contains(&Some(own)) || own == "text/html" {
        return Err(format!("its media type is {own}"));
    }
    if !blobs.is_empty() && !children.is_empty() {
        return Err("it has layers and children".to_owned());
    }
    let sizes = blobs.iter().map(|blob| blob.size).chain(children.iter().map(|child| child.size));
    if let Some(size) = sizes.into_iter().find(|size| *size > Manifest::SIZE_MAX) {
        return Err(format!("something in it has {size} bytes"));
    }
    let digests = blobs.iter().map(|blob| &blob.digest).chain(children.iter().map(|child| &child.digest));
    for digest in digests {
        same("a digest", &ImageDigest::parse(digest.as_str()).as_ref(), &Ok(digest))?;
    }
    let again = Manifest::parse(text.to_owned(), Some(own));
    same("the manifest", &again.as_ref(), &Ok(manifest))?;
    // What the copier takes, the decisions can read, and both see the same children.
    let listed: BTreeSet<&ImageDigest> = children.iter().map(|child| &child.digest).collect();
    match written {
        Ok(written) => same("its children", &written.children.iter().collect(), &listed),
        Err(error) => Err(format!("it is copied, and cannot be read: {error}")),
    }
}
