//! `RedriveExecution`: an execution that ended badly goes on from the states it had not left.
//!
//! `clientToken` makes a repeated request the same one: it is answered as the first was, whatever has
//! come of the execution since (recorded).

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    let client_token = members.text("clientToken", &Text::CLIENT_TOKEN).cloned();
    members.check()?;

    let key = names::execution(call.caller, &arn, "RedriveExecution")?;
    let redriven = call.api.engine.redrive(key, client_token).await;
    let redrive_date = redriven.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.moment("redriveDate", redrive_date);
    Ok(reply.finish())
}
