//! The promises of a store, as tests.
//!
//! Every implementation calls [`check`] from its own tests. What only an implementation can bring
//! about (a damaged row, a full disk, a crash in the middle of a commit) it tests itself.

mod snapshots;
mod sweeping;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_model::{EntityId, ExecutionStatus, Timestamp};

use crate::{
    Batch, CatalogueWrite, Chunk, ChunkHeader, ExecutionRow, HighMarks, ListQuery, NameKey, OpenExecution,
    Opening, Redrives, Store, StoreError,
};

/// Opens one store, again and again: the first call finds it empty, each later one as the earlier
/// left it. All that it gave before is dropped by then.
pub type Opener = Box<dyn FnMut() -> Arc<dyn Store>>;

/// Tests each promise of the documentation of this crate on a store of its own, which `create` makes.
///
/// # Panics
///
/// If a promise is broken; the last line of the output before it names the promise.
pub fn check(create: &dyn Fn() -> Opener) {
    for (promise, test) in PROMISES {
        eprintln!("promise: {promise}");
        test(&mut *create());
    }
}

/// A test of a promise on an empty store.
type Test = fn(&mut dyn FnMut() -> Arc<dyn Store>);

/// Every promise, by its number in the documentation of this crate.
const PROMISES: [(&str, Test); 20] = [
    ("1. a batch is written whole, and is there after opening again", a_batch_is_written_whole),
    ("2. after a failed commit nothing is taken and nothing is lost", a_failed_commit_stops_the_store),
    ("3. a reader sees what was committed before it asked", a_reader_sees_what_was_committed),
    ("4. chunks come back in order, whole and unchanged", chunks_come_back_unchanged),
    ("5. an execution's row says what its headers said", a_row_says_what_the_headers_said),
    ("5. however its chunks were spread over batches", batches_leave_no_trace_in_a_row),
    ("6. a name leads to the execution that took it last", a_name_leads_to_the_last_taker),
    ("7. lists are most recent first, filtered, without a gap or a repeat", lists_are_ordered_and_paged),
    ("8. each open execution is visited exactly once", open_executions_are_visited_once),
    ("9. high marks are never below what was committed", high_marks_are_never_too_low),
    ("10. the catalogue gives back what was put last", the_catalogue_gives_back_the_last),
    ("11. the identity stays", the_identity_stays),
    ("12, 13, 15. a sweep removes what was closed before, and nothing else", sweeping::removes_the_closed),
    ("12. a swept name is free, unless another took it", sweeping::frees_names),
    ("12. an execution that was opened again stays", sweeping::leaves_what_was_opened_again),
    ("14. a sweep goes on beside commits and readers", sweeping::goes_on_beside_others),
    ("16. the chunks of a part of a history are those that have its events", parts_have_their_events),
    ("17. the last snapshot comes back, or none", snapshots::the_last_comes_back),
    ("17. a snapshot goes with its execution", snapshots::goes_with_its_execution),
    ("18. what comes after a row are the chunks above it", snapshots::what_comes_after_a_row),
];

fn a_batch_is_written_whole(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let batch = Batch {
        chunks: vec![
            opened(id(1, 1), 1, 10),
            opened(id(2, 1), 2, 10),
            opened(id(255, EntityId::NUMBER_MAX), 3, 11),
        ],
        catalogue: vec![put("machine/1", "one")],
        ..Batch::default()
    };
    let store = open();
    store.commit(&batch).unwrap();
    store.commit(&Batch::default()).expect("an empty batch is a batch");

    let whole = |store: &dyn Store| {
        for chunk in &batch.chunks {
            assert_eq!(store.chunks(chunk.header.entity).unwrap(), std::slice::from_ref(chunk));
            assert_eq!(store.execution(chunk.header.entity).unwrap().unwrap().last_row, chunk.header.row);
        }
        assert_eq!(store.catalogue().unwrap(), [("machine/1".to_owned(), Arc::from("one"))]);
    };
    whole(&*store);
    drop(store);
    whole(&*open());
}

