//! A request's body that is fed while it is sent.

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// How many pieces may wait for the connection. They are as large as what was read at once, at most about 400 KiB.
const PIECES_AHEAD: usize = 2;

/// The body never came whole, so that the request breaks off and nothing is taken for complete.
#[derive(Debug, thiserror::Error)]
#[error("the bytes to send broke off")]
pub(super) struct BrokeOff;

struct Passing {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
}

/// A body of this length, and where it is fed. It breaks off when the sender is dropped before.
pub(super) fn passing(length: u64) -> (mpsc::Sender<Bytes>, SdkBody) {
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    (sender, SdkBody::from_body_1_x(Passing { pieces, left: length }))
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(context));
        let length = piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(match (piece, self.left.checked_sub(length)) {
            (Some(piece), Some(left)) => {
                self.left = left;
                Some(Ok(Frame::data(piece)))
            }
            (None, _) | (_, None) => Some(Err(BrokeOff)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
