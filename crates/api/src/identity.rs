//! What clients of Step Functions ask of other services: who am I (`sts:GetCallerIdentity`), and
//! which roles are there (`iam:ListRoles`).
//!
//! The AWS Toolkit for VS Code asks the first before it connects and the second when a state
//! machine is edited. We keep neither users nor roles, so ids are derived from names, and the roles
//! are those that state machines use.

use sha2::{Digest, Sha256};
use stepwell_model::Timestamp;

use crate::{Api, Caller, Exception};

/// Who a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The unique id, in the form of AWS's; the account for its root.
    pub user_id: String,
    /// The account.
    pub account: String,
    /// The ARN.
    pub arn: String,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// The last part of it.
    pub name: String,
    /// What stands between: `/`, or `/path/`.
    pub path: String,
    /// The unique id, in the form of AWS's.
    pub id: String,
    /// When the first state machine that uses it was created.
    pub created_at: Timestamp,
}

impl Api {
    /// Who the caller is. As with AWS no policy can forbid asking.
    pub fn caller_identity(&self, caller: &Caller) -> Identity {
        let user_id = match &caller.access {
            Some(access) => unique_id("AIDA", &access.principal.arn()),
            None => caller.account().to_owned(),
        };
        Identity { user_id, account: caller.account().to_owned(), arn: caller.arn() }
    }

    /// The roles that the caller's state machines in this region use, by name.
    ///
    /// # Errors
    ///
    /// `AccessDeniedException` if the caller's policies do not allow `iam:ListRoles`.
    pub fn roles(&self, caller: &Caller) -> Result<Vec<Role>, Exception> {
        if let Some(access) = &caller.access {
            access.ask("iam:ListRoles", &format!("arn:aws:iam::{}:role/", caller.account()), None, caller)?;
        }
        let mut roles: Vec<Role> = Vec::new();
        // The oldest machine comes first, so a role's moment is the earliest.
        for machine in self.engine.machines(&caller.place) {
            if let Some(role) = role(&machine.role_arn, machine.created_at)
                && roles.iter().all(|known| known.arn != role.arn)
            {
                roles.push(role);
            }
        }
        roles.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
        Ok(roles)
    }
}

fn role(arn: &str, created_at: Timestamp) -> Option<Role> {
    let (_, rest) = arn.split_once(":role/")?;
    let (path, name) = match rest.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), rest),
    };
    Some(Role { arn: arn.to_owned(), name: name.to_owned(), path, id: unique_id("AROA", arn), created_at })
}

/// An id as AWS's look, always the same for the same name: a prefix and 17 characters.
fn unique_id(prefix: &str, name: &str) -> String {
    const CHARACTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = Sha256::digest(name.as_bytes());
    let characters = hash.iter().take(17).map(|byte| char::from(CHARACTERS[usize::from(byte % 32)]));
    prefix.chars().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_taken_apart() {
        let read = |arn: &str| role(arn, Timestamp::from_epoch_ms(0)).map(|role| (role.path, role.name));
        assert_eq!(read("arn:aws:iam::1:role/r"), Some(("/".into(), "r".into())));
        assert_eq!(
            read("arn:aws:iam::1:role/service-role/a/r"),
            Some(("/service-role/a/".into(), "r".into()))
        );
        assert_eq!(read("arn:aws:iam::1:user/r"), None);
        let id = unique_id("AROA", "x");
        assert_eq!((id.len(), &id[..4]), (21, "AROA"));
        assert_ne!(id, unique_id("AROA", "y"));
    }
}
