//! The two operations of other services that clients of Step Functions ask for, in AWS's query
//! protocol: a form in, XML out.
//!
//! | request | answer |
//! |---|---|
//! | `Action=GetCallerIdentity` (STS) | account, ARN and id of the caller |
//! | `Action=ListRoles` (IAM) | the roles that the caller's state machines use |
//!
//! A form is one of the bodies that a web page may send to another origin without asking first. An
//! `Authorization` header is not, so a form is only looked at beside a signature, even where
//! signatures are not verified. The checks of Host and Origin come first, as for all requests, and
//! both operations only read.

use std::fmt::Write;

use hyper::StatusCode;
use stepwell_api::{Api, Caller, Exception, ExceptionKind};

/// The services that a form may be for.
pub(crate) const SERVICES: [&str; 2] = ["sts", "iam"];

const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// An operation of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    GetCallerIdentity,
    ListRoles,
}

impl Action {
    /// The name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Action::GetCallerIdentity => "GetCallerIdentity",
            Action::ListRoles => "ListRoles",
        }
    }

    /// The service that a signature must be for.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Action::GetCallerIdentity => "sts",
            Action::ListRoles => "iam",
        }
    }

    /// The operation that a form names.
    pub(crate) fn of(form: &Form) -> Result<Action, Exception> {
        match form.get("Action") {
            Some("GetCallerIdentity") => Ok(Action::GetCallerIdentity),
            Some("ListRoles") => Ok(Action::ListRoles),
            // As STS says it.
            Some(other) => {
                let version = form.get("Version").unwrap_or_default();
                let message = format!("Could not find operation {other} for version {version}");
                Err(Exception::new(ExceptionKind::UnknownOperation, message))
            }
            None => Err(Exception::new(ExceptionKind::UnknownOperation, "The request has no Action")),
        }
    }

    /// Does it; the answer is XML.
    pub(crate) fn perform(
        self,
        api: &Api,
        caller: &Caller,
        form: &Form,
        request_id: &str,
    ) -> Result<String, Exception> {
        let mut xml = Xml::default();
        match self {
            Action::GetCallerIdentity => {
                let identity = api.caller_identity(caller);
                xml.open(&format!("GetCallerIdentityResponse xmlns=\"{STS}\""));
                xml.open("GetCallerIdentityResult");
                xml.text("Arn", &identity.arn);
                xml.text("UserId", &identity.user_id);
                xml.text("Account", &identity.account);
                xml.close("GetCallerIdentityResult");
                xml.end("GetCallerIdentityResponse", request_id);
            }
            Action::ListRoles => {
                let prefix = form.get("PathPrefix").unwrap_or("/");
                xml.open(&format!("ListRolesResponse xmlns=\"{IAM}\""));
                xml.open("ListRolesResult");
                xml.text("IsTruncated", "false");
                xml.open("Roles");
                for role in api.roles(caller)?.iter().filter(|role| role.path.starts_with(prefix)) {
                    xml.open("member");
                    xml.text("Path", &role.path);
                    xml.text("RoleName", &role.name);
                    xml.text("RoleId", &role.id);
                    xml.text("Arn", &role.arn);
                    xml.text("CreateDate", &role.created_at.to_rfc3339());
                    // The Toolkit shows only the roles that Step Functions may assume.
                    xml.text("AssumeRolePolicyDocument", TRUST);
                    xml.close("member");
                }
                xml.close("Roles");
                xml.close("ListRolesResult");
                xml.end("ListRolesResponse", request_id);
            }
        }
        Ok(xml.0)
    }
}

/// The trust policy of a role that Step Functions may assume, percent-encoded as IAM sends it.
const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                     %22Principal%22%3A%7B%22Service%22%3A%22states.amazonaws.com%22%7D%2C\
                     %22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

