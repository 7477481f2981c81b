//! Configurations as people have them: with stray braces, misspelled words, scripts that are not there and passwords
//! that are too long. Each starts on a host with the interfaces that it names, and does what it says.
//!
//! The files themselves are not ours to give away. Where they lie beside the repository all are looked at; the files
//! in `fixtures/wild-like` have the same traits and are always there.

use lvsd_e2e::{Make, SOON, good, held, in_parallel, ip};
use lvsd_lab::{Capture, Host, Lan, Link, Need, require, until, until_some, web};
use std::{
    collections::BTreeSet,
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wild-like");
const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/wild");

/// One virtual router that a file asks for, as it is to be seen when nobody else is there.
#[derive(Clone, Copy, Debug)]
struct Says {
    interface: &'static str,
    vrid: u8,
    priority: u8,
    /// In the adverts, in this order, and on `holder`.
    vips: &'static [&'static str],
    /// The interface of the addresses.
    holder: &'static str,
}

const fn says(interface: &'static str, vrid: u8, priority: u8, vips: &'static [&'static str]) -> Says {
    Says { interface, vrid, priority, vips, holder: interface }
}

/// A file, and the host that it was written for.
#[derive(Clone, Copy, Debug)]
struct Wild {
    file: &'static str,
    /// Interfaces beyond those of the routers.
    more_interfaces: &'static [&'static str],
    /// An address that the file takes for granted, on its first interface.
    own: Option<&'static str>,
    /// A peer that it sends to.
    peer: Option<&'static str>,
    /// Text to replace: by what this host has, or where it would take minutes otherwise.
    edits: &'static [(&'static str, &'static str)],
    routers: &'static [Says],
}

const fn wild(file: &'static str, routers: &'static [Says]) -> Wild {
    Wild { file, more_interfaces: &[], own: None, peer: None, edits: &[], routers }
}

impl Wild {
    const fn own(mut self, address: &'static str) -> Self {
        self.own = Some(address);
        self
    }

    const fn peer(mut self, address: &'static str) -> Self {
        self.peer = Some(address);
        self
    }

    const fn with(mut self, interfaces: &'static [&'static str]) -> Self {
        self.more_interfaces = interfaces;
        self
    }

    const fn edit(mut self, edits: &'static [(&'static str, &'static str)]) -> Self {
        self.edits = edits;
        self
    }
}

impl fmt::Display for Wild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file)
    }
}

const LIKE: &[Wild] = &[
    wild("plain.conf", &[says("enp3s0", 51, 101, &["192.168.56.200", "192.168.56.201"])]),
    wild("unicast.conf", &[says("em1", 60, 90, &["10.33.66.20"])])
        .own("10.33.66.21/24")
        .peer("10.33.66.22/24"),
    wild("sync_group.conf", &[says("eth1", 1, 100, &["10.0.0.9"]), says("eth2", 2, 100, &["172.16.0.9"])]),
    wild("services.conf", &[Says { holder: "eth0.53", ..says("eth0", 100, 150, &["192.168.100.100"]) }]),
];

const IN_SCOPE: &[Wild] = &[
    wild("03-wild.conf", &[says("ens18", 51, 100, &["10.10.64.254"])]),
    wild("04-wild.conf", &[says("eth0", 55, 190, &["10.0.0.51"]), says("eth0", 56, 190, &["10.0.0.52"])]),
    wild("06-wild.conf", &[says("eth0", 130, 160, &["10.10.18.25"])]),
    wild("07-wild.conf", &[says("enp0s8", 1, 100, &["192.168.56.231"])]),
    wild("08-wild.conf", &[says("eth0", 2, 150, &["10.20.10.10", "10.20.10.11", "10.20.10.12"])]),
    wild("13-wild.conf", &[says("eth0", 60, 100, &["10.33.66.20"])])
        .own("10.33.66.21/24")
        .peer("10.33.66.22/24"),
    wild("14-wild.conf", &[says("eth0", 51, 200, &["192.168.148.130"])]).own("192.168.148.128/24"),
    wild("15-wild.conf", &[says("eth0", 51, 100, &["192.168.10.100"])]),
    wild("16-wild.conf", &[]),
    wild("17-wild.conf", &[says("eth1", 1, 100, &["10.0.0.9"]), says("eth2", 2, 100, &["172.16.0.9"])]),
    wild("18-wild.conf", &[says("eth0", 50, 100, &["192.168.1.254"])]),
    wild("19-wild.conf", &[says("eth0", 100, 100, &["192.168.0.100"])]),
    wild("21-wild.conf", &[says("eth0", 1, 200, &["192.168.192.70"])])
        .own("192.168.192.71/24")
        .peer("192.168.192.72/24"),
    wild("23-wild.conf", &[says("ztkxhjtd64", 51, 200, &[])]),
    wild("24-wild.conf", &[says("enp2s0", 216, 100, &["192.168.99.216"])]),
    wild("25-wild.conf", &[says("em1", 50, 100, &["192.168.1.20"])])
        .own("192.168.1.21/24")
        .peer("192.168.1.22/24"),
    wild("26-wild.conf", &[]),
    wild("27-wild.conf", &[]),
    wild("28-wild.conf", &[says("ens32", 51, 90, &["10.203.43.240"])]),
    wild("29-wild.conf", &[Says { holder: "eth0.53", ..says("eth0", 51, 150, &["192.168.100.100"]) }]),
    // An advert every 20 s makes a minute of waiting.
    wild("30-wild.conf", &[says("eth1", 100, 100, &["192.168.50.13"])])
        .with(&["eth2"])
        .edit(&[("advert_int 20", "advert_int 1")]),
    wild("31-wild.conf", &[]),
    wild("33-wild.conf", &[says("ens33", 52, 101, &["192.168.10.6"])]),
    wild(
        "41-maint.conf",
        &[says("eth7", 100, 100, &["169.100.1.2", "169.100.3.2", "169.100.1.4", "169.100.3.4"])],
    ),
    wild("47-maint.conf", &[says("wlp3s0", 51, 100, &["172.31.245.10"])])
        .own("10.21.70.10/24")
        .peer("10.21.70.20/24"),
    wild("38-maint.conf", &[]),
    wild("39-maint.conf", &[]),
    wild("53-maint.conf", &[]),
];

