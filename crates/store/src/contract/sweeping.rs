//! What a sweep removes, and what it leaves.

use super::*;

/// Sweeps until there is no more; gives how many executions and chunks went.
fn sweep_all(store: &dyn Store, before: u64, rows_max: usize) -> (u64, u64) {
    let (mut executions, mut rows) = (0, 0);
    for _ in 0..10_000 {
        let swept = store.sweep(at(before), rows_max).unwrap();
        executions += swept.executions;
        rows += swept.rows;
        if !swept.more {
            assert_eq!(store.sweep(at(before), rows_max).unwrap(), Default::default(), "there is no more");
            return (executions, rows);
        }
    }
    panic!("a sweep goes on for ever");
}

/// That of `rows` exactly those that are not in `left` are gone, with all that led to them.
fn check_left(store: &dyn Store, rows: &[ExecutionRow], left: &[ExecutionRow]) {
    for row in rows {
        let stays = left.contains(row);
        assert_eq!(store.execution(row.entity).unwrap().as_ref(), stays.then_some(row));
        assert_eq!(store.chunks(row.entity).unwrap().is_empty(), !stays, "{row:?}");
        assert_eq!(store.chunk(row.first_row).unwrap().is_some(), stays, "{row:?}");
        assert_eq!(store.chunk(row.last_row).unwrap().is_some(), stays, "{row:?}");
        assert_eq!(store.chunks_between(row.entity, 0..=u64::MAX).unwrap().is_empty(), !stays);
    }
    for machine in [1, 2] {
        let mut expected: Vec<&ExecutionRow> =
            left.iter().filter(|row| row.opening.machine == machine).collect();
        expected.sort_by_key(|row| (std::cmp::Reverse(row.recency()), row.entity));
        let query =
            ListQuery { machine, version: None, alias: None, status: None, after: None, limit: 1_000 };
        assert_eq!(store.executions(&query).unwrap().iter().collect::<Vec<_>>(), expected);
    }
    let mut open = Vec::new();
    store.open_executions(&mut |execution| open.push(execution.entity)).unwrap();
    open.sort();
    let is_open = |row: &&ExecutionRow| row.closed_at.is_none();
    assert_eq!(open, left.iter().filter(is_open).map(|row| row.entity).collect::<Vec<_>>());
}

pub(super) fn removes_the_closed(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let rows = populate(&*store);
    let marks = store.high_marks().unwrap();
    assert_eq!(store.sweep(at(0), 100).unwrap(), Default::default());
    check_left(&*store, &rows, &rows);
    drop(store);

    let mut left = rows.clone();
    // Moments before all, between and after them, each with sweeps of another size.
    for (before, rows_max) in [(900, 7), (1_001, 1), (1_004, 2), (1_019, 3), (1_024, 1_000), (9_000, 5)] {
        let expected: Vec<ExecutionRow> = left
            .iter()
            .filter(|row| row.closed_at.is_none_or(|closed_at| closed_at >= at(before)))
            .cloned()
            .collect();
        let store = open();
        let (executions, chunks) = sweep_all(&*store, before, rows_max);
        assert_eq!(executions, (left.len() - expected.len()) as u64, "before {before}");
        assert!(chunks >= executions);
        left = expected;
        check_left(&*store, &rows, &left);
        assert_eq!(store.high_marks().unwrap(), marks);
        drop(store);
        let store = open();
        check_left(&*store, &rows, &left);
        assert_eq!(store.high_marks().unwrap(), marks);
    }
    assert!(!left.is_empty() && left.iter().all(|row| row.closed_at.is_none()), "what is open stays");

    // What is left goes on, and can be swept once it has ended.
    let store = open();
    for (n, row) in left.iter().enumerate() {
        let ends = next(row.entity, marks.row + 1 + n as u64, row.last_row, 9_500);
        store.commit(&chunks([with(ends, |h| h.status = ExecutionStatus::Failed)])).unwrap();
    }
    assert_eq!(sweep_all(&*store, 9_500, 10), (0, 0), "it was closed at that moment, not before");
    assert_eq!(sweep_all(&*store, 9_501, 10).0, left.len() as u64);
    check_left(&*store, &rows, &[]);
}

pub(super) fn frees_names(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let taken = |number: u64, row: u64, moment: u64, name: NameKey| {
        let chunk = named(opened(id(5, number), row, moment), "a", Some(name));
        with(chunk, |h| h.status = ExecutionStatus::Succeeded)
    };
    store
        .commit(&chunks([taken(1, 1, 10, [1; 16]), taken(2, 2, 10, [2; 16]), taken(3, 3, 20, [1; 16])]))
        .unwrap();
    assert_eq!(sweep_all(&*store, 15, 1), (2, 2));
    assert_eq!(store.execution_by_name(&[1; 16]).unwrap(), Some(id(5, 3)), "another took it since");
    assert_eq!(store.execution_by_name(&[2; 16]).unwrap(), None);
    drop(store);
    let store = open();
    assert_eq!(store.execution_by_name(&[2; 16]).unwrap(), None);
    store.commit(&chunks([taken(4, 4, 30, [2; 16])])).unwrap();
    assert_eq!(store.execution_by_name(&[2; 16]).unwrap(), Some(id(5, 4)));
    assert_eq!(sweep_all(&*store, 25, 1), (1, 1));
    assert_eq!(store.execution_by_name(&[1; 16]).unwrap(), None);
}

