//! What must hold of the results of Map and Parallel and of variables, told from the history alone.
//!
//! Each iteration and each branch of the machines says in its result which one it was, what its own
//! variable was in the end, and what the variable of the machine was. So a result that is missing, or
//! out of order, or a variable that another iteration has written, is seen. A loop that counts its rounds
//! in a variable says in the end how many there were: neither a crash nor a redrive may count one twice.

use stepwell_model::{HistoryEvent, HistoryEventKind, StateType};
use stepwell_value::Value;

use crate::machines::OUTER;

/// How many results of iterations, branches and loops a history shows, all complete, in order and in scope.
pub fn results(history: &[HistoryEvent]) -> Result<u64, String> {
    let mut seen = 0;
    for event in history {
        let HistoryEventKind::StateExited { state_type, name, output, .. } = &event.kind else { continue };
        if let Some(rounds) = name.strip_prefix("Counted-").and_then(|rest| rest.split('-').next()) {
            let counted = output.value().get("counted").and_then(|counted| counted.get("by"));
            let counted = counted.map(ToString::to_string);
            if counted.as_deref() != Some(rounds) {
                return Err(format!("{name} has counted {counted:?} rounds"));
            }
            seen += 1;
        }
        if !matches!(state_type, StateType::Map | StateType::Parallel) {
            continue;
        }
        // The join and the exit point back to the same event, as AWS has it. After a Catch there is no join.
        let is_join = |other: &HistoryEvent| {
            other.previous_event_id == event.previous_event_id
                && matches!(
                    other.kind,
                    HistoryEventKind::MapStateSucceeded | HistoryEventKind::ParallelStateSucceeded
                )
        };
        let has_succeeded = history[..event.id as usize - 1].iter().rev().any(is_join);
        if !has_succeeded {
            continue;
        }
        let wanted = match state_type {
            StateType::Map => items(history, event, name)?,
            _ => name.split('-').nth(1).and_then(|count| count.parse().ok()).unwrap_or_default(),
        };
        // One that forgets its results leaves those of another state where they were, or none.
        let results = output.value().get("result").and_then(Value::as_array);
        let Some(results) = results.filter(|_| keeps_results(name)) else {
            if keeps_results(name) {
                return Err(format!("{name} has no results"));
            }
            continue;
        };
        if results.len() != wanted {
            return Err(format!("{name} has {} results of {wanted}", results.len()));
        }
        for (at, result) in results.iter().enumerate() {
            let says = |member: &str, what: u64| {
                let said = result.get(member).map(ToString::to_string);
                match said.as_deref() == Some(what.to_string().as_str()) {
                    true => Ok(()),
                    false => Err(format!("result {at} of {name}: {member} is {said:?}, not {what}")),
                }
            };
            says("at", at as u64)?;
            says("own", at as u64)?;
            says("outer", OUTER)?;
            seen += 1;
        }
    }
    Ok(seen)
}

/// Whether a Map or Parallel state puts its results where they are read, as its name says.
fn keeps_results(name: &str) -> bool {
    name.ends_with("kept")
}

/// How many items a Map state was entered with.
fn items(history: &[HistoryEvent], exited: &HistoryEvent, name: &str) -> Result<usize, String> {
    let mut at = exited.previous_event_id;
    while at > 0 {
        let event = &history[at as usize - 1];
        if let HistoryEventKind::StateEntered { name: entered, input, .. } = &event.kind
            && **entered == *name
        {
            let items = input.value().get("items").and_then(Value::as_array);
            return items.map(|items| items.len()).ok_or_else(|| format!("{name} was entered without items"));
        }
        at = event.previous_event_id;
    }
    Err(format!("{name} was left and never entered"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_model::Timestamp;
    use stepwell_value::Payload;

    fn counted(output: &str) -> Result<u64, String> {
        let kind = HistoryEventKind::StateExited {
            state_type: StateType::Pass,
            name: "Counted-6-9".into(),
            output: Payload::trusted(output),
            assigned_variables: Vec::new(),
        };
        results(&[HistoryEvent { id: 1, previous_event_id: 0, timestamp: Timestamp::default(), kind }])
    }

    #[test]
    fn a_loop_that_counted_a_round_twice_or_lost_one_is_noticed() {
        assert_eq!(counted(r#"{"counted": {"by": 6}}"#), Ok(1));
        for output in [r#"{"counted": {"by": 7}}"#, r#"{"counted": {"by": 5}}"#, "{}"] {
            assert!(counted(output).is_err(), "{output}");
        }
    }
}
