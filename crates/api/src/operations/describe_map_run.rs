//! `DescribeMapRun`. There are no Map Runs yet, so none is found.

use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("mapRunArn", &Text::LONG_ARN);
    members.check()?;
    Err(names::no_map_run(call.caller, &arn, "DescribeMapRun"))
}