fn a_failed_commit_stops_the_store(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let (known, unknown) = (id(1, 1), id(1, 2));
    let first = named(opened(known, 1, 10), "a", Some([1; 16]));
    let store = open();
    store.commit(&chunks([first.clone()])).unwrap();
    drop(store);

    // No store takes a journal that contradicts itself, so each of these fails everywhere.
    let refused = [
        ("a row that was used before", vec![opened(id(2, 1), 1, 11)]),
        ("a row twice in a batch", vec![opened(id(2, 1), 20, 11), opened(id(2, 2), 20, 11)]),
        ("an execution opened twice", vec![opened(known, 20, 11)]),
        ("an execution opened twice in a batch", vec![opened(id(2, 1), 20, 11), opened(id(2, 1), 21, 11)]),
        ("a chunk of an execution that was never opened", vec![next(unknown, 20, 19, 11)]),
        (
            "a first chunk that names one before it",
            vec![with(opened(unknown, 20, 11), |h| h.previous_row = 1)],
        ),
        ("a chunk that follows another than the last", vec![next(known, 20, 7, 11)]),
        ("a chain that breaks in the batch", vec![next(known, 20, 1, 11), next(known, 21, 1, 11)]),
        ("a chunk whose row falls", vec![next(known, 20, 1, 11), next(known, 19, 20, 11)]),
        ("a later chunk with an opening", vec![with(opened(known, 20, 11), |h| h.previous_row = 1)]),
    ];
    for (what, bad) in refused {
        let store = open();
        let taker = id(3, 1);
        let mut batch = chunks([named(opened(taker, 10, 11), "b", Some([1; 16]))]);
        batch.chunks.extend(bad);
        batch.catalogue.push(put("machine/1", "one"));
        assert!(store.commit(&batch).is_err(), "{what} was taken");
        let later = chunks([opened(id(4, 1), 30, 12)]);
        assert!(matches!(store.commit(&later), Err(StoreError::Stopped(_))), "after {what}");
        assert_eq!(
            store.chunks(known).unwrap(),
            std::slice::from_ref(&first),
            "reading goes on after {what}"
        );
        drop(store);

        let store = open();
        assert_eq!(store.chunks(known).unwrap(), std::slice::from_ref(&first), "after {what}");
        assert_eq!(store.execution(known).unwrap().unwrap().last_row, 1, "after {what}");
        assert_eq!(store.execution_by_name(&[1; 16]).unwrap(), Some(known), "after {what}");
        assert_eq!(store.execution(taker).unwrap(), None, "a part of the batch was written: {what}");
        assert_eq!(store.chunk(10).unwrap(), None, "a part of the batch was written: {what}");
        assert_eq!(store.catalogue().unwrap(), [], "a part of the batch was written: {what}");
    }
    let store = open();
    store
        .commit(&chunks([next(known, 20, 1, 11)]))
        .expect("a store that is opened again takes commits again");
    assert_eq!(store.chunks(known).unwrap().len(), 2);
}

fn a_reader_sees_what_was_committed(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let entity = id(9, 1);
    store.commit(&chunks([opened(entity, 1, 10)])).unwrap();
    std::thread::scope(|scope| {
        let (committed, rows) = std::sync::mpsc::channel();
        let reader = scope.spawn({
            let store = &store;
            move || {
                for row in rows {
                    let seen = store.execution(entity).unwrap().unwrap().last_row;
                    assert!(seen >= row, "row {row} was committed and {seen} was seen");
                    assert!(store.chunks(entity).unwrap().last().unwrap().header.row >= row);
                }
            }
        });
        for row in 2..=60 {
            store.commit(&chunks([next(entity, row, row - 1, 10 + row)])).unwrap();
            assert_eq!(store.execution(entity).unwrap().unwrap().last_row, row);
            committed.send(row).unwrap();
        }
        drop(committed);
        reader.join().unwrap();
    });
}

