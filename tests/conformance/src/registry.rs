//! ECR: the registry protocol, as `docker push` and `skopeo` speak it.

use crate::check::{Check, Verdict};
use crate::expect::{holds, same, text};
use crate::resources::ImageRepository;
use crate::scene::Scene;
use client::{Image, Index, Referrer, Registry};
use serde_json::{Value, json};

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("An image that was pushed is pulled byte for byte and known to the API", push_and_pull),
    check("An attested index travels with its children", push_and_pull_index),
    check("A blob of another digest is refused", wrong_digest),
    check("A manifest whose blobs are not there is refused", missing_blobs),
    check("A wrong password, a missing repository and a missing tag have their statuses", refusals),
    check("Referrers are listed for their subject", referrers),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("registry", name, run)
}

fn push_and_pull(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let image = Image::new("webapp1").version("1").layer("app", "one").layer("lib", "two").gzip().build()?;
    same("the digest", &registry.push(&repository.name, Some("1"), &image)?, &image.digest)?;
    holds("what was pulled is what was pushed", registry.pull(&repository.name, "1")? == image)?;
    holds("so by digest", registry.pull(&repository.name, &image.digest)? == image)?;
    same("the API's manifest", &scene.ecr().manifest(&repository.name, "1")?.1, &image.manifest)?;
    let Some(blob) = image.blobs.first() else { return Ok(()) };
    holds("a blob that is there is not uploaded again", !registry.push_blob(&repository.name, blob)?)
}

fn push_and_pull_index(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let image = Image::new("webapp1").version("1");
    let index =
        Index::new().image(image.clone()).image(image.platform("linux", "arm64")).attested().build()?;
    registry.push(&repository.name, Some("multi"), &index)?;
    holds("what was pulled is what was pushed", registry.pull(&repository.name, "multi")? == index)
}

fn wrong_digest(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let mut blob = client::Blob::new("application/octet-stream", b"one".to_vec());
    blob.digest = client::digest::sha256(b"two");
    match registry.push_blob(&repository.name, &blob) {
        Ok(_) => holds("a blob of another digest is refused", false),
        Err(error) => same("the status", &error.status, &400),
    }
}

fn missing_blobs(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let image = Image::new("webapp1").version("1").build()?;
    let put = registry.put_manifest(&repository.name, "1", &image.media_type, image.manifest.as_bytes());
    match put {
        Ok(digest) => holds(format!("a manifest without its blobs is refused ({digest})"), false),
        Err(error) => holds(format!("the status is 400 or 404 ({error})"), matches!(error.status, 400 | 404)),
    }
}

fn refusals(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let stranger = Registry::with_password(&registry.address, "AWS", "wrong");
    let path = format!("/v2/{}/manifests/1", repository.name);
    let refusal = stranger.exchange("GET", &path, &[], &[])?;
    holds(
        format!("a wrong password is refused ({})", refusal.status),
        matches!(refusal.status, 400 | 401 | 403),
    )?;
    same("a missing tag", &registry.exchange("GET", &path, &[], &[])?.status, &404)?;
    let missing = format!("/v2/{}/manifests/1", scene.name("missing"));
    same("a missing repository", &registry.exchange("GET", &missing, &[], &[])?.status, &404)?;
    same("the protocol's door", &registry.exchange("GET", "/v2/", &[], &[])?.status, &200)
}

fn referrers(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let registry = Registry::login(&scene.aws)?;
    let image = Image::new("webapp1").version("1").build()?;
    registry.push(&repository.name, Some("1"), &image)?;
    let note = Referrer::new(&image, "application/vnd.towpath.conformance.note").annotation("a", "b").build();
    registry.push(&repository.name, None, &note)?;
    let path = format!("/v2/{}/referrers/{}", repository.name, image.digest);
    let reply = registry.exchange("GET", &path, &[], &[])?.succeeded()?;
    let index: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    same("the referrer", &text(&index, "/manifests/0/digest")?, &note.digest)?;
    let subject = json!({ "subjectId": { "imageDigest": image.digest } });
    let listed = repository.call("ListImageReferrers", subject)?;
    same("the API's referrer", &text(&listed, "/referrers/0/digest")?, &note.digest)
}