pub(super) fn leaves_what_was_opened_again(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    // Closed at 110, heard of again, opened again at 130, closed at 140, opened and closed again at 150,
    // heard of again, opened and closed again at 170.
    for (step, before, stays) in [
        (2, 110, true),
        (2, 111, false),
        (3, 111, false),
        (4, 900, true),
        (5, 111, true),
        (5, 140, true),
        (5, 141, false),
        (6, 150, true),
        (6, 151, false),
        (7, 150, true),
        (7, 151, false),
        (8, 151, true),
        (8, 171, false),
    ] {
        let store = open();
        let marks = store.high_marks().unwrap().row;
        let entity = id(30, 1 + marks);
        let mut life = life(entity);
        for (chunk, _) in &mut life {
            let header = &mut chunk.header;
            header.row += marks;
            header.previous_row += if header.previous_row == 0 { 0 } else { marks };
        }
        for (chunk, _) in &life[..step] {
            store.commit(&chunks([chunk.clone()])).unwrap();
        }
        let swept = sweep_all(&*store, before, 2);
        let journal: Vec<Chunk> = life[..step].iter().map(|(chunk, _)| chunk.clone()).collect();
        if stays {
            assert_eq!(swept, (0, 0), "step {step}, before {before}");
            assert_eq!(store.chunks(entity).unwrap(), journal);
            let ends = next(entity, marks + 9, journal[step - 1].header.row, 1_000);
            let ends = with(ends, |h| {
                (h.status, h.redrives) = (ExecutionStatus::Aborted, journal[step - 1].header.redrives)
            });
            store.commit(&chunks([ends])).unwrap();
            let left = store.execution(entity).unwrap().unwrap().closed_at.unwrap().epoch_ms;
            assert_eq!(sweep_all(&*store, left + 1, 3), (1, step as u64 + 1));
        } else {
            assert_eq!(swept, (1, step as u64), "step {step}, before {before}");
        }
        for chunk in &journal {
            assert_eq!(store.chunk(chunk.header.row).unwrap(), None);
        }
        assert_eq!(store.execution(entity).unwrap(), None);
    }
}

pub(super) fn goes_on_beside_others(open: &mut dyn FnMut() -> Arc<dyn Store>) {
    let store = open();
    let lives = 400_u64;
    // Each has two chunks and ends at once; every tenth stays open.
    let entity = |n: u64| id((n % 256) as u8, 1 + n);
    let committed = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let committed = &committed;
        let seen = || committed.load(std::sync::atomic::Ordering::Acquire);
        let reader = scope.spawn({
            let store = &store;
            move || {
                let mut n = 0;
                while seen() < lives {
                    n = (n * 31 + 17) % lives.max(1);
                    let rows: Vec<u64> =
                        store.chunks(entity(n)).unwrap().iter().map(|chunk| chunk.header.row).collect();
                    assert!(rows.is_empty() || rows == [n * 2 + 1, n * 2 + 2], "{n}: {rows:?}");
                }
            }
        });
        let sweeper = scope.spawn({
            let store = &store;
            move || {
                while seen() < lives {
                    // Behind what is being committed, as promised by the caller.
                    store.sweep(at(seen().saturating_sub(20)), 8).unwrap();
                }
            }
        });
        for n in 0..lives {
            let ends = next(entity(n), n * 2 + 2, n * 2 + 1, n);
            let ends = if n % 10 == 0 { ends } else { with(ends, |h| h.status = ExecutionStatus::Succeeded) };
            store.commit(&chunks([opened(entity(n), n * 2 + 1, n), ends])).unwrap();
            committed.store(n + 1, std::sync::atomic::Ordering::Release);
        }
        reader.join().unwrap();
        sweeper.join().unwrap();
    });
    sweep_all(&*store, lives, 8);
    drop(store);
    let store = open();
    for n in 0..lives {
        assert_eq!(store.execution(entity(n)).unwrap().is_some(), n % 10 == 0, "{n}");
        assert_eq!(store.chunks(entity(n)).unwrap().len(), if n % 10 == 0 { 2 } else { 0 });
        assert_eq!(store.chunk(n * 2 + 1).unwrap().is_some(), n % 10 == 0);
    }
}
