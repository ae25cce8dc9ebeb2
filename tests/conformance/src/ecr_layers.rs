//! ECR: layers through the API, their upload and their download.

use crate::answers::Question;
use crate::check::{Check, Verdict};
use crate::expect::{holds, list, number, refused, same, text, texts};
use crate::resources::ImageRepository;
use crate::scene::Scene;
use client::{ApiError, Blob, Image};
use serde_json::{Value, json};

/// The smallest part that is not the last one.
const PART_BYTES_MIN: usize = 5 * 1024 * 1024;
/// A digest of nothing that is there.
const NO_LAYER: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A layer is uploaded in parts and then there", upload),
    check("A part must follow the one before", gap),
    check("An upload that was not begun is not found", unknown_upload),
    check("A layer of another digest is refused", wrong_digest),
    check("An upload without a part is refused", empty_upload),
    check("A part of less than 5 MiB that is not the last is refused", small_part),
    check("A layer that is there already is refused as such", layer_again),
    check("Availability is told for a hundred layers and no more", availability),
    check("A layer downloads byte for byte from a presigned address", download),
    check("Only layers of images can be downloaded", download_missing),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("ecr", name, run)
}

fn layer(content: &[u8]) -> Blob {
    Blob::new("application/vnd.oci.image.layer.v1.tar", content.to_vec())
}

fn begin(repository: &ImageRepository<'_>) -> Result<String, crate::Stop> {
    text(&repository.call("InitiateLayerUpload", json!({}))?, "/uploadId")
}

fn complete(repository: &ImageRepository<'_>, upload: &str, digest: &str) -> Result<Value, ApiError> {
    repository.call("CompleteLayerUpload", json!({ "uploadId": upload, "layerDigests": [digest] }))
}

fn part(
    scene: &Scene,
    repository: &ImageRepository<'_>,
    upload: &str,
    first: usize,
    bytes: &[u8],
) -> Result<Value, ApiError> {
    scene.ecr().upload_part(&repository.name, upload, first, first + bytes.len() - 1, bytes)
}

fn upload(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let begun = repository.call("InitiateLayerUpload", json!({}))?;
    let upload = text(&begun, "/uploadId")?;
    let size = number(&begun, "/partSize")?;
    scene.answer(Question::PartSize, format!("{size}"));
    let least = 5_242_880.0;
    holds(format!("the part size {size} is from 5 MiB to 20 MiB"), (least..=4.0 * least).contains(&size))?;
    let bytes: Vec<u8> = (0..=250).cycle().take(PART_BYTES_MIN + 1000).collect();
    let (first, second) = bytes.split_at(PART_BYTES_MIN);
    let received = part(scene, &repository, &upload, 0, first)?;
    same("the last byte received", &number(&received, "/lastByteReceived")?, &5_242_879.0)?;
    part(scene, &repository, &upload, first.len(), second)?;
    let layer = layer(&bytes);
    let done = complete(&repository, &upload, &layer.digest)?;
    same("the digest", &text(&done, "/layerDigest")?, &layer.digest)?;
    let there = repository.call("BatchCheckLayerAvailability", json!({ "layerDigests": [layer.digest] }))?;
    same("availability", &texts(&there, "/layers", "layerAvailability"), &["AVAILABLE"])?;
    same("the size", &number(&there, "/layers/0/layerSize")?, &5_243_880.0)?;
    let late = part(scene, &repository, &upload, bytes.len(), b"more");
    refused(late, &["UploadNotFoundException"])?;
    Ok(())
}

fn gap(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let upload = begin(&repository)?;
    let refusal = refused(part(scene, &repository, &upload, 10, b"part"), &["InvalidLayerPartException"])?;
    let members = ["registryId", "repositoryName", "uploadId"];
    for member in members {
        holds(format!("the refusal has the member {member}"), refusal.member(member).is_some())?;
    }
    let backwards = scene.ecr().upload_part(&repository.name, &upload, 5, 2, b"part");
    refused(backwards, &["InvalidParameterException", "InvalidLayerPartException"])?;
    Ok(())
}

fn unknown_upload(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let unknown = "01234567-89ab-cdef-0123-456789abcdef";
    refused(part(scene, &repository, unknown, 0, b"part"), &["UploadNotFoundException"])?;
    refused(complete(&repository, unknown, NO_LAYER), &["UploadNotFoundException"])?;
    let missing = scene.ecr().call("InitiateLayerUpload", &scene.name("missing"), json!({}));
    refused(missing, &["RepositoryNotFoundException"])?;
    Ok(())
}

