//! The journal's format: what is written is read back, and damage is an error, never a panic.

use proptest::prelude::*;
use stepwell_asl::{Event, EventKind, StateId, Transition, decode, encode};
use stepwell_model::{Failure, Timestamp};
use stepwell_value::Payload;

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![Just("{}".to_owned()), "[a-z]{0,8}".prop_map(|text| format!("\"{text}\"")), "[1-9][0-9]{0,5}"]
        .prop_map(Payload::trusted)
}

fn failure() -> impl Strategy<Value = Failure> {
    let part = || proptest::option::of("[ -~]{0,12}".prop_map(|text| text.into()));
    (part(), part()).prop_map(|(error, cause)| Failure { error, cause })
}

fn kind() -> impl Strategy<Value = EventKind> {
    let state = || (0_u32..5000).prop_map(StateId);
    let seconds = || proptest::option::of(1_u64..100_000_000);
    let transition = prop_oneof![Just(Transition::End), state().prop_map(Transition::Next)];
    let assigned = proptest::collection::vec(("[a-z]{1,5}".prop_map(|name| name.into()), payload()), 0..3);
    prop_oneof![
        (payload(), any::<u64>()).prop_map(|(input, seed)| EventKind::ExecutionStarted { input, seed }),
        payload().prop_map(|output| EventKind::ExecutionSucceeded { output }),
        failure().prop_map(EventKind::ExecutionFailed),
        failure().prop_map(EventKind::ExecutionAborted),
        failure().prop_map(EventKind::ExecutionTimedOut),
        (any::<u64>(), proptest::option::of("[a-z]{1,9}")).prop_map(|(redrive_count, token)| {
            EventKind::ExecutionRedriven { redrive_count, client_token: token.map(Into::into) }
        }),
        (state(), payload()).prop_map(|(state, input)| EventKind::StateEntered { state, input }),
        (state(), payload(), assigned, transition).prop_map(|(state, output, assigned, transition)| {
            EventKind::StateExited { state, output, assigned, transition }
        }),
        state().prop_map(|state| EventKind::StateAborted { state }),
        (state(), proptest::option::of("[a-z/]{0,9}"), failure()).prop_map(|(state, location, failure)| {
            EventKind::EvaluationFailed { state, location: location.map(Into::into), failure }
        }),
        any::<u64>().prop_map(|ms| EventKind::WaitBegan { until: Timestamp::from_epoch_ms(ms) }),
        (state(), payload(), seconds(), seconds()).prop_map(
            |(state, parameters, timeout_seconds, heartbeat_seconds)| EventKind::TaskScheduled {
                state,
                parameters,
                timeout_seconds,
                heartbeat_seconds
            }
        ),
        (state(), proptest::option::of("[a-z]{0,9}".prop_map(|name| name.into())))
            .prop_map(|(state, worker_name)| EventKind::TaskStarted { state, worker_name }),
        (state(), payload()).prop_map(|(state, output)| EventKind::TaskSubmitted { state, output }),
        (state(), payload()).prop_map(|(state, output)| EventKind::TaskSucceeded { state, output }),
        (state(), failure()).prop_map(|(state, failure)| EventKind::TaskFailed { state, failure }),
        (state(), any::<bool>()).prop_map(|(state, heartbeat)| EventKind::TaskTimedOut { state, heartbeat }),
        (any::<u32>(), any::<u64>()).prop_map(|(retrier, ms)| EventKind::RetryScheduled {
            retrier,
            due: Timestamp::from_epoch_ms(ms)
        }),
        payload().prop_map(|input| EventKind::ParallelStarted { input }),
        Just(EventKind::ParallelSucceeded),
        Just(EventKind::ParallelFailed),
        (payload(), any::<u64>())
            .prop_map(|(items, concurrency_max)| EventKind::MapStarted { items, concurrency_max }),
        Just(EventKind::MapSucceeded),
        Just(EventKind::MapFailed),
        (state(), any::<u64>(), payload()).prop_map(|(state, index, input)| EventKind::IterationStarted {
            state,
            index,
            input
        }),
        (state(), any::<u64>()).prop_map(|(state, index)| EventKind::IterationSucceeded { state, index }),
        (state(), any::<u64>()).prop_map(|(state, index)| EventKind::IterationFailed { state, index }),
        (state(), any::<u64>()).prop_map(|(state, index)| EventKind::IterationAborted { state, index }),
    ]
}

/// Events with the ids of a real journal: those that AWS shows count up, the others have none.
fn journal() -> impl Strategy<Value = Vec<Event>> {
    let event = (kind(), 0_u64..10_000, any::<u32>(), 0_u64..40);
    (1_u64..30_000, proptest::collection::vec(event, 0..40)).prop_map(|(first_id, parts)| {
        let mut next_id = first_id;
        let mut at = Timestamp::from_epoch_ms(1_790_000_000_000);
        let events = parts.into_iter().map(|(kind, later_ms, branch, back)| {
            at.epoch_ms += later_ms;
            let id = if kind.is_shown() { next_id } else { 0 };
            let previous_id = next_id.saturating_sub(1 + back);
            next_id += u64::from(kind.is_shown());
            Event { at, id, previous_id, branch, kind }
        });
        events.collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(events in journal()) {
        prop_assert_eq!(decode(&encode(&events)).unwrap(), events);
    }

    #[test]
    fn any_bytes_are_a_journal_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_damaged_journal_is_another_journal_or_an_error(
        events in journal(), at in any::<prop::sample::Index>(), bit in 0_u32..8,
    ) {
        let mut bytes = encode(&events);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let _ = decode(&bytes);
    }
}

#[test]
fn a_payload_that_passes_through_a_chain_stands_once() {
    let big = Payload::trusted(format!("\"{}\"", "x".repeat(10_000)));
    let same = Payload::trusted(big.text());
    let event = |id, kind| Event { at: Timestamp::default(), id, previous_id: id - 1, branch: 0, kind };
    let mut events = Vec::new();
    for id in 1..100 {
        let input = if id % 2 == 0 { big.clone() } else { same.clone() };
        events.push(event(id, EventKind::StateEntered { state: StateId(0), input }));
    }
    assert!(encode(&events).len() < 11_000);
}
