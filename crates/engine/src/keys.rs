//! The keys that are derived from the store's one secret, one for each purpose, so that a text
//! made for one purpose never passes for another.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use stepwell_model::TaskRef;
use stepwell_store::StoreIdentity;

use crate::names::FirstNames;
use crate::siphash::SipKey;

/// HMAC-SHA256 under one of our keys.
pub(crate) type Seal = Hmac<Sha256>;

/// What the engine seals with.
pub struct Keys {
    /// Tags generated names.
    pub(crate) names: SipKey,
    /// Hides what a generated name carries.
    pub(crate) masks: SipKey,
    /// Reads the names that were generated at first.
    pub(crate) first_names: FirstNames,
    /// Seals task tokens.
    pub(crate) tokens: Seal,
    /// Derives idempotency keys.
    attempts: Seal,
}

impl Keys {
    /// The keys of a store.
    pub fn of(identity: &StoreIdentity) -> Keys {
        let bytes = |purpose: &str| -> [u8; 32] {
            let mut mac = seal(&identity.key);
            mac.update(purpose.as_bytes());
            mac.finalize().into_bytes().into()
        };
        let derive = |purpose: &str| seal(&bytes(purpose));
        let derive_short = |purpose: &str| SipKey::new(leading(bytes(purpose)));
        Keys {
            names: derive_short("stepwell generated names 2"),
            masks: derive_short("stepwell name masks 2"),
            first_names: FirstNames {
                tags: derive("stepwell generated names 1"),
                masks: derive("stepwell name masks 1"),
            },
            tokens: derive("stepwell task tokens 1"),
            attempts: derive("stepwell idempotency keys 1"),
        }
    }

    /// The idempotency key of an attempt: a UUID, the same whenever the same attempt is sent.
    pub fn idempotency_key(&self, task: TaskRef) -> String {
        // Version 8 is the one for UUIDs that are derived in a way of one's own (RFC 9562).
        uuid::Builder::from_custom_bytes(self.attempt_hash(task)).into_uuid().to_string()
    }

    /// The name of the execution that an attempt starts without giving a name: looks like those that
    /// AWS generates, and is the same whenever the same attempt asks.
    pub(crate) fn child_name(&self, task: TaskRef) -> String {
        uuid::Builder::from_random_bytes(self.attempt_hash(task)).into_uuid().to_string()
    }

    /// What identifies an attempt, and tells nothing of it.
    pub(crate) fn attempt_hash(&self, task: TaskRef) -> [u8; 16] {
        let mut mac = self.attempts.clone();
        mac.update(&task.execution.to_u64().to_be_bytes());
        mac.update(&task.scheduled_event_id.to_be_bytes());
        leading(mac.finalize().into_bytes().into())
    }
}

fn leading(bytes: [u8; 32]) -> [u8; 16] {
    *bytes.first_chunk().expect("32 bytes begin with 16")
}

fn seal(key: &[u8]) -> Seal {
    Seal::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_model::EntityId;

    #[test]
    fn an_attempt_has_one_key_and_no_other_attempt_has_it() {
        let keys = Keys::of(&StoreIdentity { key: [7; 32] });
        let task = |number, scheduled_event_id| TaskRef {
            execution: EntityId { partition: 3, number },
            scheduled_event_id,
        };
        assert_eq!(keys.idempotency_key(task(1, 5)), keys.idempotency_key(task(1, 5)));
        assert_ne!(keys.idempotency_key(task(1, 5)), keys.idempotency_key(task(1, 6)));
        assert_ne!(keys.idempotency_key(task(1, 5)), keys.idempotency_key(task(2, 5)));
        assert_eq!(keys.idempotency_key(task(1, 5)).len(), 36);
        let other = Keys::of(&StoreIdentity { key: [8; 32] });
        assert_ne!(keys.idempotency_key(task(1, 5)), other.idempotency_key(task(1, 5)));
    }
}
