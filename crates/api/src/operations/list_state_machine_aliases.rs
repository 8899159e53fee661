//! `ListStateMachineAliases`: those of a machine, or, with the ARN of a version, those that lead to it.
//!
//! By name: the API reference promises the newest first, but what was recorded is in the order of
//! names and of creation.

use stepwell_engine::{EngineError, version_number};

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    members.check()?;

    let action = "ListStateMachineAliases";
    let (key, qualifier) = names::machine(call.caller, &arn, action)?.unlabeled(action)?;
    let engine = &call.api.engine;
    let machine = engine.machine(&key).ok_or_else(|| Exception::no_such_machine(&arn))?;
    if machine.deleting {
        return Err(Exception::of_engine(EngineError::MachineDeleting, &arn));
    }
    let version = match qualifier {
        None => None,
        Some(qualifier) => {
            let version = version_number(&qualifier).and_then(|number| engine.version(&key, number));
            Some(version.ok_or_else(|| Exception::no_such_resource(&arn))?.number)
        }
    };
    let place = &call.caller.place;
    let question = [action, &*place.account, &*place.region, &*arn];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let after = token.map(|token| pages.position(&question, token, now)).transpose()?.unwrap_or_default();

    let mut aliases = engine.aliases(&key);
    aliases.retain(|alias| {
        alias.name.as_bytes() > after.as_slice() && version.is_none_or(|version| alias.leads_to(version))
    });
    let shown = aliases.len().min(page::size(max_results));

    let mut reply = Reply::object();
    reply.list("stateMachineAliases", |list| {
        for alias in &aliases[..shown] {
            list.item(|item| {
                item.text("stateMachineAliasArn", &names::qualified_arn(&key, &alias.name));
                item.moment("creationDate", alias.created_at);
            });
        }
    });
    if shown < aliases.len() {
        let last = aliases[shown - 1].name.as_bytes();
        reply.text("nextToken", &pages.token(&question, last, now));
    }
    Ok(reply.finish())
}
