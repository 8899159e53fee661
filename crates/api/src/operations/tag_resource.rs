//! `TagResource`: puts tags on a machine or an activity, over those of the same keys.

use stepwell_engine::TagChange;

use crate::request::Text;
use crate::{Call, Exception, configuration, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("resourceArn", &Text::ARN);
    members.require("tags");
    let tags = configuration::tags(&mut members);
    members.check()?;

    let key = names::tagged(call.caller, &arn, "TagResource")?;
    let tags = tags.into_tags(&arn)?;
    let changed = call.api.engine.change_tags(&key, TagChange::Put(tags)).await;
    changed.map_err(|error| Exception::of_tagging(error, &arn))?;
    Ok("{}".to_owned())
}
