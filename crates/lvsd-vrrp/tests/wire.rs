//! The wire format, against captured packets, and both ways.

mod support;

use std::net::IpAddr;

use lvsd_model::{AdvertInterval, Auth, Family, Instance, Transport, UnicastPeer, Version, Vrid};
use lvsd_vrrp::Time;
use lvsd_vrrp::wire::{
    AddressCheck, Advert, Checked, Guard, OutgoingAdvert, Reject, RxMeta, check, destinations, split_ipv4,
};
use proptest::prelude::*;
use support::{instance, ip, packet, priority, unicast, vip};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

/// By who has heard nothing before.
fn check_with<'a>(
    config: &Instance,
    meta: &RxMeta,
    payload: &'a [u8],
    addresses: AddressCheck,
) -> Result<Checked<'a>, Reject> {
    check(config, Time::ZERO, meta, payload, addresses, &mut Guard::default())
}

fn check_all(config: &Instance, meta: &RxMeta, payload: &[u8]) -> Result<(u8, bool, bool), Reject> {
    check_with(config, meta, payload, AddressCheck::Compare)
        .map(|checked| (checked.advert.priority, checked.interval_differs, checked.addresses_differ))
}

/// `auth_type PASS`, `auth_pass abc`, VRID 4, priority 255, two addresses: captured from the peer.
fn captured_v2() -> (Instance, RxMeta, Vec<u8>) {
    let mut config = instance("v2", 4, 255);
    config.version = Version::V2;
    config.auth = Some(Auth::Pass(*b"abc\0\0\0\0\0"));
    config.addresses = vec![vip("10.9.0.104"), vip("10.9.0.105")];
    let meta = RxMeta::new(ip("10.9.0.1"), ip("224.0.0.18"), 255);
    (config, meta, hex("2104ff02010105b20a0900680a0900696162630000000000"))
}

/// VRID 2, priority 255, from 10.9.0.1, two addresses: captured from the peer.
fn captured_v3() -> (Instance, RxMeta, Vec<u8>) {
    let mut config = instance("v3", 2, 255);
    config.addresses = vec![vip("10.9.0.102"), vip("10.9.0.103")];
    let meta = RxMeta::new(ip("10.9.0.1"), ip("224.0.0.18"), 255);
    (config, meta, hex("3102ff020064d01a0a0900660a090067"))
}

#[test]
fn captured_packets_are_sent_to_the_octet() {
    for (config, meta, octets) in [captured_v2(), captured_v3()] {
        let mut buffer = vec![7; 3];
        let advert = OutgoingAdvert::new(meta.source, 255);
        advert.emit(&config, meta.destination, &mut buffer);
        assert_eq!(buffer, octets, "{}", config.name);
    }
}

#[test]
fn captured_packets_are_believed() {
    for (config, meta, octets) in [captured_v2(), captured_v3()] {
        assert_eq!(check_all(&config, &meta, &octets), Ok((255, false, false)), "{}", config.name);
    }
}

#[test]
fn a_buffer_is_reused() {
    let (config, meta, _) = captured_v3();
    let mut buffer = Vec::new();
    let advert = OutgoingAdvert::new(meta.source, 1);
    advert.emit(&config, meta.destination, &mut buffer);
    let (capacity, place) = (buffer.capacity(), buffer.as_ptr());
    advert.emit(&config, meta.destination, &mut buffer);
    assert_eq!((buffer.capacity(), buffer.as_ptr()), (capacity, place));
}

