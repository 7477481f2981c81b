//! What a virtual router tracks, and whom it tells.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good};
use lvsd_lab::{Lan, Need, require, until};
use std::{fs, net::IpAddr};

fn vip() -> IpAddr {
    Router::usual_vip()
}

fn script(name: &str, command: &str, more: &str) -> String {
    format!("vrrp_script {name} {{\n script \"{command}\"\n interval 0.1\n timeout 1\n {more}\n}}\n")
}

/// A configuration with one tracked script.
fn tracking(router: &Router, command: &str, more: &str) -> String {
    let router = router.clone().line("track_script {\n check\n }");
    format!("{}{}{router}", Router::SCRIPTS, script("check", command, more))
}

/// Fails while there is a file called `down` in the directory of the director.
const WHILE_NOT_DOWN: &str = "/usr/bin/test ! -e %HOME%/down";

/// A pair in which the better one has started with this configuration, and leads.
fn pair_with(config: &str) -> (Site, [Node; 2], [Running; 2]) {
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), config);
    good(until(SOON, "the better one to lead", || better.holds(vip())));
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    (site, [better, other], [first, second])
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_failing_script_costs_its_weight() {
    require!(Need::Root, Make::subject().need());
    let config = tracking(&Router::usual(150), WHILE_NOT_DOWN, "weight -60");
    let (site, [better, other], [first, second]) = pair_with(&config);
    first.touch("down");
    site.wait_advert(std::time::UNIX_EPOCH, &other, "the take-over", |advert| advert.priority == 100);
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&other, &[&better], vip());
    first.remove("down");
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_script_that_succeeds_earns_its_weight() {
    require!(Need::Root, Make::subject().need());
    let config = tracking(&Router::usual(90), WHILE_NOT_DOWN, "weight 60");
    let (site, [better, other], [first, second]) = pair_with(&config);
    site.wait_advert(std::time::UNIX_EPOCH, &better, "what it earned", |advert| advert.priority == 150);
    first.touch("down");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    first.remove("down");
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_failing_script_without_weight_is_a_fault() {
    require!(Need::Root, Make::subject().need());
    let config = tracking(&Router::usual(150), WHILE_NOT_DOWN, "");
    let (site, [better, other], [first, second]) = pair_with(&config);
    first.touch("down");
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    site.wait_advert(std::time::UNIX_EPOCH, &better, "its resignation", |advert| advert.priority == 0);
    first.remove("down");
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_script_that_fails_at_the_start_keeps_it_in_fault() {
    require!(Need::Root, Make::subject().need());
    let (site, [node, _]) = Site::with_pair();
    let director = node.start(Make::subject(), &tracking(&Router::usual(150), "/usr/bin/false", ""));
    director.wait_note("INSTANCE lab FAULT 150");
    assert_eq!(director.notes(), ["INSTANCE lab FAULT 150"], "one result is enough at the start");
    assert_eq!(site.adverts(&node), []);
    assert!(!node.holds(vip()));
}

/// Counts its runs, and fails while there is something left to fail: the file `left` says how often.
const BUDGET: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
left=$(cat left)
if [ "$left" -gt 0 ]; then
    echo $((left - 1)) >left
    echo bad >>runs
    exit 1
fi
echo good >>runs
"#;

/// Writes down how many runs there were when it was called.
const STAMP: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
echo "$1 $(grep -c bad runs) $(grep -c good runs)" >>stamps
"#;

#[test]
#[ignore = "needs root and namespaces"]
fn rise_and_fall_count_results_in_a_row() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let router = Router::usual(150)
        .line("notify_fault \"%HOME%/stamp fault\"")
        .line("notify_backup \"%HOME%/stamp backup\"");
    let config = tracking(&router, "%HOME%/budget", "rise 3\n fall 3");
    let director = node.start_with(
        Make::subject(),
        |launch| {
            good(launch.script("budget", BUDGET));
            good(launch.script("stamp", STAMP));
            good(fs::write(launch.home().join("left"), "0\n"));
            launch
        },
        &config,
    );
    let read = |name: &str| fs::read_to_string(director.home().join(name)).unwrap_or_default();
    let runs = |kind: &str| read("runs").lines().filter(|line| *line == kind).count();
    let allow = |failures: usize| {
        // At once, for the script may be reading it.
        good(fs::write(director.home().join("left.new"), format!("{failures}\n")));
        good(fs::rename(director.home().join("left.new"), director.home().join("left")));
    };
    director.wait_note("INSTANCE lab MASTER 150");

    // Two failures are none, when successes follow.
    allow(2);
    let before = runs("good");
    good(until(SOON, "successes after two failures", || runs("bad") == 2 && runs("good") > before + 3));
    assert!(!director.notes().iter().any(|note| note.contains("FAULT")), "{:?}", director.notes());

    // Three are; and three successes are needed after them.
    let good_runs = runs("good");
    allow(3);
    director.wait_note("INSTANCE lab FAULT 150");
    director.wait_notes("INSTANCE lab BACKUP 150", 2);
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    let stamps = read("stamps");
    let stamp = |word: &str| {
        let line = stamps.lines().rfind(|line| line.starts_with(word)).unwrap_or_else(|| panic!("{stamps}"));
        let numbers: Vec<usize> = line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
        (numbers[0], numbers[1])
    };
    let (bad_at_fault, good_at_fault) = stamp("fault");
    assert_eq!(bad_at_fault, 5, "{stamps}");
    let (_, good_at_return) = stamp("backup");
    assert!(good_at_return >= good_runs.max(good_at_fault.saturating_sub(1)) + 3, "{stamps}");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_script_that_hangs_has_failed_and_is_killed() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let text =
        "#!/bin/sh\ncd \"$(dirname \"$0\")\"\n[ -e hang ] || exit 0\necho $$ >>hanging\nexec sleep 600\n";
    let config = tracking(&Router::usual(150), "%HOME%/check", "");
    let director = node.start_with(
        Make::subject(),
        |launch| {
            good(launch.script("check", text));
            launch
        },
        &config,
    );
    director.wait_note("INSTANCE lab MASTER 150");
    director.touch("hang");
    director.wait_note("INSTANCE lab FAULT 150");
    director.remove("hang");
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    let hanging = good(fs::read_to_string(director.home().join("hanging")));
    let alive = |pid: &str| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !(state.is_empty() || state.contains(") Z "))
    };
    good(until(SOON, "the hanging scripts to be gone", || !hanging.lines().any(alive)));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_tracked_interface_that_fails_is_a_fault() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let back = good(Lan::new("back"));
    let inside = good(back.plug(&better.host, "eth1", &[]));
    let config = Router::usual(150).line("track_interface {\n eth1\n }").config();
    let first = better.start(Make::subject(), &config);
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    good(inside.down());
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    good(inside.up());
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_tracked_interface_may_cost_its_weight() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let back = good(Lan::new("back"));
    let inside = good(back.plug(&better.host, "eth1", &[]));
    let config = Router::usual(150).line("track_interface {\n eth1 weight -60\n }").config();
    let first = better.start(Make::subject(), &config);
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    good(inside.down());
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&other, &[&better], vip());
    good(inside.up());
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn scripts_are_told_what_the_peer_tells_them() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let lines =
        ["master", "backup", "fault", "stop"].map(|state| format!("notify_{state} \"%HOME%/note {state}\""));
    let router = lines.iter().fold(Router::usual(150), |router, line| router.line(line));
    let group = "vrrp_sync_group one {\n group {\n lab\n }\n notify \"%HOME%/note a b\"\n notify_master \"%HOME%/note all\"\n}\n";
    let mut director = node.start(Make::subject(), &format!("{}{group}{router}", Router::SCRIPTS));
    director.wait_note("a b GROUP one MASTER 0");
    director.wait_note("all");
    director.wait_note("master");
    good(node.link.down());
    director.wait_note("a b GROUP one FAULT 0");
    director.wait_note("fault");
    good(node.link.up());
    director.wait_notes("a b GROUP one MASTER 0", 2);
    director.wait_notes("master", 2);
    director.finish();
    // Scripts run at the same time, so that the notes of one state may come in any order; a state's note stands for
    // those of its kind, in the order of the states.
    let states = |prefix: &str| -> Vec<_> {
        director.notes().iter().filter_map(|note| note.strip_prefix(prefix).map(str::to_owned)).collect()
    };
    let walk = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"];
    assert_eq!(states("INSTANCE lab "), walk.map(|state| format!("{state} 150")));
    assert_eq!(states("a b GROUP one "), walk.map(|state| format!("{state} 0")));
    let own: Vec<_> =
        director.notes().into_iter().filter(|note| !note.contains(' ') && note != "all").collect();
    assert_eq!(own, walk.map(str::to_lowercase));
    assert_eq!(states("all").len(), 2);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_script_that_others_can_change_is_not_run() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let config = tracking(&Router::usual(150), "%HOME%/open", "");
    let mut director = node.start_with(
        Make::Lvsd,
        |launch| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = good(launch.script("open", "#!/bin/sh\necho run >>\"$0.runs\"\nexit 1\n"));
            good(fs::set_permissions(path, fs::Permissions::from_mode(0o777)));
            launch
        },
        &config,
    );
    // Its tracker is left out, as the peer does, but not in silence.
    director.wait_note("INSTANCE lab MASTER 150");
    assert!(!director.home().join("open.runs").exists());
    let log = director.log();
    assert!(
        log.contains("SECURITY VIOLATION") && log.contains("mode 0777"),
        "nothing said of the script:\n{log}"
    );
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn scripts_run_as_the_user_they_are_given() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let who = |file: &str| format!("%HOME%/who %HOME%/open/{file}");
    let check =
        format!("vrrp_script check {{\n script \"{}\"\n interval 0.2\n user nobody\n}}\n", who("tracked"));
    let router = Router::usual(150)
        .line("track_script {\n check\n }")
        .line(&format!("notify_master \"{}\"", who("default")))
        .line(&format!("notify_backup \"{}\" nobody", who("named")));
    let director = node.start_with(
        Make::subject(),
        |launch| {
            use std::os::unix::fs::PermissionsExt as _;
            good(launch.script("who", "#!/bin/sh\nid -un >\"$1\"\n"));
            let open = launch.home().join("open");
            good(fs::create_dir(&open));
            good(fs::set_permissions(open, fs::Permissions::from_mode(0o777)));
            launch
        },
        &format!("{}{check}{router}", Router::SCRIPTS),
    );
    director.wait_note("INSTANCE lab MASTER 150");
    for (file, user) in [("tracked", "nobody"), ("default", "root"), ("named", "nobody")] {
        let read = || fs::read_to_string(director.home().join("open").join(file)).unwrap_or_default();
        let ran = until(SOON, "", || read().ends_with('\n'));
        assert!(ran.is_ok(), "the script for {file} did not run");
        assert_eq!(read().trim(), user, "{file}");
    }
}

