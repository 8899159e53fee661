//! `StopExecution`. One that has ended is stopped with success and keeps its moment.

use stepwell_model::Failure;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    let error = members.text("error", &Text::ERROR).cloned();
    let cause = members.text("cause", &Text::CAUSE).cloned();
    members.check()?;

    let key = names::execution(call.caller, &arn, "StopExecution")?;
    let stopped = call.api.engine.stop(key, Failure { error, cause }).await;
    let stop_date = stopped.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.moment("stopDate", stop_date);
    Ok(reply.finish())
}