/// Every check, each tried on a packet that is right but for it.
#[test]
fn each_check_has_its_reject() {
    let (v2, v2_meta, v2_octets) = captured_v2();
    let (v3, v3_meta, v3_octets) = captured_v3();
    let with = |octets: &[u8], at: usize, value: u8| {
        let mut octets = octets.to_vec();
        octets[at] = value;
        octets
    };
    let no_auth = Instance { auth: None, ..v2.clone() };
    let other_password = Instance { auth: Some(Auth::Pass(*b"abd\0\0\0\0\0")), ..v2.clone() };
    let slower = Instance { advert_interval: AdvertInterval::v2(2).expect("in range"), ..v2.clone() };
    let ttl = |ttl| RxMeta { ttl, ..v3_meta };
    let cases = [
        (Reject::Length, check_all(&v3, &v3_meta, &v3_octets[..15])),
        (Reject::Length, check_all(&v3, &v3_meta, &[])),
        (Reject::Length, check_all(&v3, &v3_meta, &[v3_octets.as_slice(), &[0]].concat())),
        (Reject::Length, check_all(&v3, &v3_meta, &with(&v3_octets, 3, 3))),
        (Reject::Ttl, check_all(&v3, &ttl(254), &v3_octets)),
        (Reject::Version, check_all(&v3, &v2_meta, &v2_octets)),
        (Reject::Version, check_all(&v2, &v3_meta, &v3_octets)),
        (Reject::Version, check_all(&v3, &v3_meta, &with(&v3_octets, 0, 0x41))),
        (Reject::AuthTypeInvalid, check_all(&v2, &v2_meta, &with(&v2_octets, 4, 3))),
        (Reject::AuthTypeMismatch, check_all(&v2, &v2_meta, &with(&v2_octets, 4, 0))),
        (Reject::AuthTypeMismatch, check_all(&no_auth, &v2_meta, &v2_octets)),
        (Reject::AuthFailure, check_all(&other_password, &v2_meta, &v2_octets)),
        (Reject::AdvertInterval, check_all(&slower, &v2_meta, &v2_octets)),
        (Reject::PacketType, check_all(&v3, &v3_meta, &with(&v3_octets, 0, 0x32))),
        (Reject::AdvertInterval, check_all(&v3, &v3_meta, &with(&v3_octets, 5, 0))),
        (Reject::Checksum, check_all(&v3, &v3_meta, &with(&v3_octets, 2, 254))),
        (Reject::Checksum, check_all(&v2, &v2_meta, &with(&v2_octets, 2, 254))),
    ];
    for (number, (expected, got)) in cases.into_iter().enumerate() {
        assert_eq!(got, Err(expected), "case {number}");
    }
}

#[test]
fn other_addresses_are_noted_and_accepted() {
    let (mut config, meta, octets) = captured_v3();
    config.addresses.swap(0, 1);
    assert_eq!(check_all(&config, &meta, &octets), Ok((255, false, false)), "order does not matter");
    config.addresses = vec![vip("10.9.0.102"), vip("10.9.0.99")];
    assert_eq!(check_all(&config, &meta, &octets), Ok((255, false, true)));
    let skipped = check_with(&config, &meta, &octets, AddressCheck::Skip).expect("believed");
    assert!(!skipped.addresses_differ);
}

#[test]
fn another_interval_is_noted_and_accepted_in_version_3() {
    let (mut config, meta, octets) = captured_v3();
    config.advert_interval = AdvertInterval::v3(10).expect("in range");
    let checked = check_with(&config, &meta, &octets, AddressCheck::Compare).expect("believed");
    assert_eq!((checked.interval, checked.interval_differs), (AdvertInterval::SECOND, true));
}

#[test]
fn ethernet_padding_is_tolerated_on_ipv4_only() {
    let mut config = instance("short", 9, 100);
    let (meta, mut octets) = packet(&config, ip("10.0.0.1"), 100);
    octets.resize(26, 0);
    assert_eq!(check_all(&config, &meta, &octets), Ok((100, false, false)));
    octets.push(0);
    assert_eq!(check_all(&config, &meta, &octets), Err(Reject::Length));

    config.family = Family::V6;
    config.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
    config.addresses = vec![vip("fe80::9")];
    let (meta, mut octets) = packet(&config, ip("fe80::1"), 100);
    octets.resize(26, 0);
    assert_eq!(check_all(&config, &meta, &octets), Err(Reject::Length));
}

