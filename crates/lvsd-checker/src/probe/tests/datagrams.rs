//! `UDP_CHECK`, and what all checks over datagrams have in common.

use lvsd_model::{InterfaceName, PatternByte, ReplyCheck, UdpCheck};
use tokio::net::UdpSocket;

use super::*;

/// A server that answers each datagram with these.
async fn replying(replies: &'static [&'static [u8]]) -> SocketAddr {
    answering_with(move |_| replies.iter().map(|reply| reply.to_vec()).collect()).await
}

/// A server that answers each datagram with what `answer` makes of it.
pub(super) async fn answering_with(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
    let address = socket.local_addr().expect("bound");
    tokio::task::spawn_local(async move {
        let mut buffer = [0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for reply in answer(&buffer[..length]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    address
}

/// A port of datagrams that nobody listens on.
pub(super) fn dead_udp_port() -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.local_addr().expect("bound")
}

fn udp(address: SocketAddr, timeout: Duration) -> UdpCheck {
    UdpCheck { target: target(address, timeout), payload: None, reply: None }
}

fn exactly(bytes: &[u8]) -> ReplyCheck {
    let pattern = bytes.iter().map(|&value| PatternByte { value, mask: 0xff }).collect();
    ReplyCheck { pattern, min_length: 2, max_length: 8 }
}

async fn probe_udp(check: UdpCheck) -> Outcome {
    probe(CheckKind::Udp(Box::new(check))).await
}

#[test]
fn silence_is_consent_unless_a_reply_is_required() {
    block_on(async {
        let silent = replying(&[]).await;
        let started = Instant::now();
        assert_eq!(probe_udp(udp(silent, SHORT)).await, Outcome::SUCCESS);
        assert_prompt(started, SHORT);
        let strict = UdpCheck { reply: Some(exactly(b"")), ..udp(silent, SHORT) };
        assert_failure(&probe_udp(strict).await, Cause::ResponseTimeout, "no reply");
    });
}

#[test]
fn an_icmp_error_is_known_at_once() {
    block_on(async {
        let v6 = std::net::UdpSocket::bind("[::1]:0").and_then(|socket| socket.local_addr()).ok();
        for address in [Some(dead_udp_port()), v6].into_iter().flatten() {
            let started = Instant::now();
            let outcome = probe_udp(udp(address, LONG)).await;
            assert_failure(&outcome, Cause::Refused, "ICMP port unreachable");
            assert!(started.elapsed() < LONG);
        }
    });
}

#[test]
fn any_reply_ends_the_wait() {
    block_on(async {
        let address = replying(&[b"x"]).await;
        let started = Instant::now();
        assert_eq!(probe_udp(udp(address, LONG)).await, Outcome::SUCCESS);
        assert!(started.elapsed() < LONG);
    });
}

#[test]
fn the_payload_arrives_as_it_is_configured() {
    block_on(async {
        let address = answering_with(|request| vec![request.to_vec()]).await;
        let echoed = |payload: &[u8], pattern: &[u8]| UdpCheck {
            payload: Some(payload.to_vec()),
            reply: Some(exactly(pattern)),
            ..udp(address, LONG)
        };
        assert_eq!(probe_udp(echoed(&[0, 255, 7], &[0, 255, 7])).await, Outcome::SUCCESS);
        assert_eq!(probe_udp(echoed(&[0, 255, 7], &[0, 255])).await, Outcome::SUCCESS, "the shorter decides");
        let outcome = probe_udp(echoed(&[0, 254, 7], &[0, 255, 7])).await;
        assert_failure(&outcome, Cause::Content, "departs from require_reply at byte 1: fe");
    });
}

#[test]
fn replies_have_a_length() {
    block_on(async {
        let cases: [(&'static [u8], _); 4] = [
            (b"", "has 0 bytes, less than 2"),
            (b"1", "has 1 bytes, less than 2"),
            (b"123456789", "longer than 8 bytes"),
            (&[b'x'; 60_000], "longer than 8 bytes"),
        ];
        for (reply, detail) in cases {
            let address = answering_with(move |_| vec![reply.to_vec()]).await;
            let check = UdpCheck { reply: Some(exactly(b"")), ..udp(address, LONG) };
            assert_failure(&probe_udp(check).await, Cause::Content, detail);
        }
        let right = UdpCheck { reply: Some(exactly(b"")), ..udp(replying(&[b"12345678"]).await, LONG) };
        assert_eq!(probe_udp(right).await, Outcome::SUCCESS);
    });
}

#[test]
fn what_is_wrong_on_this_host_is_no_failure_of_the_server() {
    block_on(async {
        let address = replying(&[b"x"]).await;
        let here = || target(address, SHORT);
        let elsewhere = Some(SocketAddr::from(([192, 0, 2, 77], 0)));
        let checks = [
            UdpCheck { target: Target { bind: elsewhere, ..here() }, ..udp(address, SHORT) },
            UdpCheck {
                target: Target { interface: InterfaceName::new("no-such-if0"), ..here() },
                ..udp(address, SHORT)
            },
            UdpCheck { payload: Some(vec![0; 65_600]), ..udp(address, SHORT) },
        ];
        for check in checks {
            let outcome = probe_udp(check).await;
            assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
        }
    });
}

#[test]
fn the_datagram_comes_from_where_it_is_bound() {
    block_on(async {
        let (seen, mut from) = tokio::sync::mpsc::unbounded_channel();
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
        let address = socket.local_addr().expect("bound");
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(b"seen", from).await;
                seen.send(from).expect("the test waits");
            }
        });
        let port = dead_udp_port().port();
        for bind in [SocketAddr::from(([127, 0, 0, 2], 0)), SocketAddr::from(([127, 0, 0, 3], port))] {
            let check = UdpCheck {
                target: Target { bind: Some(bind), ..target(address, LONG) },
                ..udp(address, LONG)
            };
            assert_eq!(probe_udp(check).await, Outcome::SUCCESS);
            let peer = from.recv().await.expect("a datagram");
            assert_eq!(peer.ip(), bind.ip());
            assert!(bind.port() == 0 || peer.port() == bind.port());
        }
    });
}
