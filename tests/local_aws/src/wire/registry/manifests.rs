//! Manifests, the list of tags, and referrers.

use super::blobs::check_digest;
use super::error::RegistryError;
use super::session::Session;
use crate::services::ecr::digest::sha256;
use crate::services::ecr::manifest::OCI_INDEX;
use crate::services::ecr::members::set;
use crate::services::ecr::put_image::MANIFEST_BYTES_MAX;
use crate::services::ecr::referrers;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest tag of the distribution specification; ECR's API takes longer ones.
const TAG_CHARACTERS_MAX: usize = 128;
/// The most tags of a page.
const TAGS_MAX: usize = 1_000;
/// The most media types that are passed on from `Accept`.
const MEDIA_TYPES_MAX: usize = 100;

/// A manifest by tag or digest, with its bytes and media type as they were pushed.
pub(super) fn get(
    session: &Session,
    name: &str,
    reference: &str,
    headers: &HeaderMap,
) -> Result<Response, RegistryError> {
    let mut input = json!({"repositoryName": name, "imageIds": [image_id(reference)?]});
    let accepted = accepted_media_types(headers);
    if !accepted.is_empty() {
        set(&mut input, "acceptedMediaTypes", json!(accepted));
    }
    let answer = session.perform("BatchGetImage", input)?;
    let member = |pointer: &str| answer.value.pointer(pointer).and_then(Value::as_str);
    let (Some(text), Some(media_type), Some(digest)) = (
        member("/images/0/imageManifest"),
        member("/images/0/imageManifestMediaType"),
        member("/images/0/imageId/imageDigest"),
    ) else {
        let message =
            format!("{}: {name} {reference}", member("/failures/0/failureReason").unwrap_or_default());
        return Err(RegistryError::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message));
    };
    let length = text.len().to_string();
    let headers =
        [("content-type", media_type), ("content-length", &length), ("docker-content-digest", digest)];
    // For HEAD the server leaves the body out and keeps the length.
    Ok(answer.deliver(super::response(StatusCode::OK, &headers, Body::from(text.to_owned()))))
}

fn image_id(reference: &str) -> Result<Value, RegistryError> {
    if reference.contains(':') {
        check_digest(reference)?;
        return Ok(json!({"imageDigest": reference}));
    }
    if reference.len() > TAG_CHARACTERS_MAX {
        let message = format!("a tag has at most {TAG_CHARACTERS_MAX} characters, not {}", reference.len());
        return Err(RegistryError::new(StatusCode::BAD_REQUEST, "TAG_INVALID", message));
    }
    Ok(json!({"imageTag": reference}))
}

/// The media types that the client names; none when it takes any.
fn accepted_media_types(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let types = values.flat_map(|value| value.split(',')).filter_map(|item| item.split(';').next());
    let types: Vec<String> =
        types.map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
    if types.iter().any(|media_type| media_type == "*/*") {
        return Vec::new();
    }
    types.into_iter().take(MEDIA_TYPES_MAX).collect()
}

/// Only the member that a reply must repeat.
#[derive(Deserialize)]
struct SubjectOnly {
    subject: Option<SubjectDigest>,
}

#[derive(Deserialize)]
struct SubjectDigest {
    digest: String,
}

