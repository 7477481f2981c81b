//! The radar on a virtual clock: what is on the wire, what reaches the election, and what is said about the difference.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{AdvertInterval, Auth, Family, Instance, Transport, Version, VrrpConfig};
use lvsd_vrrp::Time;
use lvsd_vrrp::radar::{
    Arrival, AuthSeen, Finding, MacAddress, NEIGHBOURS, Overheard, Place, Radar, Relation, Sighting,
    Standing, Unsent, What, Wrapping, parse,
};
use lvsd_vrrp::wire::OutgoingAdvert;
use proptest::prelude::*;
use support::{SECOND, at, instance, ip, link, millis, only, unicast, vip};

const THEIR_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
const PEER: &str = "10.0.0.2";
const OURS: &str = "10.0.0.1";

/// An IPv4 packet of protocol 112 with an advert of that instance.
fn packet(config: &Instance, source: &str, destination: &str, ttl: u8, priority: u8) -> Vec<u8> {
    let (source, destination) = (ip(source), ip(destination));
    let mut payload = Vec::new();
    OutgoingAdvert::new(source, priority).emit(config, destination, &mut payload);
    let octets = |address| match address {
        std::net::IpAddr::V4(address) => address.octets(),
        std::net::IpAddr::V6(_) => panic!("IPv4 here"),
    };
    let length = u16::try_from(20 + payload.len()).expect("short").to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, ttl, 112, 0, 0];
    packet.extend(octets(source));
    packet.extend(octets(destination));
    packet.extend(payload);
    packet
}

/// A host with a radar, and a clock.
struct Bench {
    radar: Radar,
    now: Duration,
    standing: Standing,
    arrived: Vec<Arrival>,
    listening: bool,
}

impl Bench {
    fn new(config: VrrpConfig) -> Self {
        let standing = Standing {
            instance: config.instances[0].name.clone(),
            master_since: None,
            source: Some(ip(OURS)),
            sent: 0,
            unsent: None,
        };
        let mut radar = Radar::default();
        radar.configure(Time::ZERO, Arc::new(config));
        let mut bench = Self { radar, now: Duration::ZERO, standing, arrived: Vec::new(), listening: true };
        bench.look();
        bench.look();
        bench
    }

    fn time(&self) -> Time {
        at(self.now)
    }

    /// An advert on the wire.
    fn wire(&mut self, config: &Instance, source: &str, priority: u8) {
        self.wire_packet(&packet(config, source, "224.0.0.18", 255, priority));
    }

    fn wire_packet(&mut self, packet: &[u8]) {
        let overheard = parse(0x0800, packet).expect("of interest");
        self.radar.overhear(self.time(), &link("eth0"), Some(THEIR_MAC), &overheard);
    }

    /// It reaches the election, too.
    fn arrive(&mut self, source: &str, vrid: u8) {
        self.arrived.push(Arrival { interface: link("eth0"), source: ip(source), vrid });
    }

    /// The election is asked; gives what has begun.
    fn look(&mut self) -> Vec<Finding> {
        let place = Place { interface: link("eth0"), family: Family::V4, wrapping: Wrapping::Plain };
        let listening = if self.listening { BTreeSet::from([place]) } else { BTreeSet::new() };
        let arrived = std::mem::take(&mut self.arrived);
        self.radar.compare(self.time(), listening, &arrived, vec![self.standing.clone()]);
        self.radar.judge(self.time()).begun
    }

    /// Seconds in which the neighbour advertises, heard by the election or not.
    fn seconds(
        &mut self,
        count: u32,
        config: &Instance,
        source: &str,
        priority: u8,
        heard: bool,
    ) -> Vec<Finding> {
        let mut begun = Vec::new();
        for _ in 0..count {
            self.now += SECOND;
            self.wire(config, source, priority);
            if heard {
                self.arrive(source, config.vrid.get());
            }
            begun.extend(self.look());
        }
        begun
    }

    fn stands(&self) -> Vec<&'static str> {
        self.radar.findings().map(|(finding, _)| finding.what.kind()).collect()
    }
}

fn lab(priority: u8) -> Instance {
    instance("lab", 51, priority)
}

fn bench() -> Bench {
    Bench::new(only(lab(100)))
}