/// A pair of which the better one has this configuration, and its home holds `value`.
fn pair_with_file(value: &str, lines: &str, weight: &str) -> (Site, [Node; 2], [Running; 2]) {
    let (site, [better, other]) = Site::with_pair();
    let router = Router::usual(150).line(&format!("track_file {{\n duty {weight}\n }}"));
    let block = format!("track_file duty {{\n file %HOME%/duty\n {lines}\n}}\n");
    let config = format!("{}{block}{router}", Router::SCRIPTS);
    let first = better.start_with(
        Make::subject(),
        |launch| {
            good(fs::write(launch.home().join("duty"), value));
            launch
        },
        &config,
    );
    good(until(SOON, "the better one to lead", || better.holds(vip())));
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    (site, [better, other], [first, second])
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_number_in_a_file_moves_the_priority() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other], [first, second]) = pair_with_file("0\n", "", "weight 2");
    let duty = first.home().join("duty");
    good(fs::write(&duty, "-30\n"));
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&other, &[&better], vip());
    // As editors write: another file takes its place.
    good(fs::write(duty.with_extension("new"), "0x10\n"));
    good(fs::rename(duty.with_extension("new"), &duty));
    first.wait_note("INSTANCE lab MASTER 182");
    site.alone(&better, &[&other], vip());
    good(fs::write(&duty, "-200\n"));
    second.wait_notes("INSTANCE lab MASTER 100", 2);
    first.wait_note("INSTANCE lab FAULT 150");
    good(fs::remove_file(&duty));
    first.wait_note("INSTANCE lab MASTER 150");
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_file_without_weight_is_a_switch() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other], [first, second]) = pair_with_file("0\n", "weight 0", "");
    let duty = first.home().join("duty");
    good(fs::write(&duty, "1\n"));
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    good(fs::write(&duty, "0\n"));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

