//! What an execution has done since one last looked.

use stepwell_value::Value;

use super::venue::Venue;
use crate::complaint::Complaint;
use crate::log::escape_controls;

/// How many events one call asks for.
const PAGE: i64 = 100;

/// What has been told of an execution.
pub struct Progress {
    execution_arn: String,
    as_json: bool,
    /// The id of the last event that was told.
    told_up_to: i64,
    /// The timestamp of the first event, in seconds.
    began: f64,
    has_ended: bool,
}

impl Progress {
    /// Nothing has been told yet.
    pub fn new(execution_arn: &str, as_json: bool) -> Progress {
        Progress {
            execution_arn: execution_arn.to_owned(),
            as_json,
            told_up_to: 0,
            began: 0.0,
            has_ended: false,
        }
    }

    /// Whether the last event has been told.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Tells what is new, oldest first; how many events that are.
    pub async fn tell_new(&mut self, venue: &Venue) -> Result<usize, Complaint> {
        let events = self.new_events(venue).await?;
        for event in &events {
            if self.told_up_to == 0 {
                self.began = seconds(event);
            }
            self.told_up_to = id(event);
            self.has_ended = kind(event).starts_with("Execution") && kind(event) != "ExecutionStarted";
            let line = if self.as_json { Some(event.to_string()) } else { line(event, self.began) };
            if let Some(line) = line {
                eprintln!("{line}");
            }
        }
        Ok(events.len())
    }

    /// The history is read from its end, so that a look costs what is new and not what there is.
    async fn new_events(&self, venue: &Venue) -> Result<Vec<Value>, Complaint> {
        let mut events: Vec<Value> = Vec::new();
        let mut token = None;
        loop {
            let mut parameters = vec![
                ("executionArn", Value::from(self.execution_arn.as_str())),
                ("reverseOrder", Value::from(true)),
                ("maxResults", Value::from(PAGE)),
            ];
            if let Some(token) = token {
                parameters.push(("nextToken", token));
            }
            let page = venue.call("GetExecutionHistory", Value::object(parameters)).await?;
            let newest_first = page.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
            let count = newest_first.len();
            events.extend(newest_first.into_iter().take_while(|event| id(event) > self.told_up_to));
            let reached_known = events.last().is_none_or(|event| id(event) <= self.told_up_to + 1);
            token = page.get("nextToken").cloned();
            if reached_known || count == 0 || token.is_none() {
                events.reverse();
                return Ok(events);
            }
        }
    }
}

fn id(event: &Value) -> i64 {
    event.get("id").and_then(Value::as_i64).unwrap_or(0)
}

fn kind(event: &Value) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn seconds(event: &Value) -> f64 {
    event.get("timestamp").and_then(Value::as_number).map_or(0.0, |number| number.as_f64())
}

/// The line for a person; `None` for events that tell them nothing new.
fn line(event: &Value, began: f64) -> Option<String> {
    let kind = kind(event);
    let text = |key: &str| details(event)?.get(key)?.as_str();
    let told = if let Some(state_type) = kind.strip_suffix("StateEntered") {
        format!("entered {} ({state_type})", text("name").unwrap_or_default())
    } else if let Some(state_type) = kind.strip_suffix("StateExited") {
        format!("exited  {} ({state_type})", text("name").unwrap_or_default())
    } else if kind.starts_with("Execution") {
        return None;
    } else if ["Failed", "TimedOut", "Aborted"].iter().any(|end| kind.ends_with(end)) {
        let why: Vec<&str> = ["error", "cause"].into_iter().filter_map(text).collect();
        if why.is_empty() { kind.to_owned() } else { format!("{kind}: {}", why.join(": ")) }
    } else {
        return None;
    };
    Some(format!("{:>9.3}s  {}", seconds(event) - began, escape_controls(&told)))
}

/// The member of an event that holds its details, whatever its type calls it.
fn details(event: &Value) -> Option<&Value> {
    let mut members = event.as_object()?.iter();
    members.find(|(key, _)| key.ends_with("EventDetails")).map(|(_, details)| details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str) -> Option<String> {
        line(&Value::parse(event).unwrap(), 1000.0)
    }

    #[test]
    fn states_and_failures_are_told() {
        assert_eq!(
            check(r#"{"timestamp":1000.5,"type":"TaskStateEntered","id":2,"stateEnteredEventDetails":{"name":"Charge"}}"#).as_deref(),
            Some("    0.500s  entered Charge (Task)")
        );
        assert_eq!(
            check(r#"{"timestamp":1012.5,"type":"PassStateExited","id":3,"stateExitedEventDetails":{"name":"a\nb"}}"#).as_deref(),
            Some("   12.500s  exited  a\\nb (Pass)")
        );
        assert_eq!(
            check(r#"{"timestamp":1000,"type":"LambdaFunctionFailed","id":4,"lambdaFunctionFailedEventDetails":{"error":"E","cause":"c"}}"#).as_deref(),
            Some("    0.000s  LambdaFunctionFailed: E: c")
        );
        assert_eq!(check(r#"{"timestamp":1000,"type":"TaskScheduled","id":4}"#), None);
        assert_eq!(check(r#"{"timestamp":1000,"type":"ExecutionFailed","id":4}"#), None);
    }
}