const OUT_OF_SCOPE: &[(&str, &str)] = &[
    ("01-wild.conf", "a template: <interface> and <virtual_ip> are still to be filled in"),
    ("02-wild.conf", "a template: {{ LOCAL_IP }}"),
    ("05-wild.conf", "for a fork of the peer with FNAT and local address groups"),
    ("09-wild.conf", "a template: X.X.X.222"),
    ("10-wild.conf", "a template: ${INTERFACE:-eth0}"),
    ("11-wild.conf", "a template: INTERFACE_GOES HERE"),
    ("12-wild.conf", "a template: {{INTERFACE}}"),
    ("20-wild.conf", "the peer's own list of every keyword there is"),
    ("22-wild.conf", "a template: ${KEEPALIVED_INTERFACE}"),
    ("32-wild.conf", "use_vmac"),
    ("34-maint.conf", "a list of every keyword there is"),
    ("35-maint.conf", "net_namespace, track_file"),
    ("36-maint.conf", "net_namespace, FILE_CHECK"),
    ("37-maint.conf", "net_namespace, FILE_CHECK"),
    ("40-maint.conf", "use_vmac"),
    ("42-maint.conf", "use_ipvlan"),
    ("43-maint.conf", "use_vmac"),
    ("44-maint.conf", "use_vmac"),
    ("45-maint.conf", "use_vmac, virtual_routes"),
    ("46-maint.conf", "use_vmac"),
    ("48-maint.conf", "bfd_instance"),
    ("49-maint.conf", "two routers of one VRID told apart by mcast_dst_ip"),
    ("50-maint.conf", "use_vmac"),
    ("51-maint.conf", "use_vmac"),
    ("52-maint.conf", "use_vmac, net_namespace"),
];

/// A host with these interfaces, each on a LAN of its own that is listened to.
struct Stand {
    host: Host,
    legs: Vec<(&'static str, Lan, Link, Capture)>,
    _peer: Option<(Host, Link)>,
}

impl Stand {
    fn new(wild: &Wild) -> Self {
        let host = good(Host::new("wild"));
        let names = wild
            .routers
            .iter()
            .flat_map(|says| [says.interface, says.holder])
            .chain(wild.more_interfaces.iter().copied());
        let mut legs: Vec<(&str, Lan, Link, Capture)> = Vec::new();
        for name in names {
            if legs.iter().any(|leg| leg.0 == name) {
                continue;
            }
            let own = if legs.is_empty() { wild.own } else { None };
            let own = own.map_or_else(|| format!("10.250.{}.1/24", legs.len()), str::to_owned);
            let lan = good(Lan::new("lan"));
            let seen = good(lan.capture());
            let link = good(lan.plug(&host, name, &[&own]));
            legs.push((name, lan, link, seen));
        }
        let peer = wild.peer.map(|address| {
            let host = good(Host::new("peer"));
            let link = good(legs[0].1.plug(&host, "eth0", &[address]));
            (host, link)
        });
        Self { host, legs, _peer: peer }
    }

