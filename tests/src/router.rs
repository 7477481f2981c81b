//! Virtual routers as configuration text.

use crate::{Make, Node, ip};
use std::{fmt, net::IpAddr, time::Duration};

/// How adverts travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// To the group.
    Multicast,
    /// To the peers.
    Unicast,
}

/// What VRRPv2 over IPv4 carries against strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// A password.
    Pass,
    /// An authentication header.
    Ah,
}

/// What a router lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Perch {
    /// Its interface.
    Interface,
    /// A VMAC.
    Vmac,
    /// A VMAC, with its adverts on the interface below.
    VmacByBase,
}

/// What a pair agrees on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Protocol version: 2 (with authentication), or 3.
    pub version: u8,
    /// Of the adverts, and of the virtual addresses.
    pub is_ipv6: bool,
    /// How they travel.
    pub cast: Cast,
    /// In version 2, how they are authenticated.
    pub auth: AuthType,
    /// What both live on.
    pub perch: Perch,
}

impl Wire {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::new(2, false, Cast::Multicast),
        Self::new(3, false, Cast::Multicast),
        Self::new(2, false, Cast::Unicast),
        Self::new(2, false, Cast::Multicast).with_ah(),
        Self::new(2, false, Cast::Unicast).with_ah(),
        Self::new(3, false, Cast::Unicast),
        Self::new(3, true, Cast::Multicast),
        Self::new(3, true, Cast::Unicast),
    ];
    /// Those with a VMAC.
    pub const VMAC: [Self; 6] = [
        Self::new(2, false, Cast::Multicast).on(Perch::Vmac),
        Self::new(3, false, Cast::Multicast).on(Perch::Vmac),
        Self::new(3, true, Cast::Multicast).on(Perch::Vmac),
        Self::new(2, false, Cast::Multicast).with_ah().on(Perch::Vmac),
        Self::new(3, false, Cast::Multicast).on(Perch::VmacByBase),
        Self::new(3, false, Cast::Unicast).on(Perch::VmacByBase),
    ];
    /// The one of tests that are about something else.
    pub const PLAIN: Self = Self::new(3, false, Cast::Multicast);

    /// One of them.
    pub const fn new(version: u8, is_ipv6: bool, cast: Cast) -> Self {
        Self { version, is_ipv6, cast, auth: AuthType::Pass, perch: Perch::Interface }
    }

    /// The same with an authentication header.
    pub const fn with_ah(self) -> Self {
        Self { auth: AuthType::Ah, ..self }
    }

    /// The same on something else.
    pub const fn on(self, perch: Perch) -> Self {
        Self { perch, ..self }
    }

    /// All of them, with and without a VMAC.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::VMAC)
    }

    /// The virtual addresses, in the order of the configuration.
    pub fn vips(self) -> [IpAddr; 2] {
        if self.is_ipv6 { [ip("fd00::64"), ip("fd00::65")] } else { [ip("10.0.0.100"), ip("10.0.0.101")] }
    }

    /// The interval between two adverts: short, where the version can say so.
    pub fn interval(self) -> Duration {
        Duration::from_millis(if self.version == 2 { 1000 } else { 300 })
    }

    /// RFC 3768 §5.3.2 and RFC 9568 §6.1: the better the priority the shorter.
    pub fn skew(self, priority: u8) -> Duration {
        self.interval() * (256 - u32::from(priority)) / 256
    }

    /// How long a backup of that priority believes in a silent master.
    pub fn down_time(self, priority: u8) -> Duration {
        3 * self.interval() + self.skew(priority)
    }

    /// The least time after its last advert in which a backup of that make and priority takes over from a killed master: lvsd
    /// believes the kernel of the master's host, if that has been missed once and can be heard or asked.
    pub fn least_down_time(self, backup: Make, priority: u8) -> Duration {
        match backup {
            Make::Lvsd => self.interval() * 3 / 2 + self.skew(priority),
            Make::Keepalived(_) => self.down_time(priority),
        }
    }

    /// The configuration of one of a pair.
    pub fn router(self, me: &Node, peer: &Node, priority: u8) -> Router {
        let [first, second] = self.vips();
        let bits = if self.is_ipv6 { 64 } else { 24 };
        let router = Router::new(priority)
            .version(self.version)
            .interval(self.interval())
            .vip(&format!("{first}/{bits}"))
            .vip(&format!("{second}/{bits}"));
        let router = if self.version == 2 {
            let kind = match self.auth {
                AuthType::Pass => "PASS",
                AuthType::Ah => "AH",
            };
            router.line(&format!("authentication {{\n auth_type {kind}\n auth_pass sesame\n }}"))
        } else {
            router
        };
        let router = match self.perch {
            Perch::Interface => router,
            Perch::Vmac => router.line("use_vmac"),
            Perch::VmacByBase => router.line("use_vmac\n vmac_xmit_base"),
        };
        match self.cast {
            Cast::Multicast => router,
            Cast::Unicast => router.line(&format!(
                "unicast_src_ip {}\n unicast_peer {{\n {}\n }}",
                me.address(first),
                peer.address(first)
            )),
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.is_ipv6 { "IPv6" } else { "IPv4" };
        let cast = match self.cast {
            Cast::Multicast => "multicast",
            Cast::Unicast => "unicast",
        };
        let auth = if self.auth == AuthType::Ah { " with AH" } else { "" };
        let perch = match self.perch {
            Perch::Interface => "",
            Perch::Vmac => " on a VMAC",
            Perch::VmacByBase => " on a VMAC, adverts by the base",
        };
        write!(f, "v{} {family} {cast}{auth}{perch}", self.version)
    }
}

