//! Adverts that are signed: pairs that agree change places as others do, and strangers are not believed, and named.

use lvsd_e2e::{Make, Node, Router, Site, Wire, good, in_parallel};
use lvsd_lab::{Need, require};
use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt, time::SystemTime};

const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "hex:404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";

fn vip() -> IpAddr {
    Router::usual_vip()
}

fn signed(priority: u8, lines: &str) -> String {
    Router::usual(priority).line(&format!("auth_hmac {{\n {lines}\n }}")).config()
}

fn one_key(priority: u8) -> String {
    signed(priority, &format!("key 1 {OLD}\n active_key 1"))
}

/// The key id of the last advert that a node sent: behind an Ethernet and an IPv4 header and an advert for one address.
fn last_key(site: &Site, node: &Node) -> Option<u8> {
    let frames = site.seen.frames();
    let last = frames.iter().rev().find(|frame| node.sent(frame) && frame.advert().is_some())?;
    last.bytes.get(14 + 20 + 12 + 1).copied()
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_signed_pair_changes_places() {
    require!(Need::Root);
    let signed = Wire::ALL.into_iter().filter(|wire| wire.version == 3);
    in_parallel(signed.collect(), 4, changes_places);
}

fn changes_places(wire: &Wire) {
    let site = Site::new();
    let [better, other] = [site.node("better", 1), site.node("other", 2)];
    let config = |me, peer, priority| {
        let router = wire.router(me, peer, priority);
        router.line(&format!("auth_hmac {{\n key 1 {OLD}\n active_key 1\n }}")).config()
    };
    let vip = wire.vips()[0];
    let mut first = better.start(Make::Lvsd, &config(&better, &other, 150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &config(&other, &better, 100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.settled(SystemTime::now(), &better, &[&other], vip);
    let stop = SystemTime::now();
    first.finish();
    site.wait_advert(stop, &better, "its resignation", |advert| advert.priority == 0);
    second.wait_note("INSTANCE lab MASTER 100");
    let back = SystemTime::now();
    let _first = better.start(Make::Lvsd, &config(&better, &other, 150));
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(back, &better, &[&other], vip);
}

/// New key to all, then active at one after the other, then the old one is gone: nobody loses anybody.
#[test]
#[ignore = "needs root and namespaces"]
fn keys_are_exchanged_under_way() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::Lvsd, &one_key(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &one_key(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.settled(SystemTime::now(), &better, &[&other], vip());
    assert_eq!(last_key(&site, &better), Some(1));

    let both =
        |priority, active| signed(priority, &format!("key 1 {OLD}\n key 2 {NEW}\n active_key {active}"));
    let path = |director: &lvsd_e2e::Running| {
        let path = director.home().join("key");
        good(fs::write(&path, format!("{NEW}\n")));
        good(fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
    };
    path(&first);
    path(&second);
    let last = |priority| signed(priority, "key 2 file:%HOME%/key\n active_key 2");
    for step in 0..3 {
        for (director, priority) in [(&second, 100), (&first, 150)] {
            director.give(&match step {
                0 => both(priority, 1),
                1 => both(priority, 2),
                _ => last(priority),
            });
            site.wait_adverts(&better, 4);
        }
    }
    assert_eq!(last_key(&site, &better), Some(2));
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"], "it heard its master all the time");
    assert_eq!(site.adverts(&other), []);
}

/// One node without the key: neither believes the other, and both say why.
#[test]
#[ignore = "needs root and namespaces"]
fn who_does_not_sign_is_named() {
    require!(Need::Root);
    let (_site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::Lvsd, &one_key(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab MASTER 100");
    good(first.wait_log("not signed", lvsd_e2e::SOON));
    good(second.wait_log("length does not fit", lvsd_e2e::SOON));
    assert_eq!(first.notes().last().map(String::as_str), Some("INSTANCE lab MASTER 150"));
    second.give(&one_key(100));
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    assert!(!other.holds(vip()));
}

/// A password that others of the segment do not have, and a packet that was there before.
#[test]
#[ignore = "needs root and namespaces"]
fn an_authentication_header_with_another_password_is_named() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let config = |priority, password: &str| {
        let router = Router::usual(priority).version(2).interval(std::time::Duration::from_secs(1));
        router.line(&format!("authentication {{\n auth_type AH\n auth_pass {password}\n }}")).config()
    };
    let first = better.start(Make::Lvsd, &config(150, "sesame"));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::Lvsd, &config(100, "sesamo"));
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log("wrong password", lvsd_e2e::SOON));
    let agreed = SystemTime::now();
    second.give(&config(100, "sesame"));
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(agreed, &better, &[&other], vip());
}
