//! Dumps against what the peer's files look like, and against hostile directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use lvsd_model::{
    AdvertInterval, Auth, Family, InitialState, InterfaceName, Invocation, Notify, Priority, Script,
    Trackers, Transport, Version, Vrid, VrrpConfig,
};
use lvsd_model::{Instance, VirtualAddress};

use super::*;
use crate::metrics::tests::specimen;

const NOW: Duration = Duration::from_secs(1_700_000_200);

fn address(text: &str, label: Option<&str>) -> VirtualAddress {
    VirtualAddress {
        address: text.parse().expect("an address"),
        prefix_len: 24,
        interface: None,
        scope: None,
        broadcast: lvsd_model::Broadcast::None,
        label: label.map(str::to_owned),
        peer: None,
        no_prefix_route: false,
        no_track: false,
        no_dad: true,
        preferred: lvsd_model::PreferredLifetime::Forever,
        flags: lvsd_model::AddressFlags::default(),
    }
}

fn script(line: &str) -> Script {
    Script {
        source: line.to_owned(),
        argv: line.split(' ').map(str::to_owned).collect(),
        invocation: Invocation::Exec,
        run_as: None,
    }
}

/// The configuration of the one instance of the specimen that has one.
fn config() -> Config {
    let instance = Instance {
        name: "VI_1".to_owned(),
        version: Version::V2,
        family: Family::V4,
        interface: InterfaceName::new("eth0"),
        vrid: Vrid::new(51).expect("in range"),
        priority: Priority::new(100).expect("in range"),
        initial: InitialState::Backup,
        advert_interval: AdvertInterval::v3(150).expect("in range"),
        preempt: lvsd_model::Preempt::After(Duration::from_secs(3)),
        source: None,
        transport: Transport::Multicast { group: Transport::default_group(Family::V4) },
        auth: Some(Auth::Pass(*b"secret\0\0")),
        addresses: vec![address("10.0.0.100", None), address("10.0.0.101", Some("eth0:1"))],
        excluded: vec![],
        routes: Vec::new(),
        rules: Vec::new(),
        promote_secondaries: false,
        garp: lvsd_model::GarpPolicy::default(),
        down_timer_adverts: 3,
        leave_detection: true,
        master_inquiry: false,
        resign_on_priority_drop: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: true,
        owner_ignores_adverts: false,
        late_backup: None,
        skip_check_adv_addr: true,
        v3_checksum_as_v2: false,
        ignore_own_interface: false,
        trackers: Trackers::default(),
        notify: Notify { master: Some(script("/usr/bin/up now")), ..Notify::default() },
        own_link: None,
        address_links: Vec::new(),
        accept: lvsd_model::Accept::Everything,
        track_source: false,
        vrf: None,
    };
    Config { vrrp: VrrpConfig { instances: vec![instance], ..VrrpConfig::default() }, ..Config::default() }
}

fn observation() -> Observation {
    let mut observation = specimen();
    let vrrp = observation.vrrp.as_mut().expect("in the specimen");
    vrrp.instances.truncate(1);
    vrrp.instances[0].name = "VI_1".to_owned();
    observation
}

fn only(dump: Dump) -> String {
    let files = files(dump, NOW, Path::new("/tmp"), &config(), &observation());
    assert_eq!(files.len(), 1);
    files.into_iter().next().expect("one").1
}

#[test]
fn statistics_are_in_the_peers_form() {
    let expected = "\
VRRP Instance: VI_1
  Advertisements:
    Received: 7
    Sent: 60
  Became master: 3
  Released master: 4
  Packet Errors:
    Length: 0
    TTL: 5
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 0
  Authentication Extension Errors:
    Missing: 0
    Malformed: 0
    Unknown Key: 0
    Invalid HMAC: 0
    Stale: 0
    Replay: 0
  Priority Zero:
    Received: 1
    Sent: 2
";
    assert_eq!(only(Dump::Stats), expected);
}

