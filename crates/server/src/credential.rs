//! Who calls an open server: whoever the `Authorization` header says, unverified.
//!
//! `AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/states/aws4_request, SignedHeaders=...`
//!
//! The region is that of the credential scope, `us-east-1` without one. An access key id of twelve
//! digits names the account; any other, or none, means 000000000000.

use hyper::header::HeaderValue;
use stepwell_api::Caller;

const ACCOUNT_DEFAULT: &str = "000000000000";
pub(crate) const REGION_DEFAULT: &str = "us-east-1";
/// No region of AWS has a name half as long.
const REGION_BYTES_MAX: usize = 64;

/// Reads callers; keeps the usual one at hand.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    usual: Caller,
}

impl Callers {
    pub(crate) fn new() -> Callers {
        Callers { usual: Caller::new(ACCOUNT_DEFAULT, REGION_DEFAULT) }
    }

    /// The caller that the header names.
    pub(crate) fn caller(&self, authorization: Option<&HeaderValue>) -> Caller {
        let named = authorization.and_then(|header| {
            let (account, region) = scope(header.as_bytes())?;
            // What nearly all say is told by its bytes.
            let is_usual = account == ACCOUNT_DEFAULT.as_bytes() && region == REGION_DEFAULT.as_bytes();
            let named =
                (!is_usual).then(|| Some((str::from_utf8(account).ok()?, str::from_utf8(region).ok()?)));
            named.flatten()
        });
        match named {
            Some((account, region)) if is_region(region) => Caller::new(account, region),
            Some((account, _)) => Caller::new(account, REGION_DEFAULT),
            None => self.usual.clone(),
        }
    }
}

/// The account and the region, which need not be one.
fn scope(header: &[u8]) -> Option<(&[u8], &[u8])> {
    const MEMBER: &[u8] = b"Credential=";
    // Where clients put it; it may stand elsewhere.
    let rest = match header.strip_prefix(b"AWS4-HMAC-SHA256 Credential=") {
        Some(rest) => rest,
        None => &header[header.windows(MEMBER.len()).position(|word| word == MEMBER)? + MEMBER.len()..],
    };
    let (key_id, rest) = before_slash(rest)?;
    let (_date, rest) = before_slash(rest)?;
    let end = rest.iter().position(ends_part).unwrap_or(rest.len());
    let is_account = key_id.len() == 12 && key_id.iter().all(u8::is_ascii_digit);
    let account = if is_account { key_id } else { ACCOUNT_DEFAULT.as_bytes() };
    Some((account, &rest[..end]))
}

/// The next part of a credential, which is ASCII, and what comes after its slash.
fn before_slash(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = rest.iter().position(ends_part)?;
    (rest[end] == b'/' && rest[..end].is_ascii()).then_some((&rest[..end], &rest[end + 1..]))
}

fn ends_part(byte: &u8) -> bool {
    matches!(byte, b'/' | b',' | b' ')
}

/// Whether a text can be the name of a region.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=REGION_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, account: &str, region: &str) {
        let header = HeaderValue::from_bytes(header.as_bytes()).unwrap();
        let caller = Callers::new().caller(Some(&header));
        assert_eq!((caller.account(), caller.region()), (account, region));
    }

    #[test]
    fn the_scope_names_the_region_and_a_key_id_of_digits_the_account() {
        let signed =
            |scope: &str| format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        check(&signed("AKIDEXAMPLE/20260101/eu-west-1/states/aws4_request"), ACCOUNT_DEFAULT, "eu-west-1");
        check(&signed("123456789012/20260101/us-east-1/states/aws4_request"), "123456789012", "us-east-1");
        check(&signed("12345678901/20260101/x/states/aws4_request"), ACCOUNT_DEFAULT, "x");
    }

    #[test]
    fn what_is_not_understood_is_the_usual_caller() {
        for header in [
            "",
            "Bearer x",
            "Credential=",
            "Credential=1/2",
            "Credential=a/b/C:D/states",
            "Credential=a/b//c",
        ] {
            check(header, ACCOUNT_DEFAULT, REGION_DEFAULT);
        }
        check("Credential=\u{e9}/x/eu-west-1", ACCOUNT_DEFAULT, REGION_DEFAULT);
    }
}
