//! TLS: certificates from files, and the handshake.
//!
//! TLS 1.2 and 1.3 with rustls and ring, HTTP/1.1 by ALPN. With a file of client authorities only
//! clients whose certificate one of them signed get as far as HTTP. That is an addition to
//! signatures, never instead of them: a certificate names no account.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take. It holds up nobody: each has a task of its own.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a server speaks TLS.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

/// Why there can be no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// The file it is about.
    pub file: PathBuf,
    /// What is wrong, in lower case.
    pub what: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Reads the files, all PEM: the server's certificate with those between it and its authority,
    /// its private key, and the authorities of clients, if clients must show a certificate.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] about a file that cannot be read or does not hold what it should.
    pub fn read(certificate: &Path, key: &Path, client_authorities: Option<&Path>) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(certificate)?;
        let private_key =
            PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, "no private key", &error))?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of both versions");
        let builder = match client_authorities {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(file)? {
                    roots.add(authority).map_err(|error| wrong(file, "not an authority", &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| wrong(file, "not usable as authorities", &error))?,
                )
            }
        };
        let mut config = builder
            .with_single_cert(chain, private_key)
            .map_err(|error| wrong(key, "not the key of the certificate", &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Shakes hands; `None` if the client does not, or takes too long.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await.ok()?.ok()
    }
}

/// The certificates of a file; at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(TlsError { file: file.to_owned(), what: "it holds no certificate".into() })
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(wrong(file, "no certificate", &error)),
    }
}

fn wrong(file: &Path, what: &str, error: &dyn fmt::Display) -> TlsError {
    TlsError { file: file.to_owned(), what: format!("{what}: {error}") }
}
