//! Authentication: what is sent is believed once, and nothing else is.

mod support;

use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    AntiReplay, Auth, Family, HmacAuth, HmacKey, HmacMode, Instance, KeyId, OldUnicastChecksum, Transport,
    Version,
};
use lvsd_vrrp::wire::{
    AddressCheck, Carrier, Envelope, Guard, OutgoingAdvert, Reject, RxMeta, Signer, check,
};
use lvsd_vrrp::{Reception, State, Time, WallTime};
use proptest::prelude::*;
use support::{HIGH, Host, OWN, at, instance, ip, link, millis, only, unicast, vip};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const SOURCE: &str = "10.9.0.1";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn key(id: u8, secret: &[u8]) -> HmacKey {
    HmacKey::new(KeyId::new(id).expect("not 0"), secret.to_vec()).expect("of the right length")
}

fn hmac(keys: Vec<HmacKey>, active: u8) -> HmacAuth {
    HmacAuth {
        keys,
        active: KeyId::new(active).expect("not 0"),
        window: 5,
        anti_replay: AntiReplay::Time,
        mode: HmacMode::Enforce,
    }
}

fn plain_hmac() -> HmacAuth {
    hmac(vec![key(5, SECRET)], 5)
}

fn signed(auth: HmacAuth) -> Instance {
    let mut config = instance("signed", 2, 255);
    config.addresses = vec![vip("10.9.0.102"), vip("10.9.0.103")];
    config.auth = Some(Auth::Hmac(auth));
    config
}

fn with_ah(password: &[u8; 8]) -> Instance {
    let mut config = instance("ah", 2, 150);
    config.version = Version::V2;
    config.auth = Some(Auth::Ah(*password));
    config
}

fn wall(seconds: u64) -> WallTime {
    WallTime::after_epoch(Duration::from_secs(seconds))
}

/// A router that sends; its packets come as they left.
struct Sender {
    config: Instance,
    source: IpAddr,
    signer: Signer,
}

impl Sender {
    fn new(config: Instance, source: &str) -> Self {
        Self { config, source: ip(source), signer: Signer::default() }
    }

    fn packet(&mut self, at: WallTime, destination: &str) -> (RxMeta, Vec<u8>) {
        let (destination, hops, identification) = (ip(destination), 255, 7);
        let mut packet = Vec::new();
        self.signer.begin(&self.config, at);
        let envelope = Envelope { destination, identification, hops };
        self.signer.emit(&OutgoingAdvert::new(self.source, 100), &self.config, &envelope, &mut packet);
        let carrier = match self.config.auth {
            Some(Auth::Ah(_)) => Carrier::Ah { header: Some(self.header(&envelope, packet.len())) },
            _ => Carrier::Plain,
        };
        (RxMeta { wall: at, carrier, ..RxMeta::new(self.source, destination, hops) }, packet)
    }

    /// As a socket gives it, with what the kernel fills in.
    fn header(&self, envelope: &Envelope, length: usize) -> [u8; 20] {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (self.source, envelope.destination) else {
            panic!("AH is for IPv4");
        };
        let length = u8::try_from(20 + length).expect("short");
        let mut header =
            [0x45, 0xc0, 0, length, 0, 7, 0, 0, envelope.hops, 51, 0xab, 0xcd, 0, 0, 0, 0, 0, 0, 0, 0];
        header[12..16].copy_from_slice(&source.octets());
        header[16..].copy_from_slice(&destination.octets());
        header
    }
}

fn judge(config: &Instance, guard: &mut Guard, (meta, packet): &(RxMeta, Vec<u8>)) -> Result<u8, Reject> {
    check(config, Time::ZERO, meta, packet, AddressCheck::Compare, guard)
        .map(|checked| checked.advert.priority)
}

/// Captured from keepalived 2.4.3.
fn captured() -> (RxMeta, Vec<u8>) {
    let seconds = Duration::from_secs(0x6b00_356e);
    let meta = RxMeta {
        wall: WallTime::after_epoch(seconds + millis(500)),
        ..RxMeta::new(ip(SOURCE), ip("224.0.0.18"), 255)
    };
    let packet = concat!(
        "3102ff020064d01a0a0900660a090067",
        "010500006b00356e7ffc00000f696244ef4632051ec16d5c30ca5dc4"
    );
    (meta, hex(packet))
}

#[test]
fn a_captured_signature_is_believed_once() {
    let (config, mut guard) = (signed(plain_hmac()), Guard::default());
    assert_eq!(judge(&config, &mut guard, &captured()), Ok(255));
    assert_eq!(judge(&config, &mut guard, &captured()), Err(Reject::HmacReplay));
}

