//! Lists of operations for an election: links, addresses, trackers, adverts of several senders, timers, reloads, in any order and at
//! any time. The engine's own invariants hold after each (they are asserted in this build), what is ordered never contradicts itself,
//! and the recording of it all is replayed with the same outcome.
#![no_main]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lvsd_config::{MemoryFiles, Options};
use lvsd_model::{Family, InterfaceName, VrrpConfig};
use lvsd_vrrp::tape::{Taped, replay};
use lvsd_vrrp::wire::{OutgoingAdvert, RxMeta, destinations};
use lvsd_vrrp::{Action, AddressChange, LinkState, Outcome, Output, Router, ShutdownMode, State, Time};

/// What reloads change between.
const CONFIGS: [&str; 3] = [
    "
vrrp_script s {\n script /bin/true\n weight 20\n}
vrrp_track_file f {\n file /run/f\n weight 1\n}
vrrp_sync_group g {\n group {\n a\n b\n }\n}
vrrp_instance a {\n interface eth0\n virtual_router_id 1\n priority 100\n version 3\n advert_int 0.1\n track_script {\n s\n }\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance b {\n interface eth1\n virtual_router_id 2\n priority 100\n version 3\n advert_int 1\n nopreempt\n virtual_ipaddress {\n 10.0.1.9\n }\n}
vrrp_instance c {\n interface eth0\n virtual_router_id 3\n priority 255\n version 2\n virtual_ipaddress {\n 10.0.2.9\n }\n}
",
    "
vrrp_script s {\n script /bin/true\n weight 0\n}
vrrp_instance a {\n interface eth0\n virtual_router_id 1\n priority 120\n version 3\n advert_int 0.1\n preempt_delay 1\n track_script {\n s\n }\n virtual_ipaddress {\n 10.0.0.9\n 10.0.0.8\n }\n}
vrrp_instance b {\n interface eth1\n virtual_router_id 2\n priority 90\n version 3\n track_interface {\n eth0 weight -20\n }\n virtual_ipaddress {\n 10.0.1.9\n }\n}
",
    "
vrrp_instance a {\n interface eth1\n virtual_router_id 1\n priority 100\n version 2\n nopreempt\n resign_on_priority_drop\n virtual_ipaddress {\n 10.0.0.9\n }\n}
vrrp_instance d {\n interface eth0\n virtual_router_id 9\n priority 50\n version 3\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }\n virtual_ipaddress {\n 10.0.3.9\n }\n}
",
];

static LOADED: LazyLock<Vec<VrrpConfig>> = LazyLock::new(|| {
    let load = |text: &&str| {
        let files = MemoryFiles::default().with("/etc/lvsd/lvsd.conf", *text);
        let loaded = lvsd_config::load(&files, Path::new("/etc/lvsd/lvsd.conf"), &Options::default());
        loaded.config.expect("a configuration").vrrp
    };
    CONFIGS.iter().map(load).collect()
});

struct Bench {
    router: Taped,
    now: Duration,
    config: usize,
    holding: BTreeSet<String>,
}

impl Bench {
    fn time(&self) -> Time {
        Time::after_start(self.now)
    }

    /// An operation is four octets: what, which, and two numbers.
    fn operate(&mut self, [what, which, number, more]: [u8; 4]) {
        self.now += Duration::from_millis(u64::from(more) * 7);
        let now = self.time();
        let link = InterfaceName::new(if which & 1 == 0 { "eth0" } else { "eth1" }).expect("a name");
        let own = IpAddr::from([10, 0, which & 1, 1]);
        match what % 14 {
            0..=3 => self.advert(which, number),
            4..=6 => self.router.handle_timeout(now),
            7 => self.router.link(now, &link, if number & 1 == 0 { LinkState::Down } else { LinkState::Up }),
            8 => self.router.interface_address(now, &link, Family::V4, (number & 1 == 1).then_some(own)),
            9 => {
                let outcome = if number & 1 == 0 { Outcome::Failure } else { Outcome::Success };
                self.router.script_result(now, "s", outcome);
            }
            10 => self.router.file_value(now, "f", i64::from(number) - 128),
            11 => {
                self.config = usize::from(number) % LOADED.len();
                self.router.apply(now, &LOADED[self.config]);
            }
            12 => {
                let first =
                    self.router.instances().next().map(|view| (view.id, view.config.addresses[0].address));
                if let Some((id, address)) = first {
                    self.router.address_deleted(now, id, address);
                }
            }
            _ => self.router.receive_denial(
                now,
                Some(&link),
                IpAddr::from([10, 0, which & 1, 2 + (number & 3)]),
            ),
        }
        self.take();
    }

    /// A real advert of another router, or of what an instance of another configuration would send.
    fn advert(&mut self, which: u8, priority: u8) {
        let configs = &LOADED[usize::from(which >> 4) % LOADED.len()].instances;
        let config = &configs[usize::from(which) % configs.len()];
        let destination = destinations(&config.transport).next().expect("a destination");
        let source = IpAddr::from([10, 0, 0, 2 + (which >> 6)]);
        let mut packet = Vec::new();
        OutgoingAdvert::new(source, priority).emit(config, destination, &mut packet);
        let interface = config.interface.clone();
        self.router.receive(self.time(), interface.as_ref(), RxMeta::new(source, destination, 255), &packet);
    }

    fn take(&mut self) {
        while let Some(output) = self.router.poll_output() {
            let Output::Instance { id, action, .. } = output else { continue };
            match action {
                Action::Addresses(AddressChange::Hold) => {
                    assert!(self.holding.insert(id.to_string()), "held twice")
                }
                Action::Addresses(AddressChange::Release) => {
                    assert!(self.holding.remove(&id.to_string()), "released twice");
                }
                _ => {}
            }
        }
        for view in self.router.instances() {
            let is_master = view.state == State::Master;
            assert_eq!(
                is_master,
                self.holding.contains(&view.id.to_string()),
                "a master holds its addresses"
            );
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let router = Taped::with_limit(Router::new(Time::ZERO), 2048);
    let mut bench = Bench { router, now: Duration::ZERO, config: 0, holding: BTreeSet::new() };
    bench.router.apply(Time::ZERO, &LOADED[0]);
    bench.take();
    for operation in input.chunks_exact(4) {
        bench.operate([operation[0], operation[1], operation[2], operation[3]]);
    }
    bench.router.shutdown(bench.time(), ShutdownMode::Resign);
    while let Some(output) = bench.router.poll_output() {
        let Output::Instance { id, action: Action::Addresses(AddressChange::Release), .. } = output else {
            continue;
        };
        assert!(bench.holding.remove(&id.to_string()), "released twice");
    }
    assert!(bench.holding.is_empty(), "a stop leaves no address");
    let recording = bench.router.recording().to_bytes("fuzz").expect("it can be written");
    assert_eq!(replay(&recording).expect("a recording").divergence, None);
});
