//! Signature version 4 of a request, by the crate `aws-sigv4`.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use crate::credentials::Keys;

/// What a signature is made with and for.
pub(crate) struct Scope<'a> {
    pub keys: &'a Keys,
    pub region: &'a str,
    /// The service.
    pub name: &'a str,
    pub time: SystemTime,
}

/// Adds `x-amz-date`, `authorization` and, with temporary keys, `x-amz-security-token`. The host and
/// all headers that are there already are signed too; `body` is that of the request.
///
/// # Errors
///
/// Why it cannot be signed: a header that is not text.
pub(crate) fn sign(request: &mut Request<Full<Bytes>>, body: &[u8], scope: &Scope) -> Result<(), String> {
    let Keys { id, secret, session_token } = scope.keys;
    let identity = Credentials::new(id, secret, session_token.clone(), None, "stepwell").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.name)
        .time(scope.time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers: Result<Vec<(&str, &str)>, _> = request
        .headers()
        .iter()
        .map(|(name, value)| value.to_str().map(|value| (name.as_str(), value)))
        .collect();
    let headers = headers.map_err(|_| "a header is not text".to_owned())?;
    let uri = request.uri().to_string();
    let method = request.method().as_str();
    let signable = SignableRequest::new(method, uri, headers.into_iter(), SignableBody::Bytes(body))
        .map_err(|error| error.to_string())?;
    let (instructions, _signature) =
        sign_request(signable, &params).map_err(|error| error.to_string())?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
