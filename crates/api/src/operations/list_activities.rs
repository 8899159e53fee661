//! `ListActivities`, by name. (AWS promises no order.)

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let max_results = members.integer("maxResults", MAX_RESULTS);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let place = &call.caller.place;
    let question = ["ListActivities", &*place.account, &*place.region];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let after = token.map(|token| pages.position(&question, token, now)).transpose()?.unwrap_or_default();

    let mut activities = call.api.engine.activities(place);
    activities.retain(|activity| activity.name.as_bytes() > after.as_slice());
    activities.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let shown = activities.len().min(page::size(max_results));

    let mut reply = Reply::object();
    reply.list("activities", |list| {
        for activity in &activities[..shown] {
            list.item(|item| {
                item.text("activityArn", &names::activity_arn(place, &activity.name));
                item.text("name", &activity.name);
                item.moment("creationDate", activity.created_at);
            });
        }
    });
    if shown < activities.len() {
        let last = activities[shown - 1].name.as_bytes();
        reply.text("nextToken", &pages.token(&question, last, now));
    }
    Ok(reply.finish())
}