#[test]
fn adverts_that_do_not_arrive_are_told_of_within_three_intervals() {
    let mut bench = bench();
    assert_eq!(bench.seconds(3, &lab(150), PEER, 150, true), []);
    let begun = bench.seconds(2, &lab(150), PEER, 150, false);
    let [finding] = begun.as_slice() else { panic!("one finding: {begun:?}") };
    assert_eq!((finding.instance.as_str(), finding.source), ("lab", Some(ip(PEER))));
    let What::Swallowed { destination, ah: false, missed: 2 } = finding.what else { panic!("{finding:?}") };
    assert_eq!(destination, ip("224.0.0.18"));
    assert!(finding.to_string().contains("tcpdump"), "{finding}");
    bench.seconds(3, &lab(150), PEER, 150, false);
    assert_eq!(bench.radar.counters().swallowed, 5);
    // The rule is gone.
    assert_eq!(bench.seconds(1, &lab(150), PEER, 150, true), []);
    assert_eq!(bench.stands(), [""; 0]);
}

#[test]
fn one_advert_that_is_still_on_its_way_is_nothing() {
    let mut bench = bench();
    for _ in 0..20 {
        assert_eq!(bench.seconds(1, &lab(150), PEER, 150, false), []);
        assert_eq!(bench.seconds(1, &lab(150), PEER, 150, true), []);
    }
    assert_eq!(bench.radar.counters().swallowed, 0);
}

#[test]
fn nothing_is_missed_where_nobody_listens() {
    let mut bench = bench();
    bench.listening = false;
    assert_eq!(bench.seconds(5, &lab(150), PEER, 150, false), []);
    // A socket that has just been opened has not heard what came before.
    bench.listening = true;
    assert_eq!(bench.look(), []);
    // Adverts to a group that we are not in, and for virtual routers that are not ours, do not have to arrive.
    let mut elsewhere = lab(150);
    elsewhere.transport = Transport::Multicast { group: ip("224.0.0.99") };
    for _ in 0..5 {
        bench.now += SECOND;
        bench.wire_packet(&packet(&elsewhere, "10.0.0.3", "224.0.0.99", 255, 150));
        bench.wire(&instance("other", 52, 150), "10.0.0.4", 150);
        assert_eq!(bench.look(), []);
    }
}

#[test]
fn swallowed_unicast_is_told_of_too() {
    let mut bench = Bench::new(only(unicast(lab(100), &[PEER])));
    let theirs = unicast(lab(150), &[OURS]);
    let mut begun = Vec::new();
    for _ in 0..3 {
        bench.now += SECOND;
        bench.wire_packet(&packet(&theirs, PEER, OURS, 64, 150));
        begun.extend(bench.look());
    }
    let [Finding { what: What::Swallowed { destination, .. }, .. }] = begun.as_slice() else {
        panic!("{begun:?}")
    };
    assert_eq!(*destination, ip(OURS));
}

/// What a neighbour's configuration differs in.
#[track_caller]
fn differs(ours: Instance, theirs: &Instance, ttl: u8) -> Vec<What> {
    let mut bench = Bench::new(only(ours));
    let mut begun = Vec::new();
    for _ in 0..5 {
        bench.now += SECOND;
        bench.wire_packet(&packet(theirs, PEER, "224.0.0.18", ttl, 90));
        bench.arrive(PEER, theirs.vrid.get());
        begun.extend(bench.look());
    }
    begun.into_iter().map(|finding| finding.what).collect()
}

#[test]
fn each_difference_of_a_neighbour_is_named_once() {
    assert_eq!(differs(lab(100), &lab(90), 255), []);
    let v2 = |auth: Option<Auth>| Instance { version: Version::V2, auth, ..lab(90) };
    assert_eq!(differs(lab(100), &v2(None), 255), [What::OtherVersion { theirs: 2, ours: 3 }]);
    let pass = |password: &[u8; 8]| v2(Some(Auth::Pass(*password)));
    assert_eq!(
        differs(v2(None), &pass(b"sesame\0\0"), 255),
        [What::OtherAuth { theirs: AuthSeen::Pass, ours: AuthSeen::None }]
    );
    assert_eq!(differs(pass(b"sesame\0\0"), &pass(b"sesam\0\0\0"), 255), [What::OtherPassword]);
    assert_eq!(differs(pass(b"sesame\0\0"), &pass(b"sesame\0\0"), 255), []);
    let slow = Instance { advert_interval: AdvertInterval::v3(300).expect("in range"), ..lab(90) };
    assert_eq!(differs(lab(100), &slow, 255), [What::OtherInterval { theirs: 300, ours: 100 }]);
    assert_eq!(differs(lab(100), &lab(90), 254), [What::OtherTtl { ttl: 254, least: 255 }]);
    let mut drifted = lab(90);
    drifted.addresses.push(vip("10.0.1.77"));
    let extra = What::AddressDrift { lacking: vec![], extra: vec![ip("10.0.1.77")] };
    assert_eq!(differs(lab(100), &drifted, 255), [extra]);
    let lacking = What::AddressDrift { lacking: vec![ip("10.0.1.77")], extra: vec![] };
    assert_eq!(differs(drifted, &lab(90), 255), [lacking]);
    let renumbered = Instance { addresses: lab(1).addresses, ..instance("lab", 60, 90) };
    let what = What::OtherVrid { ours: 51, shared: vec![ip("10.0.1.51")] };
    assert_eq!(differs(lab(100), &renumbered, 255), [what]);
}