/// The exceptions that have other names in the query protocol.
const ERRORS: [(ExceptionKind, StatusCode, &str); 5] = [
    (ExceptionKind::AccessDenied, StatusCode::FORBIDDEN, "AccessDenied"),
    (ExceptionKind::InvalidSignature, StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
    (ExceptionKind::UnrecognizedClient, StatusCode::FORBIDDEN, "InvalidClientTokenId"),
    (ExceptionKind::MissingAuthenticationToken, StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
    (ExceptionKind::IncompleteSignature, StatusCode::BAD_REQUEST, "IncompleteSignature"),
];

/// An exception as the query protocol has it: some have other names there, and other statuses.
pub(crate) fn error(exception: &Exception, request_id: &str) -> (StatusCode, String) {
    let known = ERRORS.iter().find(|(kind, ..)| *kind == exception.kind);
    // What is left is an operation that is not here.
    let (status, code) =
        known.map_or((StatusCode::BAD_REQUEST, "InvalidAction"), |(_, status, code)| (*status, *code));
    let mut xml = Xml::default();
    xml.open(&format!("ErrorResponse xmlns=\"{STS}\""));
    xml.open("Error");
    xml.text("Type", "Sender");
    xml.text("Code", code);
    xml.text("Message", &exception.message);
    xml.close("Error");
    xml.text("RequestId", request_id);
    xml.close("ErrorResponse");
    (status, xml.0)
}

/// The fields of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Form {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let name_end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..name_end]), decoded(pair.get(name_end + 1..).unwrap_or_default()))
        });
        Form(fields.collect())
    }

    /// The value of the first field of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &[u8]) -> String {
    let nibble = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let escaped =
            (text[at] == b'%').then(|| Some((nibble(text.get(at + 1))?, nibble(text.get(at + 2))?)));
        match (text[at], escaped.flatten()) {
            (_, Some((high, low))) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte"));
                at += 3;
            }
            (byte, None) => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// XML in the making.
#[derive(Default)]
struct Xml(String);

impl Xml {
    fn open(&mut self, tag: &str) {
        let _ = write!(self.0, "<{tag}>");
    }

    fn close(&mut self, tag: &str) {
        let _ = write!(self.0, "</{tag}>");
    }

    fn text(&mut self, tag: &str, text: &str) {
        self.open(tag);
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                // XML 1.0 has no other control characters, not even escaped.
                c if c.is_control() && !matches!(c, '\t' | '\n') => self.0.push('\u{fffd}'),
                '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self.close(tag);
    }

    fn end(&mut self, response: &str, request_id: &str) {
        self.open("ResponseMetadata");
        self.text("RequestId", request_id);
        self.close("ResponseMetadata");
        self.close(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_whatever_it_holds() {
        let form =
            Form::parse(b"Action=ListRoles&Version=2010-05-08&PathPrefix=%2Fa+b%2F&x&&%zz=%&%C3%A9=%ff");
        assert_eq!(form.get("PathPrefix"), Some("/a b/"));
        assert_eq!(form.get("x"), Some(""));
        assert_eq!(form.get("%zz"), Some("%"));
        assert_eq!(form.get("\u{e9}"), Some("\u{fffd}"));
        assert_eq!(Action::of(&form), Ok(Action::ListRoles));
        let unknown = Action::of(&Form::parse(b"Action=AssumeRole&Version=2011-06-15")).unwrap_err();
        assert_eq!(unknown.message, "Could not find operation AssumeRole for version 2011-06-15");
        assert!(Action::of(&Form::parse(b"")).is_err());
    }

    #[test]
    fn text_cannot_become_markup() {
        let exception = Exception::new(ExceptionKind::AccessDenied, "<a>&\"\u{0}\u{1b}");
        let (status, xml) = error(&exception, "id");
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(
            xml,
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>AccessDenied</Code><Message>&lt;a&gt;&amp;&quot;\u{fffd}\u{fffd}</Message></Error>\
             <RequestId>id</RequestId></ErrorResponse>"
        );
    }
}
