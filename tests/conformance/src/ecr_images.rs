//! ECR: images, tags, indexes and referrers through the API.

use crate::answers::Question;
use crate::check::{Check, Verdict};
use crate::expect::{holds, list, number, refused, same, text, texts};
use crate::resources::ImageRepository;
use crate::scene::Scene;
use client::{Artifact, Image, Index, Referrer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A digest of nothing that is there.
const NO_IMAGE: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// An artifact type of this suite's own.
const NOTE: &str = "application/vnd.towpath.conformance.note";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A repository's name is taken once, and must be well formed", repository_names),
    check("A repository with images is deleted only by force", delete_repository),
    check("An image needs its layers", missing_layers),
    check("A manifest must have the digest that is named", wrong_digest),
    check("The same image under the same tag is refused as such", image_again),
    check("A tag moves to another image, and an image bears many", tags),
    check("Where tags are immutable, a tag stays on its image", immutable_tags),
    check("Tags that are excluded from immutability move", excluded_tags),
    check("A tag must be well formed", bad_tags),
    check("A manifest without a media type needs one beside it", media_type),
    check("An index needs its children", missing_children),
    check("An index with its attestations is kept byte for byte", index),
    check("BatchGetImage gives the same bytes by tag and by digest", manifests),
    check("BatchGetImage names each failure", failures),
    check("DescribeImages tells tags, time, size and kinds", details),
    check("DescribeImages comes in pages", details_in_pages),
    check("DescribeImages refuses an image that is not there", missing_details),
    check("ListImages has an entry for each tag, and one for an untagged image", listing),
    check("A child is not deleted before its index", delete_child),
    check("An image goes with its last tag", delete_tags),
    check("Referrers are listed by type, with their annotations, in pages", referrers),
    check("The own registry can be named by its account id", own_registry),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("ecr", name, run)
}