#[test]
fn the_captured_signature_is_what_we_send_at_that_moment() {
    let config = signed(plain_hmac());
    let (meta, packet) = captured();
    // 0x7ffc of 0x10000: the fraction of the capture.
    let nanos = (0x7ffc * 1_000_000_000_u64).div_ceil(65_536);
    let at = WallTime::after_epoch(Duration::from_secs(0x6b00_356e) + Duration::from_nanos(nanos));
    let mut ours = Vec::new();
    let mut signer = Signer::default();
    signer.begin(&config, at);
    let envelope = Envelope { destination: meta.destination, identification: 1, hops: 255 };
    signer.emit(&OutgoingAdvert::new(meta.source, 255), &config, &envelope, &mut ours);
    assert_eq!(ours, packet);
}

#[test]
fn every_flaw_of_a_signature_has_its_reject() {
    let config = signed(plain_hmac());
    let with = |at: usize, value: u8| {
        let (meta, mut packet) = captured();
        packet[at] = value;
        (meta, packet)
    };
    let at = |seconds: u64| {
        let (meta, packet) = captured();
        (RxMeta { wall: wall(seconds), ..meta }, packet)
    };
    let cut = |length: usize| {
        let (meta, mut packet) = captured();
        packet.truncate(length);
        (meta, packet)
    };
    let cases = [
        (Reject::HmacMissing, cut(16)),
        (Reject::Length, cut(43)),
        (Reject::HmacMalformed, with(16, 2)),
        (Reject::HmacMalformed, with(17, 0)),
        (Reject::HmacMalformed, with(18, 1)),
        (Reject::HmacUnknownKey, with(17, 6)),
        (Reject::HmacInvalid, with(2, 254)),
        (Reject::HmacInvalid, with(43, 0)),
        (Reject::HmacStale, at(0x6b00_356e + 6)),
        (Reject::HmacStale, at(0x6b00_356e - 6)),
    ];
    for (number, (expected, packet)) in cases.into_iter().enumerate() {
        assert_eq!(judge(&config, &mut Guard::default(), &packet), Err(expected), "case {number}");
    }
    assert_eq!(judge(&config, &mut Guard::default(), &at(0x6b00_356e + 5)), Ok(255), "the window is closed");
}

#[test]
fn a_signature_is_too_long_for_who_expects_none() {
    let config = Instance { auth: None, ..signed(plain_hmac()) };
    assert_eq!(judge(&config, &mut Guard::default(), &captured()), Err(Reject::Length));
}

#[test]
fn modes_say_who_signs_and_what_is_believed() {
    let mode = |mode| signed(HmacAuth { mode, ..plain_hmac() });
    for (sender, length) in [(HmacMode::Enforce, 44), (HmacMode::Permissive, 44), (HmacMode::ReceiveOnly, 16)]
    {
        let packet = Sender::new(mode(sender), SOURCE).packet(wall(1000), "224.0.0.18");
        assert_eq!(packet.1.len(), length, "{sender:?}");
        for receiver in [HmacMode::Enforce, HmacMode::Permissive, HmacMode::ReceiveOnly] {
            let missing = length == 16 && receiver == HmacMode::Enforce;
            let expected = if missing { Err(Reject::HmacMissing) } else { Ok(100) };
            assert_eq!(judge(&mode(receiver), &mut Guard::default(), &packet), expected, "{receiver:?}");
        }
    }
    let (meta, mut broken) = captured();
    broken[43] ^= 1;
    let judged = judge(&mode(HmacMode::Permissive), &mut Guard::default(), &(meta, broken));
    assert_eq!(judged, Err(Reject::HmacInvalid), "a wrong signature is worse than none");
}

/// The way to new keys: added everywhere, then made active one by one, then the old one is removed.
#[test]
fn keys_are_exchanged_without_a_gap() {
    let (old, new) = (key(1, SECRET), key(2, &[0x55; 64]));
    let steps = [
        hmac(vec![old.clone()], 1),
        hmac(vec![old.clone(), new.clone()], 1),
        hmac(vec![old, new.clone()], 2),
        hmac(vec![new], 2),
    ];
    for pair in steps.windows(2) {
        for (from, to) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
            let packet = Sender::new(signed(pair[from].clone()), SOURCE).packet(wall(1000), "224.0.0.18");
            assert_eq!(judge(&signed(pair[to].clone()), &mut Guard::default(), &packet), Ok(100));
        }
    }
    let packet = Sender::new(signed(steps[3].clone()), SOURCE).packet(wall(1000), "224.0.0.18");
    let judged = judge(&signed(steps[0].clone()), &mut Guard::default(), &packet);
    assert_eq!(judged, Err(Reject::HmacUnknownKey));
}