/// One `vrrp_instance` that notes its states; as text, a whole configuration or a part of one.
#[derive(Clone, Debug)]
pub struct Router {
    name: String,
    vrid: u8,
    priority: u8,
    interface: String,
    version: u8,
    interval: Duration,
    vips: Vec<String>,
    lines: Vec<String>,
}

impl Router {
    /// What a configuration begins with, so that scripts run: as root, and only if nobody else can change them.
    pub const SCRIPTS: &'static str = "global_defs {\n script_user root\n enable_script_security\n}\n";

    /// `lab`: VRID 51 on `eth0`, version 3, an advert every 100 ms, no address yet.
    pub fn new(priority: u8) -> Self {
        Self {
            name: "lab".to_owned(),
            vrid: 51,
            priority,
            interface: "eth0".to_owned(),
            version: 3,
            interval: Duration::from_millis(100),
            vips: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// The address of [`usual`](Self::usual).
    pub fn usual_vip() -> IpAddr {
        ip("10.0.0.100")
    }

    /// The same with 10.0.0.100/24: what most tests need.
    pub fn usual(priority: u8) -> Self {
        Self::new(priority).vip("10.0.0.100/24")
    }

    /// Calls it something else, which needs another VRID too.
    #[must_use]
    pub fn named(mut self, name: &str, vrid: u8) -> Self {
        name.clone_into(&mut self.name);
        self.vrid = vrid;
        self
    }

    /// Puts it on another interface.
    #[must_use]
    pub fn on(mut self, interface: &str) -> Self {
        interface.clone_into(&mut self.interface);
        self
    }

    /// Lets it speak another version.
    #[must_use]
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// Lets it speak at another pace.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Adds a line to its virtual addresses.
    #[must_use]
    pub fn vip(mut self, line: &str) -> Self {
        self.vips.push(line.to_owned());
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// The whole configuration: this one, and the right to run scripts.
    pub fn config(&self) -> String {
        format!("{}{self}", Self::SCRIPTS)
    }
}

impl fmt::Display for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "vrrp_instance {} {{", self.name)?;
        writeln!(f, " state BACKUP\n interface {}\n virtual_router_id {}", self.interface, self.vrid)?;
        writeln!(f, " priority {}\n version {}", self.priority, self.version)?;
        writeln!(f, " advert_int {}\n notify %HOME%/note", self.interval.as_secs_f64())?;
        self.lines.iter().try_for_each(|line| writeln!(f, " {line}"))?;
        f.write_str(" virtual_ipaddress {\n")?;
        self.vips.iter().try_for_each(|vip| writeln!(f, "  {vip}"))?;
        f.write_str(" }\n}\n")
    }
}
