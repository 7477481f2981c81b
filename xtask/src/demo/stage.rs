//! The LAN and who is on it.

use super::judge::servers_of;
use crate::Failure;
use lvsd_lab::{
    Director, Host, Lan, Launch, Link,
    web::{Answer, Server},
};
use nix::{
    ifaddrs::{InterfaceAddress, getifaddrs},
    sys::socket::SockaddrStorage,
};
use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::SystemTime,
};

/// The service by direct routing: its address, and as `ipvsadm` names it.
pub(super) const DIRECT: Service =
    Service { vip: Ipv4Addr::new(10, 77, 0, 100), name: "10.77.0.100:80", url: "http://10.77.0.100/" };
/// The service by NAT. Its address is also what the servers' answers go through.
pub(super) const NAT: Service =
    Service { vip: Ipv4Addr::new(10, 77, 0, 101), name: "10.77.0.101:8080", url: "http://10.77.0.101:8080/" };
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
/// Names, last bytes of the addresses.
const DIRECTORS: [(&str, u8); 2] = [("director-a", 1), ("director-b", 2)];
const SERVERS: [(&str, u8); 3] = [("real-1", 11), ("real-2", 12), ("real-3", 13)];
const SORRY: (&str, u8) = ("sorry", 20);
/// Number of the routing table that real servers have for NAT.
const TABLE: u8 = 77;

/// A virtual service of the sample configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) vip: Ipv4Addr,
    pub(super) name: &'static str,
    pub(super) url: &'static str,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) directors: [Machine; 2],
    pub(super) servers: Vec<RealServer>,
    pub(super) sorry: RealServer,
    pub(super) client: Host,
    _client_link: Link,
    lan: Lan,
}

impl Stage {
    /// The hosts, plugged in; servers serve, directors do not run yet.
    pub(super) fn build() -> Result<Self, Failure> {
        let lan = Lan::new("lan")?;
        let (client, _client_link) = plug(&lan, "client", CLIENT.octets()[3])?;
        // One host plays many clients: it should not come back to a port as soon as one host would.
        client.sysctl("net.ipv4.ip_local_port_range", "1024 65535")?;
        let servers = SERVERS.map(|(name, number)| RealServer::new(&lan, name, number));
        Ok(Self {
            directors: [Machine::new(&lan, DIRECTORS[0])?, Machine::new(&lan, DIRECTORS[1])?],
            servers: servers.into_iter().collect::<Result<_, _>>()?,
            sorry: RealServer::new(&lan, SORRY.0, SORRY.1)?,
            client,
            _client_link,
            lan,
        })
    }

    /// Repairs director-a's machine, which has lost its power: it knows nothing of the time before.
    pub(super) fn repair(&mut self) -> Result<(), Failure> {
        let machine = Machine::new(&self.lan, DIRECTORS[0])?;
        self.directors[0] = machine;
        Ok(())
    }

    /// The real servers' names, each with the weight 1.
    pub(super) fn even(&self) -> Vec<(&str, u64)> {
        self.servers.iter().map(|server| (server.host.name(), 1)).collect()
    }
}

/// A director's machine.
#[derive(Debug)]
pub(super) struct Machine {
    /// The daemon, while it is there. Before the host, which must outlive it.
    pub(super) director: Option<Director>,
    pub(super) host: Host,
    pub(super) link: Link,
    pub(super) mac: [u8; 6],
    /// The text of its file in `conf/pair`.
    pub(super) config: String,
}

impl Machine {
    fn new(lan: &Lan, (name, number): (&str, u8)) -> Result<Self, Failure> {
        let (host, link) = plug(lan, name, number)?;
        host.forward()?;
        // A client that comes back to a port it has used shortly before is a new one, also where the connection before
        // went to a server that has left the table, or its end was not seen (by direct routing it never is).
        for (key, value) in [("expire_nodest_conn", "1"), ("conn_reuse_mode", "3")] {
            host.sysctl(&format!("net.ipv4.vs.{key}"), value)?;
        }
        // The way from a real server through a director to the client is there and back on one LAN; a router tells of
        // the short cut, which would lead around the address translation.
        for interface in ["all", "eth0"] {
            host.sysctl(&format!("net.ipv4.conf.{interface}.send_redirects"), "0")?;
        }
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("conf").join("pair");
        let path = directory.join(format!("{name}.conf"));
        let config = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mac = host.mac("eth0")?;
        Ok(Self { director: None, host, link, mac, config })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.host.name()
    }

