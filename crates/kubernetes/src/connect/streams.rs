//! The body of an answer, piece by piece.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::transport::StreamPlace;
use crate::error::{ApiError, ApiErrorKind, unreachable};

/// A body that is read as it comes. Dropping it ends the request.
pub struct ByteStream {
    body: Incoming,
    operation: String,
    server: String,
    _place: Option<StreamPlace>,
}

impl ByteStream {
    pub(super) fn new(body: Incoming, operation: String, server: String, place: Option<StreamPlace>) -> Self {
        Self { body, operation, server, _place: place }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| unreachable(&*self.operation, &self.server, error))?;
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of it, if it is no longer than `limit` bytes.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, ApiError> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        whole.extend_from_slice(&second);
        while let Some(piece) = self.next().await? {
            if whole.len() + piece.len() > limit {
                let message = format!("the answer is longer than {limit} bytes");
                return Err(ApiError::new(ApiErrorKind::Protocol, self.operation, message));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}
