//! What AWS's own signer for Rust signs is verified, whatever the request; what was altered is not.

// AWS's signer takes the moment as a `SystemTime`; nothing here reads the clock.
#![allow(clippy::disallowed_types)]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use proptest::prelude::*;
use stepwell_sigv4::{Claim, RefusalKind, Request, Secret, Verified, verify};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Debug, Clone)]
struct Signed {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request of `POST /` as an SDK makes it, signed at `at` for `service`.
fn signed(
    query: &str,
    more: &[(String, String)],
    body: &[u8],
    at: u64,
    service: &str,
    hashed: bool,
) -> Signed {
    let mut headers = vec![
        ("host".to_owned(), "localhost:8083".to_owned()),
        ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target".to_owned(), "AWSStepFunctions.StartExecution".to_owned()),
    ];
    headers.extend_from_slice(more);
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "tests").into();
    let mut settings = SigningSettings::default();
    if hashed {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let url = format!("http://localhost:8083/{}{query}", if query.is_empty() { "" } else { "?" });
    let borrowed = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new("POST", url, borrowed, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        headers.push((name.to_owned(), value.to_owned()));
    }
    Signed {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: query.to_owned(),
        headers,
        body: body.to_vec(),
    }
}

impl Signed {
    fn with<T>(&self, look: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        look(&Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers })
    }

    fn verify(&self, now: u64) -> Result<Verified, (RefusalKind, String)> {
        let secret = |id: &str| (id == "AKIDEXAMPLE").then(|| Secret::new(SECRET));
        self.with(|request| verify(request, &self.body, now, &["states", "sts", "iam"], secret))
            .map_err(|refusal| (refusal.kind, refusal.message))
    }

    fn change(&self, name: &str, change: impl Fn(&str) -> String) -> Signed {
        let mut changed = self.clone();
        let header = changed.headers.iter_mut().find(|(known, _)| known == name).expect(name);
        header.1 = change(&header.1);
        changed
    }

    fn without(&self, name: &str) -> Signed {
        let mut changed = self.clone();
        changed.headers.retain(|(known, _)| known != name);
        changed
    }
}

fn usual() -> Signed {
    signed("", &[], b"{}", NOW, "states", false)
}

/// 2026-01-01 00:00:00 UTC.
const NOW: u64 = 1_767_225_600;

fn refusal(signed: &Signed) -> (RefusalKind, String) {
    signed.verify(NOW).unwrap_err()
}

#[test]
fn a_request_of_awss_signer_is_verified() {
    let verified = usual().verify(NOW).unwrap();
    assert_eq!(verified.access_key_id, "AKIDEXAMPLE");
    assert_eq!((verified.region.as_str(), verified.service.as_str()), ("eu-west-1", "states"));
    usual().with(|request| {
        let claim = Claim::read(request, NOW, &["states"]).unwrap();
        assert_eq!((claim.access_key_id(), claim.service()), ("AKIDEXAMPLE", "states"));
    });
}

#[test]
fn abuse_case_4_a_body_altered_by_one_byte_is_refused() {
    let mut altered = usual();
    altered.body = b"{ }".to_vec();
    let (kind, message) = refusal(&altered);
    assert_eq!(kind, RefusalKind::InvalidSignature);
    assert!(
        message.starts_with("The request signature we calculated does not match the signature you provided.")
    );
}

#[test]
fn abuse_case_5_a_moment_six_minutes_away_is_refused_and_five_minutes_are_not() {
    let request = usual();
    for now in [NOW - 300, NOW, NOW + 300] {
        assert!(request.verify(now).is_ok());
    }
    assert_eq!(
        request.verify(NOW + 301).unwrap_err(),
        (
            RefusalKind::InvalidSignature,
            "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T000501Z - 5 min.)"
                .to_owned()
        )
    );
    assert_eq!(
        request.verify(NOW - 360).unwrap_err(),
        (
            RefusalKind::InvalidSignature,
            "Signature not yet current: 20260101T000000Z is still later than 20251231T235900Z (20251231T235400Z + 5 min.)"
                .to_owned()
        )
    );
}

#[test]
fn abuse_case_5_a_scope_of_another_day_is_refused() {
    let other = usual().change("authorization", |header| header.replace("/20260101/", "/20251231/"));
    let (kind, message) = refusal(&other);
    assert_eq!(kind, RefusalKind::InvalidSignature);
    assert_eq!(
        message,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
         '20251231' != '20260101', from '20260101T000000Z'."
    );
}

#[test]
fn a_scope_of_another_service_region_or_end_is_refused() {
    let (kind, message) = refusal(&signed("", &[], b"{}", NOW, "dynamodb", false));
    assert_eq!(kind, RefusalKind::InvalidSignature);
    assert_eq!(message, "Credential should be scoped to correct service: 'states'.");
    let all = usual()
        .change("authorization", |header| header.replace("/eu-west-1/states/aws4_request", "/E W/s3/x"));
    assert_eq!(
        refusal(&all).1,
        "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'states'. \
         Credential should be scoped with a valid terminator: 'aws4_request', not 'x'."
    );
    // The region is signed, so another one is another signature.
    let region = usual().change("authorization", |header| header.replace("eu-west-1", "eu-west-2"));
    assert!(refusal(&region).1.starts_with("The request signature we calculated"));
}