fn wrong_digest(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let upload = begin(&repository)?;
    part(scene, &repository, &upload, 0, b"layer")?;
    refused(complete(&repository, &upload, NO_LAYER), &["InvalidLayerException"])?;
    Ok(())
}

fn empty_upload(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let upload = begin(&repository)?;
    refused(complete(&repository, &upload, &layer(b"").digest), &["EmptyUploadException"])?;
    Ok(())
}

fn small_part(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let upload = begin(&repository)?;
    // ECR may see it when the next part comes or only at the end.
    let second = part(scene, &repository, &upload, 0, b"small")
        .and_then(|_| part(scene, &repository, &upload, 5, b"last"))
        .and_then(|_| complete(&repository, &upload, &layer(b"smalllast").digest));
    refused(second, &["LayerPartTooSmallException"])?;
    Ok(())
}

fn layer_again(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let layer = layer(b"layer");
    scene.ecr().push_layer(&repository.name, &layer)?;
    let upload = begin(&repository)?;
    part(scene, &repository, &upload, 0, b"layer")?;
    refused(complete(&repository, &upload, &layer.digest), &["LayerAlreadyExistsException"])?;
    Ok(())
}

fn availability(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let ask = |digests: &[String]| {
        repository.call("BatchCheckLayerAvailability", json!({ "layerDigests": digests }))
    };
    let absent = ask(&[NO_LAYER.to_owned()])?;
    let (layers, failures) = (list(&absent, "/layers"), list(&absent, "/failures"));
    let answer = match (layers.as_slice(), failures.as_slice()) {
        ([_], []) => texts(&absent, "/layers", "layerAvailability").concat(),
        ([], [_]) => format!("a failure, {}", texts(&absent, "/failures", "failureCode").concat()),
        _ => format!("{} layers and {} failures", layers.len(), failures.len()),
    };
    scene.answer(Question::AbsentLayer, answer.clone());
    let fits = answer == "UNAVAILABLE" || answer.starts_with("a failure");
    holds(format!("an absent layer is UNAVAILABLE or a failure ({answer})"), fits)?;
    let malformed = ask(&["sha256:xyz".to_owned()]);
    let malformed = match malformed {
        Err(error) => refused::<Value>(Err(error), &["InvalidParameterException"]).map(|_| ()),
        Ok(reply) => same("the failure", &texts(&reply, "/failures", "failureCode"), &["InvalidLayerDigest"]),
    };
    malformed?;
    let digests = |count: usize| -> Vec<String> { (0..count).map(|n| format!("sha256:{n:064x}")).collect() };
    ask(&digests(100))?;
    refused(ask(&digests(101)), &["InvalidParameterException"])?;
    refused(ask(&[]), &["InvalidParameterException"])?;
    Ok(())
}

fn download(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").layer("app", vec![7_u8; 100_000]).build()?;
    repository.push(Some("1"), &image)?;
    for blob in &image.blobs {
        let bytes = scene.ecr().layer(&repository.name, &blob.digest)?;
        holds(
            format!("the {} bytes of {} come back", blob.bytes.len(), blob.media_type),
            bytes == blob.bytes,
        )?;
    }
    let Some(blob) = image.blobs.last() else { return Ok(()) };
    let address = scene.ecr().layer_address(&repository.name, &blob.digest)?;
    let seconds = address.split(['?', '&']).find_map(|part| part.strip_prefix("X-Amz-Expires="));
    let lifetime = seconds.map_or("not in the address".to_owned(), |seconds| format!("{seconds} s"));
    scene.answer(Question::LayerAddressLifetime, lifetime);
    let range = ("range".to_owned(), "bytes=10-19".to_owned());
    let reply = client::http::Http::default().send("GET", &address, &[range], &[])?;
    same("the status of a range", &reply.status, &206)?;
    same("the range", &Some(reply.body.as_slice()), &blob.bytes.get(10..20))
}

fn download_missing(scene: &Scene) -> Verdict {
    let repository = ImageRepository::new(scene)?;
    let ask = |digest: &str| repository.call("GetDownloadUrlForLayer", json!({ "layerDigest": digest }));
    refused(ask(NO_LAYER), &["LayersNotFoundException"])?;
    let layer = layer(b"of no image");
    scene.ecr().push_layer(&repository.name, &layer)?;
    refused(ask(&layer.digest), &["LayerInaccessibleException", "LayersNotFoundException"])?;
    refused(ask("xyz"), &["InvalidParameterException"])?;
    Ok(())
}
