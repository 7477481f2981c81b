//! Frames: a 32-bit big-endian length, then a postcard body.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest body, in bytes: a plan of 10,000 services with 40,000 servers is well below.
pub const MAX_FRAME: usize = 256 * 1024 * 1024;

/// A frame's length field.
const HEADER: usize = 4;

/// A whole frame, header included.
pub type Frame = Vec<u8>;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side is gone, in the middle of a frame or with an error.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// More than [`MAX_FRAME`].
    #[error("a frame of {0} bytes is too large")]
    TooLarge(usize),
    /// A plan amends another one than there is.
    #[error("a plan does not follow from the one before it")]
    Amendment,
    /// The body is not the expected message.
    #[error("a frame does not decode: {0}")]
    Body(#[from] postcard::Error),
}

/// Encodes a message as a frame.
///
/// # Errors
/// [`FrameError::TooLarge`], or a message that cannot be serialised.
pub fn encode<M: Serialize>(message: &M) -> Result<Frame, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; HEADER])?;
    let length = frame.len() - HEADER;
    let header =
        u32::try_from(length).ok().filter(|_| length <= MAX_FRAME).ok_or(FrameError::TooLarge(length))?;
    if let Some(place) = frame.first_chunk_mut::<HEADER>() {
        *place = header.to_be_bytes();
    }
    Ok(frame)
}

/// Decodes a frame's body.
///
/// # Errors
/// [`FrameError::Body`] when it is not an `M`.
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, FrameError> {
    Ok(postcard::from_bytes(body)?)
}

/// Reads messages from one end of a socketpair.
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from `inner`.
    pub const fn new(inner: R) -> Self {
        Self { inner }
    }

    /// The next message, or `None` when the other side has closed between two frames.
    ///
    /// Not safe to cancel: read in a task of its own.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is of no use afterwards.
    pub async fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        let mut header = [0; HEADER];
        match self.inner.read(&mut header).await? {
            0 => return Ok(None),
            read => self.inner.read_exact(header.get_mut(read..).unwrap_or_default()).await?,
        };
        let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
        if length > MAX_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        // Grows with what arrives, so that a lying header costs nothing.
        let mut body = Vec::with_capacity(length.min(64 * 1024));
        let read = (&mut self.inner).take(length as u64).read_to_end(&mut body).await?;
        if read < length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        decode(&body).map(Some)
    }
}

/// Writes messages to one end of a socketpair.
#[derive(Debug)]
pub struct FrameWriter<W> {
    inner: W,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Writes to `inner`.
    pub const fn new(inner: W) -> Self {
        Self { inner }
    }

    /// Writes one message.
    ///
    /// # Errors
    /// [`FrameError`]; after an I/O error the connection is of no use.
    pub async fn send<M: Serialize>(&mut self, message: &M) -> Result<(), FrameError> {
        let frame = encode(message)?;
        self.inner.write_all(&frame).await?;
        self.inner.flush().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromChild, Generation, StopManner, ToChild, VrrpPlan, VrrpSnapshot};

    #[tokio::test]
    async fn messages_survive_the_trip_in_order() {
        let (near, far) = tokio::io::duplex(16);
        let (mut writer, mut reader) = (FrameWriter::new(near), FrameReader::new(far));
        let sent: Vec<ToChild<VrrpPlan>> = vec![
            ToChild::Apply { generation: Generation(1), plan: Box::default() },
            ToChild::Snapshot { request: 7 },
            ToChild::Stop(StopManner::Keep),
        ];
        let copies = sent.clone();
        let writing = tokio::spawn(async move {
            for message in &copies {
                writer.send(message).await.expect("the reader is there");
            }
        });
        let mut received = Vec::new();
        while let Some(message) = reader.next::<ToChild<VrrpPlan>>().await.expect("well-formed frames") {
            received.push(message);
        }
        writing.await.expect("the writer ends");
        assert_eq!(received, sent);
    }

    #[tokio::test]
    async fn a_lying_header_is_refused_before_memory_is_taken() {
        let bytes = [&u32::MAX.to_be_bytes()[..], b"x"].concat();
        let error =
            FrameReader::new(&bytes[..]).next::<FromChild<VrrpSnapshot>>().await.expect_err("too large");
        assert!(matches!(error, FrameError::TooLarge(_)), "{error}");
    }

    #[tokio::test]
    async fn a_peer_that_dies_in_a_frame_is_an_error_not_an_end() {
        let frame = encode(&FromChild::<VrrpSnapshot>::Ready).expect("small");
        for cut in 1..frame.len() {
            let part = &frame[..cut];
            assert!(FrameReader::new(part).next::<FromChild<VrrpSnapshot>>().await.is_err(), "cut at {cut}");
        }
        assert!(
            FrameReader::new(&frame[..0]).next::<FromChild<VrrpSnapshot>>().await.expect("an end").is_none()
        );
    }

    #[tokio::test]
    async fn rubbish_is_an_error() {
        let bytes = [&3u32.to_be_bytes()[..], &[0xff, 0xff, 0xff]].concat();
        let error =
            FrameReader::new(&bytes[..]).next::<FromChild<VrrpSnapshot>>().await.expect_err("rubbish");
        assert!(matches!(error, FrameError::Body(_)), "{error}");
    }
}
