//! What `global_defs` says about the processes of the family, as the kernel shows it.

use lvsd_e2e::{Make, Router, SOON, Site, good};
use lvsd_lab::{Need, require, until};
use nix::sys::signal::Signal;
use std::fs;

/// A service that keeps a checker process busy, and needs no server to be there.
const SERVICE: &str = "virtual_server 10.0.0.100 80 {
    delay_loop 1
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.9 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
";

fn config(globals: &str) -> String {
    let globals = format!("global_defs {{\n{globals}\n}}\n");
    format!("{globals}{}{SERVICE}", Router::usual(150).config())
}

/// A line of `/proc/PID/status`.
fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// The soft limit on real-time computing, in microseconds.
fn realtime_limit(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Max realtime timeout"));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or_default().to_owned()
}

/// The processors that a process may use, as a list, thread by thread.
fn processors(pid: i32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let names = threads.filter_map(|thread| thread.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).map(|thread| status(thread, "Cpus_allowed_list")).collect()
}

#[test]
#[ignore = "needs root and namespaces"]
fn processors_limits_and_masks_are_the_configured_ones_also_after_a_reload() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(
        Make::Lvsd,
        &config(
            "vrrp_cpu_affinity 0\n vrrp_rt_priority 5\n vrrp_rlimit_rttime 200000\n
             checker_rt_priority 4\n checker_rlimit_rttime 300000\n umask 027",
        ),
    );
    director.wait_note("INSTANCE lab MASTER 150");
    good(director.wait_log("is ready", SOON));
    let (main, vrrp, checker) =
        (director.child("main.pid"), director.child("vrrp.pid"), director.child("checkers.pid"));
    let all = status(main, "Cpus_allowed_list");
    let threads = processors(vrrp);
    assert!(threads.len() >= 3 && threads.iter().all(|list| list == "0"), "{threads:?}");
    assert_eq!(status(checker, "Cpus_allowed_list"), all);
    assert_eq!([vrrp, checker].map(realtime_limit), ["200000", "300000"]);
    assert_eq!([main, vrrp, checker].map(|pid| status(pid, "Umask")), ["0027"; 3]);

    director.give(&config("checker_cpu_affinity 0\n umask IRWXO"));
    good(director.wait_log("reload done", SOON));
    assert_eq!(processors(vrrp), vec![all; threads.len()], "no processor is written any more");
    assert_eq!(status(checker, "Cpus_allowed_list"), "0");
    assert_eq!([vrrp, checker].map(realtime_limit), ["unlimited"; 2]);
    assert_eq!([main, vrrp, checker].map(|pid| status(pid, "Umask")), ["0007"; 3]);
    assert_eq!(director.child("vrrp.pid"), vrrp, "the same process still");
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn scripts_have_the_mask_of_the_peer_unless_one_is_written() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let script = "vrrp_script mask {\n script \"/bin/sh -c 'umask >%HOME%/mask'\"\n interval 1\n}\n";
    let router = Router::usual(150).line("track_script {\n mask\n }");
    let director = node.start(Make::subject(), &format!("{}{script}{router}", Router::SCRIPTS));
    director.wait_note("INSTANCE lab MASTER 150");
    let path = director.home().join("mask");
    good(until(SOON, "the script", || {
        fs::read_to_string(&path).is_ok_and(|text| text.trim().trim_start_matches('0') == "177")
    }));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_processor_that_is_not_there_is_told_and_nothing_else_happens() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, &config("vrrp_cpu_affinity 1023"));
    director.wait_note("INSTANCE lab MASTER 150");
    good(director.wait_log("vrrp_cpu_affinity cannot be set: this host has none of these processors", SOON));
}

/// With scripts of the start and the end.
fn framed(globals: &str) -> String {
    format!("global_defs {{\n{globals}\n}}\n{}", Router::usual(150).config())
}

#[test]
#[ignore = "needs root and namespaces"]
fn scripts_of_the_start_and_the_end_run_without_any_child() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let script = |keyword: &str, file: &str| {
        format!(
            "{keyword}_script \"/bin/sh -c 'ls %HOME% >%HOME%/{file}.new; mv %HOME%/{file}.new %HOME%/{file}'\"\n"
        )
    };
    let globals = format!("{}{}", script("startup", "before"), script("shutdown", "after"));
    let mut director = node.start(Make::Lvsd, &framed(&globals));
    director.wait_note("INSTANCE lab MASTER 150");
    let files = |name: &str| fs::read_to_string(director.home().join(name)).unwrap_or_default();
    let before = files("before");
    assert!(before.contains("main.pid") && !before.contains("vrrp.pid"), "{before}");
    assert!(!director.home().join("after").exists());
    let home = director.home().to_owned();
    director.signal("main.pid", Signal::SIGTERM);
    assert!(good(director.process().wait(SOON)).success());
    let after = fs::read_to_string(home.join("after")).unwrap_or_default();
    assert!(after.contains("main.pid") && !after.contains("vrrp.pid"), "{after}");
    assert!(!node.holds(Router::usual_vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_script_of_the_start_that_hangs_delays_the_start_until_its_limit() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let globals = "startup_script \"/bin/sleep 1000\"\n startup_script_timeout 1";
    let mut director = node.start(Make::Lvsd, &framed(globals));
    good(director.wait_log("startup_script took too long and was killed", SOON));
    director.wait_note("INSTANCE lab MASTER 150");
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stop_does_not_wait_for_the_script_of_the_start() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let globals = "startup_script \"/bin/sh -c 'echo $$ >%HOME%/started; exec sleep 1000'\"
        startup_script_timeout 1000
        shutdown_script \"/bin/touch %HOME%/ended\"";
    let mut director = node.start(Make::Lvsd, &framed(globals));
    let (started, ended) = (director.home().join("started"), director.home().join("ended"));
    good(until(SOON, "the script", || fs::read_to_string(&started).is_ok_and(|text| text.ends_with('\n'))));
    let script = good(fs::read_to_string(&started)).trim().to_owned();
    director.signal("main.pid", Signal::SIGTERM);
    assert!(good(director.process().wait(SOON)).success());
    assert!(ended.exists(), "the script of the end puts right what the other one has begun");
    let alive =
        || fs::read_to_string(format!("/proc/{script}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    good(until(SOON, "the script to end", || !alive()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_happens_when_the_file_says_so() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, &framed("reload_time_file %HOME%/when\n reload_file"));
    director.wait_note("INSTANCE lab MASTER 150");
    good(director.wait_log("is ready", SOON));
    let path = director.home().join("when");
    let soon = good(node.host.check("date -u -d +2seconds +%H:%M:%SZ"));
    good(fs::write(&path, soon));
    good(director.wait_log("says that it is time for a reload", SOON));
    good(director.wait_log("reload done", SOON));
    good(until(SOON, "the file to go", || !path.exists()));
    director.finish();
}