#[test]
fn all_peers_get_the_same_signature_and_only_peers_are_believed() {
    let config = unicast(signed(plain_hmac()), &["10.0.0.1", "10.0.0.2"]);
    let mut signer = Signer::default();
    signer.begin(&config, wall(1000));
    let trailers = ["10.0.0.1", "10.0.0.2"].map(|peer| {
        let mut packet = Vec::new();
        let envelope = Envelope { destination: ip(peer), identification: 1, hops: 255 };
        signer.emit(&OutgoingAdvert::new(ip("10.0.0.3"), 100), &config, &envelope, &mut packet);
        packet.split_off(16)
    });
    assert_eq!(trailers[0], trailers[1]);

    let mut lenient = config;
    if let Transport::Unicast { check_source, .. } = &mut lenient.transport {
        *check_source = false;
    }
    let mut guard = Guard::default();
    let stranger = Sender::new(lenient.clone(), "10.0.0.9").packet(wall(1000), "10.0.0.3");
    assert_eq!(judge(&lenient, &mut guard, &stranger), Err(Reject::UnknownPeer));
    let peer = Sender::new(lenient.clone(), "10.0.0.2").packet(wall(1000), "10.0.0.3");
    assert_eq!(judge(&lenient, &mut guard, &peer), Ok(100));
}

#[test]
fn version_2_and_ipv6_are_signed_too() {
    let mut six = instance("six", 9, 100);
    six.family = Family::V6;
    six.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
    six.addresses = vec![vip("fe80::9")];
    six.auth = Some(Auth::Hmac(plain_hmac()));
    let mut two = signed(plain_hmac());
    two.version = Version::V2;
    for (config, source, group) in [(six, "fe80::1", "ff02::12"), (two, SOURCE, "224.0.0.18")] {
        let mut sender = Sender::new(config.clone(), source);
        let mut guard = Guard::default();
        for _ in 0..3 {
            let packet = sender.packet(wall(1000), group);
            assert_eq!(judge(&config, &mut guard, &packet), Ok(100));
            assert_eq!(judge(&config, &mut guard, &packet), Err(Reject::HmacReplay));
        }
    }
}

#[test]
fn an_authentication_header_is_believed_once() {
    let config = with_ah(b"sesame\0\0");
    let (mut sender, mut guard) = (Sender::new(config.clone(), SOURCE), Guard::default());
    for _ in 0..3 {
        let packet = sender.packet(wall(1000), "224.0.0.18");
        assert_eq!(&packet.1[..8], [112, 4, 0, 0, 10, 9, 0, 1], "next header, length, SPI");
        assert_eq!((packet.1[24], packet.1[28]), (0x21, 2), "the packet says so, too");
        assert_eq!(judge(&config, &mut guard, &packet), Ok(100));
        assert_eq!(judge(&config, &mut guard, &packet), Err(Reject::AuthReplay));
    }
    let other = with_ah(b"sesam\0\0\0");
    let packet = sender.packet(wall(1000), "224.0.0.18");
    assert_eq!(judge(&other, &mut guard, &packet), Err(Reject::AuthFailure));
}

/// RFC 2402 §3.3.3.1.1: what routers change on the way is not covered.
#[test]
fn what_routers_change_does_not_break_an_authentication_header() {
    let config = unicast(with_ah(b"sesame\0\0"), &[SOURCE]);
    let (meta, packet) = Sender::new(config.clone(), SOURCE).packet(wall(1000), OWN);
    let Carrier::Ah { header: Some(mut header) } = meta.carrier else { panic!("no header") };
    for (place, value) in [(1, 0), (8, 64), (10, 0), (11, 0)] {
        header[place] = value;
    }
    let on = RxMeta { carrier: Carrier::Ah { header: Some(header) }, ..meta };
    assert_eq!(judge(&config, &mut Guard::default(), &(on, packet.clone())), Ok(100));
    header[15] ^= 1;
    let spoofed = RxMeta { carrier: Carrier::Ah { header: Some(header) }, ..meta };
    assert_eq!(judge(&config, &mut Guard::default(), &(spoofed, packet.clone())), Err(Reject::AuthFailure));
    let options = RxMeta { carrier: Carrier::Ah { header: None }, ..meta };
    assert_eq!(judge(&config, &mut Guard::default(), &(options, packet)), Err(Reject::AuthFailure));
}

#[test]
fn with_and_without_a_header_are_kept_apart() {
    let ah = with_ah(b"sesame\0\0");
    let none = Instance { auth: None, ..ah.clone() };
    let sealed = Sender::new(ah.clone(), SOURCE).packet(wall(1), "224.0.0.18");
    let plain = Sender::new(none.clone(), SOURCE).packet(wall(1), "224.0.0.18");
    assert_eq!(judge(&ah, &mut Guard::default(), &plain), Err(Reject::AuthTypeMismatch));
    assert_eq!(judge(&none, &mut Guard::default(), &sealed), Err(Reject::AuthTypeMismatch));
}

