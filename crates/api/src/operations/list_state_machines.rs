//! `ListStateMachines`, by name. (AWS promises no order.)

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
    let question = ["ListStateMachines", &*place.account, &*place.region];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let after = token.map(|token| pages.position(&question, token, now)).transpose()?.unwrap_or_default();

    let mut machines = call.api.engine.machines(place);
    machines.retain(|machine| machine.key.name.as_bytes() > after.as_slice());
    machines.sort_unstable_by(|a, b| a.key.name.cmp(&b.key.name));
    let shown = machines.len().min(page::size(max_results));

    let mut reply = Reply::object();
    reply.list("stateMachines", |list| {
        for machine in &machines[..shown] {
            list.item(|item| {
                item.text("stateMachineArn", &names::machine_arn(&machine.key));
                item.text("name", &machine.key.name);
                item.text("type", machine.machine_type.as_str());
                item.moment("creationDate", machine.created_at);
            });
        }
    });
    if shown < machines.len() {
        let last = machines[shown - 1].key.name.as_bytes();
        reply.text("nextToken", &pages.token(&question, last, now));
    }
    Ok(reply.finish())
}
