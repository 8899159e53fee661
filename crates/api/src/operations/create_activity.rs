//! `CreateActivity`: idempotent on the name alone.

use stepwell_engine::{ActivityKey, CreateActivity};

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, configuration, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let name = members.required("name", &Text::NAME);
    let tags = configuration::tags(&mut members);
    let encryption = configuration::encryption(&mut members);
    members.check()?;

    let name = names::new_name(&name)?;
    tags?;
    encryption?;
    let place = call.caller.place.clone();
    let arn = names::activity_arn(&place, &name);
    let created = call
        .api
        .engine
        .create_activity(CreateActivity {
            key: ActivityKey { place, name },
            encryption: Default::default(),
            tags: Default::default(),
        })
        .await;
    let activity = created.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.text("activityArn", &arn);
    reply.moment("creationDate", activity.created_at);
    Ok(reply.finish())
}
