//! `SSL_GET` with the certificates of `SSL`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lvsd_model::{Password, TlsClient, TlsIdentity, TlsOptions};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::pbes2::Parameters;
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::*;

const NAME: &str = "server.example";

struct Made {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

fn made(name: &str) -> Made {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    Made { certificate: made.cert, key: made.signing_key }
}

/// The same key, encrypted as `openssl pkcs8 -topk8` does.
fn encrypted(key: &rcgen::KeyPair, password: &str) -> String {
    let der = key.serialize_der();
    let key = PrivateKeyInfoRef::try_from(der.as_slice()).expect("PKCS #8");
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(1000, b"saltsalt", [7; 16]).expect("valid");
    let document = key.encrypt_with_params(parameters, password).expect("encryptable");
    document.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).expect("PEM").to_string()
}

/// A server that asks every client for the certificate of this one.
async fn demanding(server: &Made, client: &Made) -> SocketAddr {
    let mut believed = RootCertStore::empty();
    believed.add(client.certificate.der().clone()).expect("an authority of its own");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(believed), Arc::clone(&provider));
    let key = PrivateKeyDer::try_from(server.key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_client_cert_verifier(verifier.build().expect("there is an authority"))
        .with_single_cert(vec![server.certificate.der().clone()], key)
        .expect("they fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn identity(certificate: &Path, key: &Path, password: Option<&str>) -> TlsClient {
    let password = password.map(|password| Password::new(password.to_owned()));
    let identity = TlsIdentity { certificate: certificate.to_owned(), key: key.to_owned(), password };
    TlsClient { identity: Some(identity), ..TlsClient::default() }
}

async fn ask(address: SocketAddr, tls: TlsClient, options: TlsOptions) -> Outcome {
    let probes = probes();
    probes.renew(ScriptPolicy::default(), tls);
    let check = HttpCheck { tls: Some(options), ..get(address, vec![url("/")]) };
    probes.run(&due(CheckKind::Http(Box::new(check)))).await
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let client = made("director.example");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a temporary file");
        path
    };
    let certificate = file("client.pem", &client.certificate.pem());
    let plain = file("plain.key", &client.key.serialize_pem());
    let secret = file("secret.key", &encrypted(&client.key, "open sesame"));
    let both = file("both.pem", &format!("{}{}", client.certificate.pem(), client.key.serialize_pem()));
    block_on(async {
        let address = demanding(&made(NAME), &client).await;
        for tls in [
            identity(&certificate, &plain, None),
            identity(&certificate, &secret, Some("open sesame")),
            identity(&both, &both, None),
        ] {
            assert_eq!(ask(address, tls, TlsOptions::default()).await, Outcome::SUCCESS);
        }
        let without = ask(address, TlsClient::default(), TlsOptions::default()).await;
        assert!(matches!(without, Outcome::Failure(_)), "{without:?}");
    });
}

#[test]
fn files_that_cannot_be_used_say_nothing_about_the_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let client = made("director.example");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a temporary file");
        path
    };
    let certificate = file("client.pem", &client.certificate.pem());
    let secret = file("secret.key", &encrypted(&client.key, "open sesame"));
    let other = file("other.key", &made("other.example").key.serialize_pem());
    let old = file("old.key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n");
    block_on(async {
        let address = demanding(&made(NAME), &client).await;
        for (tls, why) in [
            (identity(&certificate, &secret, None), "no password"),
            (identity(&certificate, &secret, Some("wrong")), "cannot be decrypted"),
            (identity(&certificate, &other, None), "cannot be used"),
            (identity(&certificate, &old, None), "pkcs8 -topk8"),
            (identity(&certificate, &certificate, None), "no private key"),
            (identity(&other, &other, None), "no certificate"),
            (identity(&directory.path().join("gone"), &other, None), "cannot be read"),
        ] {
            let probes = probes();
            probes.renew(ScriptPolicy::default(), tls.clone());
            let told = probes.refused_certificates().expect("it is told at once");
            assert!(told.contains(why), "{told}");
            match ask(address, tls, TlsOptions::default()).await {
                Outcome::Skipped { reason } => assert!(reason.contains(why), "{reason}"),
                outcome => panic!("{why}: {outcome:?}"),
            }
        }
    });
}

#[test]
fn authorities_of_our_own_take_the_place_of_the_systems() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, client) = (made(NAME), made("director.example"));
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a temporary file");
        path
    };
    let both = file("both.pem", &format!("{}{}", client.certificate.pem(), client.key.serialize_pem()));
    let right = file("right.pem", &server.certificate.pem());
    let wrong = file("wrong.pem", &made(NAME).certificate.pem());
    block_on(async {
        let address = demanding(&server, &client).await;
        let options = TlsOptions { verify: true, sni: Some(NAME.to_owned()), ..TlsOptions::default() };
        let with = |authorities| TlsClient { authorities: Some(authorities), ..identity(&both, &both, None) };
        assert_eq!(ask(address, with(right), options.clone()).await, Outcome::SUCCESS);
        assert_cause(&ask(address, with(wrong.clone()), options).await, Cause::Tls);
        // Whoever does not verify does not care.
        assert_eq!(ask(address, with(wrong), TlsOptions::default()).await, Outcome::SUCCESS);
    });
}
