//! The page as a whole, by a strict reading of the format; and the server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lvsd_bfd::{Diagnostic, State};
use lvsd_ipc::{
    Adjustment, AdvertCounters, BfdNeighborSnapshot, BfdSessionSnapshot, BfdSnapshot, CheckSnapshot,
    CheckerSnapshot, Counters, FifoSnapshot, FileSnapshot, Finding, FindingSnapshot, GroupSnapshot,
    InstanceSnapshot, InstanceState, IpvsHealth, MacAddress, MailSnapshot, NoticeSnapshot, ProcessSnapshot,
    RadarSnapshot, RealServerSnapshot, RejectCounters, ScriptSnapshot, SegmentSnapshot, ServiceSnapshot,
    VrrpSnapshot, What,
};
use lvsd_model::{BfdPath, Family, InterfaceName, MetricsListen, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::table::{Kind, TABLE};
use super::*;
use crate::observation::{ChildHealth, DiagnosticCounts, Health, ReloadHealth};
use crate::roles::PerRole;

/// Something of everything, with names that need escaping.
pub(crate) fn specimen() -> Observation {
    let child = ChildHealth { wanted: true, restarts: 2, silences: 1, degraded: 1, generation: 3 };
    Observation {
        health: Health {
            started: Duration::from_millis(1_700_000_000_250),
            generation: 3,
            reload: ReloadHealth {
                succeeded: 2,
                refused: 1,
                last_refused: true,
                last_attempt: Duration::from_secs(1_700_000_100),
            },
            diagnostics: DiagnosticCounts { errors: 1, tolerated: 2, hints: 3 },
            children: PerRole { vrrp: child, checker: child, bfd: child },
        },
        vrrp: Some(Box::new(vrrp())),
        checker: Some(Box::new(checker())),
        bfd: Some(Box::new(bfd())),
    }
}

fn bfd() -> BfdSnapshot {
    let remote = BfdNeighborSnapshot {
        state: State::Up,
        diagnostic: Diagnostic::NONE,
        discriminator: 4_711,
        heard_ago: Duration::from_millis(7),
        detection_time: Duration::from_millis(50),
    };
    let session = BfdSessionSnapshot {
        name: "router".to_owned(),
        neighbor: std::net::Ipv4Addr::new(10, 0, 0, 254).into(),
        path: BfdPath::SingleHop,
        state: State::Up,
        up: true,
        in_state_for: Duration::from_secs(60),
        diagnostic: Diagnostic::DETECTION_TIME_EXPIRED,
        discriminator: 815,
        interval: Some(Duration::from_millis(10)),
        remote: Some(remote),
        received: 5_000,
        sent: 5_010,
        ttl_rejected: 3,
        ups: 2,
        downs: 1,
        send_error: None,
    };
    let silent = BfdSessionSnapshot {
        name: "far".to_owned(),
        neighbor: "2001:db8::9".parse().expect("an address"),
        path: BfdPath::Multihop,
        state: State::Down,
        up: false,
        interval: None,
        remote: None,
        send_error: Some("Network is unreachable (os error 101)".to_owned()),
        ..session.clone()
    };
    BfdSnapshot {
        sessions: vec![session, silent],
        rejected: vec![("length".to_owned(), 4), ("ttl".to_owned(), 3)],
        deaf: vec!["IPv6 port 4784: in use".to_owned()],
        worst_lateness: Duration::from_micros(250),
    }
}

fn vrrp() -> VrrpSnapshot {
    let instance = InstanceSnapshot {
        name: "VI \"1\"\\\n".to_owned(),
        interface: Some("eth0".to_owned()),
        vrid: 51,
        family: Family::V4,
        version: Version::V2,
        state: InstanceState::Master,
        in_state_for: Duration::from_millis(90_500),
        base_priority: 100,
        effective_priority: 90,
        adjustments: vec![Adjustment { tracker: "script web".to_owned(), amount: -10 }],
        faults: vec![],
        heard: Some((std::net::Ipv4Addr::new(10, 0, 0, 2).into(), 80)),
        heard_ago: Some(Duration::from_secs(95)),
        advert_interval_centis: 150,
        addresses: vec!["10.0.0.100/24".to_owned(), "10.0.0.101/24".to_owned()],
        addresses_present: 2,
        routing_present: 0,
        addresses_healed: 1,
        adverts: AdvertCounters {
            received: 7,
            sent: 60,
            priority_zero_received: 1,
            priority_zero_sent: 2,
            become_master: 3,
            release_master: 4,
            announcements_sent: 10,
            departures: 2,
            inquiries: 4,
            denials: 1,
        },
        rejected: RejectCounters { ttl: 5, checksum: 6, ..RejectCounters::default() },
        transitions: vec![
            (InstanceState::Init, InstanceState::Backup, 1),
            (InstanceState::Backup, InstanceState::Master, 1),
        ],
        journal: Vec::new(),
    };
    let unicast = InstanceSnapshot {
        name: "VI_6".to_owned(),
        interface: None,
        family: Family::V6,
        version: Version::V3,
        state: InstanceState::Fault,
        faults: vec!["interface eth1 is down".to_owned()],
        heard: None,
        heard_ago: None,
        ..instance.clone()
    };
    VrrpSnapshot {
        routing_healed: 0,
        instances: vec![instance, unicast],
        groups: vec![GroupSnapshot {
            name: "G".to_owned(),
            state: InstanceState::Fault,
            members: vec!["VI_6".to_owned()],
        }],
        scripts: vec![
            script("web", Some(false), None),
            script("gone", None, Some("/x: not found".to_owned())),
        ],
        files: vec![
            FileSnapshot { name: "duty".to_owned(), value: Some(-7) },
            FileSnapshot { name: "new".to_owned(), value: None },
        ],
        processes: vec![ProcessSnapshot {
            name: "nginx".to_owned(),
            ok: Some(true),
            running: 2,
            pending: None,
        }],
        unknown_vrid: 11,
        malformed: 12,
        membership_reports: 13,
        membership_malformed: 14,
        questions: 15,
        worst_lateness: Duration::from_micros(1500),
        notices: notices("/run/vrrp.fifo"),
        radar: radar(),
    }
}

fn radar() -> RadarSnapshot {
    let interface = InterfaceName::new("eth0").expect("a name");
    let finding = |what| FindingSnapshot {
        finding: Finding {
            instance: "VI_6".to_owned(),
            interface: interface.clone(),
            family: Family::V4,
            vrid: 51,
            source: Some([10, 0, 0, 2].into()),
            what,
        },
        stands: Duration::from_secs(1),
        advice: None,
    };
    let address =
        |last| What::OtherMac { address: [10, 0, 0, last].into(), mac: MacAddress([2; 6]), master: None };
    RadarSnapshot {
        segments: vec![SegmentSnapshot {
            interface: interface.clone(),
            listened: Duration::from_secs(9),
            free_vrid: Some(1),
            deaf: None,
        }],
        findings: vec![finding(What::OwnAddress), finding(address(1)), finding(address(2))],
        overheard: 31,
        swallowed: 32,
        ..RadarSnapshot::default()
    }
}

fn notices(path: &str) -> NoticeSnapshot {
    NoticeSnapshot {
        fifos: vec![FifoSnapshot { path: path.to_owned(), written: 7, lost: 1 }],
        mail: Some(MailSnapshot { sent: 3, failed: 2, dropped: 1, waiting: 4 }),
    }
}

fn script(name: &str, ok: Option<bool>, disabled: Option<String>) -> ScriptSnapshot {
    ScriptSnapshot { name: name.to_owned(), ok, streak: 2, successes: 5, failures: 4, timeouts: 1, disabled }
}

fn checker() -> CheckerSnapshot {
    let check = |kind: &str, ok: Option<bool>| CheckSnapshot {
        kind: kind.to_owned(),
        ok,
        successes: 100,
        failures: vec![("timeout".to_owned(), 2), ("refused".to_owned(), 3)],
        last_failure: None,
        last_duration: ok.map(|_| Duration::from_micros(750)),
    };
    let counters =
        Counters { connections: 1, packets_in: 2, packets_out: 3, bytes_in: 4, bytes_out: u64::MAX };
    CheckerSnapshot {
        services: vec![ServiceSnapshot {
            name: "10.0.0.100 80".to_owned(),
            protocol: "tcp".to_owned(),
            endpoints: vec!["10.0.0.100:80".to_owned()],
            scheduler: "wlc".to_owned(),
            quorum_met: true,
            quorum: 1,
            weight_alive: 3,
            sorry_active: false,
            suspended: false,
            fails_open: true,
            real_servers: vec![RealServerSnapshot {
                address: "10.0.1.1:80".to_owned(),
                up: true,
                configured_weight: 3,
                effective_weight: 3,
                in_table: true,
                checks: vec![check("TCP_CHECK", Some(true)), check("TCP_CHECK", None)],
                active_connections: 8,
                inactive_connections: 9,
                counters,
                kept: false,
                draining: true,
            }],
            counters,
        }],
        ipvs: IpvsHealth { available: true, error: None, operations: 20, failed_operations: 1, healed: 2 },
        notices: notices("/run/lvs.fifo"),
    }
}

/// One metric as read back from a page: its kind, and the values by label text.
type Read = BTreeMap<String, (String, BTreeMap<String, f64>)>;

/// Reads a page by the rules of the format, and panics at everything that is not exactly so.
fn read(page: &str) -> Read {
    let mut found = Read::new();
    let mut current = String::new();
    let mut help = None;
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').expect("a text");
            assert!(text.ends_with('.'), "{line}");
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a kind");
            assert_eq!(help.take().as_deref(), Some(name), "help comes first");
            current = name.to_owned();
            let before = found.insert(current.clone(), (kind.to_owned(), BTreeMap::new()));
            assert!(before.is_none(), "{name} comes in one piece");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            assert_eq!(name, current, "series stand below their metric");
            let labels = labels.strip_suffix('}').expect("closed");
            check_labels(labels);
            let (_, values) = found.get_mut(name).expect("declared");
            let before = values.insert(labels.to_owned(), value.parse().expect("a number"));
            assert!(before.is_none(), "{series} is there twice");
        }
    }
    found
}

