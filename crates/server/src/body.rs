//! Reading bodies, within bounds.
//!
//! A body may have [`BODY_BYTES_MAX`]. All large bodies together share a budget, taken before the
//! first byte is read, so that many callers at once cannot fill the memory; small ones are free.
//! How long a body may take is watched over by the connection.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The largest body, in bytes: AWS's megabyte, and room for the JSON around a definition of that
/// size.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;

/// A body that says it is not larger than this, in bytes, needs no share of the budget.
const FREE_BYTES_MAX: usize = 16 * 1024;

/// Of a body that is too large so much is still read and forgotten, in bytes, so that a client
/// which only writes, and then reads, gets its answer.
const REFUSED_BYTES_READ: usize = 4 * 1024 * 1024;

/// What all large bodies that are being held may have together, in KiB: 32 MiB.
pub(crate) const BUDGET_KIB: usize = 32 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoBody {
    /// It is too large. Not all of it may have been read, so the connection has to be closed.
    TooLarge,
    /// The connection broke, or the body was not sent as it was announced.
    Broken,
}

/// A body, and its share of the budget, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) bytes: Bytes,
    _share: Option<SemaphorePermit<'a>>,
}

/// Reads a whole body.
pub(crate) async fn receive(mut body: Incoming, budget: &Semaphore) -> Result<Received<'_>, NoBody> {
    let announced = body.size_hint().exact();
    if let Some(bytes) = announced
        && bytes > BODY_BYTES_MAX as u64
    {
        // A client that waits for `100 Continue` sends nothing; another may send all of it first.
        if bytes <= REFUSED_BYTES_READ as u64 {
            forget(body).await;
        }
        return Err(NoBody::TooLarge);
    }
    let bytes_max = announced.map_or(BODY_BYTES_MAX, |bytes| bytes as usize);
    let share = if announced.is_some() && bytes_max <= FREE_BYTES_MAX {
        None
    } else {
        let kib = u32::try_from(bytes_max.div_ceil(1024)).expect("a megabyte has few KiB");
        Some(budget.acquire_many(kib).await.expect("the budget is never closed"))
    };
    match read(&mut body).await? {
        Some(bytes) => Ok(Received { bytes, _share: share }),
        None => {
            forget(body).await;
            Err(NoBody::TooLarge)
        }
    }
}

/// The whole body; `None` if there is more than fits.
async fn read(body: &mut Incoming) -> Result<Option<Bytes>, NoBody> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers mean nothing here.
        let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        // Nearly every body comes in one piece and needs no copy.
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Some(if all.is_empty() { first } else { all.freeze() }))
}

/// Reads a body that nobody wants, so that a client which only writes, and then reads, gets its
/// answer. `false` if there is more of it than that is worth.
pub(crate) async fn discard(body: Incoming) -> bool {
    let small = body.size_hint().exact().is_some_and(|bytes| bytes <= REFUSED_BYTES_READ as u64);
    if small {
        forget(body).await;
    }
    small
}

/// Reads on for a while and keeps nothing.
async fn forget(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > REFUSED_BYTES_READ {
            return;
        }
    }
}