    /// Starts the daemon and gives the moment just before.
    pub(super) fn start(&mut self) -> Result<SystemTime, Failure> {
        let before = SystemTime::now();
        let launch = match &mut self.director {
            Some(earlier) => Launch::lvsd_after(earlier, &self.host)?,
            None => Launch::lvsd(&self.host)?,
        };
        self.director = Some(launch.start(&self.config)?);
        Ok(before)
    }

    /// Kills the daemon's whole family and gives the moment just before.
    pub(super) fn kill(&mut self) -> SystemTime {
        self.director.as_mut().map_or_else(SystemTime::now, Director::kill)
    }

    /// Gives the daemon another configuration.
    pub(super) fn reload(&mut self, config: String) -> Result<(), Failure> {
        let director = self.director.as_ref().ok_or("nothing runs that could reload")?;
        director.reload(&config)?;
        self.config = config;
        Ok(())
    }

    /// Is an address on its `eth0`?
    pub(super) fn holds(&self, vip: Ipv4Addr) -> bool {
        let address = |entry: InterfaceAddress| entry.address.as_ref().and_then(ipv4_of);
        let has = || getifaddrs().into_iter().flatten().filter_map(address).any(|ip| ip == vip);
        self.host.enter(has).unwrap_or(false)
    }

    /// Does it hold both virtual addresses?
    pub(super) fn is_master(&self) -> bool {
        self.holds(DIRECT.vip) && self.holds(NAT.vip)
    }

    /// Does it hold neither?
    pub(super) fn is_backup(&self) -> bool {
        !self.holds(DIRECT.vip) && !self.holds(NAT.vip)
    }

    /// The servers of a service in its kernel, with their weights.
    pub(super) fn servers(&self, service: Service) -> BTreeMap<String, u64> {
        let table = self.host.check("ipvsadm -Sn").unwrap_or_default();
        servers_of(&table, service.name)
    }
}

/// A host that serves pages that say its name.
#[derive(Debug)]
pub(super) struct RealServer {
    page: Option<Server>,
    pub(super) host: Host,
    pub(super) address: Ipv4Addr,
    _link: Link,
}

impl RealServer {
    fn new(lan: &Lan, name: &str, number: u8) -> Result<Self, Failure> {
        let (host, _link) = plug(lan, name, number)?;
        let address = lan_address(number);
        host.adopt(IpAddr::V4(DIRECT.vip))?;
        // Answers by direct routing come from the virtual address and go straight to the client; those of NAT come from
        // the server's own, and go through the director.
        host.ip(&format!("route add {CLIENT} via {} table {TABLE}", NAT.vip))?;
        host.ip(&format!("rule add from {address} to {CLIENT} lookup {TABLE}"))?;
        let mut server = Self { page: None, host, address, _link };
        server.serve()?;
        Ok(server)
    }

    /// Serves.
    pub(super) fn serve(&mut self) -> Result<(), Failure> {
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80));
        // Not before the old one has gone.
        self.page = None;
        self.page = Some(Server::on(&self.host, listen, Answer::page(self.host.name()))?);
        Ok(())
    }

    /// Serves no more: connections are refused.
    pub(super) fn die(&mut self) {
        self.page = None;
    }

    /// As it is in a table.
    pub(super) fn destination(&self) -> String {
        format!("{}:80", self.address)
    }
}

fn lan_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, number)
}

fn plug(lan: &Lan, name: &str, number: u8) -> Result<(Host, Link), Failure> {
    let host = Host::new(name)?;
    let link = lan.plug(&host, "eth0", &[&format!("{}/24", lan_address(number))])?;
    Ok((host, link))
}

fn ipv4_of(address: &SockaddrStorage) -> Option<Ipv4Addr> {
    address.as_sockaddr_in().map(|address| address.ip())
}
