//! `Stepwell.GetExecutionMetrics`, which AWS has not: what CloudWatch shows of executions, as the server
//! counts it itself. Of a state machine, or of all in the caller's account and region.
//!
//! Periods are whole minutes and begin at multiples of their length since the epoch; the first is the
//! one that `startTime` is in. Those in which nothing happened are there too.

use stepwell_engine::{ExecutionTime, MetricPoint, MetricSeries};
use stepwell_model::Timestamp;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

/// The shortest and the longest period, in seconds.
const PERIOD_SECONDS: std::ops::RangeInclusive<i64> = 60..=30 * 86_400;

/// How many periods are told at once. CloudWatch tells 1,440.
const POINTS_MAX: u64 = 1_500;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.text("stateMachineArn", &Text::ARN);
    for name in ["startTime", "endTime", "periodSeconds"] {
        members.require(name);
    }
    let start = members.moment("startTime");
    let end = members.moment("endTime");
    let period = members.integer("periodSeconds", PERIOD_SECONDS);
    members.check()?;

    let action = "GetExecutionMetrics";
    let machine = match arn {
        Some(arn) => Some(names::machine(call.caller, arn, action)?.unqualified(arn, action)?),
        None => None,
    };
    let period_seconds = period.and_then(|period| u64::try_from(period).ok()).unwrap_or(60);
    if !period_seconds.is_multiple_of(60) {
        return Err(Exception::validation("periodSeconds must be a multiple of 60"));
    }
    let period_ms = period_seconds * 1_000;
    let (start_ms, end_ms) = (start.map_or(0, |at| at.epoch_ms), end.map_or(0, |at| at.epoch_ms));
    if start_ms >= end_ms {
        return Err(Exception::validation("startTime must be before endTime"));
    }
    let first_ms = start_ms / period_ms * period_ms;
    let points = (end_ms - first_ms).div_ceil(period_ms);
    if points > POINTS_MAX {
        let message =
            format!("There are {points} periods between startTime and endTime; {POINTS_MAX} at most");
        return Err(Exception::validation(message));
    }

    let (engine, place) = (call.api.engine.clone(), call.caller.place.clone());
    let first = Timestamp::from_epoch_ms(first_ms);
    let read = move || engine.execution_metrics(&place, machine.as_ref(), first, period_ms, points as usize);
    let MetricSeries { points, time, open } =
        aside(read).await?.map_err(|error| Exception::of_engine(error, arn.map_or("", |arn| arn)))?;

    let mut reply = Reply::object();
    reply.number("periodSeconds", period_seconds);
    reply.list("points", |list| points.iter().for_each(|point| list.item(|item| tell(point, item))));
    tell_time(time, &mut reply);
    reply.number("openExecutions", open);
    Ok(reply.finish())
}

fn tell(point: &MetricPoint, item: &mut Reply) {
    item.moment("timestamp", point.at);
    item.number("executionsStarted", point.started);
    item.number("executionsSucceeded", point.succeeded);
    item.number("executionsFailed", point.failed);
    item.number("executionsTimedOut", point.timed_out);
    item.number("executionsAborted", point.aborted);
    item.number("executionsOpen", point.open);
    tell_time(point.time, item);
}

fn tell_time(time: Option<ExecutionTime>, out: &mut Reply) {
    if let Some(ExecutionTime { average, p50, p99, maximum }) = time {
        out.nested("executionTime", |time| {
            time.raw("average", &average.to_string());
            time.number("p50", p50);
            time.number("p99", p99);
            time.number("maximum", maximum);
        });
    }
}
