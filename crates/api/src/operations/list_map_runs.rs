//! `ListMapRuns`: of an execution, none yet.

use crate::page::MAX_RESULTS;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    members.integer("maxResults", MAX_RESULTS);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let key = names::execution(call.caller, &arn, "ListMapRuns")?;
    call.api.engine.execution(&key).map_err(|error| Exception::of_engine(error, &arn))?;
    match token {
        // Nobody was given one.
        Some(_) => Err(Exception::invalid_token()),
        None => Ok(r#"{"mapRuns":[]}"#.to_owned()),
    }
}