#[test]
fn a_router_finds_the_instance_behind_an_authentication_header() {
    let config = with_ah(b"sesame\0\0");
    let mut host = Host::master(config.clone());
    let mut sender = Sender::new(config, HIGH);
    let (meta, packet) = sender.packet(wall(1000), "224.0.0.18");
    let eth0 = link("eth0");
    let received = host.router.receive(at(host.now), Some(&eth0), meta, &packet);
    assert!(matches!(received, Reception::Accepted { .. }), "{received:?}");
    let again = host.router.receive(at(host.now), Some(&eth0), meta, &packet);
    assert!(matches!(again, Reception::Rejected { reject: Reject::AuthReplay, .. }), "{again:?}");
    assert_eq!(host.view().rejected.auth_replay, 1);
    assert_eq!(host.state(), State::Master, "of lower priority");
}

/// A peer of before 1.3.6 is believed, and from then on spoken to in its way.
#[test]
fn old_unicast_checksums_are_found_out() {
    let standard = unicast(instance("u", 7, 100), &[HIGH]);
    let style = |old_checksum| {
        let mut config = standard.clone();
        if let Transport::Unicast { old_checksum: place, .. } = &mut config.transport {
            *place = old_checksum;
        }
        config
    };
    let old = Sender::new(style(OldUnicastChecksum::Always), HIGH).packet(wall(1), OWN);
    let new = Sender::new(style(OldUnicastChecksum::Never), HIGH).packet(wall(1), OWN);
    assert_ne!(old.1, new.1);
    for (mine, of_old) in [
        (OldUnicastChecksum::Detect, Ok(100)),
        (OldUnicastChecksum::Always, Ok(100)),
        (OldUnicastChecksum::Never, Err(Reject::Checksum)),
    ] {
        let mut guard = Guard::default();
        assert_eq!(judge(&style(mine), &mut guard, &new), Ok(100), "{mine:?}");
        assert_eq!(judge(&style(mine), &mut guard, &old), of_old, "{mine:?}");
    }
    let mut host = Host::start(only(style(OldUnicastChecksum::Detect)));
    let (meta, packet) = old;
    host.router.receive(at(host.now), Some(&link("eth0")), meta, &packet);
    let down = host.deadline();
    host.run_until(down);
    let sent = host.outputs().into_iter().find_map(|output| match output {
        lvsd_vrrp::Output::Instance { config, action: lvsd_vrrp::Action::Send(advert), .. } => {
            let mut packet = Vec::new();
            advert.emit(&config, ip(HIGH), &mut packet);
            Some(packet)
        }
        _ => None,
    });
    let mut expected = Vec::new();
    OutgoingAdvert::new(ip(OWN), 100).emit(&style(OldUnicastChecksum::Always), ip(HIGH), &mut expected);
    assert_eq!(sent, Some(expected));
}

proptest! {
    /// One bit changed anywhere in a signed packet, and it is not believed.
    #[test]
    fn a_tampered_bit_is_noticed(bit in any::<prop::sample::Index>(), ah in any::<bool>()) {
        let config = if ah { with_ah(b"sesame\0\0") } else { signed(plain_hmac()) };
        let (meta, mut packet) = Sender::new(config.clone(), SOURCE).packet(wall(1000), "224.0.0.18");
        let bit = bit.index(packet.len() * 8);
        packet[bit / 8] ^= 1 << (bit % 8);
        // The checksum of a signed packet is under a checksum of its own only.
        prop_assert!(judge(&config, &mut Guard::default(), &(meta, packet)).is_err(), "bit {}", bit);
    }

    /// However a recorded conversation is played again, no packet is believed twice.
    #[test]
    fn nothing_is_believed_twice(
        order in prop::collection::vec(0_usize..20, 1..60),
        ah in any::<bool>(),
    ) {
        let config = if ah { with_ah(b"sesame\0\0") } else { signed(plain_hmac()) };
        let mut sender = Sender::new(config.clone(), SOURCE);
        let recorded: Vec<_> = (0..20).map(|_| sender.packet(wall(1000), "224.0.0.18")).collect();
        let (mut guard, mut newest) = (Guard::default(), None);
        for played in order {
            let judged = judge(&config, &mut guard, &recorded[played]);
            if newest.is_some_and(|newest| played <= newest) {
                prop_assert!(matches!(judged, Err(Reject::AuthReplay | Reject::HmacReplay)));
            } else {
                prop_assert_eq!(judged, Ok(100));
                newest = Some(played);
            }
        }
    }
}
