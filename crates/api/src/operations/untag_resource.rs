//! `UntagResource`: takes tags off a machine or an activity. A key that is not there is no trouble
//! (recorded).

use stepwell_engine::TagChange;

use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("resourceArn", &Text::ARN);
    members.require("tagKeys");
    let keys = members.texts("tagKeys", &Text::TAG_KEY).unwrap_or_default();
    members.check()?;

    let key = names::tagged(call.caller, &arn, "UntagResource")?;
    let changed = call.api.engine.change_tags(&key, TagChange::Remove(keys)).await;
    changed.map_err(|error| Exception::of_tagging(error, &arn))?;
    Ok("{}".to_owned())
}
