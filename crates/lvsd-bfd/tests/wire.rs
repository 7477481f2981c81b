//! The control packet: what RFC 5880 §4.1 draws, and each check of §6.8.6 that needs no session.

use std::num::NonZeroU8;

use lvsd_bfd::wire::{Control, LEN, Sequence};
use lvsd_bfd::{Diagnostic, Discriminator, Reject, State};
use proptest::prelude::*;

fn discriminator(value: u32) -> Discriminator {
    Discriminator::new(value).expect("not 0")
}

/// A packet with another value in every field.
fn sample() -> Control {
    Control {
        diagnostic: Diagnostic::NEIGHBOR_SIGNALED,
        state: State::Init,
        sequence: Sequence { poll: true, answer: false },
        independent: true,
        demand: false,
        multiplier: NonZeroU8::new(5).expect("not 0"),
        my_discriminator: discriminator(0x0102_0304),
        your_discriminator: Some(discriminator(0x0506_0708)),
        desired_min_tx: 1_000_000,
        required_min_rx: 10_000,
        required_min_echo_rx: 50_000,
    }
}

/// The same, as the drawing of the RFC has it.
const SAMPLE: [u8; LEN] = [
    0x23, 0xa8, 0x05, 0x18, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x00, 0x0f, 0x42, 0x40, 0x00,
    0x00, 0x27, 0x10, 0x00, 0x00, 0xc3, 0x50,
];

#[test]
fn a_packet_is_written_and_read_as_the_rfc_draws_it() {
    assert_eq!(sample().emit(), SAMPLE);
    assert_eq!(Control::parse(&SAMPLE), Ok(sample()));
}

#[test]
fn octets_behind_the_length_are_not_the_packets() {
    let mut padded = SAMPLE.to_vec();
    padded.extend([0xff; 9]);
    assert_eq!(Control::parse(&padded), Ok(sample()));
}

#[test]
fn each_check_of_the_rfc_has_its_reason() {
    let with = |changes: &[(usize, u8)]| {
        let mut packet = SAMPLE;
        for &(at, value) in changes {
            packet[at] = value;
        }
        Control::parse(&packet)
    };
    let unknown = [(8, 0), (9, 0), (10, 0), (11, 0)];
    for (changes, reject) in [
        (&[(0, 0x03)][..], Reject::Version),
        (&[(0, 0x43)], Reject::Version),
        (&[(3, 23)], Reject::Length),
        (&[(3, 25)], Reject::Length),
        (&[(1, 0xac)], Reject::Length),
        (&[(2, 0)], Reject::Multiplier),
        (&[(1, 0xa9)], Reject::Multipoint),
        (&[(4, 0), (5, 0), (6, 0), (7, 0)], Reject::MyDiscriminator),
        (&unknown, Reject::YourDiscriminator),
    ] {
        assert_eq!(with(changes), Err(reject), "{changes:?}");
    }
    for (state, octet) in [(State::Down, 0x40), (State::AdminDown, 0x00)] {
        let packet = with(&[&unknown[..], &[(1, octet)]].concat()).expect("a first packet");
        assert_eq!((packet.state, packet.your_discriminator), (state, None));
    }
    for length in 0..LEN {
        assert_eq!(Control::parse(&SAMPLE[..length]), Err(Reject::Length), "{length}");
    }
}

#[test]
fn an_authenticated_packet_is_refused_as_such() {
    let mut packet = SAMPLE.to_vec();
    packet[1] |= 0x04;
    packet[3] = 27;
    packet.extend([1, 3, 7]);
    assert_eq!(Control::parse(&packet), Err(Reject::Authentication));
}

prop_compose! {
    fn any_packet()(
        octets in any::<[u8; 4]>(),
        poll in any::<bool>(),
        answer in any::<bool>(),
        independent in any::<bool>(),
        demand in any::<bool>(),
        my in 1..=u32::MAX,
        your in 1..=u32::MAX,
        intervals in any::<[u32; 3]>(),
    ) -> Control {
        let [state, multiplier, _, _] = octets;
        Control {
            diagnostic: Diagnostic::NONE,
            state: State::ALL[usize::from(state % 4)],
            sequence: Sequence { poll, answer },
            independent,
            demand,
            multiplier: NonZeroU8::new(multiplier).unwrap_or(NonZeroU8::MAX),
            my_discriminator: discriminator(my),
            your_discriminator: Some(discriminator(your)),
            desired_min_tx: intervals[0],
            required_min_rx: intervals[1],
            required_min_echo_rx: intervals[2],
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(packet in any_packet()) {
        prop_assert_eq!(Control::parse(&packet.emit()), Ok(packet));
    }

    #[test]
    fn whatever_comes_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(packet) = Control::parse(&octets) {
            // What was believed says the same when it is written again, but for the length of what came behind it.
            prop_assert_eq!(Control::parse(&packet.emit()), Ok(packet));
        }
    }

    #[test]
    fn one_bit_wrong_never_panics(bit in 0..LEN * 8) {
        let mut packet = SAMPLE;
        packet[bit / 8] ^= 1 << (bit % 8);
        let _ = Control::parse(&packet);
    }
}