fn image(version: &str) -> std::io::Result<Artifact> {
    Image::new("webapp1").version(version).build()
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn repository_names(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    refused(repository.call("CreateRepository", json!({})), &["RepositoryAlreadyExistsException"])?;
    refused(scene.ecr().call("CreateRepository", "Upper Case", json!({})), &["InvalidParameterException"])?;
    let names = json!({ "repositoryNames": [repository.name] });
    let described = scene.call("ecr", "DescribeRepositories", &names)?;
    same("the address", &text(&described, "/repositories/0/repositoryUri")?, &repository.uri())?;
    same("mutability", &text(&described, "/repositories/0/imageTagMutability")?, &"MUTABLE")?;
    let missing = json!({ "repositoryNames": [scene.name("missing")] });
    refused(scene.call("ecr", "DescribeRepositories", &missing), &["RepositoryNotFoundException"])?;
    Ok(())
}

fn delete_repository(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    repository.push(Some("1"), &image("1")?)?;
    refused(repository.call("DeleteRepository", json!({})), &["RepositoryNotEmptyException"])?;
    repository.call("DeleteRepository", json!({ "force": true }))?;
    let gone = repository.call("DescribeImages", json!({}));
    refused(gone, &["RepositoryNotFoundException"])?;
    Ok(())
}

fn missing_layers(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let put = scene.ecr().put_image(&repository.name, Some("1"), &image("1")?);
    refused(put, &["LayersNotFoundException"])?;
    Ok(())
}

fn wrong_digest(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let mut image = image("1")?;
    repository.push(Some("1"), &image)?;
    NO_IMAGE.clone_into(&mut image.digest);
    let put = scene.ecr().put_image(&repository.name, Some("2"), &image);
    refused(put, &["ImageDigestDoesNotMatchException"])?;
    Ok(())
}

fn image_again(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    same("the digest", &repository.push(Some("1"), &image)?, &image.digest)?;
    refused(repository.push(Some("1"), &image), &["ImageAlreadyExistsException"])?;
    let untagged = scene.ecr().put_image(&repository.name, None, &image);
    refused(untagged, &["ImageAlreadyExistsException"])?;
    Ok(())
}

fn tags_of(repository: &ImageRepository<'_>, digest: &str) -> Result<BTreeSet<String>, crate::Stop> {
    let input = json!({ "imageIds": [{ "imageDigest": digest }] });
    let details = repository.call("DescribeImages", input)?;
    let tags = list(&details, "/imageDetails/0/imageTags");
    Ok(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn tags(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let (first, second) = (image("1")?, image("2")?);
    repository.push(Some("1"), &first)?;
    repository.push(Some("latest"), &first)?;
    same("the tags", &tags_of(&repository, &first.digest)?, &set(&["1", "latest"]))?;
    repository.push(Some("latest"), &second)?;
    same("the tags left", &tags_of(&repository, &first.digest)?, &set(&["1"]))?;
    same("the tags moved", &tags_of(&repository, &second.digest)?, &set(&["latest"]))
}

fn immutable_tags(scene: &Scene) -> Verdict {
    let repository = ImageRepository::with(scene, json!({ "imageTagMutability": "IMMUTABLE" }))?;
    let (first, second) = (image("1")?, image("2")?);
    repository.push(Some("1"), &first)?;
    refused(repository.push(Some("1"), &second), &["ImageTagAlreadyExistsException"])?;
    let codes = ["ImageTagAlreadyExistsException", "ImageAlreadyExistsException"];
    let again = refused(repository.push(Some("1"), &first), &codes)?;
    scene.answer(Question::SameImmutableTag, again.code);
    repository.push(Some("2"), &first)?;
    same("the tags", &tags_of(&repository, &first.digest)?, &set(&["1", "2"]))
}

fn excluded_tags(scene: &Scene) -> Verdict {
    let settings = json!({
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "latest*" }],
    });
    let repository = ImageRepository::with(scene, settings)?;
    let (first, second) = (image("1")?, image("2")?);
    repository.push(Some("latest-a"), &first)?;
    repository.push(Some("latest-a"), &second)?;
    repository.push(Some("1"), &first)?;
    refused(repository.push(Some("1"), &second), &["ImageTagAlreadyExistsException"])?;
    same("the tags", &tags_of(&repository, &second.digest)?, &set(&["latest-a"]))
}

fn bad_tags(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    repository.push(Some("0012e34"), &image)?;
    for tag in ["with space", "-dash", ""] {
        refused(repository.push(Some(tag), &image), &["InvalidParameterException"])?;
    }
    Ok(())
}

fn media_type(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    for blob in &image.blobs {
        scene.ecr().push_layer(&repository.name, blob)?;
    }
    let mut parsed: Value = serde_json::from_str(&image.manifest).unwrap_or_default();
    if let Some(members) = parsed.as_object_mut() {
        members.remove("mediaType");
    }
    let input = json!({ "imageManifest": parsed.to_string(), "imageTag": "1" });
    refused(repository.call("PutImage", input), &["InvalidParameterException"])?;
    let input = json!({
        "imageManifest": parsed.to_string(),
        "imageManifestMediaType": image.media_type,
        "imageTag": "1",
    });
    let put = repository.call("PutImage", input)?;
    let digest = client::digest::sha256(parsed.to_string().as_bytes());
    same("the digest", &text(&put, "/image/imageId/imageDigest")?, &digest)?;
    let garbage = json!({ "imageManifest": "no manifest", "imageTag": "2" });
    refused(repository.call("PutImage", garbage), &["InvalidParameterException"])?;
    Ok(())
}

fn two_platforms() -> std::io::Result<Artifact> {
    let image = Image::new("webapp1").version("multi");
    Index::new().image(image.clone()).image(image.platform("linux", "arm64")).attested().build()
}

fn missing_children(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let put = scene.ecr().put_image(&repository.name, Some("multi"), &two_platforms()?);
    refused(put, &["ReferencedImagesNotFoundException"])?;
    Ok(())
}

fn index(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let index = two_platforms()?;
    repository.push(Some("multi"), &index)?;
    let (digest, manifest) = scene.ecr().manifest(&repository.name, "multi")?;
    same("the digest", &digest, &index.digest)?;
    same("the index", &manifest, &index.manifest)?;
    for child in &index.children {
        let (_, manifest) = scene.ecr().manifest(&repository.name, &child.digest)?;
        same("a child", &manifest, &child.manifest)?;
    }
    let all = list(&repository.call("DescribeImages", json!({}))?, "/imageDetails").len();
    same("the images", &all, &5)
}

fn manifests(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    repository.push(Some("1"), &image)?;
    let get = |id: Value| repository.call("BatchGetImage", json!({ "imageIds": [id] }));
    let found = get(json!({ "imageDigest": image.digest }))?;
    same("the manifest", &text(&found, "/images/0/imageManifest")?, &image.manifest)?;
    same("the media type", &text(&found, "/images/0/imageManifestMediaType")?, &image.media_type)?;
    same("the digest", &text(&found, "/images/0/imageId/imageDigest")?, &image.digest)?;
    same("the registry", &text(&found, "/images/0/registryId")?, &scene.account)?;
    let by_tag = get(json!({ "imageTag": "1" }))?;
    let answer = match text(&by_tag, "/images/0/imageManifest") {
        Ok(manifest) if manifest == image.manifest => "as it was pushed".to_owned(),
        Ok(_) => format!("converted to {}", text(&by_tag, "/images/0/imageManifestMediaType")?),
        Err(_) => format!("a failure, {}", text(&by_tag, "/failures/0/failureCode")?),
    };
    scene.answer(Question::PullByTag, answer);
    let (digest, manifest) = scene.ecr().manifest(&repository.name, "1")?;
    same(
        "by tag with all types accepted",
        &(digest, manifest),
        &(image.digest.clone(), image.manifest.clone()),
    )?;
    let docker = Image::new("webapp1").version("d").gzip().docker().build()?;
    repository.push(Some("d"), &docker)?;
    same("a Docker manifest", &scene.ecr().manifest(&repository.name, &docker.digest)?.1, &docker.manifest)
}

fn failures(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let (first, second) = (image("1")?, image("2")?);
    repository.push(Some("1"), &first)?;
    repository.push(Some("2"), &second)?;
    let failure = |id: Value| -> Result<String, crate::Stop> {
        let reply = repository.call("BatchGetImage", json!({ "imageIds": [id] }))?;
        same("the images", &list(&reply, "/images").len(), &0)?;
        text(&reply, "/failures/0/failureCode")
    };
    same("an unknown tag", &failure(json!({ "imageTag": "3" }))?, &"ImageNotFound")?;
    same("an unknown digest", &failure(json!({ "imageDigest": NO_IMAGE }))?, &"ImageNotFound")?;
    let both = json!({ "imageTag": "1", "imageDigest": second.digest });
    same("a tag of another digest", &failure(both)?, &"ImageTagDoesNotMatchDigest")?;
    same("neither", &failure(json!({}))?, &"MissingDigestAndTag")?;
    let many: Vec<Value> = (0..101).map(|number| json!({ "imageTag": format!("t{number}") })).collect();
    let many = repository.call("BatchGetImage", json!({ "imageIds": many }));
    refused(many, &["InvalidParameterException"])?;
    let none = repository.call("BatchGetImage", json!({ "imageIds": [] }));
    refused(none, &["InvalidParameterException"])?;
    Ok(())
}

fn details(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    repository.push(Some("1"), &image)?;
    let before = repository.call("DescribeImages", json!({ "imageIds": [{ "imageTag": "1" }] }))?;
    same("the digest", &text(&before, "/imageDetails/0/imageDigest")?, &image.digest)?;
    same("the media type", &text(&before, "/imageDetails/0/imageManifestMediaType")?, &image.media_type)?;
    same(
        "the config's type",
        &text(&before, "/imageDetails/0/artifactMediaType")?,
        &client::image::OCI_CONFIG,
    )?;
    holds("the size is told", number(&before, "/imageDetails/0/imageSizeInBytes")? > 0.0)?;
    let pushed = number(&before, "/imageDetails/0/imagePushedAt")?;
    repository.push(Some("2"), &image)?;
    let after = repository.call("DescribeImages", json!({ "imageIds": [{ "imageTag": "2" }] }))?;
    same("the push's time after a second tag", &number(&after, "/imageDetails/0/imagePushedAt")?, &pushed)?;
    let referrer = Referrer::new(&image, NOTE).build();
    repository.push(None, &referrer)?;
    let id = json!({ "imageIds": [{ "imageDigest": referrer.digest }] });
    let details = repository.call("DescribeImages", id)?;
    same("the subject", &text(&details, "/imageDetails/0/subjectManifestDigest")?, &image.digest)?;
    same("the artifact's type", &text(&details, "/imageDetails/0/artifactMediaType")?, &NOTE)
}

fn details_in_pages(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    for version in 0..5 {
        repository.push(Some(&format!("v{version}")), &image(&version.to_string())?)?;
    }
    repository.push(None, &image("untagged")?)?;
    let input = json!({ "repositoryName": repository.name, "maxResults": 4 });
    let pages = scene.pages("ecr", "DescribeImages", &input, "imageDetails", "nextToken")?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    holds(format!("no page has more than 4 images (one has {largest})"), largest <= 4)?;
    let all = json!({ "all": pages.concat() });
    let digests: BTreeSet<String> = texts(&all, "/all", "imageDigest").into_iter().collect();
    same("the images", &(digests.len(), list(&all, "/all").len()), &(6, 6))?;
    let untagged = json!({ "filter": { "tagStatus": "UNTAGGED" } });
    same("untagged", &list(&repository.call("DescribeImages", untagged)?, "/imageDetails").len(), &1)?;
    let tagged = json!({ "filter": { "tagStatus": "TAGGED" } });
    same("tagged", &list(&repository.call("DescribeImages", tagged)?, "/imageDetails").len(), &5)?;
    for max in [0, 1001] {
        refused(
            repository.call("DescribeImages", json!({ "maxResults": max })),
            &["InvalidParameterException"],
        )?;
    }
    Ok(())
}

fn missing_details(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    same("no images", &list(&repository.call("DescribeImages", json!({}))?, "/imageDetails").len(), &0)?;
    let missing = json!({ "imageIds": [{ "imageTag": "1" }] });
    refused(repository.call("DescribeImages", missing), &["ImageNotFoundException"])?;
    let both = json!({ "imageIds": [{ "imageTag": "1" }], "maxResults": 10 });
    refused(repository.call("DescribeImages", both), &["InvalidParameterException"])?;
    Ok(())
}

fn listing(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    repository.push(Some("a"), &image("1")?)?;
    repository.push(Some("b"), &image("1")?)?;
    repository.push(None, &image("2")?)?;
    let input = json!({ "repositoryName": repository.name, "maxResults": 2 });
    let pages = scene.pages("ecr", "ListImages", &input, "imageIds", "nextToken")?;
    let all = json!({ "all": pages.concat() });
    let tags: BTreeSet<String> = texts(&all, "/all", "imageTag").into_iter().collect();
    same("the entries", &(list(&all, "/all").len(), tags), &(3, set(&["a", "b", "-"])))?;
    let untagged = json!({ "filter": { "tagStatus": "UNTAGGED" } });
    same("untagged", &list(&repository.call("ListImages", untagged)?, "/imageIds").len(), &1)
}

fn delete_child(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let index = two_platforms()?;
    repository.push(Some("multi"), &index)?;
    let Some(child) = index.children.first() else { return Ok(()) };
    let delete = |digest: &str| {
        repository.call("BatchDeleteImage", json!({ "imageIds": [{ "imageDigest": digest }] }))
    };
    let code = text(&delete(&child.digest)?, "/failures/0/failureCode")?;
    same("the failure", &code, &"ImageReferencedByManifestList")?;
    delete(&index.digest)?;
    same("the failures", &list(&delete(&child.digest)?, "/failures").len(), &0)
}

fn delete_tags(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    repository.push(Some("a"), &image("1")?)?;
    repository.push(Some("b"), &image("1")?)?;
    let delete =
        |tag: &str| repository.call("BatchDeleteImage", json!({ "imageIds": [{ "imageTag": tag }] }));
    delete("a")?;
    same("the images", &list(&repository.call("DescribeImages", json!({}))?, "/imageDetails").len(), &1)?;
    delete("b")?;
    same("the images", &list(&repository.call("DescribeImages", json!({}))?, "/imageDetails").len(), &0)?;
    let code = text(&delete("b")?, "/failures/0/failureCode")?;
    same("the failure", &code, &"ImageNotFound")
}

fn referrers(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = image("1")?;
    repository.push(Some("1"), &image)?;
    let subject = json!({ "imageDigest": image.digest });
    let none = repository.call("ListImageReferrers", json!({ "subjectId": subject }))?;
    same("no referrers", &list(&none, "/referrers").len(), &0)?;
    for number in 0..3 {
        let referrer = Referrer::new(&image, NOTE).annotation("number", &number.to_string()).build();
        repository.push(None, &referrer)?;
    }
    let other = Referrer::new(&image, "application/vnd.towpath.conformance.other").build();
    repository.push(None, &other)?;
    let input = json!({ "repositoryName": repository.name, "subjectId": subject, "maxResults": 2 });
    let pages = scene.pages("ecr", "ListImageReferrers", &input, "referrers", "nextToken")?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    holds(format!("no page has more than 2 referrers (one has {largest})"), largest <= 2)?;
    same("all referrers", &pages.concat().len(), &4)?;
    let input = json!({ "subjectId": subject, "filter": { "artifactTypes": [NOTE] } });
    let notes = repository.call("ListImageReferrers", input)?;
    same("the notes", &list(&notes, "/referrers").len(), &3)?;
    let numbers: BTreeSet<String> = list(&notes, "/referrers")
        .iter()
        .filter_map(|note| note.pointer("/annotations/number").and_then(Value::as_str).map(str::to_owned))
        .collect();
    same("their annotations", &numbers, &set(&["0", "1", "2"]))?;
    same("their type", &texts(&notes, "/referrers", "artifactType"), &[NOTE, NOTE, NOTE])?;
    let too_many = json!({ "subjectId": subject, "maxResults": 51 });
    let codes = ["InvalidParameterException", "ValidationException"];
    refused(repository.call("ListImageReferrers", too_many), &codes)?;
    Ok(())
}

fn own_registry(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    repository.push(Some("1"), &image("1")?)?;
    let own = client::Ecr::of(&scene.aws, &scene.account);
    same("the own registry by its id", &own.manifest(&repository.name, "1")?.0, &image("1")?.digest)?;
    let bad = client::Ecr::of(&scene.aws, "12");
    refused(bad.call("DescribeImages", &repository.name, json!({})), &["InvalidParameterException"])?;
    Ok(())
}