#[test]
fn a_signature_that_is_missing_or_incomplete_is_told() {
    use RefusalKind::{
        IncompleteSignature, InvalidSignature, MissingAuthenticationToken, UnrecognizedClient,
    };
    let authorization = |text: &str| usual().change("authorization", |_| text.to_owned());
    let check = |signed: &Signed, kind: RefusalKind, message: &str| {
        let (found, text) = refusal(signed);
        assert_eq!(found, kind, "{text}");
        assert!(text.contains(message), "{text}");
    };
    check(&usual().without("authorization"), MissingAuthenticationToken, "Missing Authentication Token");
    check(&authorization("Bearer abc"), IncompleteSignature, "Unsupported AWS 'algorithm': 'Bearer'");
    check(
        &usual().change("authorization", |text| text.replace("HMAC", "ECDSA-P256")),
        IncompleteSignature,
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now)",
    );
    check(
        &authorization("AWS4-HMAC-SHA256"),
        IncompleteSignature,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
         parameter. Authorization header requires 'SignedHeaders' parameter.",
    );
    check(
        &authorization("AWS4-HMAC-SHA256 Credential"),
        IncompleteSignature,
        "'Credential' not a valid key=value pair",
    );
    check(
        &usual().change("authorization", |text| format!("{text}, Credential=x")),
        IncompleteSignature,
        "'Credential=x' not a valid",
    );
    check(&usual().without("x-amz-date"), IncompleteSignature, "either a 'X-Amz-Date' or a 'Date' header");
    check(&usual().change("x-amz-date", |_| "now".into()), IncompleteSignature, "Got 'now'");
    check(
        &usual().change("authorization", |text| text.replace("AKIDEXAMPLE/", "")),
        IncompleteSignature,
        "exactly 5 slash-delimited elements",
    );
    check(
        &usual().change("authorization", |text| text.replace("AKIDEXAMPLE", "AKIDOTHER")),
        UnrecognizedClient,
        "The security token included in the request is invalid.",
    );
    check(
        &usual().change("authorization", |text| text.replace("host;", "")),
        InvalidSignature,
        "'Host' or ':authority' must be a 'SignedHeader'",
    );
    check(
        &usual().change("authorization", |text| text.replace(";x-amz-target", "")),
        InvalidSignature,
        "'x-amz-target' must be a 'SignedHeader'",
    );
    check(
        &usual().change("authorization", |text| text[..text.len() - 2].to_owned()),
        InvalidSignature,
        "does not match",
    );
    let mut token = usual();
    token.headers.push(("X-Amz-Security-Token".into(), "t".into()));
    check(&token, InvalidSignature, "'X-Amz-Security-Token' must be a 'SignedHeader'");
    let mut presigned = usual().without("authorization");
    presigned.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00".into();
    check(&presigned, IncompleteSignature, "presigned");
}

#[test]
fn a_hash_of_the_body_must_be_that_of_the_body() {
    let hashed = signed("", &[], b"{}", NOW, "states", true);
    assert!(hashed.headers.iter().any(|(name, _)| name == "x-amz-content-sha256"));
    assert!(hashed.verify(NOW).is_ok());
    let other = hashed.change("x-amz-content-sha256", |_| "0".repeat(64));
    assert!(refusal(&other).1.starts_with("The request signature we calculated"));
    let unsigned = hashed.change("x-amz-content-sha256", |_| "UNSIGNED-PAYLOAD".into());
    assert!(refusal(&unsigned).1.contains("UNSIGNED-PAYLOAD is not accepted"));
}

#[test]
fn a_secret_is_never_shown() {
    assert_eq!(format!("{:?}", Secret::new(SECRET)), "Secret(..)");
    for altered in [usual().change("host", |host| format!("{host}1")), usual().without("authorization")] {
        assert!(!refusal(&altered).1.contains(SECRET));
    }
}

/// A value of a header, with blanks in all places, as it may be sent.
fn value() -> impl Strategy<Value = String> {
    "[ -~]{0,24}"
}

proptest! {
    #[test]
    fn whatever_awss_signer_signs_is_verified(
        names in proptest::collection::btree_map("[a-z][a-z-]{0,8}[a-z]", value(), 0..4),
        query in "([a-zA-Z0-9._~-]|%2[0-9A-F]|%C3%A9){0,5}(=|&|[a-z=&]){0,6}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        at in 1_000_000_000u64..4_000_000_000,
        hashed in any::<bool>(),
    ) {
        let more: Vec<(String, String)> =
            names.into_iter().map(|(name, value)| (format!("my-{name}"), value)).collect();
        let request = signed(&query, &more, &body, at, "sts", hashed);
        prop_assert!(request.verify(at).is_ok(), "{:?} {request:?}", request.verify(at));
    }

    #[test]
    fn one_altered_bit_of_the_body_or_the_signature_is_noticed(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        digit in 0usize..64,
    ) {
        let request = signed("", &[], &body, NOW, "states", false);
        let mut altered = request.clone();
        let index = at.index(body.len());
        altered.body[index] ^= 1 << bit;
        prop_assert_eq!(refusal(&altered).0, RefusalKind::InvalidSignature);
        let flipped = request.change("authorization", |text| {
            let at = text.len() - 64 + digit;
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        });
        prop_assert_eq!(refusal(&flipped).0, RefusalKind::InvalidSignature);
    }

    #[test]
    fn no_header_makes_it_panic(text in "\\PC{0,80}", date in "\\PC{0,20}") {
        let _ = usual().change("authorization", |_| text.clone()).change("x-amz-date", |_| date.clone()).verify(NOW);
        let _ = usual().change("authorization", |_| format!("AWS4-HMAC-SHA256 {text}")).verify(NOW);
    }
}

#[test]
fn a_secret_is_itself_and_nothing_else() {
    let secret = Secret::new(SECRET);
    assert!(secret.is(SECRET));
    for other in ["", &SECRET[1..], &SECRET[..39], &SECRET.to_lowercase(), &format!("{SECRET} ")] {
        assert!(!secret.is(other), "{other}");
    }
}
