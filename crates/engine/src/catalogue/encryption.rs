//! With which key a thing is to be encrypted. Kept and shown; nothing is encrypted by it yet.

use std::sync::Arc;

/// `encryptionConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encryption {
    /// With a key that the service owns.
    #[default]
    AwsOwnedKey,
    /// With a key of the customer's.
    CustomerManagedKey {
        /// Id, ARN or alias of the key.
        kms_key_id: Arc<str>,
        /// How long a data key is used again, in seconds: 60 to 900.
        reuse_seconds: u32,
    },
}
