//! `SSL_GET`.

use std::sync::{Arc, Mutex};

use lvsd_model::TlsOptions;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Notes the names asked for.
#[derive(Debug)]
struct Names {
    key: Arc<CertifiedKey>,
    asked: Mutex<Vec<Option<String>>>,
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.asked.lock().expect("one thread").push(hello.server_name().map(str::to_owned));
        Some(Arc::clone(&self.key))
    }
}

/// How the server ends its answers.
#[derive(Clone, Copy)]
enum End {
    Alert,
    Silently,
}

/// TLS with a certificate that nobody vouches for, and for another name.
fn acceptor() -> (TlsAcceptor, Arc<Names>) {
    let made =
        rcgen::generate_simple_self_signed(vec!["somebody.else.example".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = CertifiedKey::from_der(vec![made.cert.der().clone()], key, &provider).expect("they fit");
    let names = Arc::new(Names { key: Arc::new(key), asked: Mutex::default() });
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&names) as Arc<dyn ResolvesServerCert>);
    (TlsAcceptor::from(Arc::new(config)), names)
}

async fn tls_server(end: End) -> (SocketAddr, Arc<Names>) {
    let (acceptor, names) = acceptor();
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read_request(&mut stream).await;
            // No Content-Length: the end of the stream is the end of the answer.
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").await;
            let _ = stream.flush().await;
            match end {
                End::Alert => drop(stream.shutdown().await),
                End::Silently => drop(stream),
            }
        }
    })
    .await;
    (address, names)
}

fn ssl_get(address: SocketAddr, options: TlsOptions) -> HttpCheck {
    let hello = HttpUrl { digest: Some(md5(b"hello")), ..url("/") };
    HttpCheck { tls: Some(options), ..get(address, vec![hello]) }
}

#[test]
fn any_certificate_will_do() {
    block_on(async {
        for end in [End::Alert, End::Silently] {
            let (address, _) = tls_server(end).await;
            assert_eq!(probe_http(ssl_get(address, TlsOptions::default())).await, Outcome::SUCCESS);
        }
    });
}

#[test]
fn unless_it_is_to_be_verified() {
    block_on(async {
        let (address, _) = tls_server(End::Alert).await;
        match probe_http(ssl_get(address, TlsOptions { verify: true, ..TlsOptions::default() })).await {
            Outcome::Failure(failure) => assert_eq!(failure.cause, Cause::Tls, "{failure}"),
            // A machine without any root certificate cannot verify, and says so.
            Outcome::Skipped { reason } => assert!(reason.contains("root certificates"), "{reason}"),
            Outcome::Success { .. } => panic!("nobody vouches for that certificate"),
        }
    });
}

#[test]
fn names_are_sent_only_when_asked_for() {
    block_on(async {
        let (address, names) = tls_server(End::Alert).await;
        let virtualhost = Some("www.example.org:8443".to_owned());
        let from_host = TlsOptions { sni_from_virtualhost: true, ..TlsOptions::default() };
        let named = TlsOptions { sni: Some("named.example".into()), ..from_host.clone() };
        for options in [TlsOptions::default(), from_host.clone(), named] {
            let check = HttpCheck { virtualhost: virtualhost.clone(), ..ssl_get(address, options) };
            assert_eq!(probe_http(check).await, Outcome::SUCCESS);
        }
        assert_eq!(probe_http(ssl_get(address, from_host)).await, Outcome::SUCCESS);
        let asked = names.asked.lock().expect("one thread").clone();
        assert_eq!(asked, [None, Some("www.example.org".to_owned()), Some("named.example".to_owned()), None]);
    });
}

#[test]
fn a_server_without_tls_is_a_failure_of_tls() {
    block_on(async {
        let plain = answering(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
        let outcome =
            probe_http(HttpCheck { target: target(plain, SHORT), ..ssl_get(plain, TlsOptions::default()) })
                .await;
        // It waits for the end of a request line that never comes, or is not amused by what it gets.
        let Outcome::Failure(failure) = &outcome else { panic!("{outcome:?}") };
        assert!(matches!(failure.cause, Cause::ResponseTimeout | Cause::Tls), "{failure}");

        let babbling = serve(|mut stream| async move {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
            std::future::pending().await
        })
        .await;
        assert_cause(&probe_http(ssl_get(babbling, TlsOptions::default())).await, Cause::Tls);
        let closing = serve(|mut stream| async move {
            let mut some = [0; 16];
            let _ = stream.read(&mut some).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        assert_cause(&probe_http(ssl_get(closing, TlsOptions::default())).await, Cause::Tls);
    });
}

#[test]
fn a_handshake_that_never_ends_costs_the_timeout() {
    block_on(async {
        let silent = serve(|stream| async move {
            let _open = stream;
            std::future::pending().await
        })
        .await;
        let started = Instant::now();
        let check = HttpCheck { target: target(silent, SHORT), ..ssl_get(silent, TlsOptions::default()) };
        assert_cause(&probe_http(check).await, Cause::ResponseTimeout);
        assert_prompt(started, SHORT);
    });
}

#[test]
fn a_compliant_check_says_good_bye() {
    block_on(async {
        let (acceptor, _) = acceptor();
        let (seen, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |stream| {
            let (acceptor, seen) = (acceptor.clone(), seen.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
                let _ = stream.flush().await;
                // An end without the alert is an error.
                seen.send(stream.read(&mut [0]).await.ok()).expect("the test waits");
            }
        })
        .await;
        let polite = TlsOptions { close_notify: true, ..TlsOptions::default() };
        for version in [HttpVersion::V1_0, HttpVersion::V1_1] {
            let check = HttpCheck { version, ..ssl_get(address, polite.clone()) };
            assert_eq!(probe_http(check).await, Outcome::SUCCESS);
            assert_eq!(ends.recv().await, Some(Some(0)));
        }
    });
}
