//! Servers that come and go gently.

use lvsd_e2e::{Customer, Make, RealServer, Router, Service, Site, Talk, good, start_talker, wait_table};
use lvsd_lab::{Need, require};
use std::net::SocketAddr;

fn service(servers: &[u8]) -> String {
    let service = Service::tcp("10.0.0.100 7", "DR").line("drain_timeout 600");
    let add = |service: Service, number: &u8| service.server(&format!("10.0.0.{number} 7"), Service::CONNECT);
    // A connection that its client has closed is forgotten at once, and not after two minutes.
    let globals = "global_defs {\n lvs_timeouts tcpfin 1\n}\n";
    format!("{globals}{}", servers.iter().fold(service, add))
}

fn lines(servers: &[(u8, u32)]) -> Vec<String> {
    let server =
        |(number, weight): &(u8, u32)| format!("-a -t 10.0.0.100:7 -r 10.0.0.{number}:7 -g -w {weight}");
    std::iter::once("-A -t 10.0.0.100:7 -s rr".to_owned()).chain(servers.iter().map(server)).collect()
}

/// A reload removes a server that somebody is talking to: it gets no new connections, keeps that one through another reload
/// and the death of the process, and is gone once it has ended.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn a_removed_server_keeps_its_connections_and_gets_no_new_ones() {
    require!(Need::Root, Need::Ipvs);
    let site = Site::new();
    let director = site.node("director", 1);
    let customer = Customer::new(&site);
    let servers = [11, 12].map(|number| RealServer::beside(&site, number, &[Router::usual_vip()]));
    for server in &servers {
        start_talker(&server.host, good("[::]:7".parse()), &server.name());
    }
    let config = |numbers: &[u8]| format!("{}{}", Router::usual(150).config(), service(numbers));
    let running = director.start(Make::Lvsd, &config(&[11, 12]));
    running.wait_note("INSTANCE lab MASTER 150");
    wait_table(&director.host, lines(&[(11, 1), (12, 1)]));
    let to: SocketAddr = good("10.0.0.100:7".parse());
    let talk = || good(Talk::begin(customer.host(), to));
    let mut talks = [talk(), talk()];
    talks.sort_by_key(|talk| talk.partner().to_owned());
    let [mut leaving, staying] = talks;
    assert_eq!([leaving.partner(), staying.partner()], ["real 11", "real 12"]);

    running.give(&config(&[12]));
    wait_table(&director.host, lines(&[(11, 0), (12, 1)]));
    for _ in 0..3 {
        assert_eq!(talk().partner(), "real 12");
    }
    assert_eq!(good(leaving.say()), "real 11");
    running.signal("checkers.pid", nix::sys::signal::Signal::SIGKILL);
    running.give(&config(&[12]));
    assert_eq!(good(leaving.say()), "real 11");
    wait_table(&director.host, lines(&[(11, 0), (12, 1)]));
    drop(leaving);
    wait_table(&director.host, lines(&[(12, 1)]));
}
