//! `track_virtual_server`: a virtual router follows the quorum of a virtual server, without a script.

use lvsd_e2e::{Make, Router, Service, Site, good, ip};
use lvsd_lab::{Need, require, web};
use nix::sys::signal::Signal;
use std::net::SocketAddr;

fn config(priority: u8, weight: &str) -> String {
    let service = Service::tcp("10.0.0.100 80", "DR").server("127.0.0.1 80", Service::CONNECT);
    let router =
        Router::usual(priority).line(&format!("track_virtual_server {{\n  10.0.0.100 80 {weight}\n }}"));
    format!("{}{service}", router.config())
}

/// The real server dies and the router gives way; it is back and so is the router; the death of the checker, which knows, or
/// of the VRRP process, which is told, changes nothing.
#[test]
#[ignore = "needs root and namespaces"]
fn a_router_gives_way_while_its_service_has_no_quorum() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let vip = ip("10.0.0.100");
    let listen: SocketAddr = good("[::]:80".parse());
    let serve = || good(web::Server::on(&one.host, listen, web::Answer::page("here")));
    let server = serve();
    let first = one.start(Make::Lvsd, &config(150, ""));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = two.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");

    drop(server);
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    // Neither knows less after a death.
    first.signal("checkers.pid", Signal::SIGKILL);
    site.wait_adverts(&two, 5);
    first.signal("vrrp.pid", Signal::SIGKILL);
    site.wait_adverts(&two, 5);
    site.alone(&two, &[&one], vip);

    let _server = serve();
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&one, &[&two], vip);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_quorum_weighs() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let vip = ip("10.0.0.100");
    let listen: SocketAddr = good("[::]:80".parse());
    let server = good(web::Server::on(&one.host, listen, web::Answer::page("here")));
    let first = one.start(Make::Lvsd, &config(150, "weight -60"));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = two.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    drop(server);
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&two, &[&one], vip);
}
