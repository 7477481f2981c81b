//! The TLS client of `SSL_GET`. The one place that knows the crypto provider.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use lvsd_health::Cause;
use lvsd_model::{TlsClient, TlsOptions};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect::io_problem;
use super::{Problem, identity};

/// The client configurations, each made when it is first needed; again when it could not be made.
#[derive(Debug, Default)]
pub(super) struct Clients {
    settings: RefCell<TlsClient>,
    lenient: RefCell<Option<Arc<ClientConfig>>>,
    strict: RefCell<Option<Arc<ClientConfig>>>,
}

impl Clients {
    /// Takes other certificates; the same ones are read again.
    pub(super) fn renew(&self, settings: TlsClient) {
        *self.settings.borrow_mut() = settings;
        *self.lenient.borrow_mut() = None;
        *self.strict.borrow_mut() = None;
    }

    /// Why the certificates cannot be used, if that is so.
    pub(super) fn refusal(&self) -> Option<String> {
        let settings = self.settings.borrow();
        let wanted = settings.authorities.is_some() || settings.identity.is_some();
        // Without authorities the roots of the system are nobody's business until a check needs them.
        let make = if settings.authorities.is_some() { strict } else { lenient };
        wanted.then(|| make(&settings).err()).flatten()
    }

    /// Shakes hands. `name` is the server's name for SNI and for verification; an IP address is never sent as SNI.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        options: &TlsOptions,
        name: ServerName<'static>,
        stream: S,
    ) -> Result<TlsStream<S>, Problem> {
        let config = self.config(options).map_err(Problem::Local)?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| handshake_problem(&error))
    }

    fn config(&self, options: &TlsOptions) -> Result<Arc<ClientConfig>, String> {
        let place = if options.verify { &self.strict } else { &self.lenient };
        if let Some(config) = &*place.borrow() {
            return Ok(Arc::clone(config));
        }
        let settings = self.settings.borrow();
        let config = if options.verify { strict(&settings) } else { lenient(&settings) }?;
        *place.borrow_mut() = Some(Arc::clone(&config));
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Takes any certificate, expired, self-signed or for another name: whether the server answers is what is asked.
fn lenient(settings: &TlsClient) -> Result<Arc<ClientConfig>, String> {
    let provider = provider();
    let verifier =
        Arc::new(AnyCertificate { schemes: provider.signature_verification_algorithms.supported_schemes() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    finish(builder.dangerous().with_custom_certificate_verifier(verifier), settings)
}

/// Takes certificates that the authorities vouch for.
fn strict(settings: &TlsClient) -> Result<Arc<ClientConfig>, String> {
    let roots = match &settings.authorities {
        Some(file) => identity::authorities(file)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    finish(builder.with_root_certificates(roots), settings)
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(format!("tls_verify: no root certificates on this system: {:?}", found.errors));
    }
    Ok(roots)
}

fn finish(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    settings: &TlsClient,
) -> Result<Arc<ClientConfig>, String> {
    let config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity::load(identity)?;
            let file = identity.certificate.display();
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the certificate {file} and its key cannot be used: {error}"))?
        }
    };
    Ok(Arc::new(without_resumption(config)))
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
