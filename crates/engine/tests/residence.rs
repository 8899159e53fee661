//! What leaves memory and comes back: snapshots of long journals, and what waits in queues.

mod support;

use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{EntityId, ExecutionStatus};
use stepwell_store::{Batch, Snapshot, Store};
use support::*;

/// 2 * 40 iterations of 4 events each, and then a Wait of a minute.
const LONG: &str = r#"{"StartAt":"M","States":{
    "M":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"ResultPath":"$.done","Next":"W"},
    "W":{"Type":"Wait","Seconds":60,"Next":"L"},
    "L":{"Type":"Pass","End":true}}}"#;

fn items() -> String {
    let items: Vec<String> = (0..80).map(|n| n.to_string()).collect();
    format!(r#"{{"items":[{}]}}"#, items.join(","))
}

/// An execution that waits, was dropped from memory, and of which everything is written.
fn long_and_dropped() -> (Driver, ExecutionStarted, EntityId) {
    let mut driver = Driver::with(4, false, 0);
    let machine = driver.machine("long", LONG);
    let started = driver.start(&machine, None, &items()).unwrap();
    let mut open = Vec::new();
    driver.store.open_executions(&mut |execution| open.push(execution.entity)).unwrap();
    let [entity] = open[..] else { panic!("{open:?} are open") };
    // A snapshot is written with whatever its shard writes next.
    let pass = driver.machine("pass", PASS);
    for _ in 0..20 {
        driver.start(&pass, None, "{}").unwrap();
    }
    (driver, started, entity)
}

fn ends_as_it_should(mut driver: Driver, started: &ExecutionStarted, entity: EntityId) {
    driver.pass(Duration::from_secs(60));
    let view = driver.commons.execution(&started.key).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
    let whole = Driver::with(4, false, 100);
    assert_eq!(driver.history(started), history_without_snapshots(whole));
    // A commit of its shard takes the snapshot away; it was the one that ended it.
    assert_eq!(driver.store.snapshot(entity).unwrap(), None);
}

fn history_without_snapshots(mut driver: Driver) -> String {
    let machine = driver.machine("long", LONG);
    let started = driver.start(&machine, None, &items()).unwrap();
    driver.pass(Duration::from_secs(60));
    driver.history(&started)
}

#[test]
fn a_long_journal_that_is_dropped_leaves_a_snapshot_and_goes_on_from_it() {
    for restarts in [false, true] {
        let (mut driver, started, entity) = long_and_dropped();
        let snapshot = driver.store.snapshot(entity).unwrap().expect("its journal is long");
        assert_eq!(snapshot.row, driver.store.execution(entity).unwrap().unwrap().last_row);
        if restarts {
            driver.crash();
        }
        // That it is the snapshot which is read: the journal between its first and its last chunk is not.
        let rows: Vec<u64> =
            driver.store.chunks(entity).unwrap().iter().map(|chunk| chunk.header.row).collect();
        assert!(rows.len() > 2);
        ends_as_it_should(driver, &started, entity);
    }
}

#[test]
fn an_execution_goes_on_from_its_snapshot_though_its_journal_is_damaged_in_the_middle() {
    let (mut driver, started, entity) = long_and_dropped();
    let rows: Vec<u64> = driver.store.chunks(entity).unwrap().iter().map(|chunk| chunk.header.row).collect();
    assert!(driver.store.flip_bit(rows[1], 3));
    driver.pass(Duration::from_secs(60));
    let view = driver.store.execution(entity).unwrap().unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded, "{started:?}");
}

#[test]
fn a_snapshot_that_is_no_use_is_passed_over() {
    let of = |body: &[u8], row: u64, entity| Snapshot { entity, row, body: body.into() };
    let (driver, _, entity) = long_and_dropped();
    let whole = driver.store.snapshot(entity).unwrap().unwrap();
    let foreign = [&[200], &whole.body[1..]].concat();
    let cut = &whole.body[..whole.body.len() / 2];
    let useless = [
        of(&foreign, whole.row, entity),
        of(cut, whole.row, entity),
        of(b"?", whole.row, entity),
        of(&whole.body, whole.row + 1, entity),
        of(&whole.body, whole.row - 1, entity),
    ];
    for snapshot in useless {
        let (driver, started, entity) = long_and_dropped();
        driver.store.commit(&Batch { snapshots: vec![snapshot], ..Batch::default() }).unwrap();
        ends_as_it_should(driver, &started, entity);
    }
}

fn residents(driver: &Driver) -> usize {
    driver.shards.iter().map(|shard| shard.residents().count()).sum()
}

#[test]
fn what_waits_for_a_worker_is_not_kept_in_memory_and_is_handed_out_in_order() {
    for restarts in [false, true] {
        let mut driver = Driver::with(4, false, 0);
        driver.activity("a");
        let machine = driver.machine("m", &task(ACTIVITY));
        let started: Vec<_> =
            (0..10).map(|n| driver.start(&machine, None, &n.to_string()).unwrap()).collect();
        assert_eq!((residents(&driver), driver.commons.dispatcher().queued()), (0, 10));
        if restarts {
            driver.crash();
            assert_eq!((residents(&driver), driver.commons.dispatcher().queued()), (0, 10));
        }
        driver.stop(&started[3].key).unwrap();
        for n in [0, 1, 2, 4, 5, 6, 7, 8, 9] {
            let handed = driver.take("a").expect("a task waits");
            if !restarts {
                assert_eq!(handed.input.text(), n.to_string());
            }
            driver.succeed(&handed.task_token, "{}").unwrap();
        }
        assert!(driver.take("a").is_none());
        for (n, started) in started.iter().enumerate() {
            let status = driver.commons.execution(&started.key).unwrap().status;
            let wanted = if n == 3 { ExecutionStatus::Aborted } else { ExecutionStatus::Succeeded };
            assert_eq!(status, wanted);
        }
    }
}

#[test]
fn what_waits_for_a_slot_is_not_kept_in_memory_and_is_sent_in_order() {
    let mut driver = Driver::with(1, false, 0);
    let machine = driver.machine("m", &task(INVOKE));
    let started: Vec<_> = (0..10).map(|n| driver.start(&machine, None, &n.to_string()).unwrap()).collect();
    assert_eq!(residents(&driver), 1, "the one that runs");
    driver.stop(&started[3].key).unwrap();
    for n in [0, 1, 2, 4, 5, 6, 7, 8, 9] {
        let request = driver.run_task();
        assert_eq!(request.parameters.text(), n.to_string());
        driver.done(request.task, "{}");
    }
    assert_eq!((residents(&driver), driver.commons.dispatcher().running()), (0, 0));
    for (n, started) in started.iter().enumerate() {
        let status = driver.commons.execution(&started.key).unwrap().status;
        assert_eq!(status, if n == 3 { ExecutionStatus::Aborted } else { ExecutionStatus::Succeeded });
    }
}
