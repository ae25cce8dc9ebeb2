//! Ends TLS in front of the local accounts, and notes when each request was under way. Both handlers call through it,
//! so both pay for it alike.

use crate::Failure;
use crate::authority::Authority;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const BUFFER_BYTES: usize = 64 * 1024;

/// While a request was under way: from its first byte to its answer's last.
#[derive(Debug, Clone, Copy)]
struct Trip {
    began: Instant,
    ended: Instant,
}

/// What passed since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How many requests.
    pub(crate) requests: usize,
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
        Passed {
            requests: seen.trips.len(),
            sequential: longest_chain(seen.trips.clone()),
            connections: seen.connections,
        }
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
                    if trip.is_none_or(|(_, is_answered)| is_answered) {
                        trip = Some((self.begin(), false));
                        let delay = self.lock().delay;
                        if !delay.is_zero() {
                            tokio::time::sleep(delay).await;
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

    fn begin(&self) -> usize {
        let now = Instant::now();
        let mut seen = self.lock();
        seen.trips.push(Trip { began: now, ended: now });
        seen.trips.len() - 1
    }

    fn end(&self, number: usize) {
        if let Some(trip) = self.lock().trips.get_mut(number) {
            trip.ended = Instant::now();
        }
    }
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
        };
        // One, then three side by side, then one.
        let trips = vec![at(0, 20), at(21, 41), at(22, 43), at(22, 40), at(44, 64)];
        assert_eq!(longest_chain(trips), 3);
    }
}
