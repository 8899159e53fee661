//! Redriving executions.
//!
//! One that is closed and forgotten comes back out of its journal; one that was closed just now, and is
//! not durable yet, is still here. Either way the redrive is one turn of the shard that owns it, so of
//! two redrives at once the first wins, and the second finds an execution that is open.

use std::sync::Arc;

use stepwell_asl::Input;
use stepwell_model::{EntityId, Timestamp};

use super::residence::Located;
use super::{Deaf, Resident, Shard};
use crate::names::Home;
use crate::redrive::{Candidate, NotRedrivable};
use crate::requests::{EngineError, ExecutionKey};

impl Shard {
    /// Redrives an execution; the answer is when it was, now or by the same request before.
    pub(super) fn redrive(
        &mut self,
        key: &ExecutionKey,
        home: &Home,
        client_token: Option<Arc<str>>,
    ) -> (Option<EntityId>, Result<Timestamp, EngineError>) {
        match self.resolve(key, home) {
            Ok(Some(entity)) => (Some(entity), self.redrive_entity(key, entity, client_token)),
            Ok(None) => (None, Err(EngineError::NoSuchExecution)),
            Err(error) => (None, Err(error)),
        }
    }

    fn redrive_entity(
        &mut self,
        key: &ExecutionKey,
        entity: EntityId,
        client_token: Option<Arc<str>>,
    ) -> Result<Timestamp, EngineError> {
        match self.locate(entity)? {
            Located::Nowhere => return Err(EngineError::NoSuchExecution),
            Located::Resident => (),
            Located::Closed(row) => {
                // A journal is read only if something can come of it: a redrive, or a request that
                // was followed before.
                let candidate = Candidate {
                    machine: (&key.machine, row.opening.machine),
                    status: row.status,
                    started_at: row.opening.started_at,
                    closed_at: row.closed_at,
                    last_event_id: row.last_event_id,
                };
                if row.redrive_count == 0
                    && let Some(why) = self.commons.not_redrivable(&candidate, self.now)
                {
                    return Err(EngineError::NotRedrivable(why));
                }
                self.bring(entity)?;
            }
        }
        let answer = self.redrive_resident(entity, client_token);
        // What is as it was need not stay.
        if self.residents.get(&entity).is_some_and(|resident| resident.is_forgettable(self.committed)) {
            self.residents.remove(&entity);
        }
        answer
    }

    fn redrive_resident(
        &mut self,
        entity: EntityId,
        client_token: Option<Arc<str>>,
    ) -> Result<Timestamp, EngineError> {
        let Some(resident) = self.residents.get(&entity) else { return Err(EngineError::NoSuchExecution) };
        let Resident { execution, revision, .. } = &**resident;
        // AWS looks for the token first: what it did is told again, whatever has come of it since.
        if let Some(client_token) = &client_token
            && let Some(redriven_at) = execution.redriven_by(client_token, self.now)
        {
            return Ok(redriven_at);
        }
        let candidate = Candidate {
            machine: (&revision.key, revision.machine),
            status: execution.status(),
            started_at: execution.started_at(),
            closed_at: execution.closed_at(),
            last_event_id: execution.last_event_id(),
        };
        if let Some(why) = self.commons.not_redrivable(&candidate, self.now) {
            return Err(EngineError::NotRedrivable(why));
        }
        match self.decide(entity, Input::Redrive { client_token }) {
            Ok(()) => Ok(self.now),
            // The language refuses by the same rules but those of time and machines.
            Err(Deaf::Refused) => Err(EngineError::NotRedrivable(NotRedrivable::HistoryFull)),
            Err(Deaf::Aside(reason)) => Err(EngineError::Damaged(reason.to_string())),
        }
    }
}