/// Puts a manifest by tag or digest. One that is there already is a success, as in ECR.
pub(super) async fn put(
    session: &Session,
    name: &str,
    reference: &str,
    request: Request,
) -> Result<Response, RegistryError> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type =
        media_type.and_then(|value| value.split(';').next()).map(|value| value.trim().to_owned());
    let invalid = |message: String| RegistryError::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message);
    let body = Limited::new(request.into_body(), MANIFEST_BYTES_MAX).collect().await;
    let body =
        body.map_err(|error| invalid(format!("at most {MANIFEST_BYTES_MAX} bytes: {error}")))?.to_bytes();
    let text = std::str::from_utf8(&body).map_err(|error| invalid(format!("expected UTF-8: {error}")))?;
    let digest = sha256(text.as_bytes());
    let mut input = json!({"repositoryName": name, "imageManifest": text});
    if let Some(media_type) = media_type {
        set(&mut input, "imageManifestMediaType", json!(media_type));
    }
    if let (Value::Object(input), Value::Object(id)) = (&mut input, image_id(reference)?) {
        input.extend(id);
    }
    let location = format!("/v2/{name}/manifests/{digest}");
    let subject = serde_json::from_str::<SubjectOnly>(text).ok().and_then(|manifest| manifest.subject);
    let mut headers = vec![
        ("location", location.as_str()),
        ("docker-content-digest", digest.as_str()),
        ("content-length", "0"),
    ];
    headers.extend(subject.as_ref().map(|subject| ("oci-subject", subject.digest.as_str())));
    let created = super::response(StatusCode::CREATED, &headers, Body::empty());
    match session.try_perform("PutImage", &mut input)? {
        Ok(answer) => Ok(answer.deliver(created)),
        Err(error) if error.code == "ImageAlreadyExistsException" => Ok(created),
        // The same code means an absent blob here, and an unknown one where blobs are read.
        Err(error) if error.code == "LayersNotFoundException" => {
            Err(RegistryError::new(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", error.message))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Default, Deserialize)]
struct ListQuery {
    n: Option<usize>,
    last: Option<String>,
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
}

fn list_query(uri: &Uri) -> Result<ListQuery, RegistryError> {
    let parsed = Query::try_from_uri(uri).map(|Query(query)| query);
    parsed.map_err(|error| {
        RegistryError::new(StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", error.to_string())
    })
}

/// The repository's tags, sorted, `n` after `last`.
pub(super) fn tags(session: &Session, name: &str, uri: &Uri) -> Result<Response, RegistryError> {
    let query = list_query(uri)?;
    let size = query.n.unwrap_or(TAGS_MAX).min(TAGS_MAX);
    let mut tags = all_tags(session, name)?;
    tags.sort_unstable();
    let last = query.last.unwrap_or_default();
    let start = tags.partition_point(|tag| *tag <= last);
    let page: Vec<&str> = tags.iter().skip(start).take(size).map(String::as_str).collect();
    let next = page.last().filter(|_| start + page.len() < tags.len());
    let link = next.map(|last| format!("</v2/{name}/tags/list?n={size}&last={last}>; rel=\"next\""));
    let body = json!({"name": name, "tags": page});
    Ok(listed("application/json; charset=utf-8", link.as_deref(), false, &body))
}

fn all_tags(session: &Session, name: &str) -> Result<Vec<String>, RegistryError> {
    let mut tags = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input =
            json!({"repositoryName": name, "maxResults": TAGS_MAX, "filter": {"tagStatus": "TAGGED"}});
        if !token.is_null() {
            set(&mut input, "nextToken", token);
        }
        let answer = session.perform("ListImages", input)?.value;
        let ids = answer.get("imageIds").and_then(Value::as_array).into_iter().flatten();
        tags.extend(ids.filter_map(|id| id.get("imageTag")?.as_str().map(str::to_owned)));
        token = answer.get("nextToken").cloned().unwrap_or_default();
        if token.is_null() {
            return Ok(tags);
        }
    }
}

/// What refers to a manifest, as an index; in pages of the ECR API's size.
pub(super) fn referrers(
    session: &Session,
    name: &str,
    digest: &str,
    uri: &Uri,
) -> Result<Response, RegistryError> {
    check_digest(digest)?;
    let query = list_query(uri)?;
    let mut input = json!({
        "repositoryName": name, "subjectId": {"imageDigest": digest}, "maxResults": referrers::PAGE_MAX,
    });
    if let Some(artifact_type) = &query.artifact_type {
        set(&mut input, "filter", json!({"artifactTypes": [artifact_type]}));
    }
    if let Some(last) = query.last {
        set(&mut input, "nextToken", json!(last));
    }
    let answer = session.perform("ListImageReferrers", input)?.value;
    let mut manifests = answer.get("referrers").cloned().unwrap_or_default();
    for referrer in manifests.as_array_mut().into_iter().flatten() {
        if let Value::Object(members) = referrer {
            members.remove("artifactStatus");
        }
    }
    let filter = query.artifact_type.as_ref().map(|kind| format!("&artifactType={}", percent_encoded(kind)));
    let link = answer.get("nextToken").and_then(Value::as_str).map(|token| {
        let filter = filter.as_deref().unwrap_or_default();
        format!("</v2/{name}/referrers/{digest}?last={token}{filter}>; rel=\"next\"")
    });
    let body = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    Ok(listed(OCI_INDEX, link.as_deref(), query.artifact_type.is_some(), &body))
}

fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

fn listed(content_type: &str, link: Option<&str>, is_filtered: bool, body: &Value) -> Response {
    let mut headers = vec![("content-type", content_type)];
    headers.extend(link.map(|link| ("link", link)));
    if is_filtered {
        headers.push(("oci-filters-applied", "artifactType"));
    }
    super::response(StatusCode::OK, &headers, Body::from(body.to_string()))
}
