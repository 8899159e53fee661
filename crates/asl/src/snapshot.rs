//! The state of an execution that only waits, as bytes: so that waking it up after 20,000 events need
//! not apply them all again.
//!
//! A snapshot is disposable. It says nothing that the journal does not say, and whoever cannot read one
//! applies the journal from its beginning. So there is one version only, [`VERSION`]: another release's
//! snapshots are passed over. It rises whenever a field of [`Execution`] or of what is in it comes, goes
//! or means something else, and whenever `apply` makes something else of the same event.
//!
//! The layout is that of a chunk's body (`codec.rs`): a version, the distinct payloads, and what names
//! them by their place. What can be derived (which tasks and deadlines there are) is not written.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Timestamp};
use stepwell_value::Payload;

use crate::codec::{CorruptJournal, Reader, Writer};
use crate::definition::StateId;
use crate::execution::{Branch, Children, Execution, Phase, Scratch, Task};
use crate::io::Origin;
use crate::redrive::RedriveRequest;

/// The only version that is read.
const VERSION: u8 = 1;

impl Execution {
    /// The state as bytes; `None` unless it only waits ([`Execution::is_parked`]).
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        if !self.is_parked() || self.context.is_some() {
            return None;
        }
        let mut writer = Writer::default();
        writer.number(self.started_at.epoch_ms);
        writer.payload(&self.input);
        writer.number(self.seed);
        writer.number(self.last_event_id);
        writer.number(self.redrive_count);
        writer.optional(self.redriven_at, |writer, at| writer.number(at.epoch_ms));
        writer.number(self.redriven_event_id);
        writer.number(self.redrive_requests.len() as u64);
        for request in &self.redrive_requests {
            writer.number(request.at.epoch_ms);
            writer.text(&request.client_token);
        }
        writer.number(u64::from(self.next_branch));
        writer.number(self.branches.len() as u64);
        for (id, branch) in self.branches.iter() {
            writer.number(u64::from(id));
            write_branch(&mut writer, branch)?;
        }
        Some(writer.into_body(VERSION))
    }

    /// An execution out of its snapshot.
    ///
    /// # Errors
    ///
    /// [`CorruptJournal`] if the bytes are none that this release has made: the journal is to be applied
    /// instead.
    pub fn restore(origin: Arc<Origin>, snapshot: &[u8]) -> Result<Execution, CorruptJournal> {
        let mut reader = Reader::of_body(snapshot, VERSION)?;
        let mut execution = Execution::new(origin);
        execution.started_at = reader.moment()?;
        execution.input = reader.payload()?;
        execution.seed = reader.number()?;
        execution.status = ExecutionStatus::Running;
        execution.last_event_id = reader.number()?;
        execution.redrive_count = reader.number()?;
        execution.redriven_at = reader.optional(Reader::moment)?;
        execution.redriven_event_id = reader.number()?;
        for _ in 0..reader.number()? {
            let at = reader.moment()?;
            execution.redrive_requests.push_back(RedriveRequest { at, client_token: reader.shared_text()? });
        }
        execution.next_branch = reader.small()?;
        for _ in 0..reader.number()? {
            let id = reader.small()?;
            let branch = read_branch(&mut reader)?;
            if execution.origin.definition.state(branch.state).is_none() {
                return Err(reader.damaged("a branch is at no state"));
            }
            if let Some(due) = branch.due() {
                execution.due.insert((due, id));
            }
            if let Some(task) = branch.task_id() {
                execution.tasks.insert(task, id);
            }
            execution.branches.insert(id, branch);
        }
        reader.end()?;
        if execution.is_parked() { Ok(execution) } else { Err(reader.damaged("it does not only wait")) }
    }
}

