//! A LAN with its directors, and what passes between them.

use crate::{Make, Running, SOON, good};
use lvsd_lab::{Advert, Capture, Frame, Host, Lan, Launch, Link, Process, built, until};
use nix::{
    ifaddrs::{InterfaceAddress, getifaddrs},
    sys::socket::SockaddrStorage,
};
use std::{fs, net::IpAddr, path::Path, time::SystemTime};

/// A LAN, and everything that passed it.
#[derive(Debug)]
pub struct Site {
    /// The LAN.
    pub lan: Lan,
    /// What a third party sees: every frame that passes the switch.
    pub seen: Capture,
}

/// A host on it, with `eth0`.
#[derive(Debug)]
pub struct Node {
    /// The host.
    pub host: Host,
    /// Its wire.
    pub link: Link,
    number: u8,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// An empty LAN.
    pub fn new() -> Self {
        let lan = good(Lan::new("lan"));
        let seen = good(lan.capture());
        Self { lan, seen }
    }

    /// A LAN with two hosts, 10.0.0.1 and 10.0.0.2.
    pub fn with_pair() -> (Self, [Node; 2]) {
        let site = Self::new();
        let nodes = [site.node("better", 1), site.node("other", 2)];
        (site, nodes)
    }

    /// Another host: `eth0` has 10.0.0.NUMBER and fd00::NUMBER, and a link-layer address that the number decides, and
    /// with it the link-local address.
    pub fn node(&self, name: &str, number: u8) -> Node {
        let host = good(Host::new(name));
        let link = good(self.lan.plug(&host, "eth0", &[]));
        good(host.ip("link set eth0 down"));
        good(host.ip(&format!("link set eth0 address 02:00:00:00:00:{number:02x}")));
        good(host.ip("link set eth0 up"));
        for address in [format!("10.0.0.{number}/24"), format!("fd00::{number}/64")] {
            good(host.add_address(&address, "eth0"));
        }
        Node { host, link, number }
    }

    /// Waits for that many more adverts of a node, from now on.
    #[track_caller]
    pub fn wait_adverts(&self, node: &Node, count: usize) {
        let mut last = SystemTime::now();
        for _ in 0..count {
            last = self.wait_advert(last, node, "another advert", |_| true).at;
        }
    }

    /// Waits for a frame that passes after `moment`.
    #[track_caller]
    pub fn wait(&self, after: SystemTime, what: &str, wanted: impl Fn(&Frame) -> bool) -> Frame {
        good(self.seen.wait_after(after, SOON, what, wanted))
    }

    /// Waits for an advert of that node which passes after `moment`.
    #[track_caller]
    pub fn wait_advert(
        &self,
        after: SystemTime,
        node: &Node,
        what: &str,
        wanted: impl Fn(&Advert) -> bool,
    ) -> Frame {
        let what = format!("{what} of {}", node.host.name());
        self.wait(after, &what, |frame| {
            node.sent(frame) && frame.advert().is_some_and(|advert| wanted(&advert))
        })
    }

    /// Waits until that node advertises (other than to resign), and then for the address to be on it and on none of the
    /// others; then for three more adverts, in whose time nobody else says anything.
    #[track_caller]
    pub fn settled(&self, after: SystemTime, master: &Node, others: &[&Node], vip: IpAddr) {
        self.wait_advert(after, master, "adverts", |advert| advert.priority > 0);
        self.alone(master, others, vip);
        let start = SystemTime::now();
        self.wait_adverts(master, 3);
        let end = SystemTime::now();
        let between = |frame: &Frame| start < frame.at && frame.at < end;
        let intruder = |frame: &&Frame| frame.advert().is_some() && between(frame) && !master.sent(frame);
        assert_eq!(self.seen.frames().iter().find(intruder).and_then(Frame::advert), None, "a second master");
        self.alone(master, others, vip);
    }

    /// Waits until the address is on that node and on none of the others.
    #[track_caller]
    pub fn alone(&self, master: &Node, others: &[&Node], vip: IpAddr) {
        let holders = || {
            let all = others.iter().copied().chain([master]);
            all.filter(|node| node.holds(vip)).map(|node| node.host.name()).collect::<Vec<_>>()
        };
        let alone = until(SOON, "one holder", || holders() == [master.host.name()]);
        assert!(alone.is_ok(), "{vip} is to be on {} alone, and is on {:?}", master.host.name(), holders());
    }

    /// All frames so far.
    pub fn frames(&self) -> Vec<Frame> {
        self.seen.frames()
    }

