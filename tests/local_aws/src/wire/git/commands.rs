//! What a push asks for, read from the beginning of its body: one packet line per reference, then a flush.
//! The pack that follows is left in the stream.

use super::Refusal;
use crate::services::codecommit::ReferenceChange;
use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;

/// How many references one push may change (CodeCommit's limit).
const REFERENCES_PER_PUSH_MAX: usize = 4000;
/// How long the list of them may be.
const COMMAND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a client may keep silent in the middle of a push.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// The next piece of a body; an error when the client breaks off or falls silent.
pub(super) async fn next_chunk(stream: &mut BodyDataStream) -> Result<Option<Bytes>, Refusal> {
    match tokio::time::timeout(SILENCE_MAX, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the request broke off: {error}")))
        }
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the request fell silent for {} seconds", SILENCE_MAX.as_secs()),
        )),
    }
}

/// Reads the commands; returns them, all bytes read so far (commands and what came with them), and the rest.
pub(super) async fn read(body: Body) -> Result<(Vec<ReferenceChange>, Bytes, BodyDataStream), Refusal> {
    let mut stream = body.into_data_stream();
    let mut start = BytesMut::new();
    loop {
        if let Some(changes) = parse(&start)? {
            return Ok((changes, start.freeze(), stream));
        }
        if start.len() > COMMAND_BYTES_MAX {
            return Err(too_many());
        }
        match next_chunk(&mut stream).await? {
            Some(chunk) => start.extend_from_slice(&chunk),
            None => return Err(malformed("it ends before its flush packet")),
        }
    }
}

/// The commands, once the flush packet after them has arrived.
fn parse(mut bytes: &[u8]) -> Result<Option<Vec<ReferenceChange>>, Refusal> {
    let mut changes = Vec::new();
    loop {
        let Some((length, rest)) = bytes.split_at_checked(4) else { return Ok(None) };
        let length = std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => return Ok(Some(changes)),
            Some(length @ 5..) => {
                let Some((line, rest)) = rest.split_at_checked(length - 4) else { return Ok(None) };
                changes.extend(command(line)?);
                bytes = rest;
            }
            _ => return Err(malformed("a packet line's length is wrong")),
        }
        if changes.len() > REFERENCES_PER_PUSH_MAX {
            return Err(too_many());
        }
    }
}

/// `<old id> <new id> <name>`, after a NUL the capabilities. A shallow client also names its shallow commits.
fn command(line: &[u8]) -> Result<Option<ReferenceChange>, Refusal> {
    let line = line.split(|byte| *byte == 0).next().unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| malformed("a reference's name is not UTF-8"))?;
    let text = text.trim_end_matches('\n');
    if text.starts_with("shallow ") {
        return Ok(None);
    }
    let mut words = text.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(old), Some(new), Some(name)) if is_id(old) && is_id(new) => {
            Ok(Some(ReferenceChange { old: old.to_owned(), new: new.to_owned(), name: name.to_owned() }))
        }
        _ => Err(malformed(&format!("`{}` is no command", text.escape_debug()))),
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("this is no push: {why}"))
}

fn too_many() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("a push may change at most {REFERENCES_PER_PUSH_MAX} references"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    #[test]
    fn a_lone_flush_asks_for_nothing() {
        assert_eq!(parse(b"0000").map_err(|refusal| refusal.text), Ok(Some(vec![])));
    }

    #[test]
    fn commands_end_at_the_flush_and_the_pack_stays() {
        let first = line(&format!("{OLD} {NEW} refs/heads/main\0 report-status side-band-64k"));
        let second = line(&format!("{OLD} {NEW} refs/tags/v1\n"));
        let text = format!("{first}{second}0000PACK");
        let changes = parse(text.as_bytes()).map_err(|refusal| refusal.text).unwrap().unwrap();
        let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["refs/heads/main", "refs/tags/v1"]);
    }

    #[test]
    fn an_unfinished_list_waits_for_more() {
        let text = line(&format!("{OLD} {NEW} refs/heads/main"));
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end]).map_err(|refusal| refusal.text), Ok(None));
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for text in ["zzzz", "0004", "0001", &line("push-cert x"), &line("delete everything")] {
            let refusal = parse(text.as_bytes()).err().unwrap();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{text}: {}", refusal.text);
        }
    }
}
