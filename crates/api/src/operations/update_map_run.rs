//! `UpdateMapRun`. There are no Map Runs yet, so none is found.

use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("mapRunArn", &Text::LONG_ARN);
    members.integer("maxConcurrency", 0..=i64::from(i32::MAX));
    members.float("toleratedFailurePercentage", 0..=100);
    members.integer("toleratedFailureCount", 0..=i64::MAX);
    members.check()?;
    Err(names::no_map_run(call.caller, &arn, "UpdateMapRun"))
}
