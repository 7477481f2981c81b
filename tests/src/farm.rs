//! What stands around a pair of directors: a client in front of them, real servers beside them (direct routing, tunnels)
//! and behind them (NAT).

use crate::{Node, SOON, Site, good};
use lvsd_lab::{Host, Lan, Link, until, until_some, web};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// How long one request may take: the guest is slow, and retransmissions are no failures.
const PATIENCE: Duration = Duration::from_secs(20);

/// A host that serves pages that say `real NUMBER`.
#[derive(Debug)]
pub struct RealServer {
    /// The host.
    pub host: Host,
    /// Its wire.
    pub link: Link,
    number: u8,
    pages: BTreeMap<u16, web::Server>,
    echoes: Vec<web::UdpEcho>,
}

impl RealServer {
    /// Beside the directors: 10.0.0.NUMBER and fd00::NUMBER, with these virtual addresses on `lo`, and ready to
    /// unpack IPv4 in IPv4.
    pub fn beside(site: &Site, number: u8, vips: &[IpAddr]) -> Self {
        let Node { host, link, .. } = site.node(&format!("real-{number}"), number);
        vips.iter().for_each(|vip| good(host.adopt(*vip)));
        // Every namespace has one from the start, down.
        good(host.ip("link set tunl0 up"));
        good(host.sysctl("net.ipv4.conf.tunl0.rp_filter", "0"));
        Self { host, link, number, pages: BTreeMap::new(), echoes: Vec::new() }
    }

    /// Behind the directors: 10.1.0.NUMBER and fd01::NUMBER, with the default routes by these gateways.
    pub fn behind(back: &Lan, number: u8, gateways: &[IpAddr]) -> Self {
        let host = good(Host::new(&format!("real-{number}")));
        let [v4, v6] = [format!("10.1.0.{number}/24"), format!("fd01::{number}/64")];
        let link = good(back.plug(&host, "eth0", &[&v4, &v6]));
        gateways.iter().for_each(|gateway| good(host.gateway(*gateway)));
        Self { host, link, number, pages: BTreeMap::new(), echoes: Vec::new() }
    }

    /// What its answers say.
    pub fn name(&self) -> String {
        format!("real {}", self.number)
    }

    /// Serves pages on these ports, of all its addresses.
    pub fn serve(&mut self, ports: impl IntoIterator<Item = u16>) {
        for port in ports {
            let listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            let page = web::Answer::page(&self.name());
            // Not before the old one has gone.
            self.pages.remove(&port);
            self.pages.insert(port, good(web::Server::on(&self.host, listen, page)));
        }
    }

    /// Sends back the datagrams that come to an address.
    pub fn echo(&mut self, listen: SocketAddr) {
        self.echoes.push(good(web::UdpEcho::on(&self.host, listen, &self.name())));
    }

    /// The server of pages on a port.
    ///
    /// # Panics
    /// It does not [serve](Self::serve) there.
    #[track_caller]
    pub fn page(&self, port: u16) -> &web::Server {
        self.pages.get(&port).unwrap_or_else(|| panic!("{} serves nothing on {port}", self.name()))
    }

    /// Ends its server on a port: connections are refused.
    ///
    /// # Panics
    /// It does not serve there.
    #[track_caller]
    pub fn die(&mut self, port: u16) {
        assert!(self.pages.remove(&port).is_some(), "{} served nothing on {port}", self.name());
    }
}

/// A client on the LAN of the directors: 10.0.0.9 and fd00::9.
#[derive(Debug)]
pub struct Customer(Node);

impl Customer {
    /// Plugs it in.
    pub fn new(site: &Site) -> Self {
        Self(site.node("client", 9))
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// One request.
    ///
    /// # Errors
    /// No answer.
    pub fn ask(&self, url: &str) -> std::io::Result<String> {
        client(url).fetch_from(self.host())
    }

    /// Waits for an answer.
    #[track_caller]
    pub fn wait_answer(&self, url: &str) -> String {
        let mut last = String::new();
        let answer = until_some(SOON, "", || self.ask(url).map_err(|error| last = error.to_string()).ok());
        answer.unwrap_or_else(|_| panic!("no answer from {url}: {last}"))
    }

    /// Waits for the first answer (which takes the neighbours' discovery, too), makes `count` requests that must all be
    /// answered, and gives how many each server answered.
    #[track_caller]
    pub fn spread(&self, url: &str, count: u64) -> BTreeMap<String, u64> {
        self.wait_answer(url);
        let requests = web::Client { interval: Duration::ZERO, ..client(url) };
        let report = good(self.host().enter(|| requests.repeat(count, |_| web::Next::Request)));
        assert_eq!((report.sent, report.failed), (count, 0), "{url}: {report:?}");
        report.answers
    }

    /// Begins to make requests, one after the other, until told to stop.
    pub fn load(&self, url: &str) -> web::Load {
        let every = web::Client { interval: Duration::from_millis(5), ..client(url) };
        good(web::Load::start(self.host(), every))
    }
}

fn client(url: &str) -> web::Client {
    web::Client { timeout: PATIENCE, ..web::Client::new(good(url.parse())) }
}

/// A spread as it is written in a test: who answered how often.
pub fn shares<'a>(each: impl IntoIterator<Item = (&'a RealServer, u64)>) -> BTreeMap<String, u64> {
    each.into_iter().map(|(server, count)| (server.name(), count)).collect()
}

/// Waits until the last answers come from nobody but these. For after a change of the table, which the requests do not
/// wait for.
#[track_caller]
pub fn wait_only(customer: &Customer, url: &str, servers: &[&RealServer]) {
    let expected: Vec<_> = servers.iter().map(|server| server.name()).collect();
    let mut seen = Vec::new();
    let only = until(SOON, "", || {
        seen = (0..2 * expected.len())
            .map(|_| customer.ask(url).unwrap_or_else(|error| error.to_string()))
            .collect();
        seen.iter().all(|answer| expected.contains(answer))
    });
    assert!(only.is_ok(), "{url} is answered by {seen:?}, not by {expected:?}");
}
