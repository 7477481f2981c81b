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
    holder_is: HolderIs,
    /// One more address in the adverts, behind the others, and the interface that holds it.
    elsewhere: Option<(&'static str, &'static str)>,
}

/// Where the interface of the addresses comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HolderIs {
    There,
    /// The daemon makes it.
    Made,
}

const fn says(interface: &'static str, vrid: u8, priority: u8, vips: &'static [&'static str]) -> Says {
    Says { interface, vrid, priority, vips, holder: interface, holder_is: HolderIs::There, elsewhere: None }
}

impl Says {
    /// On a VMAC of this name.
    const fn on_vmac(mut self, name: &'static str) -> Self {
        self.holder = name;
        self.holder_is = HolderIs::Made;
        self
    }

    const fn and(mut self, address: &'static str, interface: &'static str) -> Self {
        self.elsewhere = Some((address, interface));
        self
    }

    /// The addresses of its adverts, each with its interface.
    fn addresses(&self) -> Vec<(IpAddr, &'static str)> {
        let here = self.vips.iter().map(|vip| (*vip, self.holder));
        here.chain(self.elsewhere).map(|(vip, interface)| (ip(vip), interface)).collect()
    }
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
    /// Text to replace: the blanks of a template, what this host has, or what would take minutes otherwise.
    edits: &'static [(&'static str, &'static str)],
    /// How many real servers there are, where definitions are repeated.
    servers: Option<usize>,
    routers: &'static [Says],
}

const fn wild(file: &'static str, routers: &'static [Says]) -> Wild {
    Wild { file, more_interfaces: &[], own: None, peer: None, edits: &[], servers: None, routers }
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

    const fn servers(mut self, servers: usize) -> Self {
        self.servers = Some(servers);
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
    wild(
        "32-wild.conf",
        &[
            says("ens7f0", 61, 150, &["192.168.43.5"]).on_vmac("pub_a"),
            says("ens7f1.57", 62, 150, &["172.16.57.7"]).on_vmac("pvt_a"),
        ],
    ),
    wild("36-maint.conf", &[says("eth0", 60, 100, &["10.1.0.20"]), says("eth0", 61, 100, &["10.1.0.21"])])
        .with(&["eth4"])
        .servers(4),
    wild("37-maint.conf", &[says("eth0", 60, 100, &["10.1.0.20"]), says("eth0", 61, 100, &["10.1.0.21"])])
        .with(&["eth4"]),
    wild(
        "40-maint.conf",
        &[
            says("wlp3s0", 253, 100, &["10.2.0.100", "10.2.0.102"]).on_vmac("vrrp.253"),
            says("wlp3s0", 253, 100, &["fe80::4000", "2001:470:69dd:2::3000", "2001:470:69dd:2::5000"]),
            says("wlp3s0", 252, 100, &["fe80::7000", "2001:470:69dd:7::3000", "2001:470:69dd:7::5000"])
                .and("fe80:1::7000", "eth4"),
        ],
    )
    .with(&["eth1", "eth2", "eth3", "eth4"]),
    wild("43-maint.conf", &[says("br100", 10, 100, &["2000::ffff"]).on_vmac("br100.v10")]),
    wild("44-maint.conf", &[says("eth0", 1, 100, &["192.168.60.150"]).on_vmac("float60")]),
    wild("45-maint.conf", &[says("enp2s0", 253, 100, &["10.2.0.100", "10.2.0.101"]).on_vmac("vrrp.253")])
        .own("10.1.5.1/24")
        .with(&["eth6"]),
    wild(
        "46-maint.conf",
        &[
            says("v-br3063", 1, 100, &["192.168.63.254"]).on_vmac("br3063.v257"),
            says("v-br3063", 1, 100, &["2001:192:168:63::ffff"]).on_vmac("br3063.v1"),
            says("v-br3064", 1, 100, &["192.168.64.254"]).on_vmac("br3064.v257"),
            says("v-br3064", 1, 100, &["2001:192:168:64::ffff"]).on_vmac("br3064.v1"),
        ],
    ),
    wild(
        "48-maint.conf",
        &[says("eth0", 165, 100, &["10.0.0.108"]), says("eth0", 166, 100, &["10.0.0.101"])],
    )
    .own("10.0.0.1/16")
    .edit(&[("@ipsec1 net_namespace high", ""), ("@ipsec1 ", "")]),
    wild(
        "49-maint.conf",
        &[
            says("router1-outside", 251, 100, &["10.0.0.101"]),
            says("router1-outside", 251, 100, &["10.0.1.101"]),
            says("router1-outside", 251, 100, &["fe80::1:2:3:4", "2001:470:69dd:53::2"]),
            says("router1-outside", 251, 100, &["fe80::2:2:3:4", "2001:470:69dd:53::1"]),
        ],
    ),
    wild("50-maint.conf", &[says("eth0", 253, 240, &["10.2.0.101"]).on_vmac("vrrp.253")])
        .edit(&[("@high net_namespace high", ""), ("@high ", "")]),
    wild("51-maint.conf", &[says("eth10", 253, 100, &["10.2.0.100", "10.2.0.101"]).on_vmac("vrrp.253")]),
    wild("52-maint.conf", &[says("eth0", 253, 254, &["172.21.60.39", "172.21.70.110"]).on_vmac("vrrp.253")])
        .own("10.21.60.20/24")
        .peer("10.21.60.14/24")
        .edit(&[("net_namespace low", "")]),
    wild("38-maint.conf", &[]),
    wild("39-maint.conf", &[]),
    wild("53-maint.conf", &[]),
];

/// Templates, filled in as their placeholders want it.
const TEMPLATES: &[Wild] = &[
    // The interface is up, which adds its weight of 50.
    wild("01-wild.conf", &[says("eth0", 1, 200, &["10.9.0.9"])])
        .own("10.9.0.1/24")
        .peer("10.9.0.2/24")
        .edit(&[("<interface>", "eth0"), ("<virtual_ip>", "10.9.0.9"), ("<ip_server1>", "10.9.0.2")]),
    wild("09-wild.conf", &[says("ens4", 51, 101, &["10.8.0.222"])]).edit(&[("X.X.X.222", "10.8.0.222")]),
    wild("10-wild.conf", &[says("eth0", 51, 101, &["192.168.254.254"])]).own("192.168.254.1/24").edit(&[
        ("${CHECK_INTERVAL:-2}", "2"),
        ("${VIRTUAL_ROUTER_ID:-51}", "51"),
        ("${INTERFACE:-eth0}", "eth0"),
        ("${MCAST_SRC_IP:-192.168.254.1}", "192.168.254.1"),
        ("${STATE:-MASTER}", "MASTER"),
        ("${PRIORITY:-101}", "101"),
        ("${VIRTUAL_IP:-192.168.254.254}/${VIRTUAL_IP_MASK:-32}", "192.168.254.254/32"),
        ("${PASSWORD:-s3cr3t}", "s3cr3t"),
        ("${NOTIFY_SCRIPT_PATH:-/etc/keepalived/notify.sh}", "/etc/keepalived/notify.sh"),
    ]),
    wild("11-wild.conf", &[says("eth0", 51, 100, &["10.7.0.7"])]).edit(&[
        ("INTERFACE_GOES HERE", "eth0"),
        ("ID_GOES_HERE", "51"),
        ("PASS_GOES_HERE", "secret"),
        ("IP_GOES_HERE/MASK", "10.7.0.7/24"),
    ]),
    wild("12-wild.conf", &[says("eth0", 52, 100, &["10.6.0.6"])]).edit(&[
        ("{{RID}}", "director"),
        ("{{MCAST_GROUP}}", "224.0.0.19"),
        ("{{CHECK_PORT}}", "80"),
        ("{{INTERFACE}}", "eth0"),
        ("{{VRID}}", "52"),
        ("{{VIRTUAL_IP}}", "10.6.0.6/24"),
    ]),
    wild("22-wild.conf", &[says("eth0", 51, 150, &["10.5.0.5"])])
        .own("10.5.0.1/24")
        .peer("10.5.0.2/24")
        .edit(&[
            ("${KEEPALIVED_INTERFACE}", "eth0"),
            ("${KEEPALIVED_STATE}", "BACKUP"),
            ("${KEEPALIVED_ROUTER_ID}", "51"),
            ("${KEEPALIVED_PRIORITY}", "150"),
            ("${KEEPALIVED_UNICAST_PEERS}", "10.5.0.2"),
            ("${KEEPALIVED_VIRTUAL_IPS}", "10.5.0.5/24"),
            ("${KEEPALIVED_PASSWORD}", "secret"),
            ("${KEEPALIVED_NOTIFY}", "notify \"/bin/true\""),
        ]),
];

const OUT_OF_SCOPE: &[(&str, &str)] = &[
    ("02-wild.conf", "a template that has one blank for an interface and an address, and no virtual address"),
    ("05-wild.conf", "for a fork of the peer with FNAT and local address groups"),
    ("20-wild.conf", "the peer's own list of every keyword there is"),
    ("34-maint.conf", "a list of every keyword there is"),
    ("35-maint.conf", "its author's collection of mistakes; the test of verdicts looks at it"),
    ("42-maint.conf", "use_ipvlan, for which the kernel needs a module that this one may not have"),
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
            .flat_map(|says| {
                let holder = (says.holder_is == HolderIs::There).then_some(says.holder);
                std::iter::once(says.interface).chain(holder)
            })
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
        let placed = says.addresses();
        let vips: Vec<_> = placed.iter().map(|(vip, _)| *vip).collect();
        let what = format!("adverts of {} on {}", says.vrid, says.interface);
        good(stand.seen(says.interface).wait(SOON, &what, |frame| {
            frame.advert().is_some_and(|advert| {
                (advert.vrid, advert.priority, &advert.addresses) == (says.vrid, says.priority, &vips)
            })
        }));
        let all_held = || placed.iter().all(|(vip, interface)| stand.holds(*vip, interface));
        good(until(SOON, &format!("{placed:?}"), all_held));
    }
    let servers = wild.servers.unwrap_or_else(|| count(text, "real_server "));
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
            !says.addresses().iter().any(|(vip, interface)| stand.host.has_address(*vip, interface)),
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
        rows.extend(texts(found, TEMPLATES));
    }
    in_parallel(rows, 8, |row| does_what_it_says(&row.wild, &row.text));
}

#[test]
fn every_file_is_in_scope_or_out_for_a_reason() {
    let listed: Vec<_> = IN_SCOPE
        .iter()
        .chain(TEMPLATES)
        .map(|wild| wild.file)
        .chain(OUT_OF_SCOPE.iter().map(|(file, _)| *file))
        .collect();
    let distinct: BTreeSet<_> = listed.iter().copied().map(str::to_owned).collect();
    assert_eq!(distinct.len(), listed.len(), "a file is listed twice");
    assert!(OUT_OF_SCOPE.iter().all(|(_, why)| !why.is_empty()));
    let Ok(entries) = fs::read_dir(FOUND) else { return };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let there: BTreeSet<_> = names.filter(|name| name.ends_with(".conf")).collect();
    assert_eq!(distinct, there);
}