fn chunks_come_back_unchanged(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let (one, other) = (id(1, 1), id(200, 77));
    let body = |bytes: usize| -> Arc<[u8]> { (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect() };
    let journal = [
        Chunk { body: body(400), ..named(opened(one, 3, 10), "Zeit für α", Some([3; 16])) },
        Chunk { body: body(0), ..with(next(one, 5, 3, 10), |h| h.first_event_id = 0) },
        Chunk { body: body(1 << 20), ..with(next(one, 6, 5, 12), |h| h.next_due = Some(at(u64::MAX))) },
        Chunk { body: body(1), ..with(next(one, 1 << 40, 6, 13), |h| h.parked = true) },
    ];
    let store = open();
    store.commit(&chunks([journal[0].clone(), opened(other, 4, 10), journal[1].clone()])).unwrap();
    store.commit(&chunks([journal[2].clone()])).unwrap();
    store.commit(&chunks([next(other, 8, 4, 13), journal[3].clone()])).unwrap();

    let unchanged = |store: &dyn Store| {
        assert_eq!(store.chunks(one).unwrap(), journal);
        let rows: Vec<u64> = store.chunks(other).unwrap().iter().map(|chunk| chunk.header.row).collect();
        assert_eq!(rows, [4, 8]);
        for chunk in &journal {
            assert_eq!(store.chunk(chunk.header.row).unwrap().as_ref(), Some(chunk));
        }
        assert_eq!(store.chunk(7).unwrap(), None);
        assert_eq!(store.chunk(0).unwrap(), None);
        assert_eq!(store.chunk(u64::MAX).unwrap(), None);
        assert_eq!(store.chunks(id(1, 2)).unwrap(), []);
        assert_eq!(store.execution(id(1, 2)).unwrap(), None);
    };
    unchanged(&*store);
    drop(store);
    unchanged(&*open());
}

/// A life with everything in it: failed, a late chunk, redriven and parked, failed, redriven and
/// failed in one chunk, a late chunk, redriven and ended.
fn life(entity: EntityId) -> [(Chunk, Option<Timestamp>); 8] {
    let status = ExecutionStatus::Failed;
    let redriven = |count, moment| Some(Redrives { count, last_at: at(moment) });
    [
        (with(opened(entity, 1, 100), |h| h.next_due = Some(at(500))), None),
        (with(next(entity, 2, 1, 110), |h| h.status = status), Some(at(110))),
        (with(next(entity, 3, 2, 120), |h| (h.status, h.last_event_id) = (status, 3)), Some(at(110))),
        (
            with(next(entity, 4, 3, 130), |h| {
                (h.next_due, h.parked, h.redrives) = (Some(at(u64::MAX)), true, redriven(1, 130))
            }),
            None,
        ),
        (
            with(next(entity, 5, 4, 140), |h| (h.status, h.redrives) = (status, redriven(1, 130))),
            Some(at(140)),
        ),
        (
            with(next(entity, 6, 5, 150), |h| (h.status, h.redrives) = (status, redriven(2, 150))),
            Some(at(150)),
        ),
        (
            with(next(entity, 7, 6, 160), |h| (h.status, h.redrives) = (status, redriven(2, 150))),
            Some(at(150)),
        ),
        (
            with(next(entity, 8, 7, 170), |h| {
                (h.status, h.redrives) = (ExecutionStatus::Succeeded, redriven(3, 170))
            }),
            Some(at(170)),
        ),
    ]
}

/// The row that the chunks so far make.
fn row_of(lived: &[(Chunk, Option<Timestamp>)]) -> ExecutionRow {
    let (first, (last, closed_at)) = (&lived[0].0.header, lived.last().unwrap());
    ExecutionRow {
        entity: first.entity,
        opening: first.opening.clone().unwrap(),
        status: last.header.status,
        closed_at: *closed_at,
        next_due: last.header.next_due,
        parked: last.header.parked,
        first_row: first.row,
        last_row: last.header.row,
        last_event_id: last.header.last_event_id,
        redrive_count: last.header.redrives.map_or(0, |redrives| redrives.count),
        redriven_at: last.header.redrives.map(|redrives| redrives.last_at),
    }
}

fn a_row_says_what_the_headers_said(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let entity = id(17, 4);
    let life = life(entity);
    for step in 1..=life.len() {
        let store = open();
        store.commit(&chunks([life[step - 1].0.clone()])).unwrap();
        assert_eq!(store.execution(entity).unwrap(), Some(row_of(&life[..step])), "step {step}");
        drop(store);
        assert_eq!(
            open().execution(entity).unwrap(),
            Some(row_of(&life[..step])),
            "step {step}, opened again"
        );
    }
}

fn batches_leave_no_trace_in_a_row(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let steps = life(id(0, 1)).len();
    // Each way to cut the life into batches is a number: bit n set, a cut after step n.
    for cuts in 0..1_u64 << (steps - 1) {
        let entity = id((cuts % 256) as u8, 1 + cuts);
        let mut life = life(entity);
        for (chunk, _) in &mut life {
            let header = &mut chunk.header;
            header.row += cuts * 10;
            header.previous_row += if header.previous_row == 0 { 0 } else { cuts * 10 };
        }
        let mut batch = Batch::default();
        for (step, (chunk, _)) in life.iter().enumerate() {
            batch.chunks.push(chunk.clone());
            if cuts >> step & 1 == 1 || step == steps - 1 {
                store.commit(&std::mem::take(&mut batch)).unwrap();
                assert_eq!(store.execution(entity).unwrap(), Some(row_of(&life[..=step])), "cuts {cuts:b}");
            }
        }
        assert_eq!(store.chunks(entity).unwrap(), life.map(|(chunk, _)| chunk), "cuts {cuts:b}");
    }
}

fn a_name_leads_to_the_last_taker(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let (first, second, third) = (id(5, 1), id(5, 2), id(5, 3));
    let (name, other): (NameKey, NameKey) = ([0; 16], [0xff; 16]);
    let store = open();
    assert_eq!(store.execution_by_name(&name).unwrap(), None);
    let taken = named(opened(first, 1, 10), "a", Some(name));
    let closed = with(taken, |h| h.status = ExecutionStatus::Succeeded);
    store.commit(&chunks([closed, opened(id(5, 9), 2, 10)])).unwrap();
    assert_eq!(store.execution_by_name(&name).unwrap(), Some(first));
    store.commit(&chunks([named(opened(second, 3, 20), "a", Some(name))])).unwrap();
    assert_eq!(store.execution_by_name(&name).unwrap(), Some(second));

    // What the earlier one still writes does not take the name back.
    store.commit(&chunks([with(next(first, 4, 1, 21), |h| h.status = ExecutionStatus::Succeeded)])).unwrap();
    assert_eq!(store.execution_by_name(&name).unwrap(), Some(second));
    store
        .commit(&chunks([
            named(opened(id(5, 4), 5, 22), "b", Some(other)),
            named(opened(third, 6, 22), "b", Some(other)),
        ]))
        .unwrap();
    drop(store);

    let store = open();
    assert_eq!(store.execution_by_name(&name).unwrap(), Some(second));
    assert_eq!(store.execution_by_name(&other).unwrap(), Some(third));
    assert_eq!(store.execution_by_name(&[1; 16]).unwrap(), None);
}

/// Commits many executions of two machines, in every status and with many equal moments, partly
/// closed by later chunks. Gives the rows that must come of it.
fn populate(store: &dyn Store) -> Vec<ExecutionRow> {
    let mut rows = BTreeMap::new();
    let mut row = 0;
    for round in 0..4 {
        let mut batch = Batch::default();
        for n in 0..40_u64 {
            let entity = id((n * 7 % 5) as u8, 1 + round * 40 + n);
            row += 1;
            let mut chunk = opened(entity, row, 1_000 + round * 10 + n / 8);
            let opening = chunk.header.opening.as_mut().unwrap();
            opening.machine = 1 + n % 2;
            opening.version = Some(n / 3 % 3).filter(|version| *version != 0);
            opening.alias =
                opening.version.filter(|_| n % 5 < 3).map(|_| ["A", "B"][(n % 7 % 2) as usize].into());
            opening.trace_header = (n % 11 == 0).then(|| format!("Root={n}").into());
            chunk.header.status = ExecutionStatus::ALL[(n / 2 % 5) as usize];
            chunk.header.parked = n % 3 == 0;
            chunk.header.next_due = (n % 4 == 0).then(|| at(5_000 + n));
            rows.insert(entity, ExecutionRow::open(&chunk.header).unwrap());
            batch.chunks.push(chunk);
        }
        // Every third of those that are open from an earlier round ends, or is heard of again.
        let open: Vec<EntityId> = rows.values().filter(|r| r.closed_at.is_none()).map(|r| r.entity).collect();
        for (n, entity) in open.into_iter().enumerate().filter(|(n, _)| n % 3 == 0) {
            let known = rows.get_mut(&entity).unwrap();
            row += 1;
            let mut chunk = next(entity, row, known.last_row, 1_008 + round * 10);
            let (count, last_at) = (known.redrive_count, known.redriven_at);
            chunk.header.redrives = last_at.map(|last_at| Redrives { count, last_at });
            if n % 2 == 0 {
                chunk.header.status = ExecutionStatus::TimedOut;
            }
            known.advance(&chunk.header).unwrap();
            batch.chunks.push(chunk);
        }
        // Every fourth of those that ended badly is redriven; every third of these fails at once.
        let ended = rows.values().filter(|r| {
            [ExecutionStatus::Failed, ExecutionStatus::Aborted, ExecutionStatus::TimedOut].contains(&r.status)
        });
        let ended: Vec<EntityId> = ended.map(|r| r.entity).collect();
        for (n, entity) in ended.into_iter().enumerate().filter(|(n, _)| n % 4 == 0) {
            let known = rows.get_mut(&entity).unwrap();
            row += 1;
            let mut chunk = next(entity, row, known.last_row, 1_009 + round * 10);
            let count = known.redrive_count + 1;
            chunk.header.redrives = Some(Redrives { count, last_at: chunk.header.at });
            if n % 3 == 0 {
                chunk.header.status = ExecutionStatus::Failed;
            }
            known.advance(&chunk.header).unwrap();
            batch.chunks.push(chunk);
        }
        store.commit(&batch).unwrap();
    }
    assert!(rows.values().any(|row| row.redrive_count > 0 && row.closed_at.is_none()));
    assert!(rows.values().any(|row| row.redrive_count > 0 && row.closed_at.is_some()));
    rows.into_values().collect()
}

fn lists_are_ordered_and_paged(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let rows = populate(&*store);
    drop(store);
    let store = open();

    let statuses = ExecutionStatus::ALL.map(Some);
    let ways = [(None, None), (Some(1), None), (None, Some("B")), (Some(2), Some("A")), (Some(3), None)];
    let mut asked = Vec::new();
    for machine in [1, 2, 3] {
        for status in std::iter::once(None).chain(statuses) {
            asked.extend(ways.map(|(version, alias)| (machine, status, version, alias.map(Arc::from))));
        }
    }
    for (machine, status, version, alias) in asked {
        let started_so = |row: &ExecutionRow| {
            (version.is_none() || row.opening.version == version)
                && (alias.is_none() || row.opening.alias == alias)
        };
        let mut expected: Vec<ExecutionRow> = rows
            .iter()
            .filter(|row| row.opening.machine == machine && status.is_none_or(|status| row.status == status))
            .filter(|row| started_so(row))
            .cloned()
            .collect();
        expected.sort_by_key(|row| (std::cmp::Reverse(row.recency()), row.entity));
        let there_is_none = machine == 3 || version == Some(3);
        assert!(status.is_some() || expected.is_empty() == there_is_none, "there is something to list");

        for limit in [1, 2, 7, 1_000] {
            let alias = alias.clone();
            let mut query = ListQuery { machine, version, alias, status, after: None, limit };
            let mut listed = Vec::new();
            loop {
                let page = store.executions(&query).unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                query.after = Some((last.recency(), last.entity));
                listed.extend(page);
            }
            assert_eq!(listed, expected, "machine {machine}, {status:?}, {query:?}");
        }
        let none = ListQuery { machine, version, alias, status, after: None, limit: 0 };
        assert_eq!(store.executions(&none).unwrap(), []);
    }
}

fn open_executions_are_visited_once(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let visited = |store: &dyn Store| {
        let mut visited = Vec::new();
        store
            .open_executions(&mut |execution| {
                // The visitor may ask the store.
                assert!(store.execution(execution.entity).unwrap().unwrap().closed_at.is_none());
                visited.push(execution);
            })
            .unwrap();
        visited.sort_by_key(|execution: &OpenExecution| execution.entity);
        visited
    };
    assert_eq!(visited(&*store), []);

    let rows = populate(&*store);
    let expected: Vec<OpenExecution> = rows
        .iter()
        .filter(|row| row.closed_at.is_none())
        .map(|row| OpenExecution {
            entity: row.entity,
            machine: row.opening.machine,
            next_due: row.next_due,
            parked: row.parked,
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(visited(&*store), expected);
    drop(store);
    assert_eq!(visited(&*open()), expected);
}

fn high_marks_are_never_too_low(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let marks = store.high_marks().unwrap();
    drop(store);
    assert_eq!(marks, HighMarks::default());

    let mut reached = marks;
    // Neither rows nor moments ascend from batch to batch; the marks do.
    for (partition, number, row, moment) in
        [(0, 5, 10, 50), (255, EntityId::NUMBER_MAX, 9, 40), (0, 6, 30, 20), (7, 1, 20, 60)]
    {
        let store = open();
        let closed = |h: &mut ChunkHeader| h.status = ExecutionStatus::Aborted;
        store.commit(&chunks([with(opened(id(partition, number), row, moment), closed)])).unwrap();
        reached.row = reached.row.max(row);
        reached.at = reached.at.max(at(moment));
        reached.number = reached.number.max(number);
        for marks in [store.high_marks().unwrap(), {
            drop(store);
            open().high_marks().unwrap()
        }] {
            assert!(marks.row >= reached.row && marks.at >= reached.at, "{marks:?}");
            assert!(marks.number >= reached.number, "{marks:?}");
        }
    }

    // A later chunk moves the clock as the first does.
    let store = open();
    store.commit(&chunks([opened(id(8, 1), 40, 60), next(id(8, 1), 41, 40, 70)])).unwrap();
    store.commit(&chunks([next(id(8, 1), 42, 41, 80)])).unwrap();
    drop(store);
    let marks = open().high_marks().unwrap();
    assert!(marks.row >= 42 && marks.at >= at(80), "{marks:?}");
}

fn the_catalogue_gives_back_the_last(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let delete = |key: &str| CatalogueWrite { key: key.to_owned(), value: None };
    let write = |store: &dyn Store, catalogue: Vec<CatalogueWrite>| {
        store.commit(&Batch { catalogue, ..Batch::default() }).unwrap();
    };
    let text = |store: &dyn Store| {
        let entries = store.catalogue().unwrap();
        entries.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    let store = open();
    assert_eq!(text(&*store), "");
    write(&*store, vec![put("b", "1"), put("a", "1"), put("c", ""), put("ä", "1"), delete("none")]);
    assert_eq!(text(&*store), "a=1 b=1 c= ä=1");
    write(&*store, vec![put("a", "2"), delete("b"), put("B", "1")]);
    assert_eq!(text(&*store), "B=1 a=2 c= ä=1");
    // Within a batch the later one wins.
    write(
        &*store,
        vec![put("a", "3"), put("a", "4"), put("d", "1"), delete("d"), delete("c"), put("c", "5")],
    );
    drop(store);
    assert_eq!(text(&*open()), "B=1 a=4 c=5 ä=1");
}

fn the_identity_stays(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let identity = open().identity();
    assert!(identity.key != [0; 32], "a key of zeros is no secret");
    open().commit(&chunks([opened(id(1, 1), 1, 10)])).unwrap();
    assert!(open().identity() == identity);
}

fn parts_have_their_events(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let (entity, other) = (id(3, 1), id(4, 1));
    let mut journal: Vec<Chunk> = Vec::new();
    let mut last_event_id = 0;
    for n in 0..700_u64 {
        // Between them are chunks of another execution; some have no event that AWS shows, some many.
        let events = [3, 1, 0, 5, 2, 0, 0, 1][n as usize % 8] + if n == 300 { 900 } else { 0 };
        let mut chunk = match n {
            0 => opened(entity, 1, 10),
            _ => next(entity, 1 + n * 2, n * 2 - 1, 10 + n),
        };
        chunk.header.first_event_id = if events > 0 { last_event_id + 1 } else { 0 };
        last_event_id += events;
        chunk.header.last_event_id = last_event_id;
        let beside = match n {
            0 => opened(other, 2, 10),
            _ => next(other, 2 + n * 2, n * 2, 10 + n),
        };
        journal.push(chunk.clone());
        store.commit(&chunks([chunk, beside])).unwrap();
    }
    let check = |store: &dyn Store, from: u64, to: u64| {
        let has_one = |chunk: &&Chunk| {
            let header = &chunk.header;
            header.first_event_id > 0
                && (header.first_event_id..=header.last_event_id).any(|id| from <= id && id <= to)
        };
        let expected: Vec<Chunk> = journal.iter().filter(has_one).cloned().collect();
        assert_eq!(store.chunks_between(entity, from..=to).unwrap(), expected, "events {from} to {to}");
    };
    let check_all = |store: &dyn Store| {
        for from in (1..=last_event_id + 2).step_by(37) {
            for length in [0, 1, 10, 101, 1_001] {
                check(store, from, from + length);
            }
        }
        check(store, 0, 0);
        check(store, 0, 1);
        check(store, last_event_id, u64::MAX);
        check(store, 0, u64::MAX);
        assert_eq!(store.chunks_between(id(9, 9), 0..=u64::MAX).unwrap(), []);
    };
    check_all(&*store);
    drop(store);
    check_all(&*open());
}

fn id(partition: u8, number: u64) -> EntityId {
    EntityId { partition, number }
}

fn at(epoch_ms: u64) -> Timestamp {
    Timestamp::from_epoch_ms(epoch_ms)
}

fn chunks<const N: usize>(chunks: [Chunk; N]) -> Batch {
    Batch { chunks: chunks.into(), ..Batch::default() }
}

fn put(key: &str, value: &str) -> CatalogueWrite {
    CatalogueWrite { key: key.to_owned(), value: Some(value.into()) }
}

/// The first chunk of a running execution with a generated name.
fn opened(entity: EntityId, row: u64, moment: u64) -> Chunk {
    let mut chunk = next(entity, row, 0, moment);
    chunk.header.first_event_id = 1;
    chunk.header.opening = Some(Opening {
        machine: 1,
        revision: 1,
        name: format!("generated-{}", entity.to_u64()).into(),
        name_key: None,
        started_at: at(moment),
        version: None,
        alias: None,
        trace_header: None,
    });
    chunk
}

/// A later chunk of an execution that goes on.
fn next(entity: EntityId, row: u64, previous_row: u64, moment: u64) -> Chunk {
    Chunk {
        header: ChunkHeader {
            parent: None,
            entity,
            row,
            previous_row,
            first_event_id: row,
            last_event_id: row + 2,
            at: at(moment),
            opening: None,
            status: ExecutionStatus::Running,
            next_due: None,
            parked: false,
            redrives: None,
        },
        body: format!("body of row {row}").into_bytes().into(),
    }
}

fn with(mut chunk: Chunk, change: impl FnOnce(&mut ChunkHeader)) -> Chunk {
    change(&mut chunk.header);
    chunk
}

fn named(mut chunk: Chunk, name: &str, name_key: Option<NameKey>) -> Chunk {
    let opening = chunk.header.opening.as_mut().expect("only a first chunk has a name");
    opening.name = name.into();
    opening.name_key = name_key;
    chunk
}
