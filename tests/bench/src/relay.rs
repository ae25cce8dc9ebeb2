//! Ends TLS in front of the local accounts, and notes what each request was and when it was under way. Both handlers
//! call through it, so both pay for it alike.

use crate::Failure;
use crate::authority::Authority;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const BUFFER_BYTES: usize = 64 * 1024;
/// How much of a request is kept: its head, and of a short body enough to tell the operation.
const HEAD_BYTES_MAX: usize = 4 * 1024;

/// While a request was under way, from its first byte to its answer's last; and how it begins.
#[derive(Debug, Clone)]
struct Trip {
    began: Instant,
    ended: Instant,
    head: Vec<u8>,
}

/// What passed since it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The requests, by operation; those that are no call of an API, such as layers, by method and path.
    pub(crate) operations: BTreeMap<String, usize>,
    /// The longest chain of requests of which each began after the one before had its answer.
    pub(crate) sequential: usize,
    /// How many connections were opened.
    pub(crate) connections: usize,
}

#[derive(Debug, Default)]
struct Seen {
    trips: Vec<Trip>,
    connections: usize,
    delay: Duration,
}

/// The address that the functions are given.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Relay {
    /// Relays to that address until the runtime ends.
    pub(crate) async fn start(authority: &Authority, to: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let relay = Self { port, seen: Arc::default() };
        let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
        let own = relay.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, acceptor) = (own.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // A connection that breaks is its client's news.
                    let _ = own.carry(stream, acceptor, to).await;
                });
            }
        });
        Ok(relay)
    }

    /// Forgets what passed, and from now on lets every request wait so long.
    pub(crate) fn reset(&self, delay: Duration) {
        *self.lock() = Seen { delay, ..Seen::default() };
    }

    /// What passed since the last reset.
    pub(crate) fn passed(&self) -> Passed {
        let seen = self.lock();
        let mut operations = BTreeMap::new();
        for trip in &seen.trips {
            *operations.entry(operation(&trip.head)).or_default() += 1;
        }
        Passed { operations, sequential: longest_chain(seen.trips.clone()), connections: seen.connections }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry(&self, stream: TcpStream, acceptor: TlsAcceptor, to: SocketAddr) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut client = acceptor.accept(stream).await?;
        let mut server = TcpStream::connect(to).await?;
        server.set_nodelay(true)?;
        self.lock().connections += 1;
        let (mut asked, mut answered) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        // The request that is under way on this connection: HTTP/1.1 has one at a time.
        let mut trip: Option<(usize, bool)> = None;
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Some(bytes) = asked.get(..read?).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                    match trip {
                        Some((number, false)) => self.go_on(number, bytes),
                        Some((_, true)) | None => {
                            trip = Some((self.begin(bytes), false));
                            let delay = self.lock().delay;
                            if !delay.is_zero() {
                                tokio::time::sleep(delay).await;
                            }
                        }
                    }
                    server.write_all(bytes).await?;
                }
                read = server.read(&mut answered) => {
                    let Some(bytes) = answered.get(..read?).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                    if let Some((number, is_answered)) = &mut trip {
                        *is_answered = true;
                        self.end(*number);
                    }
                    client.write_all(bytes).await?;
                    client.flush().await?;
                }
            }
        }
    }

    fn begin(&self, bytes: &[u8]) -> usize {
        let now = Instant::now();
        let head = bytes.iter().copied().take(HEAD_BYTES_MAX).collect();
        let mut seen = self.lock();
        seen.trips.push(Trip { began: now, ended: now, head });
        seen.trips.len() - 1
    }

    fn go_on(&self, number: usize, bytes: &[u8]) {
        if let Some(trip) = self.lock().trips.get_mut(number) {
            let left = HEAD_BYTES_MAX.saturating_sub(trip.head.len());
            trip.head.extend(bytes.iter().take(left));
        }
    }

    fn end(&self, number: usize) {
        if let Some(trip) = self.lock().trips.get_mut(number) {
            trip.ended = Instant::now();
        }
    }
}

/// What a request asks for: the service that it is signed for and the operation, such as `codecommit GetFile`; where it is
/// no call of an API, its method and the beginning of its path.
fn operation(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
    if path != "/" {
        return format!("{method} /{}/…", path.split('/').nth(1).unwrap_or_default());
    }
    let headers: BTreeMap<String, &str> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    // AWS4-HMAC-SHA256 Credential=<key>/<day>/<Region>/<service>/aws4_request, …
    let service = headers.get("authorization").and_then(|signed| signed.split('/').nth(3));
    let target = headers.get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let action = body.split('&').find_map(|member| member.strip_prefix("Action="));
    format!("{} {}", service.unwrap_or("?"), target.or(action).unwrap_or("?"))
}

/// How many requests came one after the other at least: the most that can be chosen so that none overlaps another.
fn longest_chain(mut trips: Vec<Trip>) -> usize {
    trips.sort_by_key(|trip| trip.ended);
    let mut last: Option<Instant> = None;
    let mut length = 0;
    for trip in trips {
        if last.is_none_or(|ended| trip.began >= ended) {
            last = Some(trip.ended);
            length += 1;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_requests_make_no_chain() {
        assert_eq!(longest_chain(Vec::new()), 0);
    }

    #[test]
    fn requests_side_by_side_count_once() {
        let start = Instant::now();
        let at = |began, ended| Trip {
            began: start + Duration::from_millis(began),
            ended: start + Duration::from_millis(ended),
            head: Vec::new(),
        };
        // One, then three side by side, then one.
        let trips = vec![at(0, 20), at(21, 41), at(22, 43), at(22, 40), at(44, 64)];
        assert_eq!(longest_chain(trips), 3);
    }

    #[test]
    fn a_request_is_named_by_its_service_and_operation_or_by_its_path() {
        let signed = "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/eu-west-1/ecr/aws4_request, SignedHeaders=host";
        let json =
            format!("POST / HTTP/1.1\r\n{signed}\r\nX-Amz-Target: AmazonEC2.DescribeImages\r\n\r\n{{}}");
        assert_eq!(operation(json.as_bytes()), "ecr DescribeImages");
        let query = format!("POST / HTTP/1.1\r\n{signed}\r\n\r\nAction=AssumeRole&Version=2011-06-15");
        assert_eq!(operation(query.as_bytes()), "ecr AssumeRole");
        assert_eq!(
            operation(b"PUT /v2/webapp1/blobs/uploads/1?digest=sha256:a HTTP/1.1\r\n\r\n"),
            "PUT /v2/\u{2026}"
        );
        assert_eq!(operation(b""), " //\u{2026}");
    }
}
