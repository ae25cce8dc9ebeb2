//! Bytes of a layer, written and hashed while nobody waits for the world.
//!
//! A part is first staged: its bytes go to their place in the upload's file and through a copy of its running hash.
//! `UploadLayerPart` then only counts what is there. A staged part that is never counted, because the call was
//! refused or its client went away, does no harm: the next part is written over it.

use super::access::{self, authorize};
use super::digest::Sha256;
use super::files;
use super::part_bytes;
use super::uploads::{self, invalid_part, length_of, open_at};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::shared::LocalAws;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write};

/// A part that is being written, or is written and not yet counted.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) number: u64,
    pub(super) first: u64,
    is_api_part: bool,
    written: Option<(Sha256, u64)>,
}

impl Staged {
    /// The hash up to its end, its length, and whether the API's rules for parts hold for it.
    pub(super) fn written(self) -> Option<(Sha256, u64, bool)> {
        self.written.map(|(hash, length)| (hash, length, self.is_api_part))
    }
}

/// The upload that a part belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The account that holds the repository.
    pub(crate) registry: AccountId,
    pub(crate) repository: String,
    pub(crate) upload_id: String,
}

/// Reserves an upload for one part; lets go of it when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    local: LocalAws,
    target: Target,
    number: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut world = self.local.lock();
        let Ok(account) = world.account_mut(&self.target.registry) else { return };
        let Some(upload) = account.ecr.uploads.get_mut(&self.target.upload_id) else { return };
        upload.staged.take_if(|staged| staged.number == self.number);
    }
}

/// Writes one part.
#[derive(Debug)]
pub(crate) struct PartWriter {
    reservation: Reservation,
    file: File,
    hash: Sha256,
    first: u64,
    length: u64,
}

impl PartWriter {
    /// Reserves the upload and opens its file where the next part belongs.
    ///
    /// # Errors
    /// As UploadLayerPart: no permission, no such upload, another part under way, or not the part that follows.
    pub(crate) fn open(
        local: &LocalAws,
        caller: &Caller,
        target: Target,
        first: Option<u64>,
        is_api_part: bool,
    ) -> Result<Self, AwsError> {
        let mut world = local.lock();
        let Target { registry, repository, upload_id } = &target;
        authorize(&world, caller, Some(registry.as_str()), repository, "ecr:UploadLayerPart")?;
        access::repository(&world, registry, repository)?;
        let path = files::upload(&world.store, registry, upload_id);
        let upload = uploads::find(&mut world, registry, repository, upload_id)?;
        let received = upload.received;
        let refused = |because: &str| invalid_part(registry, repository, upload_id, received, because);
        if upload.staged.is_some() {
            return Err(refused("another part of the layer is being received"));
        }
        if first.is_some_and(|first| first != received) {
            return Err(refused("the first byte must follow the last byte received"));
        }
        let file = open_at(&path, received)?;
        upload.stagings += 1;
        let number = upload.stagings;
        upload.staged = Some(Staged { number, first: received, is_api_part, written: None });
        let hash = upload.hash.clone();
        drop(world);
        let reservation = Reservation { local: local.clone(), target, number };
        Ok(Self { reservation, file, hash, first: received, length: 0 })
    }

    /// Writes the next bytes of the part.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += length_of(bytes);
        Ok(())
    }

    /// The input of the `UploadLayerPart` that counts the part, which must happen while the reservation
    /// lives; `None` when no byte came.
    pub(crate) fn finish(self) -> Option<(Value, Reservation)> {
        let Self { reservation, file: _, hash, first, length } = self;
        let last = first + length.checked_sub(1)?;
        let Target { registry, repository, upload_id } = &reservation.target;
        let input = json!({
            "registryId": registry, "repositoryName": repository, "uploadId": upload_id,
            "partFirstByte": first, "partLastByte": last, "layerPartBlob": {"staged": reservation.number},
        });
        let mut world = reservation.local.lock();
        let upload = uploads::find(&mut world, registry, repository, upload_id).ok()?;
        let staged = upload.staged.as_mut().filter(|staged| staged.number == reservation.number)?;
        staged.written = Some((hash, length));
        drop(world);
        Some((input, reservation))
    }
}

/// Stages the part that an `UploadLayerPart` request brings, so that the call itself takes no time. Whatever
/// is wrong with the request is left for the call to say. The reservation must live until the call is done.
pub(crate) fn stage(local: &LocalAws, caller: &Caller, mut input: Value) -> (Value, Option<Reservation>) {
    let Some(staged) = try_stage(local, caller, &input) else { return (input, None) };
    let (counted, reservation) = staged;
    for member in ["partFirstByte", "partLastByte"] {
        if input.get(member) != counted.get(member) {
            return (input, None);
        }
    }
    if let (Some(blob), Some(marker)) = (input.get_mut("layerPartBlob"), counted.get("layerPartBlob")) {
        *blob = marker.clone();
    }
    (input, Some(reservation))
}

fn try_stage(local: &LocalAws, caller: &Caller, input: &Value) -> Option<(Value, Reservation)> {
    let text = |member: &str| input.get(member).and_then(Value::as_str);
    let registry = match input.get("registryId") {
        None => caller.account.clone(),
        Some(id) => id.as_str()?.parse().ok()?,
    };
    let target = Target {
        registry,
        repository: text("repositoryName")?.to_owned(),
        upload_id: text("uploadId")?.to_owned(),
    };
    let first = input.get("partFirstByte")?.as_u64()?;
    let mut writer = PartWriter::open(local, caller, target, Some(first), true).ok()?;
    part_bytes::decode(text("layerPartBlob")?, |bytes| writer.write(bytes)).ok()?;
    writer.finish()
}
