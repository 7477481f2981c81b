//! `PING_CHECK` on loopback, where the kernel answers.

use std::net::Ipv6Addr;

use super::*;

#[test]
#[ignore = "needs root"]
fn net_an_echo_comes_back() {
    block_on(async {
        for address in [SocketAddr::from(([127, 0, 0, 1], 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
            assert_eq!(probe(CheckKind::Ping(target(address, LONG))).await, Outcome::SUCCESS);
        }
    });
}

#[test]
#[ignore = "needs root"]
fn net_an_echo_comes_back_to_where_it_was_sent_from() {
    block_on(async {
        let bind = Some(SocketAddr::from(([127, 0, 0, 2], 0)));
        let check = Target { bind, ..target(SocketAddr::from(([127, 0, 0, 1], 0)), LONG) };
        assert_eq!(probe(CheckKind::Ping(check)).await, Outcome::SUCCESS);
    });
}