/// `name="value",...` with nothing unescaped, no name twice.
fn check_labels(labels: &str) {
    let mut rest = labels;
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a value in quotes");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(names.insert(name), "{name} twice in {labels}");
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => assert!(matches!(characters.next(), Some((_, '\\' | '"' | 'n'))), "{labels}"),
                _ => {}
            }
        };
        rest = &after[end + 1..];
        assert!(rest.is_empty() || rest.starts_with(','), "{labels}");
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

#[test]
fn names_follow_the_conventions() {
    let mut names = BTreeSet::new();
    for metric in TABLE {
        assert!(names.insert(metric.name), "{} is there twice", metric.name);
        assert!(metric.name.starts_with("lvsd_"));
        assert!(metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '\\']), "{}", metric.name);
    }
}

#[test]
fn every_metric_is_on_the_page_and_well_formed() {
    let page = read(&render(&specimen()));
    let expected: BTreeSet<&str> = TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(page.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for metric in TABLE {
        assert_eq!(page[metric.name].0, metric.kind.word());
    }
    let escaped = r#"instance="VI \"1\"\\\n",interface="eth0",vrid="51",family="ipv4""#;
    assert_eq!(page["lvsd_vrrp_effective_priority"].1[escaped], 90.0);
    let states = &page["lvsd_vrrp_state"].1;
    assert_eq!(states.len(), 8);
    assert_eq!(states.values().sum::<f64>(), 2.0, "each instance is in one state");
    let second = r#"service="10.0.0.100 80",protocol="tcp",real_server="10.0.1.1:80",check="TCP_CHECK 2",result="failure""#;
    assert_eq!(page["lvsd_checks_total"].1[second], 5.0);
}

#[test]
fn the_page_is_as_recorded() {
    insta::assert_snapshot!(render(&specimen()).replace(crate::VERSION, "VERSION"));
}

#[test]
fn a_child_that_is_silent_is_down_and_its_series_are_gone() {
    let mut observation = specimen();
    observation.vrrp = None;
    observation.health.children.checker.wanted = false;
    observation.checker = None;
    observation.health.children.bfd.wanted = false;
    observation.bfd = None;
    let page = read(&render(&observation));
    let up: Vec<_> =
        page["lvsd_child_up"].1.iter().map(|(labels, value)| (labels.as_str(), *value)).collect();
    assert_eq!(up, [(r#"child="vrrp""#, 0.0)]);
    assert!(page.keys().all(|name| !name.starts_with("lvsd_vrrp") && !name.starts_with("lvsd_ipvs")));
}

#[test]
fn the_manual_has_every_metric() {
    let text = manual_section();
    for metric in TABLE {
        assert!(text.contains(&format!(".It Va {} Pq {}\n", metric.name, metric.kind.word())));
    }
}

/// A server on a port of its own, and who answers its questions.
fn server(observation: Option<Observation>) -> (watch::Sender<MetricsListen>, tokio::task::JoinHandle<()>) {
    let (listen, watcher) = watch::channel(MetricsListen::Off);
    let (ask, mut asked) = mpsc::channel::<tokio::sync::oneshot::Sender<Arc<Observation>>>(4);
    tokio::spawn(async move {
        while let Some(reply) = asked.recv().await {
            match &observation {
                Some(observation) => drop(reply.send(Arc::new(observation.clone()))),
                None => drop(reply),
            }
        }
    });
    (listen, tokio::spawn(server::serve(watcher, ask)))
}

async fn free_address() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    listener.local_addr().expect("bound")
}

async fn request(address: std::net::SocketAddr, text: &str) -> String {
    let exchange = async {
        let mut stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("in time")
}

#[tokio::test]
async fn pages_are_served_and_everything_else_is_refused() {
    let (listen, _task) = server(Some(specimen()));
    let address = free_address().await;
    listen.send(MetricsListen::Address(address)).expect("listened to");
    let answer = request(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert_eq!(body, render(&specimen()));
    for (asked, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
        ("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "405"),
        ("rubbish\r\n\r\n", "400"),
    ] {
        let answer = request(address, asked).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{asked:?}: {answer}");
    }
}

#[tokio::test]
async fn a_taken_port_is_waited_for_and_a_reload_moves_the_server() {
    let (listen, _task) = server(Some(specimen()));
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let first = taken.local_addr().expect("bound");
    listen.send(MetricsListen::Address(first)).expect("listened to");
    tokio::task::yield_now().await;
    drop(taken);
    assert!(request(first, "GET /metrics HTTP/1.0\r\n\r\n").await.contains("lvsd_build_info"));
    let second = free_address().await;
    listen.send(MetricsListen::Address(second)).expect("listened to");
    assert!(request(second, "GET /metrics HTTP/1.0\r\n\r\n").await.contains("lvsd_build_info"));
    assert!(TcpStream::connect(first).await.is_err());
}

#[tokio::test]
async fn without_an_answer_the_page_is_unavailable() {
    let (listen, task) = server(None);
    let address = free_address().await;
    listen.send(MetricsListen::Address(address)).expect("listened to");
    let answer = request(address, "GET /metrics HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 503 "), "{answer}");
    drop(listen);
    tokio::time::timeout(Duration::from_secs(20), task).await.expect("it ends").expect("no panic");
}
