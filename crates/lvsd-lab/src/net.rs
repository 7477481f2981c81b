//! Hosts on fake LANs: a LAN is a bridge in a namespace of its own, a host another namespace, a link a veth pair.

use crate::{Capture, LabError, Namespace, Output, Program, Result};
use std::{cell::Cell, ffi::OsStr, net::IpAddr, rc::Rc};

/// Bridges of a LAN: the one everybody starts on, and the one that the far side of a split moves to.
const BRIDGE: &str = "lan";
const FAR_BRIDGE: &str = "far";

#[derive(Debug)]
struct Switch {
    namespace: Namespace,
    ports: Cell<u32>,
}

/// A switched LAN.
#[derive(Clone, Debug)]
pub struct Lan(Rc<Switch>);

impl Lan {
    /// A switch to plug hosts into.
    ///
    /// # Errors
    /// Not root, or no bridges in this kernel.
    pub fn new(name: &str) -> Result<Self> {
        let namespace = Namespace::new(name)?;
        for bridge in [BRIDGE, FAR_BRIDGE] {
            // No spanning tree, so a port forwards at once; no snooping, so every port gets every multicast.
            namespace
                .ip(&format!("link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"))?;
            // Promiscuous, so that a capture on the bridge has every frame.
            namespace.ip(&format!("link set {bridge} up promisc on"))?;
        }
        Ok(Self(Rc::new(Switch { namespace, ports: Cell::new(0) })))
    }

    /// Plugs a host in: it gets `interface`, up, with these addresses (`10.0.0.1/24`, `fd00::1/64`).
    ///
    /// # Errors
    /// The host has such an interface already, or an address is wrong.
    pub fn plug(&self, host: &Host, interface: &str, addresses: &[&str]) -> Result<Link> {
        let number = self.0.ports.replace(self.0.ports.get() + 1);
        let port = format!("port{number}");
        let there = host.namespace.name();
        let link = Link { lan: self.clone(), port };
        self.ip(&format!("link add {} type veth peer name {interface} netns {there}", link.port))?;
        self.ip(&format!("link set {} up master {BRIDGE}", link.port))?;
        host.ip(&format!("link set {interface} up"))?;
        for address in addresses {
            host.add_address(address, interface)?;
        }
        Ok(link)
    }

    /// Parts these links from the rest of the LAN: they still reach each other, and keep their carrier.
    ///
    /// # Errors
    /// A link is not of this LAN.
    pub fn split<'a>(&self, far: impl IntoIterator<Item = &'a Link>) -> Result<()> {
        far.into_iter().try_for_each(|link| self.ip(&format!("link set {} master {FAR_BRIDGE}", link.port)))
    }

    /// Everything that passes this LAN (but not the far side of a [split](Self::split)), from now on.
    ///
    /// # Errors
    /// No packet socket to be had.
    pub fn capture(&self) -> Result<Capture> {
        Capture::on(&self.0.namespace, BRIDGE)
    }

    fn ip(&self, words: &str) -> Result<()> {
        self.0.namespace.ip(words).map(drop)
    }
}

/// The wire between a host's interface and its LAN.
#[derive(Debug)]
pub struct Link {
    lan: Lan,
    port: String,
}

impl Link {
    /// Loses every frame from now on, both ways; the host still sees a carrier.
    ///
    /// # Errors
    /// The host is gone.
    pub fn cut(&self) -> Result<()> {
        self.lan.ip(&format!("link set {} nomaster", self.port))
    }

    /// Mends what [`cut`](Self::cut) or [`Lan::split`] did.
    ///
    /// # Errors
    /// The host is gone.
    pub fn mend(&self) -> Result<()> {
        self.lan.ip(&format!("link set {} master {BRIDGE}", self.port))
    }

    /// Pulls the plug: the host's interface loses its carrier.
    ///
    /// # Errors
    /// The host is gone.
    pub fn down(&self) -> Result<()> {
        self.lan.ip(&format!("link set {} down", self.port))
    }

    /// Plugs it in again.
    ///
    /// # Errors
    /// The host is gone.
    pub fn up(&self) -> Result<()> {
        self.lan.ip(&format!("link set {} up", self.port))
    }

    /// Disturbs what the host receives, in the words of tc-netem(8): `delay 5ms loss 10%`.
    ///
    /// # Errors
    /// This kernel has no netem (the guest's has), or the words are wrong.
    pub fn disturb(&self, netem: &str) -> Result<()> {
        let namespace = self.lan.0.namespace.name();
        let words = format!("-n {namespace} qdisc replace dev {} root netem {netem}", self.port);
        Program::new("tc").args(words.split_whitespace()).check().map(drop)
    }
}

/// An address that an interface has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// The length of its prefix in bits.
    pub prefix: u8,
}

/// A host of the laboratory: a network namespace, in which programs run.
#[derive(Debug)]
pub struct Host {
    name: String,
    namespace: Namespace,
}