#[test]
fn json_is_in_the_peers_form_and_shows_no_password() {
    let text = only(Dump::Json);
    assert!(
        text.starts_with(r#"[{"data":{"iname":"VI_1","dont_track_primary":0,"skip_check_adv_addr":1,"#),
        "{text}"
    );
    assert!(text.contains(r#""vips":["10.0.0.100\/24 dev eth0 scope global set","10.0.0.101\/24 dev eth0 scope global label eth0:1 set"]"#));
    assert!(text.contains(r#""script_master":"'\/usr\/bin\/up' 'now'""#));
    assert!(!text.contains("secret") && text.contains(r#""auth_data":"********""#));
    let value: serde_json::Value = serde_json::from_str(&text).expect("valid");
    let data = &value[0]["data"];
    assert_eq!(data["last_transition"], 1_700_000_109.5);
    assert_eq!((&data["state"], &data["vrid"]), (&2.into(), &51.into()));
    assert_eq!((&data["adver_int"], &data["garp_delay"]), (&serde_json::json!(1.5), &5.into()));
    assert_eq!(value[0]["stats"]["advert_sent"], 60);
    assert_eq!(value[0]["stats"].as_object().expect("an object").len(), 20);
}

#[test]
fn the_second_version_of_json_has_the_tracked_processes() {
    let mut config = config();
    config.globals.dumps.json = lvsd_model::JsonVersion::Two;
    config.vrrp.processes.push(lvsd_model::TrackProcess {
        name: "nginx".to_owned(),
        program: "/usr/sbin/nginx".to_owned(),
        arguments: vec!["-c".to_owned(), "file".to_owned()],
        matching: lvsd_model::ParamMatch::Exact,
        full_command: false,
        quorum: 1,
        quorum_max: None,
        terminate_delay: Duration::from_millis(1500),
        fork_delay: Duration::ZERO,
        effect: lvsd_model::TrackWeight { weight: -3, reverse: false },
    });
    let mut observation = observation();
    let process = &mut observation.vrrp.as_mut().expect("in the specimen").processes[0];
    (process.running, process.pending) = (2, Some(false));
    let files = files(Dump::Json, NOW, Path::new("/tmp"), &config, &observation);
    let value: serde_json::Value = serde_json::from_str(&files[0].1).expect("valid");
    assert_eq!(value["vrrp"][0]["data"]["iname"], "VI_1");
    let expected = serde_json::json!({
        "process": "nginx", "parameters": "-c file", "param_match": "exact", "min_processes": 1, "current_processes": 2,
        "have_quorum": true, "weight": -3, "terminate_delay": 1.5, "fork_delay": 0, "fork_delay_timer_running": false,
        "terminate_delay_timer_running": true, "full_command": true,
    });
    assert_eq!(value["track_process"], serde_json::json!([expected]));
}

#[test]
fn data_has_the_lines_that_exporters_look_for() {
    let files = files(Dump::Data, NOW, Path::new("/tmp"), &config(), &observation());
    let paths: Vec<_> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(paths, ["/tmp/keepalived.data", "/tmp/keepalived_check.data"]);
    let [(_, vrrp), (_, checker)] = &files[..] else { panic!("{files:?}") };
    for line in [
        " VRRP Instance = VI_1",
        "   State = MASTER",
        "   Wantstate = MASTER",
        "   Interface = eth0",
        "   Gratuitous ARP delay = 5",
        "   Virtual Router ID = 51",
        "   Virtual IP (2):",
        "     10.0.0.100/24 dev eth0 scope global set",
        " VRRP Script = web",
        "   Status = BAD",
        "   State = idle",
    ] {
        assert!(vrrp.lines().any(|one| one == line), "{line:?} in {vrrp}");
    }
    assert!(!vrrp.contains("secret"));
    assert!(checker.lines().any(|line| line == "   Real server = 10.0.1.1:80"), "{checker}");
}

#[test]
fn a_silent_child_leaves_no_file() {
    let silent = Observation { vrrp: None, ..observation() };
    let files = |dump| files(dump, NOW, Path::new("/tmp"), &config(), &silent).len();
    assert_eq!((files(Dump::Stats), files(Dump::Data)), (0, 1));
}

#[test]
fn a_dump_replaces_links_instead_of_following_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let (victim, place) = (directory.path().join("victim"), directory.path().join("keepalived.stats"));
    fs::write(&victim, "precious").expect("written");
    symlink(&victim, &place).expect("a link");
    // Names that others guess are stepped over.
    let guessed = directory.path().join(format!(".keepalived.stats.{}.0", std::process::id()));
    symlink(&victim, &guessed).expect("a link");
    write(&[(place.clone(), "text".to_owned())]).expect("written");
    assert_eq!(fs::read_to_string(&victim).expect("there"), "precious");
    let found = fs::symlink_metadata(&place).expect("there");
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&place).expect("there"), "text");
    // A place that cannot be had is an error that names it, and leaves nothing behind.
    fs::remove_file(&place).expect("there");
    fs::create_dir(&place).expect("made");
    let (path, _) = write(&[(place.clone(), "text".to_owned())]).expect_err("a directory");
    assert_eq!(path, place);
    let names = fs::read_dir(directory.path()).expect("there").count();
    assert_eq!(names, 3, "victim, guessed, place");
}