/// A process that the test can end, with a name of its own.
struct Sleeper(std::process::Child);

impl Sleeper {
    fn start(program: &std::path::Path) -> Self {
        Self(good(std::process::Command::new(program).arg("600").spawn()))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_process_that_is_missing_costs_its_weight() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let name = format!("lvsdz{}", std::process::id());
    let block = format!(
        "vrrp_track_process server {{\n process {name} 600\n quorum 2\n weight -60\n delay 0.1\n}}\n"
    );
    let router = Router::usual(150).line("track_process {\n server\n }");
    let directory = good(tempfile_in_tmp());
    let program = directory.join(&name);
    good(fs::copy("/bin/sleep", &program));
    let [one, two] = [Sleeper::start(&program), Sleeper::start(&program)];
    let first = better.start(Make::Lvsd, &format!("{}{block}{router}", Router::SCRIPTS));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    drop(one);
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&other, &[&better], vip());
    let again = Sleeper::start(&program);
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
    drop((two, again));
    let _ = fs::remove_dir_all(directory);
}

fn tempfile_in_tmp() -> std::io::Result<std::path::PathBuf> {
    let directory = std::env::temp_dir().join(format!("lvsd-sleepers-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// What a script can do to be a nuisance: hang and ignore SIGTERM, flood its output, fork without end (within reason).
const NUISANCES: [(&str, &str); 3] = [
    ("deaf", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n"),
    ("loud", "#!/bin/sh\nexec yes nothing\n"),
    ("fertile", "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do sleep 600 & done\nwait\n"),
];

/// Nothing that a script does delays an advert: a backup that expects one every 50 ms misses none.
#[test]
#[ignore = "needs root and namespaces"]
fn no_script_delays_an_advert() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let fast = |priority| Router::usual(priority).interval(std::time::Duration::from_millis(50));
    let blocks: String = NUISANCES
        .iter()
        .map(|(name, _)| {
            format!(
                "vrrp_script {name} {{\n script %HOME%/{name}\n interval 0.2\n timeout 0.2\n weight 1\n}}\n"
            )
        })
        .collect();
    let names: Vec<&str> = NUISANCES.iter().map(|(name, _)| *name).collect();
    let router = fast(150).line(&format!("track_script {{\n {}\n }}", names.join("\n ")));
    let first = better.start_with(
        Make::Lvsd,
        |launch| {
            for (name, text) in NUISANCES {
                good(launch.script(name, text));
            }
            launch
        },
        &format!("{}{blocks}{router}", Router::SCRIPTS),
    );
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &fast(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, 100);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"], "it heard its master all the time");
    assert!(better.holds(vip()));
}
