//! On reports that a Linux kernel sent for a killed process, and on what can be made of them.

use proptest::prelude::*;

use super::*;

/// Linux 6.18: the last socket in 224.0.0.18 was closed by SIGKILL.
const IGMP_LEFT: &str = "46c00028000040000102f9ef0a090001e0000016940400002200faeb0000000103000000e0000012";
/// The same for ff02::12.
const MLD_LEFT: &str = concat!(
    "6000000000240001fe80000000000000ccd2b5fffe238a22ff020000000000000000000000000016",
    "3a000502000001008f0065e00000000103000000ff020000000000000000000000000012"
);

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

fn said(family: Family, packet: &[u8]) -> Vec<(String, String, Membership)> {
    let report = parse_membership(family, packet).expect("well formed").expect("a report");
    let said = |(group, membership): (IpAddr, Membership)| {
        (report.source.to_string(), group.to_string(), membership)
    };
    report.changes().map(said).collect()
}

/// An IPv4 packet with router alert, TTL 1 and right checksums.
fn igmp(destination: [u8; 4], message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[2..4].fill(0);
    let mut sum = Sum::default();
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let length = u8::try_from(24 + message.len()).expect("short");
    let mut packet = vec![0x46, 0xc0, 0, length, 0, 0, 0x40, 0, 1, 2, 0, 0, 10, 9, 0, 1];
    packet.extend(destination);
    packet.extend([0x94, 4, 0, 0]);
    let mut sum = Sum::default();
    sum.add(&packet);
    packet[10..12].copy_from_slice(&sum.finish().to_be_bytes());
    packet.extend(message);
    packet
}

fn mld(destination: &str, message: &[u8]) -> Vec<u8> {
    let source: Ipv6Addr = "fe80::1".parse().expect("an address");
    let destination: Ipv6Addr = destination.parse().expect("an address");
    let mut message = message.to_vec();
    message[2..4].fill(0);
    let mut sum = Sum::pseudo_header_of(ICMPV6, source.into(), destination.into(), message.len());
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let mut packet = vec![0x60, 0, 0, 0, 0, u8::try_from(8 + message.len()).expect("short"), 0, 1];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    packet.extend(message);
    packet
}

#[test]
fn what_linux_sends_for_a_killed_process() {
    let left = |source: &str, group: &str| vec![(source.to_owned(), group.to_owned(), Membership::Left)];
    assert_eq!(said(Family::V4, &octets(IGMP_LEFT)), left("10.9.0.1", "224.0.0.18"));
    assert_eq!(said(Family::V6, &octets(MLD_LEFT)), left("fe80::ccd2:b5ff:fe23:8a22", "ff02::12"));
}

#[test]
fn older_versions_have_messages_of_their_own() {
    let group = [224, 0, 0, 18];
    let message = |kind: u8| [kind, 0, 0, 0, 224, 0, 0, 18];
    for (kind, destination, membership) in [
        (0x17, [224, 0, 0, 2], Membership::Left),
        (0x17, group, Membership::Left),
        (0x16, group, Membership::Member),
        (0x12, group, Membership::Member),
    ] {
        let packet = igmp(destination, &message(kind));
        assert_eq!(said(Family::V4, &packet), [("10.9.0.1".into(), "224.0.0.18".into(), membership)]);
    }
    let mut message = vec![0; 24];
    message[8..].copy_from_slice(&"ff02::12".parse::<Ipv6Addr>().expect("an address").octets());
    for (kind, destination, membership) in
        [(132, "ff02::2", Membership::Left), (131, "ff02::12", Membership::Member)]
    {
        message[0] = kind;
        let packet = mld(destination, &message);
        assert_eq!(said(Family::V6, &packet), [("fe80::1".into(), "ff02::12".into(), membership)]);
    }
}

#[test]
fn only_an_empty_include_is_a_departure() {
    let record = |kind: u8, sources: u8| {
        let mut record = vec![kind, 0, 0, sources, 224, 0, 0, 18];
        record.extend(std::iter::repeat_n(10, usize::from(sources) * 4));
        record
    };
    for (kind, sources, expected) in [
        (3, 0, Some(Membership::Left)),
        (3, 1, Some(Membership::Member)),
        (4, 0, Some(Membership::Member)),
        (4, 2, Some(Membership::Member)),
        (2, 0, Some(Membership::Member)),
        (1, 1, Some(Membership::Member)),
        (5, 1, Some(Membership::Member)),
        (1, 0, None),
        (5, 0, None),
        (6, 1, None),
        (7, 0, None),
    ] {
        let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, 1];
        message.extend(record(kind, sources));
        let said: Vec<_> =
            said(Family::V4, &igmp([224, 0, 0, 22], &message)).into_iter().map(|(_, _, what)| what).collect();
        assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "type {kind} with {sources} sources");
    }
}

