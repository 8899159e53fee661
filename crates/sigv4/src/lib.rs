//! AWS Signature Version 4: who signed a request, and whether it arrived as it was signed.
//!
//! The signer hashes the body, writes the request in a canonical form, and seals that with a key
//! derived from its secret, the day, the region and the service. We do the same with the bytes that
//! arrived and compare, in constant time. Nothing is believed before that: a [`Claim`] is only what
//! a request says of its signer.
//!
//! | checked | refused with |
//! |---|---|
//! | there is an `Authorization` header | `MissingAuthenticationTokenException` |
//! | it is of `AWS4-HMAC-SHA256` and whole, and there is an `X-Amz-Date` | `IncompleteSignatureException` |
//! | the scope is of a service that was asked for, of the day of `X-Amz-Date`, and ends in `aws4_request` | `InvalidSignatureException` |
//! | `X-Amz-Date` is at most five minutes away | `InvalidSignatureException` |
//! | `host` and every `x-amz-*` header are signed | `InvalidSignatureException` |
//! | the access key id is known, and no session token is given | `UnrecognizedClientException` |
//! | the body is the one that was signed, and so is all else | `InvalidSignatureException` |
//!
//! Signatures in the query (presigned URLs), of an unsigned payload, and of the asymmetric
//! `AWS4-ECDSA-P256-SHA256` are refused. This crate has no clock; the moment is an argument.
//!
//! Source: IAM User Guide, "Create a signed AWS API request"; where that leaves room, AWS's public
//! test suite and AWS's own signers, which `tests/` holds this against. Messages are those that
//! AWS's services send, as far as they are known publicly; `refusal.rs` tells which are ours.

mod authorization;
mod canonical;
mod refusal;
mod time;

pub use authorization::Claim;
pub use refusal::{Refusal, RefusalKind};

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// How far the clock of a signer may be from ours, in seconds, both ways.
pub const SKEW_SECONDS_MAX: u64 = 5 * 60;

/// The head of a request, as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `POST`
    pub method: &'a str,
    /// The path, as it was sent: percent-encoding and all.
    pub path: &'a str,
    /// What stands behind the `?`, as it was sent; empty without one.
    pub query: &'a str,
    /// Names, in any case, and values, in the order in which they arrived.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> Request<'a> {
    /// The values of a header, by its name in lower case.
    fn values(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let matches = move |(known, _): &&(&str, &[u8])| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(matches).map(|(_, value)| *value)
    }
}

/// A secret access key. It is never shown: not by `Debug`, not in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// This secret access key.
    pub fn new(secret: impl Into<Box<str>>) -> Secret {
        Secret(secret.into())
    }

    /// Whether this is the secret, found out in a time that does not tell how much of it is right.
    pub fn is(&self, text: &str) -> bool {
        // Under a key that nobody knows in advance it would be no different: what is compared are
        // Two digests are compared, in constant time.
        let mut mac = hmac(b"the secret");
        mac.update(text.as_bytes());
        mac.verify_slice(&hmac_of(b"the secret", &self.0)).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is certain of a request whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose secret signed it.
    pub access_key_id: String,
    /// The region of the credential scope.
    pub region: String,
    /// The service of the credential scope.
    pub service: String,
    /// The signature itself, by which a request that is sent again can be recognized.
    pub signature: [u8; 32],
}

/// Verifies a request of which everything has arrived.
///
/// `now_seconds` counts from the Unix epoch; `services` are the names of which the scope must have
/// one; `secret` finds the secret of an access key id.
///
/// # Errors
///
/// A [`Refusal`] with AWS's exception and message.
pub fn verify<S: AsRef<Secret>>(
    request: &Request<'_>,
    body: &[u8],
    now_seconds: u64,
    services: &[&str],
    secret: impl FnOnce(&str) -> Option<S>,
) -> Result<Verified, Refusal> {
    let claim = Claim::read(request, now_seconds, services)?;
    match secret(claim.access_key_id()) {
        Some(secret) => claim.check(request, body, secret.as_ref()),
        None => Err(Refusal::unrecognized()),
    }
}

impl AsRef<Secret> for Secret {
    fn as_ref(&self) -> &Secret {
        self
    }
}

impl Claim<'_> {
    /// Holds the request against the secret of the one it claims to be from.
    ///
    /// # Errors
    ///
    /// [`RefusalKind::InvalidSignature`].
    pub fn check(&self, request: &Request<'_>, body: &[u8], secret: &Secret) -> Result<Verified, Refusal> {
        let payload_hash = hex(&Sha256::digest(body));
        for sent in request.values("x-amz-content-sha256") {
            match sent {
                b"UNSIGNED-PAYLOAD" => return Err(Refusal::unsigned_payload()),
                sent if sent == payload_hash.as_bytes() => {}
                _ => return Err(Refusal::mismatch()),
            }
        }
        let canonical = canonical::request(request, self.signed_headers, &payload_hash);
        let text = self.string_to_sign(&canonical);
        let mut mac = hmac(&self.signing_key(secret));
        mac.update(text.as_bytes());
        // This comparison takes as long whether much or little of the signature is right.
        mac.verify_slice(&self.signature).map_err(|_| Refusal::mismatch())?;
        Ok(Verified {
            access_key_id: self.access_key_id.to_owned(),
            region: self.region.to_owned(),
            service: self.service.to_owned(),
            signature: self.signature,
        })
    }

    fn string_to_sign(&self, canonical_request: &[u8]) -> String {
        let Claim { amz_date, date, region, service, .. } = self;
        let hash = hex(&Sha256::digest(canonical_request));
        format!("{}\n{amz_date}\n{date}/{region}/{service}/aws4_request\n{hash}", authorization::ALGORITHM)
    }

    fn signing_key(&self, secret: &Secret) -> [u8; 32] {
        let mut key = hmac_of(format!("AWS4{}", secret.0).as_bytes(), self.date);
        for part in [self.region, self.service, "aws4_request"] {
            key = hmac_of(&key, part);
        }
        key
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hmac_of(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = hmac(key);
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Hexadecimal digits in lower case.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
