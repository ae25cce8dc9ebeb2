//! One layer or configuration on its way: from upstream's address into an upload here, hashed as it passes.

use super::CopyRequest;
use super::calls::named;
use super::manifest::Blob;
use super::refusal::CopyRefusal;
use super::stop::Stop;
use crate::error::CallError;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::Blob as Part;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use ring::digest::{Context, SHA256};
use std::cell::Cell;

/// Sends it; how many bytes that were.
pub(super) async fn send(
    request: &CopyRequest<'_>,
    blob: &Blob,
    bytes_sent: &Cell<u64>,
) -> Result<u64, Stop> {
    let (source, target) = (request.source, request.target);
    let address = match source.layer_address(request.from, &blob.digest).await {
        Ok(address) => address,
        Err(error) => {
            return Err(match error.code() {
                Some("LayersNotFoundException" | "LayerInaccessibleException") => {
                    Stop::Refused(CopyRefusal::LayerGone {
                        repository: request.from.clone(),
                        digest: blob.digest.clone(),
                        problem: error.code().unwrap_or_default().to_owned(),
                    })
                }
                _ => Stop::source(error),
            });
        }
    };
    let broken = |what: String| Stop::Failed(CallError::broken_off("download", &blob.digest, what));
    let mut get = HttpRequest::new(SdkBody::empty());
    get.set_uri(address).map_err(|_| broken("the address is malformed".to_owned()))?;
    let reply = source.transfers().call(get).await.map_err(|error| broken(error.to_string()))?;
    if !reply.status().is_success() {
        return Err(broken(format!("status {}", reply.status().as_u16())));
    }
    let mut stream = ByteStream::new(reply.into_body());
    let (upload, part_size) = target.begin_layer(request.to).await.map_err(Stop::target)?;
    let mut hash = Context::new(&SHA256);
    let mut part = Vec::with_capacity(usize::try_from(part_size.min(blob.size)).unwrap_or_default());
    let mut first = 0_u64;
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| broken(error.to_string()))?;
        hash.update(&bytes);
        bytes_sent.set(bytes_sent.get() + bytes.len() as u64);
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            let room = usize::try_from(part_size).unwrap_or(usize::MAX) - part.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            part.extend_from_slice(now);
            bytes = later;
            if part.len() as u64 == part_size {
                let full = std::mem::replace(
                    &mut part,
                    Vec::with_capacity(usize::try_from(part_size).unwrap_or_default()),
                );
                let length = full.len() as u64;
                target.send_part(request.to, &upload, first, Part::new(full)).await.map_err(Stop::target)?;
                first += length;
            }
        }
    }
    if named(hash.finish().as_ref()) != blob.digest.as_str() {
        return Err(broken("the bytes have another digest".to_owned()));
    }
    if !part.is_empty() {
        target.send_part(request.to, &upload, first, Part::new(part)).await.map_err(Stop::target)?;
    }
    target.end_layer(request.to, &upload, &blob.digest).await.map_err(Stop::target)?;
    Ok(blob.size)
}