    fn holds(&self, vip: IpAddr, interface: &str) -> bool {
        held(&self.host).iter().any(|(name, address)| name == interface && *address == vip)
    }

    fn seen(&self, interface: &str) -> &Capture {
        let leg = self.legs.iter().find(|leg| leg.0 == interface);
        &leg.expect("every interface of a router has a leg").3
    }
}

fn addresses(says: &Says) -> Vec<IpAddr> {
    says.vips.iter().map(|vip| ip(vip)).collect()
}

/// Services are kept in a kernel that this one may not be: what the daemon says of its servers is what is seen.
fn servers_told(host: &Host) -> Option<usize> {
    let target = web::Target::Http { address: good("127.0.0.1:9165".parse()), path: "/metrics".to_owned() };
    let page = web::Client::new(target).fetch_from(host).ok()?;
    let servers = page.lines().filter(|line| line.starts_with("lvsd_real_server_up{")).count();
    page.contains("lvsd_child_up{child=\"checker\"} 1").then_some(servers)
}

fn does_what_it_says(wild: &Wild, text: &str) {
    let stand = Stand::new(wild);
    let mut director = good(good(Make::subject().launch(&stand.host)).start(text));
    let shown = Shown(director.home().join("log"));
    for says in wild.routers {
        let vips = addresses(says);
        let what = format!("adverts of {} on {}", says.vrid, says.interface);
        good(stand.seen(says.interface).wait(SOON, &what, |frame| {
            frame.advert().is_some_and(|advert| {
                (advert.vrid, advert.priority, &advert.addresses) == (says.vrid, says.priority, &vips)
            })
        }));
        let all_held = || vips.iter().all(|vip| stand.holds(*vip, says.holder));
        good(until(SOON, &format!("{vips:?} on {}", says.holder), all_held));
    }
    let servers = count(text, "real_server ");
    if servers > 0 {
        let told = until_some(SOON, "the servers told of", || {
            servers_told(&stand.host).filter(|told| *told == servers)
        });
        assert!(told.is_ok(), "{:?} servers instead of {servers}", servers_told(&stand.host));
    }
    assert!(!director.process().has_ended());
    let status = good(director.stop(SOON));
    assert!(status.success(), "ended with {status}");
    for says in wild.routers {
        assert!(
            !addresses(says).iter().any(|vip| stand.host.has_address(*vip, says.holder)),
            "an address is left"
        );
    }
    drop(shown);
}

/// Lines that begin with a keyword.
fn count(text: &str, keyword: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with(keyword)).count()
}

/// Shows a log when the test fails.
struct Shown(PathBuf);

impl Drop for Shown {
    #[expect(clippy::print_stderr, reason = "the harness shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log:\n{}", fs::read_to_string(&self.0).unwrap_or_default());
        }
    }
}

/// The text of each file, as far as the one that sits in the seat of the daemon can show it.
fn texts(directory: &Path, rows: &[Wild]) -> Vec<Row> {
    let read = |wild: &Wild| {
        let bytes = good(fs::read(directory.join(wild.file)));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text = wild.edits.iter().fold(text, |text, (from, to)| text.replace(from, to));
        Row { wild: *wild, text }
    };
    // The peer ends where there is no IPVS.
    let needs_ipvs =
        |text: &str| ["virtual_server ", "lvs_sync_daemon"].iter().any(|word| count(text, word) > 0);
    let can_show = |row: &Row| Make::subject() == Make::Lvsd || !needs_ipvs(&row.text);
    rows.iter().map(read).filter(can_show).collect()
}

struct Row {
    wild: Wild,
    text: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wild.fmt(f)
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn files_of_the_field_do_what_they_say() {
    require!(Need::Root, Make::subject().need());
    let mut rows = texts(Path::new(OWN), LIKE);
    let found = Path::new(FOUND);
    if found.is_dir() {
        rows.extend(texts(found, IN_SCOPE));
    }
    in_parallel(rows, 8, |row| does_what_it_says(&row.wild, &row.text));
}

#[test]
fn every_file_is_in_scope_or_out_for_a_reason() {
    let listed: Vec<_> =
        IN_SCOPE.iter().map(|wild| wild.file).chain(OUT_OF_SCOPE.iter().map(|(file, _)| *file)).collect();
    let distinct: BTreeSet<_> = listed.iter().copied().map(str::to_owned).collect();
    assert_eq!(distinct.len(), listed.len(), "a file is listed twice");
    assert!(OUT_OF_SCOPE.iter().all(|(_, why)| !why.is_empty()));
    let Ok(entries) = fs::read_dir(FOUND) else { return };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let there: BTreeSet<_> = names.filter(|name| name.ends_with(".conf")).collect();
    assert_eq!(distinct, there);
}