#[test]
fn every_record_is_read_and_auxiliary_data_skipped() {
    let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, 2];
    message.extend([4, 1, 0, 1, 224, 0, 0, 5, 10, 0, 0, 1, 0xaa, 0xaa, 0xaa, 0xaa]);
    message.extend([3, 0, 0, 0, 224, 0, 0, 18]);
    let said = said(Family::V4, &igmp([224, 0, 0, 22], &message));
    assert_eq!(
        said.iter().map(|(_, group, _)| group.as_str()).collect::<Vec<_>>(),
        ["224.0.0.5", "224.0.0.18"]
    );
}

#[test]
fn counts_that_lie_are_refused() {
    for (count, record) in
        [(2, [3, 0, 0, 0, 224, 0, 0, 18]), (1, [3, 0, 0, 1, 224, 0, 0, 18]), (1, [3, 9, 0, 0, 224, 0, 0, 18])]
    {
        let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, count];
        message.extend(record);
        let packet = igmp([224, 0, 0, 22], &message);
        assert_eq!(parse_membership(Family::V4, &packet), Err(MembershipReject::Length), "{record:?}");
    }
}

#[test]
fn a_wrong_octet_anywhere_is_noticed_or_means_nothing() {
    for (family, packet) in [(Family::V4, octets(IGMP_LEFT)), (Family::V6, octets(MLD_LEFT))] {
        for at in 0..packet.len() {
            let mut wrong = packet.clone();
            wrong[at] ^= 0x41;
            let is_believed = matches!(parse_membership(family, &wrong), Ok(Some(_)));
            // IPv6 has no checksum over class, flow label and hop limit, nor over the options but router alert.
            let is_unprotected = family == Family::V6 && matches!(at, 0..=3 | 46..=47);
            assert!(!is_believed || is_unprotected, "{family:?}: octet {at}");
        }
        for length in 0..packet.len() {
            assert_eq!(
                parse_membership(family, &packet[..length]).ok().flatten(),
                None,
                "{family:?}: cut at {length}"
            );
        }
    }
}

#[test]
fn a_host_without_an_address_is_nobody() {
    let mut packet = octets(IGMP_LEFT);
    packet[12..16].fill(0);
    packet[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(&packet[..24]);
    packet[10..12].copy_from_slice(&sum.finish().to_be_bytes());
    assert_eq!(parse_membership(Family::V4, &packet), Err(MembershipReject::Header));
}

#[test]
fn other_protocols_are_nothing_to_us() {
    let mut udp = octets(IGMP_LEFT);
    udp[9] = 17;
    assert_eq!(parse_membership(Family::V4, &udp), Ok(None));
    let query = igmp([224, 0, 0, 1], &[0x11, 100, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse_membership(Family::V4, &query), Ok(None));
    let mut plain = octets(MLD_LEFT);
    plain[6] = ICMPV6;
    assert_eq!(parse_membership(Family::V6, &plain), Ok(None));
}

proptest! {
    /// Whatever comes in: an answer, and no more changes than there is room for.
    #[test]
    fn nothing_breaks_the_parser(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        for family in [Family::V4, Family::V6] {
            if let Ok(Some(report)) = parse_membership(family, &octets) {
                prop_assert!(report.changes().count() <= octets.len() / 8);
            }
        }
    }

    /// Damaged reports with checksums put right again reach the records.
    #[test]
    fn nothing_breaks_the_records(
        count in any::<u16>(),
        records in prop::collection::vec(prop_oneof![3 => 0_u8..8, 1 => any::<u8>()], 0..120),
    ) {
        let [n0, n1] = count.to_be_bytes();
        let mut v3 = vec![0x22, 0, 0, 0, 0, 0, n0, n1];
        v3.extend(&records);
        let mut v2 = vec![143, 0, 0, 0, 0, 0, n0, n1];
        v2.extend(&records);
        for (family, packet) in [(Family::V4, igmp([224, 0, 0, 22], &v3)), (Family::V6, mld("ff02::16", &v2))] {
            match parse_membership(family, &packet) {
                Ok(Some(report)) => prop_assert!(report.changes().count() <= usize::from(count)),
                other => prop_assert_eq!(other, Err(MembershipReject::Length)),
            }
        }
    }
}
