//! `routingConfiguration`: the one or two versions that an alias leads to, with their weights.
//!
//! Recorded is what is said when an ARN is not that of a version. The other texts are as LocalStack
//! has them, which takes its messages from AWS as a rule; the reason is in AWS's model.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepwell_engine::{EngineError, MachineKey, Route};

use crate::names::{self, Caller};
use crate::request::{Members, Text};
use crate::{Exception, ExceptionKind};

/// How many versions an alias may lead to.
const ROUTES: RangeInclusive<usize> = 1..=2;

/// What the weights make together.
const WEIGHT_SUM: u32 = 100;

/// As a caller gave it.
pub(crate) struct Given(Vec<(Arc<str>, u8)>);

/// What it leads to. Whether the versions exist is for the engine to say.
pub(crate) struct Routing {
    /// The machine of all versions.
    pub(crate) machine: MachineKey,
    /// One or two, of different versions, with weights of 100 together.
    pub(crate) routes: Vec<Route>,
}

/// Reads `routingConfiguration`, if it is there.
pub(crate) fn read(members: &mut Members<'_>) -> Option<Given> {
    let routes = members.list("routingConfiguration", |item| {
        let arn = item.required("stateMachineVersionArn", &Text::ARN);
        item.require("weight");
        let weight = item.integer("weight", 0..=100).unwrap_or(0);
        (arn, u8::try_from(weight).expect("up to 100 fits"))
    })?;
    let shown = routes.iter().map(|(arn, weight)| {
        format!("RoutingConfigurationListItem(stateMachineVersionArn={arn}, weight={weight})")
    });
    let shown = format!("[{}]", shown.collect::<Vec<_>>().join(", "));
    members.bound_list("routingConfiguration", &shown, routes.len(), ROUTES);
    Some(Given(routes))
}

impl Given {
    /// What it leads to, for `caller`, who wants to do `action`.
    pub(crate) fn resolve(self, caller: &Caller, action: &str) -> Result<Routing, Exception> {
        let arns = self.0.iter().map(|(arn, _)| &**arn).collect::<Vec<_>>().join(", ");
        if matches!(&self.0[..], [(first, _), (second, _)] if first == second) {
            let what = "Routing configuration must contain distinct state machine version ARNs.";
            return Err(invalid(format!("{what} Received: [{arns}]")));
        }
        if self.0.iter().map(|(_, weight)| u32::from(*weight)).sum::<u32>() != WEIGHT_SUM {
            let weights = self.0.iter().map(|(_, weight)| weight.to_string()).collect::<Vec<_>>().join(", ");
            let what = "Sum of routing configuration weights must equal 100.";
            return Err(invalid(format!("{what} Received: [{weights}]")));
        }
        let mut machine: Option<MachineKey> = None;
        let mut routes = Vec::new();
        for (arn, weight) in &self.0 {
            let named = names::machine_resource(caller, arn, action)?.version(arn, action);
            let (key, version) = named.map_err(|exception| match exception.kind {
                ExceptionKind::InvalidArn => {
                    let what = "Routing configuration must contain state machine version ARNs.";
                    invalid(format!("{what} Received: [{arns}]"))
                }
                _ => exception,
            })?;
            if machine.as_ref().is_some_and(|machine| *machine != key) {
                return Err(other_machine());
            }
            machine = Some(key);
            routes.push(Route { version, weight: *weight });
        }
        Ok(Routing { machine: machine.expect("there is one route at least"), routes })
    }
}

/// What the engine answered about an alias of the machine `key`, or about what it leads to: all that is
/// missing is a resource.
pub(crate) fn refused(error: EngineError, key: &MachineKey, subject: &str) -> Exception {
    match error {
        EngineError::NoSuchVersion(number) => Exception::no_such_resource(&names::version_arn(key, number)),
        EngineError::NoSuchMachine => Exception::no_such_resource(subject),
        other => Exception::of_engine(other, subject),
    }
}

/// A version of another machine than that of the alias, or than that of the other version. The text is
/// not recorded.
pub(crate) fn other_machine() -> Exception {
    invalid("Routing configuration must contain versions of the same state machine".to_owned())
}

fn invalid(message: String) -> Exception {
    Exception::validation_because("INVALID_ROUTING_CONFIGURATION", message)
}
