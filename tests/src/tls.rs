//! A page behind TLS.

use crate::good;
use lvsd_lab::Host;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// An HTTPS server with a certificate that nobody vouches for; it serves as long as this process lives.
#[derive(Clone, Debug)]
pub struct TlsPage(Arc<Mutex<String>>);

impl TlsPage {
    /// Serves this page, under every path, on an address of a host.
    pub fn on(host: &Host, listen: SocketAddr, page: &str) -> Self {
        let listener = good(good(host.enter(|| TcpListener::bind(listen))));
        let config = Arc::new(config());
        let this = Self(Arc::new(Mutex::new(page.to_owned())));
        let server = this.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (server, config) = (server.clone(), Arc::clone(&config));
                thread::spawn(move || server.answer(stream, config));
            }
        });
        this
    }

    /// Serves another page from now on.
    pub fn change(&self, page: &str) {
        page.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn answer(&self, stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut lines = BufReader::new(StreamOwned::new(connection, stream));
        let mut line = String::new();
        while lines.read_line(&mut line)? > 2 {
            line.clear();
        }
        let page = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stream = lines.get_mut();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )?;
        stream.conn.send_close_notify();
        stream.flush()
    }
}

fn config() -> ServerConfig {
    let certified = good(rcgen::generate_simple_self_signed(vec!["www.example.org".to_owned()]));
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = good(ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions());
    good(versions.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key))
}