#[test]
fn multicast_and_unicast_are_kept_apart() {
    let multicast = instance("m", 7, 100);
    let peer = unicast(multicast.clone(), &["10.0.0.1"]);
    let (meta, octets) = packet(&multicast, ip("10.0.0.1"), 100);
    assert_eq!(check_all(&peer, &meta, &octets), Err(Reject::WrongDestination));
    let direct = RxMeta { destination: ip("10.0.0.5"), ..meta };
    let mut octets = Vec::new();
    OutgoingAdvert::new(meta.source, 100).emit(&multicast, direct.destination, &mut octets);
    assert_eq!(check_all(&multicast, &direct, &octets), Err(Reject::WrongDestination));
    assert_eq!(check_all(&peer, &direct, &octets), Ok((100, false, false)));
    // Another group is another virtual router, and a socket can be a member of both: another instance has it, or had it.
    let group = ip("224.0.0.19");
    let other = Instance { transport: Transport::Multicast { group }, ..multicast.clone() };
    let (meta, octets) = packet(&other, ip("10.0.0.1"), 100);
    assert_eq!(check_all(&other, &meta, &octets), Ok((100, false, false)));
    assert_eq!(check_all(&multicast, &meta, &octets), Err(Reject::WrongDestination));
}

#[test]
fn unicast_senders_must_be_peers_within_their_ttl() {
    let mut config = unicast(instance("u", 7, 100), &["10.0.0.1"]);
    if let Transport::Unicast { peers, .. } = &mut config.transport {
        *peers = vec![UnicastPeer { address: ip("10.0.0.1"), min_ttl: Some(60), max_ttl: Some(64) }];
    }
    let from = |source: &str, ttl| {
        let (source, destination) = (ip(source), ip("10.0.0.5"));
        let mut octets = Vec::new();
        OutgoingAdvert::new(source, 100).emit(&config, destination, &mut octets);
        check_all(&config, &RxMeta::new(source, destination, ttl), &octets).map(|_| ())
    };
    assert_eq!(from("10.0.0.1", 59), Err(Reject::Ttl));
    assert_eq!(from("10.0.0.1", 60), Ok(()));
    assert_eq!(from("10.0.0.1", 64), Ok(()));
    assert_eq!(from("10.0.0.1", 65), Err(Reject::Ttl));
    assert_eq!(from("10.0.0.2", 64), Err(Reject::UnknownPeer));
}

#[test]
fn checksum_as_version_2_sends_without_pseudo_header_and_believes_both() {
    let (mut config, meta, octets) = captured_v3();
    config.v3_checksum_as_v2 = true;
    assert_eq!(check_all(&config, &meta, &octets), Ok((255, false, false)));
    let (_, ours) = packet(&config, meta.source, 255);
    assert_ne!(ours, octets);
    let (_, elsewhere) = packet(&config, ip("10.9.0.77"), 255);
    assert_eq!(ours, elsewhere, "the source is not in the checksum");
}

#[test]
fn version_2_over_ipv6_has_no_authentication_data() {
    let mut config = instance("six", 3, 100);
    config.version = Version::V2;
    config.family = Family::V6;
    config.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
    config.addresses = vec![vip("fe80::3")];
    let (meta, octets) = packet(&config, ip("fe80::1"), 100);
    assert_eq!(octets.len(), 8 + 16);
    assert_eq!(check_all(&config, &meta, &octets), Ok((100, false, false)));
}

#[test]
fn ipv4_headers_are_taken_off() {
    let (config, meta, octets) = captured_v3();
    let mut datagram = hex("45c0002400010000ff7000000a090001e0000012");
    datagram.extend(&octets);
    let (found, payload) = split_ipv4(&datagram).expect("VRRP over IPv4");
    assert_eq!((found, payload), (meta, octets.as_slice()));
    assert!(check_all(&config, &found, payload).is_ok());
    for broken in [
        (0, 0x65), // version 6
        (0, 0x4f), // header longer than the packet says
        (3, 0xff), // longer than it is
        (6, 0x20), // more fragments
        (7, 0x01), // a later fragment
        (9, 6),    // TCP
    ] {
        let mut datagram = datagram.clone();
        datagram[broken.0] = broken.1;
        assert_eq!(split_ipv4(&datagram), None, "{broken:?}");
    }
}