impl Host {
    /// A host with nothing but `lo`.
    ///
    /// # Errors
    /// Not root.
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self { name: name.to_owned(), namespace: Namespace::new(name)? })
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A program to be run on this host.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Program<'_> {
        Program::new(program).within(&self.namespace)
    }

    /// Runs a command line of space-separated words to its end.
    ///
    /// # Errors
    /// It cannot be started or does not end; see [`Program::run`].
    pub fn run(&self, line: &str) -> Result<Output> {
        self.by_words(line).run()
    }

    /// Runs a command line that must succeed, and gives its standard output.
    ///
    /// # Errors
    /// See [`Program::check`].
    pub fn check(&self, line: &str) -> Result<String> {
        self.by_words(line).check()
    }

    /// Runs code on this host; sockets it makes are this host's for ever.
    ///
    /// # Errors
    /// The namespace is gone.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T> {
        self.namespace.enter(inside)
    }

    /// Runs `ip` with these space-separated words.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn ip(&self, words: &str) -> Result<String> {
        self.namespace.ip(words)
    }

    /// Sets a kernel parameter of this host by its dotted name.
    ///
    /// # Errors
    /// No such parameter or value.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        self.namespace.sysctl(key, value)
    }

    /// Gives an interface an address, at once usable.
    ///
    /// # Errors
    /// Not an address with prefix length, no such interface, or it has it already.
    pub fn add_address(&self, address: &str, interface: &str) -> Result<()> {
        let nodad = if address.contains(':') { "nodad" } else { "" };
        self.ip(&format!("addr add {address} dev {interface} {nodad}")).map(drop)
    }

    /// The addresses of an interface now, both families, as the kernel lists them.
    ///
    /// # Errors
    /// No such interface.
    pub fn addresses(&self, interface: &str) -> Result<Vec<Address>> {
        self.ip(&format!("-o addr show dev {interface}"))?.lines().map(parse_address).collect()
    }

    /// Has an interface this address now? `false` also when there is no such interface.
    pub fn has_address(&self, ip: IpAddr, interface: &str) -> bool {
        self.addresses(interface).is_ok_and(|all| all.iter().any(|address| address.ip == ip))
    }

    /// The link-layer address of an interface.
    ///
    /// # Errors
    /// No such interface.
    pub fn mac(&self, interface: &str) -> Result<[u8; 6]> {
        let text = self.ip(&format!("-o link show dev {interface}"))?;
        parse_mac(&text).ok_or(LabError::Unreadable { what: "the output of ip link", text })
    }

    /// Sends this host's other traffic to a gateway, of either family.
    ///
    /// # Errors
    /// The gateway is not on a network of this host.
    pub fn gateway(&self, gateway: IpAddr) -> Result<()> {
        let family = if gateway.is_ipv4() { "-4" } else { "-6" };
        self.ip(&format!("{family} route replace default via {gateway}")).map(drop)
    }

    /// Lets this host route between its interfaces, as a director in NAT mode must.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn forward(&self) -> Result<()> {
        self.sysctl("net.ipv4.ip_forward", "1")?;
        self.sysctl("net.ipv6.conf.all.forwarding", "1")
    }

    /// Lets this host answer for a virtual address without claiming it on the wire, as a real server behind a
    /// director in DR or TUN mode must: the address is on `lo`, and ARP for it stays unanswered.
    ///
    /// # Errors
    /// It has it already.
    pub fn adopt(&self, vip: IpAddr) -> Result<()> {
        self.sysctl("net.ipv4.conf.all.arp_ignore", "1")?;
        self.sysctl("net.ipv4.conf.all.arp_announce", "2")?;
        let bits = if vip.is_ipv4() { 32 } else { 128 };
        self.add_address(&format!("{vip}/{bits}"), "lo")
    }

    /// What this host's interface sends and receives, from now on.
    ///
    /// # Errors
    /// No such interface.
    pub fn capture(&self, interface: &str) -> Result<Capture> {
        Capture::on(&self.namespace, interface)
    }

    fn by_words(&self, line: &str) -> Program<'_> {
        let mut words = line.split_whitespace();
        self.program(words.next().unwrap_or_default()).args(words)
    }
}

/// One line of `ip -o addr`: `2: eth0    inet 10.0.0.1/24 brd ...`.
fn parse_address(line: &str) -> Result<Address> {
    let unreadable = || LabError::Unreadable { what: "the output of ip addr", text: line.to_owned() };
    let word = line.split_whitespace().nth(3).ok_or_else(unreadable)?;
    // A point-to-point address is shown without a prefix length: its own is the whole.
    let (ip, prefix) = word.split_once('/').map_or((word, None), |(ip, prefix)| (ip, Some(prefix)));
    let ip: IpAddr = ip.parse().map_err(|_| unreadable())?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(whole), str::parse).map_err(|_| unreadable())?;
    Ok(Address { ip, prefix })
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let word = text.split_whitespace().skip_while(|word| *word != "link/ether").nth(1)?;
    let bytes: Vec<u8> =
        word.split(':').map(|part| u8::from_str_radix(part, 16)).collect::<Result<_, _>>().ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_both_families_and_without_prefix() {
        let read = |line| parse_address(line).map(|Address { ip, prefix }| (ip.to_string(), prefix)).ok();
        let v4 = "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever";
        assert_eq!(read(v4), Some(("10.0.0.1".to_owned(), 24)));
        let v6 = "2: eth0    inet6 fd00::1/64 scope global nodad \\       valid_lft forever";
        assert_eq!(read(v6), Some(("fd00::1".to_owned(), 64)));
        let peer = "2: eth0    inet 10.0.0.1 peer 10.0.0.9/32 scope global eth0";
        assert_eq!(read(peer), Some(("10.0.0.1".to_owned(), 32)));
        for wrong in ["", "2: eth0 inet", "2: eth0 inet x/24", "2: eth0 inet 10.0.0.1/x"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_link_layer_address_is_read() {
        let text = "2: eth0@if3: <UP> mtu 1500\\    link/ether 02:00:00:00:00:0a brd ff:ff:ff:ff:ff:ff";
        assert_eq!(parse_mac(text), Some([2, 0, 0, 0, 0, 10]));
        assert_eq!(parse_mac("1: lo: link/loopback 00:00:00:00:00:00"), None);
    }
}
