//! Reading bodies, within bounds.
//!
//! A body may have [`BODY_BYTES_MAX`]. All large bodies together share a budget, so that many
//! callers at once cannot fill the memory; small ones are free. A body takes its share as it
//! arrives: one that is only announced, and then dawdles, takes nothing from the others.
//! How long a body may take is watched over by the connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::quiet::next_piece;

/// The largest body, in bytes: AWS's megabyte, and room for the JSON around a definition of that
/// size.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;

/// So much of a body, in bytes, needs no share of the budget.
const FREE_BYTES_MAX: usize = 16 * 1024;

/// A share of the budget grows in steps of so many KiB.
const STEP_KIB: usize = 64;

/// How long a body waits for the next step of its share.
const SHARE_PATIENCE: Duration = Duration::from_secs(5);

/// Of a body that is too large so much is still read and forgotten, in bytes, so that a client
/// which only writes, and then reads, gets its answer.
const REFUSED_BYTES_READ: usize = 4 * 1024 * 1024;

/// What all large bodies that are being held may have together, in KiB: 32 MiB.
pub(crate) const BUDGET_KIB: usize = 32 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoBody {
    /// It is too large. Not all of it may have been read, so the connection has to be closed.
    TooLarge {
        /// How large it may be, in bytes.
        bytes_max: usize,
    },
    /// The connection broke, or the body was not sent as it was announced.
    Broken,
    /// Other large bodies have the whole budget. Not all of it may have been read.
    Busy,
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
        return Err(NoBody::TooLarge { bytes_max: BODY_BYTES_MAX });
    }
    let mut share = None;
    match read(&mut body, budget, &mut share).await? {
        Some(bytes) => Ok(Received { bytes, _share: share }),
        None => {
            forget(body).await;
            Err(NoBody::TooLarge { bytes_max: BODY_BYTES_MAX })
        }
    }
}

/// Reads a whole body of which little is expected: one that needs no share of the budget.
pub(crate) async fn receive_small(mut body: Incoming) -> Result<Bytes, NoBody> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
        if all.len() + data.len() > FREE_BYTES_MAX {
            forget(body).await;
            return Err(NoBody::TooLarge { bytes_max: FREE_BYTES_MAX });
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// The whole body; `None` if there is more than fits.
async fn read<'a>(
    body: &mut Incoming,
    budget: &'a Semaphore,
    share: &mut Option<SemaphorePermit<'a>>,
) -> Result<Option<Bytes>, NoBody> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = next_piece(body).await {
        // Trailers mean nothing here.
        let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
        let bytes = first.len() + all.len() + data.len();
        if bytes > BODY_BYTES_MAX {
            return Ok(None);
        }
        take_share(bytes, budget, share).await?;
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

/// Makes a share as large as so many bytes need. Large bodies that each wait for more of it while
/// they hold some do not wait for ever: the first whose patience ends makes room.
async fn take_share<'a>(
    bytes: usize,
    budget: &'a Semaphore,
    share: &mut Option<SemaphorePermit<'a>>,
) -> Result<(), NoBody> {
    if bytes <= FREE_BYTES_MAX {
        return Ok(());
    }
    let wanted = bytes.div_ceil(1024).next_multiple_of(STEP_KIB);
    let held = share.as_ref().map_or(0, SemaphorePermit::num_permits);
    if wanted <= held {
        return Ok(());
    }
    let step = u32::try_from(wanted - held).expect("a megabyte has few KiB");
    let taken = tokio::time::timeout(SHARE_PATIENCE, budget.acquire_many(step)).await;
    let taken = taken.map_err(|_| NoBody::Busy)?.expect("the budget is never closed");
    match share {
        Some(share) => share.merge(taken),
        None => *share = Some(taken),
    }
    Ok(())
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
