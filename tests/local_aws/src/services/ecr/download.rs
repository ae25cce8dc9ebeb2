//! Addresses of layers that need no credentials for an hour, as S3's presigned ones.

use super::digest::hexadecimal;
use super::{digest, files};
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use chrono::Duration;
use ring::hmac;
use std::path::PathBuf;

/// How long an address can be used.
const HOURS_VALID: i64 = 1;

/// Why an address leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was never given out, or it was changed.
    NotSigned,
    /// Its time is over.
    Expired,
    /// The layer is gone.
    Gone,
}

/// An address for the layer: `<endpoint>/_layers/<account>/<digest>?X-Amz-Expires=3600&expires=<seconds>&token=<signature>`.
/// As in S3's own addresses, `X-Amz-Expires` says for how many seconds it is good.
pub(super) fn url(world: &mut World, account: &AccountId, digest: &str) -> Result<String, AwsError> {
    let Some(endpoint) = world.endpoint.clone() else {
        let text = "the local accounts are not served, so that no layer has an address";
        return Err(AwsError::new("ServerException", text).with_status(500));
    };
    let expires = (world.now() + Duration::hours(HOURS_VALID)).timestamp();
    let made_up = world.ids.hex(64);
    let key = world.account_mut(account)?.ecr.download_key.get_or_insert(made_up).clone();
    let token = hexadecimal(hmac::sign(&signing_key(&key), &signed_text(account, digest, expires)).as_ref());
    let seconds = Duration::hours(HOURS_VALID).num_seconds();
    Ok(format!(
        "{endpoint}/_layers/{account}/{digest}?X-Amz-Expires={seconds}&expires={expires}&token={token}"
    ))
}

/// The file behind an address.
///
/// # Errors
/// When the address is not one of [`url`]'s, or is too old, or the layer is gone.
pub(crate) fn resolve(
    world: &World,
    account: &AccountId,
    digest: &str,
    expires: i64,
    token: &str,
) -> Result<PathBuf, Refusal> {
    let state = world.account(account).map_err(|_| Refusal::NotSigned)?;
    let key = state.ecr.download_key.as_deref().ok_or(Refusal::NotSigned)?;
    let token = digits(token).ok_or(Refusal::NotSigned)?;
    hmac::verify(&signing_key(key), &signed_text(account, digest, expires), &token)
        .map_err(|_| Refusal::NotSigned)?;
    if world.now().timestamp() > expires {
        return Err(Refusal::Expired);
    }
    let path = files::blob(&world.store, account, digest);
    if digest::is_sha256(digest) && path.exists() { Ok(path) } else { Err(Refusal::Gone) }
}

fn signing_key(key: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())
}

fn signed_text(account: &AccountId, digest: &str, expires: i64) -> Vec<u8> {
    format!("{account}\n{digest}\n{expires}").into_bytes()
}

fn digits(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
