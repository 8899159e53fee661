//! The settings of who may reach the server and how, and the rules between them.
//!
//! | listens on | credentials | TLS |
//! |---|---|---|
//! | loopback | as you like: without, the server is open | as you like |
//! | any other address | required | required, unless `insecure_plaintext` |

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Flags;
use super::layer::Source;
use crate::complaint::Complaint;

/// What a layer says of access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    pub credentials: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_client_ca: Option<PathBuf>,
    pub insecure_plaintext: Option<bool>,
    pub public_metrics: Option<bool>,
    pub refuse_replays: Option<bool>,
}

/// The files of TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server and those between it and its authority.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The authorities of clients, where clients must show a certificate.
    pub client_authorities: Option<PathBuf>,
}

impl Access {
    /// What the flags say.
    pub fn of_flags(flags: &Flags) -> Result<Access, Complaint> {
        let refuse_replays = flags.refuse_replays.as_deref();
        Ok(Access {
            credentials: flags.credentials.clone(),
            tls_cert: flags.tls_cert.clone(),
            tls_key: flags.tls_key.clone(),
            tls_client_ca: flags.tls_client_ca.clone(),
            insecure_plaintext: flags.insecure_plaintext.then_some(true),
            public_metrics: flags.public_metrics.then_some(true),
            refuse_replays: refuse_replays
                .map(|text| read_truth(text, "refuse_replays", &Source::Flags))
                .transpose()?,
        })
    }

    /// This layer where it says something, `behind` where it does not.
    pub fn over(self, behind: Access) -> Access {
        Access {
            credentials: self.credentials.or(behind.credentials),
            tls_cert: self.tls_cert.or(behind.tls_cert),
            tls_key: self.tls_key.or(behind.tls_key),
            tls_client_ca: self.tls_client_ca.or(behind.tls_client_ca),
            insecure_plaintext: self.insecure_plaintext.or(behind.insecure_plaintext),
            public_metrics: self.public_metrics.or(behind.public_metrics),
            refuse_replays: self.refuse_replays.or(behind.refuse_replays),
        }
    }

    /// The files of TLS, if it is wanted.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] if only some of them are given.
    pub fn tls_files(&self) -> Result<Option<TlsFiles>, Complaint> {
        let alone = |what: &str, file: &PathBuf| {
            let hint = "give --tls-cert and --tls-key together";
            Err(Complaint::usage(what, file.display().to_string()).hint(hint))
        };
        match (&self.tls_cert, &self.tls_key, &self.tls_client_ca) {
            (Some(certificate), Some(key), authorities) => Ok(Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                client_authorities: authorities.clone(),
            })),
            (Some(file), None, _) => alone("a certificate without its key", file),
            (None, Some(file), _) => alone("a key without its certificate", file),
            (None, None, Some(file)) => alone("authorities of clients without a certificate", file),
            (None, None, None) => Ok(None),
        }
    }
}

/// Refuses to listen where others could do as they like, or read along. This comes before anything
/// is opened.
///
/// # Errors
///
/// A [`Complaint`] that names the ways out.
pub fn check_reach(listen: SocketAddr, access: &Access, has_tls: bool) -> Result<(), Complaint> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if access.credentials.is_none() {
        let what = "refusing to listen where others could reach an open server";
        return Err(Complaint::usage(what, listen.to_string()).hint(
            "use --credentials FILE (and TLS), so that callers must sign, or --listen 127.0.0.1:8083, so that only this \
             machine reaches it",
        ));
    }
    if !has_tls && access.insecure_plaintext != Some(true) {
        let what = "refusing to listen without TLS where others could listen in";
        return Err(Complaint::usage(what, listen.to_string()).hint(
            "use --tls-cert FILE and --tls-key FILE, or --insecure-plaintext where something else encrypts",
        ));
    }
    Ok(())
}

/// Yes or no, as text.
///
/// # Errors
///
/// A [`Complaint`] about a text that is neither.
pub fn read_truth(text: &str, key: &str, source: &Source<'_>) -> Result<bool, Complaint> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        other => Err(source.bad("neither yes nor no", key, other, "true or false")),
    }
}
