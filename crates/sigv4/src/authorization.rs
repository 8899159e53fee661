//! What a request says of its signature, and whether that can be.

use crate::canonical::byte_of_hex;
use crate::{Refusal, Request, SKEW_SECONDS_MAX, time};

/// The one algorithm that is accepted.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What stands at the end of a credential scope.
const TERMINATOR: &str = "aws4_request";

/// No region of AWS has a name half as long, in bytes.
const REGION_BYTES_MAX: usize = 64;

/// Who a request says it is from: well formed, of now and for us, but not verified.
///
/// It can be read before the body is, so that nobody has to take in a body of somebody who cannot
/// have signed it.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) amz_date: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: [u8; 32],
}

impl<'a> Claim<'a> {
    /// Reads the claim of a request that arrived at `now_seconds` (since the Unix epoch) for one of
    /// `services`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if there is no signature, or none that could be right whatever the secret is.
    pub fn read(request: &Request<'a>, now_seconds: u64, services: &[&str]) -> Result<Claim<'a>, Refusal> {
        let mut headers = request.values("authorization");
        let header = match (headers.next(), headers.next()) {
            (Some(header), None) => std::str::from_utf8(header).map_err(|_| Refusal::not_a_pair(""))?,
            (Some(_), Some(_)) => return Err(Refusal::not_a_pair("")),
            (None, _) if is_presigned(request.query) => return Err(Refusal::presigned()),
            (None, _) => return Err(Refusal::missing()),
        };
        let (algorithm, rest) = header.trim_ascii().split_once(' ').unwrap_or((header, ""));
        if algorithm != ALGORITHM {
            return Err(Refusal::algorithm(algorithm));
        }
        let parts = Parts::read(rest)?;
        let amz_date = amz_date(request)?;
        let (Some(credential), Some(signed_headers), Some(signature), Some(amz_date)) =
            (parts.credential, parts.signed_headers, parts.signature, amz_date)
        else {
            return Err(Refusal::incomplete(&parts.missing(), amz_date.is_some()));
        };
        let signed_at = time::parse(amz_date).ok_or_else(|| Refusal::date(amz_date))?;
        let elements: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, terminator] = elements[..] else {
            return Err(Refusal::credential(credential));
        };
        check_scope(date, region, service, terminator, amz_date, services)?;
        check_skew(amz_date, signed_at, now_seconds)?;
        check_signed(request, signed_headers)?;
        // Temporary credentials come with a session token. We give out none, so none is right.
        if request.values("x-amz-security-token").next().is_some() {
            return Err(Refusal::unrecognized());
        }
        let signature = bytes_of_hex(signature).ok_or_else(Refusal::mismatch)?;
        Ok(Claim { access_key_id, date, region, service, amz_date, signed_headers, signature })
    }

    /// The access key id, by which the secret is found.
    pub fn access_key_id(&self) -> &'a str {
        self.access_key_id
    }

    /// The service of the credential scope.
    pub fn service(&self) -> &'a str {
        self.service
    }
}

/// The parameters of the header.
#[derive(Default)]
struct Parts<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Result<Parts<'a>, Refusal> {
        let mut parts = Parts::default();
        for pair in text.split(',').map(str::trim_ascii).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| Refusal::not_a_pair(pair))?;
            let place = match name {
                "Credential" => &mut parts.credential,
                "SignedHeaders" => &mut parts.signed_headers,
                "Signature" => &mut parts.signature,
                _ => return Err(Refusal::not_a_pair(pair)),
            };
            // Of two values one would be checked and another might be believed.
            if place.replace(value).is_some() {
                return Err(Refusal::not_a_pair(pair));
            }
        }
        Ok(parts)
    }

    fn missing(&self) -> Vec<&'static str> {
        let all = [
            ("Credential", self.credential),
            ("Signature", self.signature),
            ("SignedHeaders", self.signed_headers),
        ];
        all.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
    }
}

/// The one `X-Amz-Date`. AWS takes a `Date` as well; no SDK sends it, and it is not ISO 8601.
fn amz_date<'a>(request: &Request<'a>) -> Result<Option<&'a str>, Refusal> {
    let mut dates = request.values("x-amz-date");
    match (dates.next().map(std::str::from_utf8), dates.next()) {
        (Some(Ok(date)), None) => Ok(Some(date.trim_ascii())),
        (None, None) => Ok(None),
        _ => Err(Refusal::date("")),
    }
}

fn check_scope(
    date: &str,
    region: &str,
    service: &str,
    terminator: &str,
    amz_date: &str,
    services: &[&str],
) -> Result<(), Refusal> {
    let mut complaints = Vec::new();
    let is_region = (1..=REGION_BYTES_MAX).contains(&region.len())
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_region {
        complaints.push("Credential should be scoped to a valid region.".to_owned());
    }
    if !services.contains(&service) {
        let wanted = services.first().copied().unwrap_or_default();
        complaints.push(format!("Credential should be scoped to correct service: '{wanted}'."));
    }
    if terminator != TERMINATOR {
        complaints.push(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
        ));
    }
    let day = &amz_date[..8];
    if date != day {
        complaints.push(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{date}' != '{day}', from '{amz_date}'."
        ));
    }
    if complaints.is_empty() { Ok(()) } else { Err(Refusal::scope(&complaints)) }
}

fn check_skew(amz_date: &str, signed_at: u64, now: u64) -> Result<(), Refusal> {
    let (earliest, latest) = (now.saturating_sub(SKEW_SECONDS_MAX), now.saturating_add(SKEW_SECONDS_MAX));
    if signed_at < earliest {
        return Err(Refusal::skewed(amz_date, &time::format(now), &time::format(earliest), true));
    }
    if signed_at > latest {
        return Err(Refusal::skewed(amz_date, &time::format(now), &time::format(latest), false));
    }
    Ok(())
}

/// The host, the moment and the operation decide what a request does, so they must be signed; so
/// must all else that AWS gave a meaning.
fn check_signed(request: &Request<'_>, signed_headers: &str) -> Result<(), Refusal> {
    let is_signed = |name: &str| signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    if !is_signed("host") {
        return Err(Refusal::host_not_signed());
    }
    let is_amz = |name: &str| name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    match request.headers.iter().find(|(name, _)| is_amz(name) && !is_signed(name)) {
        Some((name, _)) => Err(Refusal::header_not_signed(name)),
        None => Ok(()),
    }
}

fn is_presigned(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("X-Amz-Signature=") || pair.starts_with("X-Amz-Algorithm="))
}

fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let bytes: Vec<u8> = text.as_bytes().chunks(2).map(byte_of_hex).collect::<Option<_>>()?;
    bytes.try_into().ok()
}
