//! Connections that come about, or do not.

use lvsd_model::InterfaceName;

use super::*;

/// A listener whose queue is full: it answers no further SYN.
struct BlackHole {
    listener: socket2::Socket,
    waiting: Vec<TcpStream>,
}

impl BlackHole {
    async fn new() -> Self {
        let listener =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback");
        listener.listen(0).expect("a listener");
        let mut hole = Self { listener, waiting: Vec::new() };
        loop {
            let knock = TcpStream::connect(hole.address());
            match tokio::time::timeout(Duration::from_millis(200), knock).await {
                Ok(stream) => hole.waiting.push(stream.expect("a place in the queue")),
                Err(_) => return hole,
            }
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().ok().and_then(|address| address.as_socket()).expect("bound")
    }
}

#[test]
fn a_connection_is_enough() {
    block_on(async {
        let address = serve(|stream| async { drop(stream) }).await;
        assert_eq!(probe(CheckKind::Tcp(target(address, LONG))).await, Outcome::SUCCESS);
    });
}

#[test]
fn refused_is_known_at_once() {
    block_on(async {
        let started = Instant::now();
        assert_cause(&probe(CheckKind::Tcp(target(dead_port(), LONG))).await, Cause::Refused);
        assert!(started.elapsed() < LONG);
    });
}

#[test]
fn a_black_hole_costs_the_connect_timeout() {
    block_on(async {
        let hole = BlackHole::new().await;
        let started = Instant::now();
        assert_cause(&probe(CheckKind::Tcp(target(hole.address(), SHORT))).await, Cause::ConnectTimeout);
        assert_prompt(started, SHORT);
        let check =
            HttpCheck { target: target(hole.address(), SHORT), ..get(hole.address(), vec![url("/")]) };
        assert_cause(&probe_http(check).await, Cause::ConnectTimeout);
    });
}

#[test]
fn what_is_wrong_on_this_host_is_no_failure_of_the_server() {
    block_on(async {
        let address = serve(|stream| async { drop(stream) }).await;
        let elsewhere = Some(SocketAddr::from(([192, 0, 2, 77], 0)));
        let no_such = InterfaceName::new("no-such-if0");
        let checks = [
            Target { bind: elsewhere, ..target(address, LONG) },
            Target { interface: no_such, ..target(address, LONG) },
        ];
        for check in checks {
            let outcome = probe(CheckKind::Tcp(check)).await;
            assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
        }
    });
}

#[test]
fn the_connection_comes_from_where_it_is_bound() {
    block_on(async {
        let (seen, mut from) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |stream| {
            let seen = seen.clone();
            async move { seen.send(stream.peer_addr().expect("connected")).expect("the test waits") }
        })
        .await;
        let port = dead_port().port();
        for bind in [SocketAddr::from(([127, 0, 0, 2], 0)), SocketAddr::from(([127, 0, 0, 3], port))] {
            let check = Target { bind: Some(bind), ..target(address, LONG) };
            assert_eq!(probe(CheckKind::Tcp(check)).await, Outcome::SUCCESS);
            let peer = from.recv().await.expect("a connection");
            assert_eq!(peer.ip(), bind.ip());
            assert!(bind.port() == 0 || peer.port() == bind.port());
        }
    });
}
