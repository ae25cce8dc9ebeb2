//! A network between a client and the registries: each connection has a round trip and a rate.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// What every connection is like; like the loopback when both are 0.
#[derive(Debug, Clone, Copy, PartialEq, clap::Args)]
pub(crate) struct Network {
    /// How long a request and its answer are under way, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub(crate) round_trip_ms: u64,
    /// How many bytes a second a connection carries in each direction.
    #[arg(long, default_value_t = 0)]
    pub(crate) bytes_per_second: u64,
}

impl std::fmt::Display for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_loopback() {
            return write!(formatter, "loopback");
        }
        write!(formatter, "{} ms, {} MB/s", self.round_trip_ms, self.bytes_per_second / 1_000_000)
    }
}

impl Network {
    /// Whether it is the loopback itself.
    pub(crate) fn is_loopback(self) -> bool {
        self.round_trip_ms == 0
    }

    /// How many pieces may be under way: what the rate carries in a round trip, and as much again.
    fn pieces_under_way(self) -> usize {
        let bytes = self.bytes_per_second / 1_000 * self.round_trip_ms * 2;
        usize::try_from(bytes).unwrap_or(usize::MAX) / PIECE_BYTES + 4
    }

    /// Stands before `behind` on a port of its own.
    pub(crate) async fn stand_before(self, behind: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // A connection that breaks is its client's news.
                    let _ = self.connect(client, behind).await;
                });
            }
        });
        Ok(address)
    }

    async fn connect(self, client: TcpStream, behind: SocketAddr) -> std::io::Result<()> {
        let server = TcpStream::connect(behind).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        // The handshake is a round trip too.
        tokio::time::sleep(Duration::from_millis(self.round_trip_ms)).await;
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        tokio::spawn(self.carry(client_read, server_write));
        self.carry(server_read, client_write).await;
        Ok(())
    }

    /// Carries what comes, late by half a round trip and no faster than the rate.
    async fn carry(self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin + Send + 'static) {
        let half = Duration::from_millis(self.round_trip_ms) / 2;
        let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(self.pieces_under_way());
        tokio::spawn(async move {
            while let Some((due, piece)) = receiver.recv().await {
                tokio::time::sleep_until(due).await;
                if to.write_all(&piece).await.is_err() {
                    return;
                }
            }
            let _ = to.shutdown().await;
        });
        let mut free = Instant::now();
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let bytes = piece.get(..count).unwrap_or_default().to_vec();
            let carried = Duration::from_secs_f64(bytes.len() as f64 / self.bytes_per_second.max(1) as f64);
            free = free.max(Instant::now()) + carried;
            if sender.send((free + half, bytes)).await.is_err() {
                return;
            }
        }
    }
}
