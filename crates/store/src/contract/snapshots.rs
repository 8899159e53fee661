//! Promises 17 and 18: snapshots, and what comes after them.

use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Timestamp};

use super::{chunks, id, next, opened, with};
use crate::{Batch, Snapshot, Store};

fn snapshot(number: u64, row: u64, body: &[u8]) -> Snapshot {
    Snapshot { entity: id(1, number), row, body: body.into() }
}

fn snapshots<const N: usize>(snapshots: [Snapshot; N]) -> Batch {
    Batch { snapshots: snapshots.into(), ..Batch::default() }
}

pub(super) fn the_last_comes_back(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    store.commit(&chunks([opened(id(1, 1), 1, 10), opened(id(1, 2), 2, 10)])).unwrap();
    assert_eq!(store.snapshot(id(1, 1)).unwrap(), None);
    store
        .commit(&snapshots([snapshot(1, 1, b"first"), snapshot(2, 2, b"other"), snapshot(1, 1, b"second")]))
        .unwrap();
    assert_eq!(store.snapshot(id(1, 1)).unwrap(), Some(snapshot(1, 1, b"second")));
    drop(store);
    let store = open();
    assert_eq!(store.snapshot(id(1, 1)).unwrap(), Some(snapshot(1, 1, b"second")));
    assert_eq!(store.snapshot(id(1, 2)).unwrap(), Some(snapshot(2, 2, b"other")));
    store.commit(&snapshots([Snapshot::none(id(1, 1)), Snapshot::none(id(1, 9))])).unwrap();
    assert_eq!(store.snapshot(id(1, 1)).unwrap(), None);
    assert_eq!(store.snapshot(id(1, 2)).unwrap(), Some(snapshot(2, 2, b"other")));
    assert_eq!(store.chunks(id(1, 1)).unwrap().len(), 1, "the journal stays");
}

pub(super) fn goes_with_its_execution(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let closed = with(opened(id(1, 1), 1, 10), |header| header.status = ExecutionStatus::Succeeded);
    store.commit(&chunks([closed, opened(id(1, 2), 2, 10)])).unwrap();
    store.commit(&snapshots([snapshot(1, 1, b"gone"), snapshot(2, 2, b"stays")])).unwrap();
    while store.sweep(Timestamp::from_epoch_ms(11), 100).unwrap().more {}
    assert_eq!(store.snapshot(id(1, 1)).unwrap(), None);
    assert_eq!(store.snapshot(id(1, 2)).unwrap(), Some(snapshot(2, 2, b"stays")));
}

pub(super) fn what_comes_after_a_row(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let journal = [opened(id(1, 1), 1, 10), next(id(1, 1), 4, 1, 11), next(id(1, 1), 7, 4, 12)];
    store.commit(&chunks(journal.clone())).unwrap();
    store.commit(&chunks([opened(id(1, 2), 5, 11)])).unwrap();
    for (row, left) in [(0, 3), (1, 2), (3, 2), (4, 1), (6, 1), (7, 0), (9, 0)] {
        assert_eq!(store.chunks_after(id(1, 1), row).unwrap(), journal[3 - left..], "after {row}");
    }
    assert_eq!(store.chunks_after(id(1, 9), 0).unwrap(), []);
}
