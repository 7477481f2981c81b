use super::*;

fn frame(hex: &str) -> Frame {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    Frame { at: SystemTime::UNIX_EPOCH, bytes: digits.chunks(2).map(byte).collect() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Version 2 from 10.0.0.2, vrid 51, priority 100, 1 s, for 10.0.0.100, simple password, padded.
const ADVERT_V2: &str = "01005e000012 020000000001 0800
    45c0 0028 0001 0000 ff70 0000 0a000002 e0000012
    21 33 64 01 01 01 0000 0a000064 7365637265740000 000000000000";
/// Version 3 from fe80::2, vrid 7, priority 255, 10 cs, for fe80::64.
const ADVERT_V3: &str = "333300000012 020000000001 86dd
    60000000 0018 70 ff fe800000000000000000000000000002 ff020000000000000000000000000012
    31 07 ff 01 000a 0000 fe800000000000000000000000000064";
const GRATUITOUS: &str = "ffffffffffff 02000000000a 0806
    0001 0800 06 04 0001 02000000000a 0a000064 000000000000 0a000064";
const UNSOLICITED: &str = "333300000001 02000000000a 86dd
    60000000 0020 3a ff fe80000000000000000000000000000a ff020000000000000000000000000001
    88 00 0000 a0000000 fd000000000000000000000000000064 02 01 02000000000a";

#[test]
fn a_version_2_advert_is_read_despite_padding() {
    let advert = frame(ADVERT_V2).advert().unwrap();
    assert_eq!((advert.version, advert.vrid, advert.priority, advert.interval), (Version::V2, 51, 100, 1));
    assert_eq!((advert.source, advert.destination, advert.hops), (ip("10.0.0.2"), ip("224.0.0.18"), 255));
    assert_eq!(advert.addresses, [ip("10.0.0.100")]);
}

#[test]
fn a_version_3_advert_over_ipv6_is_read() {
    let advert = frame(ADVERT_V3).advert().unwrap();
    assert_eq!((advert.version, advert.vrid, advert.priority, advert.interval), (Version::V3, 7, 255, 10));
    assert_eq!(advert.addresses, [ip("fe80::64")]);
}

#[test]
fn announcements_of_both_families_are_read() {
    let mac = [2, 0, 0, 0, 0, 10];
    let announced = |ip| Seen::Announcement(Announcement { ip, mac });
    assert_eq!(frame(GRATUITOUS).seen(), announced(ip("10.0.0.100")));
    assert_eq!(frame(UNSOLICITED).seen(), announced(ip("fd00::64")));
    assert!(frame(GRATUITOUS).announces(ip("10.0.0.100")));
    assert!(!frame(GRATUITOUS).announces(ip("10.0.0.101")));
}

#[test]
fn an_ordinary_arp_request_and_a_solicited_answer_announce_nothing() {
    let request = GRATUITOUS.replacen("0a000064", "0a000001", 1);
    assert_eq!(frame(&request).seen(), Seen::Other);
    let solicited = UNSOLICITED.replace("a0000000", "e0000000");
    assert_eq!(frame(&solicited).seen(), Seen::Other);
}

#[test]
fn a_frame_cut_anywhere_is_something_else() {
    for whole in [ADVERT_V3, GRATUITOUS, UNSOLICITED].map(frame) {
        for length in 0..whole.bytes.len() {
            let cut = Frame { at: whole.at, bytes: whole.bytes[..length].to_vec() };
            assert_eq!(cut.seen(), Seen::Other, "{length} bytes");
        }
    }
}