    /// The adverts of a node so far, with their times.
    pub fn adverts(&self, node: &Node) -> Vec<(SystemTime, Advert)> {
        let frames = self.seen.frames();
        frames
            .iter()
            .filter(|frame| node.sent(frame))
            .filter_map(|frame| Some((frame.at, frame.advert()?)))
            .collect()
    }
}

impl Node {
    /// Its address in a family: on 10.0.0.0/24, or on fd00::/64.
    pub fn address(&self, like: IpAddr) -> IpAddr {
        let number = u16::from(self.number);
        if like.is_ipv4() {
            [10, 0, 0, self.number].into()
        } else {
            [0xfd00, 0, 0, 0, 0, 0, 0, number].into()
        }
    }

    /// The link-layer address of its `eth0`.
    pub fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.number]
    }

    /// Its link-local address.
    fn link_local(&self) -> IpAddr {
        [0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, u16::from(self.number)].into()
    }

    /// Is it the sender of a frame? Those of a VMAC all have the same link-layer address, whoever leads: then an advert is of
    /// whose address it bears.
    pub fn sent(&self, frame: &Frame) -> bool {
        let source = frame.advert().map(|advert| advert.source);
        let own = || source.is_some_and(|source| [self.address(source), self.link_local()].contains(&source));
        frame.bytes.get(6..12) == Some(&self.mac()) || (is_virtual(frame) && own())
    }

    /// The same where nobody else leads: whatever bears the virtual link-layer address is its own.
    pub fn spoke(&self, frame: &Frame) -> bool {
        self.sent(frame) || is_virtual(frame)
    }

    /// Does it say with that frame that an address is at its `eth0`, or at a VMAC, which can be anybody's?
    pub fn announced(&self, frame: &Frame, ip: IpAddr) -> bool {
        self.spoke(frame) && frame.announces(ip)
    }

    /// Is an address on any of its interfaces?
    pub fn holds(&self, ip: IpAddr) -> bool {
        held(&self.host).iter().any(|(_, address)| *address == ip)
    }

    /// Waits until an address is on one of its interfaces.
    #[track_caller]
    pub fn wait_holds(&self, ip: IpAddr) {
        let holds = until(SOON, "", || self.holds(ip));
        assert!(holds.is_ok(), "{ip} is not on {}", self.host.name());
    }

    /// Waits until an address is on none of its interfaces.
    #[track_caller]
    pub fn wait_lacks(&self, ip: IpAddr) {
        let lacks = until(SOON, "", || !self.holds(ip));
        assert!(lacks.is_ok(), "{ip} is still on {}", self.host.name());
    }

    /// Starts a director on it; see [`Running`] for what the configuration may use.
    #[track_caller]
    pub fn start(&self, make: Make, config: &str) -> Running {
        self.start_with(make, |launch| launch, config)
    }

    /// Starts a director on it that is given more than a configuration.
    #[track_caller]
    pub fn start_with<'a>(
        &'a self,
        make: Make,
        prepare: impl FnOnce(Launch<'a>) -> Launch<'a>,
        config: &str,
    ) -> Running {
        Running::start(make, prepare(good(make.launch(&self.host))), config)
    }

    /// Starts the daemon with `/run/lvsd`, configuration and log in a directory that outlives it, as on a host where it
    /// is killed and started again.
    #[track_caller]
    pub fn start_in(&self, directory: &Path, config: &str) -> Process {
        let [run, file] = ["run", "director.conf"].map(|name| directory.join(name));
        good(fs::create_dir_all(&run));
        good(fs::write(&file, config));
        let program = self.host.program(good(built("lvsd"))).bind(run, "/run/lvsd");
        let program =
            program.args(["-n", "-l", "-D", "-f"]).arg(file).arg("-p").arg(directory.join("main.pid"));
        good(program.spawn(&directory.join("log")))
    }
}

/// Is it from the link-layer address of a virtual router (RFC 9568 §7.3)?
fn is_virtual(frame: &Frame) -> bool {
    matches!(frame.bytes.get(6..12), Some([0, 0, 0x5e, 0, 1 | 2, _]))
}

/// The addresses of a host now, with their interfaces. Cheaper than to run `ip`, for conditions that are waited for.
pub fn held(host: &Host) -> Vec<(String, IpAddr)> {
    let of = |entry: InterfaceAddress| {
        // An address with a label is reported under the label, which begins with the name of the interface.
        let name = entry.interface_name.split(':').next().unwrap_or_default().to_owned();
        Some((name, address_of(&entry.address?)?))
    };
    good(host.enter(|| getifaddrs().into_iter().flatten().filter_map(of).collect()))
}

fn address_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}