fn any_config() -> impl Strategy<Value = Instance> {
    let addresses = prop::collection::vec(any::<u32>(), 0..20);
    let password = prop::option::of(any::<[u8; 8]>());
    (any::<bool>(), any::<bool>(), 1_u8..=255, 1_u8..=255, 1_u16..=4095, addresses, password, any::<bool>())
        .prop_map(|(v3, v6, vrid, base, centis, addresses, password, as_v2)| {
            let mut config = instance("any", 1, 100);
            config.vrid = Vrid::new(vrid).expect("not 0");
            config.priority = priority(base);
            if v6 {
                config.family = Family::V6;
                config.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
            }
            if v3 {
                config.advert_interval = AdvertInterval::v3(centis).expect("in range");
                config.v3_checksum_as_v2 = as_v2;
            } else {
                config.version = Version::V2;
                config.auth = password.map(Auth::Pass);
                config.advert_interval = AdvertInterval::v2(base).expect("in range");
            }
            let address = |bits: u32| match v6 {
                false => IpAddr::from(std::net::Ipv4Addr::from(bits)),
                true => IpAddr::from(std::net::Ipv6Addr::from(u128::from(bits) << 96 | u128::from(bits))),
            };
            config.addresses = addresses.into_iter().map(|bits| vip(&address(bits).to_string())).collect();
            config
        })
}

proptest! {
    #[test]
    fn what_is_sent_is_understood(config in any_config(), priority in any::<u8>()) {
        let source = if config.family == Family::V6 { ip("fe80::1") } else { ip("192.0.2.1") };
        let (meta, octets) = packet(&config, source, priority);
        let checked = check_with(&config, &meta, &octets, AddressCheck::Compare);
        let checked = checked.expect("our own packets are right");
        prop_assert_eq!(checked.advert.priority, priority);
        prop_assert_eq!(checked.advert.vrid, config.vrid.get());
        prop_assert_eq!(checked.interval, config.advert_interval);
        let addresses: Vec<IpAddr> = config.addresses.iter().map(|virtual_ip| virtual_ip.address).collect();
        prop_assert_eq!(checked.advert.addresses.iter().collect::<Vec<_>>(), addresses);
        prop_assert_eq!(checked.addresses_differ, false);
    }

    #[test]
    fn arbitrary_octets_are_judged_without_harm(
        config in any_config(),
        octets in prop::collection::vec(any::<u8>(), 0..300),
        ttl in any::<u8>(),
    ) {
        let destination = destinations(&config.transport).next().expect("a destination");
        let meta = RxMeta::new(ip("192.0.2.1"), destination, ttl);
        let _ = check_with(&config, &meta, &octets, AddressCheck::Compare);
        let _ = split_ipv4(&octets);
        for family in [Family::V4, Family::V6] {
            if let Ok(advert) = Advert::parse(family, &octets) {
                prop_assert_eq!(advert.addresses.iter().count(), advert.addresses.len());
                prop_assert!(advert.known_version().is_none() || advert.addresses.len() == usize::from(octets[3]));
            }
        }
    }

    /// One bit changed anywhere is noticed, save in what the checksum cannot see.
    #[test]
    fn a_flipped_bit_is_noticed(config in any_config(), bit in any::<prop::sample::Index>()) {
        prop_assume!(!config.v3_checksum_as_v2 || config.family == Family::V6);
        let source = if config.family == Family::V6 { ip("fe80::1") } else { ip("192.0.2.1") };
        let (meta, mut octets) = packet(&config, source, 100);
        let bit = bit.index(octets.len() * 8);
        octets[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(check_with(&config, &meta, &octets, AddressCheck::Compare).is_err());
    }
}