#[test]
fn a_stranger_with_our_number_is_named_at_its_first_advert() {
    let mut bench = bench();
    let stranger = Instance { addresses: vec![vip("192.168.7.1")], ..lab(200) };
    bench.now += millis(300);
    bench.wire(&stranger, "10.0.0.9", 200);
    let begun = bench.look();
    let [finding] = begun.as_slice() else { panic!("{begun:?}") };
    assert_eq!(finding.what, What::Collision { addresses: vec![ip("192.168.7.1")], free: Some(1) });
    let relations: Vec<_> = bench.radar.neighbours().map(|(_, _, relation)| relation).collect();
    assert!(matches!(relations.as_slice(), [Relation::Stranger(config)] if config.name == "lab"));
}

#[test]
fn a_free_vrid_is_one_that_nobody_uses() {
    let ours = [1, 2].map(|vrid| instance(&format!("vi{vrid}"), vrid, 100));
    let mut bench = Bench::new(VrrpConfig { instances: ours.to_vec(), ..VrrpConfig::default() });
    bench.wire(&instance("theirs", 3, 100), PEER, 100);
    bench.wire(&instance("theirs", 5, 100), PEER, 100);
    assert_eq!(bench.radar.segments().map(|segment| segment.free_vrid).collect::<Vec<_>>(), [Some(4)]);
}

#[test]
fn two_masters_are_told_of_when_none_gives_way() {
    let mut bench = bench();
    bench.standing.master_since = Some(bench.time());
    // Who comes and finds a better master says a word or two.
    bench.seconds(2, &lab(50), PEER, 50, true);
    assert_eq!(bench.stands(), [""; 0]);
    bench.now += SECOND * 10;
    bench.look();
    let begun = bench.seconds(6, &lab(50), PEER, 50, true);
    assert_eq!(begun.iter().map(|one| &one.what).collect::<Vec<_>>(), [&What::TwoMasters { other: None }]);
    bench.now += SECOND * 10;
    bench.look();
    assert_eq!(bench.stands(), [""; 0], "the other has fallen silent");
}

#[test]
fn two_masters_are_seen_by_a_backup_too() {
    let mut bench = bench();
    for _ in 0..8 {
        bench.now += SECOND;
        for (source, priority) in [(PEER, 150), ("10.0.0.3", 120)] {
            bench.wire(&lab(priority), source, priority);
            bench.arrive(source, 51);
        }
        bench.look();
    }
    let found: Vec<_> =
        bench.radar.findings().map(|(finding, _)| (finding.source, finding.what.clone())).collect();
    assert_eq!(found, [(Some(ip("10.0.0.3")), What::TwoMasters { other: Some(ip(PEER)) })]);
}

#[test]
fn a_vip_that_somebody_else_answers_for_is_told_of() {
    let foreign = MacAddress([2, 0, 0, 0, 0, 9]);
    let binding = |mac| Overheard::Binding { address: ip("10.0.1.51"), mac };
    let mut bench = bench();
    bench.standing.master_since = Some(bench.time());
    // Of the master before us, on its way until now.
    bench.radar.overhear(bench.time(), &link("eth0"), None, &binding(foreign));
    assert_eq!(bench.look(), []);
    bench.now += SECOND * 2;
    bench.radar.overhear(bench.time(), &link("eth0"), None, &binding(foreign));
    let begun = bench.look();
    let [Finding { what: What::OtherMac { address, mac, master: None }, .. }] = begun.as_slice() else {
        panic!("{begun:?}")
    };
    assert_eq!((*address, *mac), (ip("10.0.1.51"), foreign));
    // A backup compares with the master.
    let mut bench = self::bench();
    bench.seconds(4, &lab(150), PEER, 150, true);
    for right in [THEIR_MAC, MacAddress([0, 0, 0x5e, 0, 1, 51])] {
        bench.radar.overhear(bench.time(), &link("eth0"), None, &binding(right));
        assert_eq!(bench.look(), []);
    }
    bench.radar.overhear(bench.time(), &link("eth0"), None, &binding(foreign));
    assert_eq!(bench.look().len(), 1);
}

