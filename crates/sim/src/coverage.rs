//! What was met together: a type of state, a fault, and the rule by which it was mended.
//!
//! The rules are those of the case table of the reliability notes. They are read out of what is
//! durable at the moment of the fault, apart from the engine, which has to follow them; that it does
//! is for the checks.

use std::collections::BTreeMap;
use std::fmt;

use stepwell_asl::Outstanding;
use stepwell_model::{HistoryEvent, HistoryEventKind, Resource, StateType};

use crate::faults::Fault;
use crate::machines;

/// How a fault is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Scheduled and not started: it is dispatched.
    Dispatched,
    /// Started, and its target takes a key: it is sent again with the same one.
    SentAgain,
    /// Started, and nobody knows whether it was sent: its outcome is unknown.
    OutcomeUnknown,
    /// Somebody outside has its token, which stays good.
    TokenKept,
    /// It waits for an execution that it started: that is asked for again.
    AskedAgain,
    /// Its timer stands.
    TimerKept,
    /// It waits to be tried again, and the moment stands.
    RetryKept,
    /// What its branches or iterations have done stays done.
    BranchesKept,
    /// It is entered, and goes on.
    GoesOn,
    /// The whole execution is run again, and that is counted.
    RunAgain,
    /// What was decided is lost, and decided again.
    DecidedAgain,
    /// The start was never written, so the execution never was.
    NeverBegan,
    /// What was swept is there again, and swept again.
    SweptAgain,
    /// Its journal cannot be read: it is set aside, and the others go on.
    SetAside,
    /// Its journal cannot be read now: it is read again later.
    ReadAgain,
    /// It has ended: what comes later is refused.
    Refused,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Rule::Dispatched => "dispatched",
            Rule::SentAgain => "sent again, same key",
            Rule::OutcomeUnknown => "outcome unknown",
            Rule::TokenKept => "token kept",
            Rule::AskedAgain => "child asked for again",
            Rule::TimerKept => "timer kept",
            Rule::RetryKept => "retry kept",
            Rule::BranchesKept => "branches kept",
            Rule::GoesOn => "goes on",
            Rule::RunAgain => "run again",
            Rule::DecidedAgain => "decided again",
            Rule::NeverBegan => "never began",
            Rule::SweptAgain => "swept again",
            Rule::SetAside => "set aside",
            Rule::ReadAgain => "read again",
            Rule::Refused => "refused",
        }
    }

    /// The rule for a task that is waited for when the process ends.
    pub fn of_task(outstanding: &Outstanding) -> Rule {
        let spec = &outstanding.task;
        if !outstanding.started {
            return Rule::Dispatched;
        }
        let has_deadline = spec.timeout_seconds.is_some() || spec.heartbeat_seconds.is_some();
        match &spec.resource {
            Resource::Activity { .. } => Rule::TokenKept,
            Resource::Service { service, .. } if matches!(&**service, "states" | "sfn") => Rule::AskedAgain,
            Resource::Service { .. } if outstanding.submitted || has_deadline => Rule::TokenKept,
            Resource::LambdaFunction { arn } if &**arn == machines::IDEMPOTENT => Rule::SentAgain,
            Resource::LambdaFunction { .. } | Resource::Service { .. } => Rule::OutcomeUnknown,
        }
    }

    /// The rule for a state that is entered and not left, and has no task under way.
    pub fn of_state(state_type: StateType) -> Rule {
        match state_type {
            StateType::Wait => Rule::TimerKept,
            StateType::Task => Rule::RetryKept,
            StateType::Map | StateType::Parallel => Rule::BranchesKept,
            StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail => Rule::GoesOn,
        }
    }
}

/// The types of the states that a history has entered and not left, with the ids of the events.
pub fn open_states(history: &[HistoryEvent]) -> Vec<(u64, StateType, &str)> {
    let mut open: BTreeMap<u64, (StateType, &str)> = BTreeMap::new();
    for event in history {
        match &event.kind {
            HistoryEventKind::StateEntered { state_type, name, .. } => {
                open.insert(event.id, (*state_type, name));
            }
            HistoryEventKind::StateExited { name, .. } => {
                let mut at = event.previous_event_id;
                while at > 0 {
                    if open.get(&at).is_some_and(|(_, entered)| entered == &&**name) {
                        open.remove(&at);
                        break;
                    }
                    at = history[at as usize - 1].previous_event_id;
                }
            }
            _ => (),
        }
    }
    open.into_iter().map(|(id, (state_type, name))| (id, state_type, name)).collect()
}

/// How often each of them was met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage(BTreeMap<(&'static str, Fault, Rule), u64>);

impl Coverage {
    /// A state of this type met a fault, and this rule mends it.
    pub fn meet(&mut self, state_type: StateType, fault: Fault, rule: Rule) {
        self.meet_one_of(state_type.as_str(), fault, rule);
    }

    /// What is not in a state met a fault: an Express execution, or one that has yet to begin.
    pub fn meet_one_of(&mut self, kind: &'static str, fault: Fault, rule: Rule) {
        *self.0.entry((kind, fault, rule)).or_default() += 1;
    }

    /// Adds what another run met.
    pub fn absorb(&mut self, other: &Coverage) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// How many different ones were met.
    pub fn cells(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Coverage {
    /// A table with a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:<24} {:<22} {:>10}", "state", "fault", "rule", "met")?;
        for ((kind, fault, rule), count) in &self.0 {
            writeln!(f, "{kind:<10} {:<24} {:<22} {count:>10}", fault.name(), rule.name())?;
        }
        Ok(())
    }
}
