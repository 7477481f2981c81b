//! Datagrams as they come to a BFD speaker: a first octet says how long the next one is and how much time passes before it, whatever is
//! then sent can be read, and the session stays one of the states of RFC 5880.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lvsd_bfd::wire::Control;
use lvsd_bfd::{Output, RxMeta, Speaker, State, Time};
use lvsd_model::{BfdAudience, BfdConfig, BfdInterval, BfdPath, BfdRole, BfdSession, TrackWeight};

const NEIGHBOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn config() -> BfdConfig {
    let millis = |count| BfdInterval::from_millis(count).expect("in range");
    let session = BfdSession {
        name: "a".to_owned(),
        neighbor: NEIGHBOR,
        source: None,
        path: BfdPath::SingleHop,
        min_rx: millis(10),
        min_tx: millis(10),
        idle_tx: millis(1000),
        multiplier: NonZeroU8::MIN,
        role: BfdRole::Active,
        ttl: NonZeroU8::MAX,
        least_ttl: 255,
        audience: BfdAudience::All,
        effect: TrackWeight { weight: 0, reverse: false },
    };
    BfdConfig { sessions: vec![session] }
}

fn take(speaker: &mut Speaker) {
    while let Some(output) = speaker.poll_output() {
        match output {
            Output::Send { packet, .. } => {
                let sent = Control::parse(&packet).expect("what is sent can be read");
                assert_ne!(sent.state, State::AdminDown);
            }
            Output::Changed { change, .. } => assert_ne!(change.from, change.to),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut speaker = Speaker::new(1);
    let mut now = Time::ZERO;
    speaker.apply(now, &config());
    let ours = speaker.views(now).next().expect("a session").discriminator.get().to_be_bytes();
    let mut rest = input;
    while let Some((&first, behind)) = rest.split_first() {
        let (datagram, behind) = behind.split_at_checked(usize::from(first & 0x3f)).unwrap_or((behind, &[]));
        rest = behind;
        let mut datagram = datagram.to_vec();
        // A fuzzer cannot guess a discriminator.
        if let Some(your) = datagram.get_mut(8..12).filter(|your| *your == [0xff; 4]) {
            your.copy_from_slice(&ours);
        }
        now = now + Duration::from_millis(u64::from(first >> 6) * 7);
        speaker.handle_timeout(now);
        take(&mut speaker);
        let meta = RxMeta { source: NEIGHBOR, destination: None, path: BfdPath::SingleHop, ttl: 255 };
        let _ = speaker.receive(now, &meta, &datagram);
        take(&mut speaker);
    }
});
