//! What others send that must do no harm: strangers with another password, and garbage.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good};
use lvsd_lab::{Host, Need, require, until, web};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, SystemTime},
};

const VRRP: i32 = 112;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

fn with_password(priority: u8, password: &str) -> String {
    let auth = format!("authentication {{\n auth_type PASS\n auth_pass {password}\n }}");
    Router::usual(priority).version(2).interval(Duration::from_secs(1)).line(&auth).config()
}

/// A stranger of better priority, which goes its own way; the one at home stays. Not so with the peer, which lets
/// adverts that it does not believe put off its own.
#[track_caller]
fn is_ignored(home: &str, stranger: &str) {
    let site = Site::new();
    let [node, other] = [site.node("home", 1), site.node("stranger", 9)];
    let director = node.start(Make::Lvsd, home);
    director.wait_note("INSTANCE lab MASTER 100");
    good(other.link.cut());
    let strange = other.start(Make::Lvsd, stranger);
    strange.wait_note("INSTANCE lab MASTER 200");
    good(other.link.mend());
    site.wait_adverts(&other, 3);
    let after = SystemTime::now();
    site.wait_advert(after, &node, "another advert", |advert| advert.priority == 100);
    assert!(node.holds(Router::usual_vip()));
    assert_eq!(director.notes(), ["INSTANCE lab BACKUP 100", "INSTANCE lab MASTER 100"]);
    assert!(!rejected(&node).is_empty(), "nothing was counted as rejected");
}

/// The causes for which adverts were rejected.
fn rejected(node: &Node) -> Vec<String> {
    let target = web::Target::Http { address: good("127.0.0.1:9165".parse()), path: "/metrics".to_owned() };
    let page = good(web::Client::new(target).fetch_from(&node.host));
    let lines = page
        .lines()
        .filter(|line| line.starts_with("lvsd_vrrp_adverts_rejected_total{") && !line.ends_with(" 0"));
    lines.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stranger_with_another_password_is_ignored() {
    require!(Need::Root);
    is_ignored(&with_password(100, "sesame"), &with_password(200, "guess"));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stranger_of_another_version_is_ignored() {
    require!(Need::Root);
    is_ignored(&Router::usual(100).config(), &with_password(200, "sesame"));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stranger_with_another_interval_is_ignored_in_version_2() {
    require!(Need::Root);
    let slow = Router::usual(200).version(2).interval(Duration::from_secs(2)).config();
    let home = Router::usual(100).version(2).interval(Duration::from_secs(1)).config();
    is_ignored(&home, &slow);
}

/// A stream of numbers that is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // Xorshift, for its brevity.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("below a limit that is one")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }

    /// An advert of the best priority, mutilated: cut, stretched, and with bytes of chance. Its checksum is never right
    /// but by chance.
    fn garbage(&mut self) -> Vec<u8> {
        let versions: [u8; 6] = [0x31, 0x21, 0x11, 0x41, 0x32, 0x00];
        let mut bytes = vec![versions[self.below(6)], 51, 254, 1, 0, 10, 0xde, 0xad, 10, 0, 0, 100];
        bytes.resize(self.below(64), self.0.to_be_bytes()[0]);
        for _ in 0..self.below(4) {
            let length = bytes.len();
            if length > 0 {
                let place = self.below(length);
                bytes[place] = self.byte();
            }
        }
        bytes
    }
}

/// Throws that many pieces of garbage at the group.
fn throw(host: &Host, count: usize) {
    let socket = good(good(host.enter(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(VRRP))))));
    good(socket.set_multicast_ttl_v4(255));
    good(socket.set_multicast_if_v4(&Ipv4Addr::new(10, 0, 0, 9)));
    let group = SockAddr::from(SocketAddrV4::new(GROUP, 0));
    let mut dice = Dice(0x5eed);
    for _ in 0..count {
        // A full queue of the device is no failure of the one who is thrown at.
        let _ = socket.send_to(&dice.garbage(), &group);
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn garbage_does_no_harm() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let stranger = site.node("stranger", 9);
    let first = better.start(Make::Lvsd, &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let children = [first.child("vrrp.pid"), second.child("vrrp.pid")];
    throw(&stranger.host, 3_000);
    site.settled(SystemTime::now(), &better, &[&other], Router::usual_vip());
    assert_eq!([first.child("vrrp.pid"), second.child("vrrp.pid")], children);
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
    good(until(SOON, "garbage counted", || rejected(&better).len() >= 3));
}
