//! Task tokens: what a worker or a callback answers with.
//!
//! A token says where its task is and proves that we made it; there is no table of tokens. Its
//! bytes, in base64 without padding (`-` and `_` in place of `+` and `/`):
//!
//! | bytes | what                                                                     |
//! |-------|--------------------------------------------------------------------------|
//! | 1     | which key sealed it: 1                                                   |
//! | 7     | partition and number of the execution                                    |
//! | 8     | the id of the task's `…Scheduled` event                                  |
//! | 16    | HMAC-SHA256, cut, over all of this and over account and region            |
//!
//! So a token is valid across restarts and backups, and in its own account and region alone.
//! Forty-three characters; AWS allows up to 1,024.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use stepwell_model::{EntityId, TaskRef};

use crate::keys::{Keys, Seal};
use crate::requests::Place;

/// The only key there is so far.
const KEY_ID: u8 = 1;
const OPEN_BYTES: usize = 16;
const SEAL_BYTES: usize = 16;
const TOKEN_CHARACTERS: usize = 43;

impl Keys {
    /// The token of a task.
    pub fn token(&self, place: &Place, task: TaskRef) -> String {
        let mut bytes = Vec::with_capacity(OPEN_BYTES + SEAL_BYTES);
        bytes.push(KEY_ID);
        bytes.extend_from_slice(&task.execution.to_u64().to_be_bytes()[1..]);
        bytes.extend_from_slice(&task.scheduled_event_id.to_be_bytes());
        let seal = self.token_seal(place, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The task that a token was made for; `None` if it is none of ours, or of another place.
    pub fn task_of(&self, place: &Place, token: &str) -> Option<TaskRef> {
        if token.len() != TOKEN_CHARACTERS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (open, seal) = bytes.split_at_checked(OPEN_BYTES)?;
        if open[0] != KEY_ID || seal.len() != SEAL_BYTES {
            return None;
        }
        self.token_seal(place, open).verify_truncated_left(seal).ok()?;
        let (execution, event) = open.split_at(8);
        let mut packed: [u8; 8] = execution.try_into().expect("split at 8");
        packed[0] = 0;
        Some(TaskRef {
            execution: EntityId::from_u64(u64::from_be_bytes(packed)),
            scheduled_event_id: u64::from_be_bytes(event.try_into().expect("8 of 16 are left")),
        })
    }

    fn token_seal(&self, place: &Place, open: &[u8]) -> Seal {
        let mut mac = self.tokens.clone();
        mac.update(open);
        mac.update(place.account.as_bytes());
        mac.update(&[0]);
        mac.update(place.region.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_store::StoreIdentity;

    fn place(account: &str, region: &str) -> Place {
        Place { account: account.into(), region: region.into() }
    }

    #[test]
    fn a_token_leads_to_its_task_in_its_own_place_alone() {
        let keys = Keys::of(&StoreIdentity { key: [3; 32] });
        let here = place("123456789012", "us-east-1");
        let task =
            TaskRef { execution: EntityId { partition: 200, number: 123_456 }, scheduled_event_id: 24_999 };
        let token = keys.token(&here, task);
        assert_eq!(token.len(), TOKEN_CHARACTERS);
        assert_eq!(keys.task_of(&here, &token), Some(task));
        assert_eq!(keys.task_of(&place("123456789012", "eu-west-1"), &token), None);
        assert_eq!(keys.task_of(&place("210987654321", "us-east-1"), &token), None);
        assert_eq!(Keys::of(&StoreIdentity { key: [4; 32] }).task_of(&here, &token), None);
    }

    #[test]
    fn every_change_of_a_token_is_noticed() {
        let keys = Keys::of(&StoreIdentity { key: [3; 32] });
        let here = place("123456789012", "us-east-1");
        let task = TaskRef { execution: EntityId { partition: 0, number: 1 }, scheduled_event_id: 3 };
        let token = keys.token(&here, task);
        for at in 0..token.len() {
            for other in ["A", "B", "_", "=", "+"] {
                let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                assert!(forged == token || keys.task_of(&here, &forged).is_none(), "{forged}");
            }
            assert_eq!(keys.task_of(&here, &token[..at]), None);
        }
        assert_eq!(keys.task_of(&here, ""), None);
        assert_eq!(keys.task_of(&here, &format!("{token}A")), None);
        assert_eq!(keys.task_of(&here, "ä".repeat(30).as_str()), None);
    }
}
