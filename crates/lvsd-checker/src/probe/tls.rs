//! The TLS client of `SSL_GET`. The one place that knows the crypto provider.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;

use lvsd_health::Cause;
use lvsd_model::TlsOptions;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Problem;
use super::connect::io_problem;

/// The client configurations, each made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Clients {
    lenient: OnceCell<Result<Arc<ClientConfig>, String>>,
    strict: OnceCell<Result<Arc<ClientConfig>, String>>,
}

impl Clients {
    /// Shakes hands. `name` is the server's name for SNI and for verification; an IP address is never sent as SNI.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        options: &TlsOptions,
        name: ServerName<'static>,
        stream: S,
    ) -> Result<TlsStream<S>, Problem> {
        let config =
            if options.verify { self.strict.get_or_init(strict) } else { self.lenient.get_or_init(lenient) };
        let config = config.clone().map_err(Problem::Local)?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| handshake_problem(&error))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Takes any certificate, expired, self-signed or for another name: whether the server answers is what is asked.
fn lenient() -> Result<Arc<ClientConfig>, String> {
    let provider = provider();
    let verifier =
        Arc::new(AnyCertificate { schemes: provider.signature_verification_algorithms.supported_schemes() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(Arc::new(without_resumption(config)))
}

/// Takes certificates that the system's roots vouch for.
fn strict() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(format!("tls_verify: no root certificates on this system: {:?}", found.errors));
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(without_resumption(builder.with_root_certificates(roots).with_no_client_auth())))
}

/// A resumed session would hide a change of the certificate, and costs more than a new one.
fn without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn handshake_problem(error: &io::Error) -> Problem {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::server(Cause::Tls, "closed during the handshake"),
            _ => io_problem(error),
        };
    };
    let detail = match tls {
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server offers only key exchanges or ciphers that are not supported here".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server speaks nothing newer than TLS 1.1".to_owned()
        }
        other => other.to_string(),
    };
    Problem::server(Cause::Tls, detail)
}

/// Accepts every certificate and every signature: a weak or odd key is no failure either.
#[derive(Debug)]
struct AnyCertificate {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