fn write_branch(writer: &mut Writer, branch: &Branch) -> Option<()> {
    writer.optional(branch.parent, |writer, (parent, place)| {
        writer.number(u64::from(parent));
        writer.number(place);
    });
    writer.number(branch.last_event_id);
    writer.number(branch.variables.len() as u64);
    for (name, value) in &branch.variables {
        writer.text(name);
        writer.payload(value);
    }
    writer.state(branch.state);
    writer.payload(&branch.input);
    writer.number(branch.entered_event_id);
    writer.number(branch.entered_after_event_id);
    writer.number(branch.entered_at.epoch_ms);
    writer.number(branch.retries.len() as u64);
    for count in &branch.retries {
        writer.number(*count);
    }
    writer.number(branch.retry_count);
    match &branch.phase {
        Phase::Waiting { until } => {
            writer.number(0);
            writer.number(until.epoch_ms);
        }
        Phase::Retrying { due } => {
            writer.number(1);
            writer.number(due.epoch_ms);
        }
        Phase::Task(task) => {
            writer.number(2);
            write_task(writer, task);
        }
        Phase::Children(children) => {
            writer.number(3);
            write_children(writer, children);
        }
        // With one of these it would not only wait.
        Phase::Enter
        | Phase::Entered
        | Phase::Result { .. }
        | Phase::Failed(_)
        | Phase::Ended { .. }
        | Phase::GivenUp { .. } => return None,
    }
    Some(())
}

fn read_branch(reader: &mut Reader) -> Result<Branch, CorruptJournal> {
    let parent = reader.optional(|reader| Ok((reader.small()?, reader.number()?)))?;
    let last_event_id = reader.number()?;
    let mut variables = BTreeMap::new();
    for _ in 0..reader.number()? {
        let name = reader.shared_text()?;
        variables.insert(name, reader.payload()?);
    }
    let state: StateId = reader.state()?;
    let mut branch = Branch::new(parent, state, reader.payload()?, last_event_id);
    branch.variables = variables;
    branch.entered_event_id = reader.number()?;
    branch.entered_after_event_id = reader.number()?;
    branch.entered_at = reader.moment()?;
    for _ in 0..reader.number()? {
        branch.retries.push(reader.number()?);
    }
    branch.retry_count = reader.number()?;
    branch.phase = match reader.number()? {
        0 => Phase::Waiting { until: reader.moment()? },
        1 => Phase::Retrying { due: reader.moment()? },
        2 => Phase::Task(read_task(reader)?),
        3 => Phase::Children(read_children(reader)?),
        _ => return Err(reader.damaged("an unknown phase")),
    };
    Ok(branch)
}

fn write_task(writer: &mut Writer, task: &Task) {
    let moment = |writer: &mut Writer, at: Timestamp| writer.number(at.epoch_ms);
    writer.number(task.scheduled_event_id);
    writer.payload(&task.parameters);
    writer.optional(task.timeout_seconds, Writer::number);
    writer.optional(task.heartbeat_seconds, Writer::number);
    writer.flag(task.started);
    writer.flag(task.submitted);
    writer.optional(task.timeout_due, moment);
    writer.optional(task.heartbeat_due, moment);
}

fn read_task(reader: &mut Reader) -> Result<Task, CorruptJournal> {
    Ok(Task {
        scheduled_event_id: reader.number()?,
        parameters: reader.payload()?,
        timeout_seconds: reader.optional(Reader::number)?,
        heartbeat_seconds: reader.optional(Reader::number)?,
        started: reader.flag()?,
        submitted: reader.flag()?,
        timeout_due: reader.optional(Reader::moment)?,
        heartbeat_due: reader.optional(Reader::moment)?,
    })
}

fn write_children(writer: &mut Writer, children: &Children) {
    let payload = |writer: &mut Writer, payload: &Payload| writer.payload(payload);
    writer.number(children.results.len() as u64);
    for result in &children.results {
        writer.optional(result.as_ref(), payload);
    }
    writer.number(children.finished as u64);
    writer.number(children.running);
    writer.optional(children.items.as_ref(), payload);
    writer.number(children.next_index);
    writer.number(children.concurrency_max);
    writer.number(children.last_event_id);
    writer.number(children.joined_event_id);
}

fn read_children(reader: &mut Reader) -> Result<Children, CorruptJournal> {
    let mut results = Vec::new();
    for _ in 0..reader.number()? {
        results.push(reader.optional(Reader::payload)?);
    }
    Ok(Children {
        results,
        finished: usize::try_from(reader.number()?).map_err(|_| reader.damaged("a number out of range"))?,
        running: reader.number()?,
        items: reader.optional(Reader::payload)?,
        next_index: reader.number()?,
        concurrency_max: reader.number()?,
        last_event_id: reader.number()?,
        joined_event_id: reader.number()?,
        effective_input: Scratch(None),
    })
}