#[test]
fn adverts_of_ours_that_do_not_leave_are_told_of() {
    let mut bench = bench();
    bench.standing.master_since = Some(bench.time());
    let sighted = packet(&lab(100), OURS, "224.0.0.18", 255, 100);
    let Some(Overheard::Advert(sighting)) = parse(0x0800, &sighted) else { panic!("an advert") };
    let second = |bench: &mut Bench, sighting: Option<&Sighting<'_>>| {
        bench.now += SECOND;
        bench.standing.sent += 1;
        if let Some(sighting) = sighting.filter(|_| bench.radar.watches_departures(&link("eth0"))) {
            bench.radar.left(&link("eth0"), sighting);
        }
        bench.look()
    };
    for _ in 0..70 {
        assert_eq!(second(&mut bench, Some(&sighting)), []);
    }
    // After a while it looks again, and sees none.
    let begun: Vec<_> = (0..70).flat_map(|_| second(&mut bench, None)).collect();
    assert!(
        matches!(begun.as_slice(), [Finding { what: What::NotLeaving { error: None, .. }, .. }]),
        "{begun:?}"
    );
    for _ in 0..15 {
        second(&mut bench, Some(&sighting));
        assert_eq!(bench.stands(), [""; 0]);
    }
    // What the kernel refuses is told at once.
    bench.standing.unsent = Some(Unsent { error: "Operation not permitted".to_owned(), refused: true });
    let begun = second(&mut bench, None);
    assert!(
        matches!(begun.as_slice(), [Finding { what: What::NotLeaving { refused: true, .. }, .. }]),
        "{begun:?}"
    );
}

#[test]
fn a_packet_with_our_own_address_is_no_neighbour() {
    let mut bench = bench();
    bench.standing.master_since = Some(bench.time());
    let begun = bench.seconds(6, &lab(100), OURS, 100, false);
    assert_eq!(begun.iter().map(|one| one.what.kind()).collect::<Vec<_>>(), ["own_address"]);
}

#[test]
fn what_is_not_heard_any_more_is_forgotten() {
    let mut bench = bench();
    bench.seconds(5, &lab(90), PEER, 90, true);
    bench.wire(&lab(90), "10.0.0.3", 90);
    let heard = |bench: &Bench| bench.radar.neighbours().count();
    assert_eq!(heard(&bench), 2);
    bench.now += SECOND * 60;
    bench.look();
    assert_eq!(heard(&bench), 1, "one advert is soon forgotten");
    bench.now += SECOND * 180;
    bench.look();
    assert_eq!(heard(&bench), 0);
}

#[test]
fn a_neighbour_of_a_thousand_faces_fills_neither_table_nor_log() {
    let mut bench = bench();
    let mut told = 0;
    for face in 0..2000_u32 {
        bench.now += millis(1);
        let source = std::net::Ipv4Addr::from(0x0a05_0000 + face).to_string();
        let stranger = Instance { addresses: vec![vip("192.168.7.1")], ..lab(200) };
        bench.wire(&stranger, &source, 200);
        told += if face % 50 == 0 { bench.look().len() } else { 0 };
    }
    assert!(told <= 40, "{told} were told");
    assert_eq!(bench.radar.neighbours().count(), NEIGHBOURS);
    assert!(bench.radar.counters().overflow > 1000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is on the wire: no panic, and bounded tables.
    #[test]
    fn rubbish_does_no_harm(packets in prop::collection::vec(
        (prop::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x1234]), prop::collection::vec(any::<u8>(), 0..120), any::<[u8; 4]>()),
        1..20,
    )) {
        let mut bench = bench();
        for (ethertype, octets, changes) in packets {
            bench.now += millis(100);
            let mut real = packet(&lab(100), PEER, "224.0.0.18", 255, 100);
            let places = real.len();
            for (index, change) in changes.chunks(2).enumerate() {
                real[(usize::from(change[0]) + index) % places] ^= change[1];
            }
            for octets in [octets, real] {
                if let Some(overheard) = parse(ethertype, &octets) {
                    bench.radar.overhear(bench.time(), &link("eth0"), Some(THEIR_MAC), &overheard);
                }
            }
            for finding in bench.look() {
                prop_assert!(!finding.to_string().is_empty());
            }
        }
        prop_assert!(bench.radar.neighbours().count() <= 80);
    }
}
