//! Layers on their way in: parts in sequence, hashed as they come.

use super::access::{self, authorize};
use super::digest::{Sha256, is_sha256};
use super::files;
use super::parameters::{counted, invalid, repository_name, required};
use super::part_bytes;
use super::repository::Blob;
use super::staging::{Staged, Target};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// The part size that InitiateLayerUpload asks for: the quota "maximum layer part size".
const PART_BYTES: u64 = 10 * 1024 * 1024;
/// The smallest part that is not the last.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// The most parts of a layer.
const PARTS_MAX: u32 = 4_200;
/// The largest layer.
const LAYER_BYTES_MAX: u64 = 52_000 * 1024 * 1024;
/// The most digests that CompleteLayerUpload takes.
const DIGESTS_MAX: usize = 100;

/// An upload that is under way.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) received: u64,
    pub(super) hash: Sha256,
    /// A part that is being written, or is written and not yet counted.
    pub(super) staged: Option<Staged>,
    pub(super) stagings: u64,
    parts: u32,
    last_is_small: bool,
    small_is_followed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InitiateLayerUpload {
    registry_id: Option<String>,
    repository_name: Option<String>,
}

/// InitiateLayerUpload.
pub(super) fn initiate(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: InitiateLayerUpload = parse_input(Service::Ecr, "InitiateLayerUpload", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:InitiateLayerUpload")?;
    access::repository(world, &account, &name)?;
    if world.account(&account)?.ecr.uploads.is_empty() {
        files::forget_uploads(&world.store, &account)?;
    }
    files::prepare(&world.store, &account)?;
    let upload_id = world.ids.uuid();
    let upload = Upload { repository: name, ..Upload::default() };
    world.account_mut(&account)?.ecr.uploads.insert(upload_id.clone(), upload);
    Ok(json!({"uploadId": upload_id, "partSize": PART_BYTES}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UploadLayerPart {
    registry_id: Option<String>,
    repository_name: Option<String>,
    upload_id: Option<String>,
    part_first_byte: Option<i64>,
    part_last_byte: Option<i64>,
    layer_part_blob: Option<PartBytes>,
}

/// A part's bytes: in the request, or on disk already (see [`super::staging`]).
#[derive(Deserialize)]
#[serde(untagged)]
enum PartBytes {
    Base64(String),
    Staged { staged: u64 },
}

/// UploadLayerPart.
pub(super) fn upload_part(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UploadLayerPart = parse_input(Service::Ecr, "UploadLayerPart", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:UploadLayerPart")?;
    access::repository(world, &account, &name)?;
    let upload_id = required(input.upload_id, "uploadId")?;
    let (first, last) = part_range(input.part_first_byte, input.part_last_byte)?;
    let bytes = required(input.layer_part_blob, "layerPartBlob")?;
    let path = files::upload(&world.store, &account, &upload_id);
    let upload = find(world, &account, &name, &upload_id)?;
    let bad_part = |received: u64, text: &str| invalid_part(&account, &name, &upload_id, received, text);
    let (length, hash, is_api_part) = match bytes {
        PartBytes::Staged { staged } => {
            let taken = upload.staged.take_if(|part| part.number == staged && part.first == first);
            let Some((hash, length, is_api_part)) = taken.and_then(Staged::written) else {
                return Err(bad_part(upload.received, "the part is not there any more"));
            };
            (length, hash, is_api_part)
        }
        PartBytes::Base64(text) => {
            if upload.staged.is_some() {
                return Err(bad_part(upload.received, "another part of the layer is being received"));
            }
            if first != upload.received {
                return Err(bad_part(upload.received, "the first byte must follow the last byte received"));
            }
            let mut hash = upload.hash.clone();
            let mut file = open_at(&path, first)?;
            let mut length = 0;
            part_bytes::decode(&text, |bytes| {
                hash.update(bytes);
                length += length_of(bytes);
                file.write_all(bytes)
            })?;
            (length, hash, true)
        }
    };
    if length != last - first + 1 {
        return Err(bad_part(upload.received, "its length is not that of its range"));
    }
    upload.count_part(length, is_api_part)?;
    upload.hash = hash;
    let received = upload.received;
    Ok(json!({
        "registryId": account, "repositoryName": name, "uploadId": upload_id, "lastByteReceived": received - 1,
    }))
}

impl Upload {
    fn count_part(&mut self, length: u64, is_api_part: bool) -> Result<(), AwsError> {
        if self.parts >= PARTS_MAX {
            return Err(AwsError::new(
                "LimitExceededException",
                format!("A layer has at most {PARTS_MAX} parts"),
            ));
        }
        if self.received + length > LAYER_BYTES_MAX {
            let text = format!("A layer has at most {LAYER_BYTES_MAX} bytes");
            return Err(AwsError::new("LimitExceededException", text));
        }
        self.received += length;
        self.parts += 1;
        self.small_is_followed |= self.last_is_small;
        // The registry endpoint takes chunks of any size, as clients of the protocol send them.
        self.last_is_small = is_api_part && length < PART_BYTES_MIN;
        Ok(())
    }
}

fn part_range(first: Option<i64>, last: Option<i64>) -> Result<(u64, u64), AwsError> {
    let natural = |value: Option<i64>, member: &str| {
        let constraint = "must have value greater than or equal to 0";
        u64::try_from(required(value, member)?).map_err(|_| invalid(member, constraint))
    };
    let (first, last) = (natural(first, "partFirstByte")?, natural(last, "partLastByte")?);
    if last < first {
        return Err(invalid("partLastByte", "must not be less than partFirstByte"));
    }
    Ok((first, last))
}

/// Opens an upload's file to write from that byte on.
pub(super) fn open_at(path: &Path, first: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.seek(SeekFrom::Start(first))?;
    Ok(file)
}

pub(super) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The upload, which must be there and belong to the repository.
pub(super) fn find<'a>(
    world: &'a mut World,
    account: &AccountId,
    repository: &str,
    upload_id: &str,
) -> Result<&'a mut Upload, AwsError> {
    let uploads = &mut world.account_mut(account)?.ecr.uploads;
    uploads.get_mut(upload_id).filter(|upload| upload.repository == repository).ok_or_else(|| {
        AwsError::new(
            "UploadNotFoundException",
            format!(
                "The upload '{}' could not be found in the repository with name '{repository}' in the registry with id '{account}'",
                upload_id.escape_debug()
            ),
        )
    })
}

/// How many bytes of an upload have come.
pub(crate) fn received(world: &mut World, caller: &Caller, target: &Target) -> Result<u64, AwsError> {
    let Target { registry, repository, upload_id } = target;
    authorize(world, caller, Some(registry.as_str()), repository, "ecr:UploadLayerPart")?;
    Ok(find(world, registry, repository, upload_id)?.received)
}

/// Forgets an upload and what came of it.
pub(crate) fn cancel(world: &mut World, caller: &Caller, target: &Target) -> Result<(), AwsError> {
    received(world, caller, target)?;
    let Target { registry, upload_id, .. } = target;
    world.account_mut(registry)?.ecr.uploads.remove(upload_id);
    Ok(files::remove(&files::upload(&world.store, registry, upload_id))?)
}

/// `InvalidLayerPartException`, with what a client needs to go on.
pub(super) fn invalid_part(
    account: &AccountId,
    repository: &str,
    upload_id: &str,
    received: u64,
    because: &str,
) -> AwsError {
    let last = i64::try_from(received).unwrap_or(i64::MAX) - 1;
    AwsError::new(
        "InvalidLayerPartException",
        format!("The layer part is not valid: {because}; the last valid byte is {last}"),
    )
    .with_member("registryId", account.as_str())
    .with_member("repositoryName", repository)
    .with_member("uploadId", upload_id)
    .with_member("lastValidByteReceived", last)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CompleteLayerUpload {
    registry_id: Option<String>,
    repository_name: Option<String>,
    upload_id: Option<String>,
    layer_digests: Option<Vec<String>>,
}

/// CompleteLayerUpload. The upload is gone afterwards, unless it is refused for what may still be mended.
pub(super) fn complete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CompleteLayerUpload = parse_input(Service::Ecr, "CompleteLayerUpload", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:CompleteLayerUpload")?;
    access::repository(world, &account, &name)?;
    let upload_id = required(input.upload_id, "uploadId")?;
    let digests = counted(required(input.layer_digests, "layerDigests")?, DIGESTS_MAX, "layerDigests")?;
    if let Some(bad) = digests.iter().find(|digest| !is_sha256(digest)) {
        return Err(invalid(
            "layerDigests",
            &format!("must be SHA-256 digests, not '{}'", bad.escape_debug()),
        ));
    }
    let upload = find(world, &account, &name, &upload_id)?;
    if upload.staged.is_some() {
        let because = "another part of the layer is being received";
        return Err(invalid_part(&account, &name, &upload_id, upload.received, because));
    }
    if upload.received == 0 {
        let text = format!("The upload '{upload_id}' does not contain any layer parts");
        return Err(AwsError::new("EmptyUploadException", text));
    }
    if upload.small_is_followed {
        let text = "Layer parts must be at least 5 MiB in size, except the last one";
        return Err(AwsError::new("LayerPartTooSmallException", text));
    }
    let (size, digest) = (upload.received, upload.hash.clone().finish());
    world.account_mut(&account)?.ecr.uploads.remove(&upload_id);
    let path = files::upload(&world.store, &account, &upload_id);
    if let Some(other) = digests.iter().find(|asked| **asked != digest) {
        files::remove(&path)?;
        let text = format!("The layer's digest is '{digest}', not '{other}'");
        return Err(AwsError::new("InvalidLayerException", text));
    }
    if access::repository(world, &account, &name)?.blobs.contains_key(&digest) {
        files::remove(&path)?;
        let text = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in the registry with id '{account}'"
        );
        return Err(AwsError::new("LayerAlreadyExistsException", text));
    }
    keep(&path, &files::blob(&world.store, &account, &digest), size)?;
    let blob = Blob { size, media_type: None, used_by: 0 };
    access::repository_mut(world, &account, &name)?.blobs.insert(digest.clone(), blob);
    Ok(json!({"registryId": account, "repositoryName": name, "uploadId": upload_id, "layerDigest": digest}))
}

/// Gives the upload its lasting name, unless another repository of the account has the same bytes already.
fn keep(upload: &Path, blob: &Path, size: u64) -> io::Result<()> {
    if blob.exists() {
        return files::remove(upload);
    }
    // A part that was written and then refused may lie behind the last byte that counts.
    OpenOptions::new().write(true).open(upload)?.set_len(size)?;
    std::fs::rename(upload, blob)
}
