//! Packets as the VRRP process hears them: on its own sockets, judged by instances of each kind, and on the wire, by the radar. What is
//! believed has the right VRID; nothing grows without bound.
#![no_main]

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lvsd_config::{MemoryFiles, Options};
use lvsd_model::{Family, Instance, VrrpConfig};
use lvsd_vrrp::radar::{self, Radar};
use lvsd_vrrp::wire::{
    self, AddressCheck, Carrier, Envelope, Guard, OutgoingAdvert, RxMeta, Signer, destinations,
};
use lvsd_vrrp::{Time, WallTime};

const KINDS: &str = "
vrrp_instance plain2 {\n interface eth0\n virtual_router_id 1\n version 2\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance pass {\n interface eth0\n virtual_router_id 2\n version 2\n authentication {\n auth_type PASS\n auth_pass sesame\n }\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance ah {\n interface eth0\n virtual_router_id 3\n version 2\n authentication {\n auth_type AH\n auth_pass sesame\n }\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance plain3 {\n interface eth0\n virtual_router_id 4\n version 3\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance hmac {\n interface eth0\n virtual_router_id 5\n version 3\n auth_hmac {\n key 1 0123456789abcdef0123456789abcdef\n active_key 1\n }\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance six {\n interface eth0\n virtual_router_id 6\n version 3\n virtual_ipaddress {\n fe80::9\n fd00::9\n }\n}
vrrp_instance unicast {\n interface eth0\n virtual_router_id 7\n version 3\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }\n virtual_ipaddress {\n 10.0.0.9\n }\n}
";

static CONFIG: LazyLock<VrrpConfig> = LazyLock::new(|| {
    let files = MemoryFiles::default().with("/etc/lvsd/lvsd.conf", KINDS);
    let loaded = lvsd_config::load(&files, Path::new("/etc/lvsd/lvsd.conf"), &Options::default());
    loaded.config.expect("a configuration").vrrp
});

const NOW: Time = Time::after_start(Duration::from_secs(5));
const WALL: WallTime = WallTime::after_epoch(Duration::from_secs(1_700_000_000));

fn source(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::from([10, 0, 0, 2]),
        Family::V6 => IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 2]),
    }
}

/// As our sockets hear it.
fn judge(config: &Instance, payload: &[u8]) {
    let source = source(config.family);
    let destination = destinations(&config.transport).next().expect("a destination");
    let header = [0x45, 0, 0, 0, 0, 0, 0, 0, 255, 51, 0, 0, 10, 0, 0, 2, 224, 0, 0, 18];
    for carrier in [Carrier::Plain, Carrier::Ah { header: Some(header) }, Carrier::Ah { header: None }] {
        let meta = RxMeta { wall: WALL, carrier, ..RxMeta::new(source, destination, 255) };
        let named = wire::peek_vrid(&carrier, payload);
        let judged = wire::check(config, NOW, &meta, payload, AddressCheck::Compare, &mut Guard::default());
        if let Ok(checked) = judged {
            // Number 0 is nobody's: the router that looks for the instance never asks further.
            assert_eq!(named, lvsd_model::Vrid::new(checked.advert.vrid));
            assert!(checked.interval.centis() > 0);
        }
    }
    let _ = wire::parse_membership(config.family, payload);
}

/// A real advert of the instance with the input over it: a fuzzer finds no signature.
fn changed(config: &Instance, input: &[u8]) -> Vec<u8> {
    let destination = destinations(&config.transport).next().expect("a destination");
    let mut signer = Signer::default();
    signer.begin(config, WALL);
    let advert = OutgoingAdvert::new(source(config.family), 100);
    let mut packet = Vec::new();
    signer.emit(&advert, config, &Envelope { destination, identification: 1, hops: 255 }, &mut packet);
    for change in input.chunks_exact(2) {
        let place = usize::from(change[0]) % packet.len().max(1);
        if let Some(octet) = packet.get_mut(place) {
            *octet ^= change[1];
        }
    }
    packet
}

fuzz_target!(|input: &[u8]| {
    let mut radar = Radar::default();
    radar.configure(NOW, Arc::new(CONFIG.clone()));
    let interface = lvsd_model::InterfaceName::new("eth0").expect("a name");
    for ethertype in [0x0800, 0x86dd, 0x0806] {
        if let Some(overheard) = radar::parse(ethertype, input) {
            radar.overhear(NOW, &interface, None, &overheard);
        }
    }
    for finding in radar.judge(NOW).begun {
        assert!(!finding.to_string().is_empty());
    }
    let (which, rest) = input.split_first().unwrap_or((&0, &[]));
    for config in &CONFIG.instances {
        judge(config, input);
    }
    if let Some(config) = CONFIG.instances.get(usize::from(*which) % CONFIG.instances.len()) {
        judge(config, &changed(config, rest));
    }
});
