//! The supervisor with real children in a namespace: who comes, who goes, and what the world is told.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use lvsd_lab::{Director, Host, Launch, Need, Program, Result, require, until, until_some, web};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Long enough that only a hang reaches it.
const SOON: Duration = Duration::from_secs(20);

const VRRP: &str = "vrrp_instance lab {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.100/24
    }
}
";

const SERVICE: &str = "virtual_server 10.0.0.100 80 {
    protocol TCP
    lb_kind NAT
    real_server 10.0.0.9 80 {
    }
}
";

/// A host with one interface, whose other end leads nowhere.
fn host() -> Result<Host> {
    let host = Host::new("director")?;
    host.ip("link add eth0 type veth peer name far0")?;
    host.ip("link set eth0 up")?;
    host.ip("link set far0 up")?;
    host.add_address("10.0.0.1/24", "eth0")?;
    Ok(host)
}

fn start(host: &Host, options: &[&str], config: &str) -> Result<Director> {
    Launch::lvsd(host)?.args(options.iter().copied()).start(config)
}

fn ready(director: &mut Director) -> Result<()> {
    director.wait_log("is ready", SOON)
}

fn signal(director: &Director, file: &str, signal: Signal) -> Result<()> {
    // The pid file of a process that just died is gone until the next one is there.
    let pid = until_some(SOON, file, || director.pid(file).ok())?;
    kill(Pid::from_raw(pid), signal).expect("it is there");
    Ok(())
}

fn page(host: &Host) -> Option<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], 9165));
    let client = web::Client::new(web::Target::Http { address, path: "/metrics".to_owned() });
    // A child that does not answer is waited for.
    web::Client { timeout: SOON, ..client }.fetch_from(host).ok()
}

/// Waits until the page has a line.
fn wait_page(host: &Host, line: &str) -> Result<()> {
    until(SOON, line, || page(host).is_some_and(|page| page.lines().any(|one| one == line)))
}

fn ended(director: &mut Director) -> Result<ExitStatus> {
    director.process().wait(SOON)
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_second_daemon_leaves_the_first_alone() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut first = start(&host, &[], VRRP)?;
    ready(&mut first)?;
    let pid_file = first.home().join("main.pid");
    let mut second = start(&host, &["-p", &pid_file.display().to_string()], VRRP)?;
    assert_eq!(ended(&mut second)?.code(), Some(0));
    assert!(second.log().contains("runs already"), "{}", second.log());
    wait_page(&host, "lvsd_child_up{child=\"vrrp\"} 1")?;
    assert_eq!(first.stop(SOON)?.code(), Some(0));
    assert!(!pid_file.exists());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stop_in_the_first_moment_is_a_stop_like_any_other() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    for _ in 0..5 {
        let mut director = start(&host, &[], VRRP)?;
        let pid = until_some(SOON, "the pid file", || director.pid("main.pid").ok())?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is there");
        assert_eq!(ended(&mut director)?.code(), Some(0), "{}", director.log());
        assert!(director.pid("main.pid").is_err(), "the pid file is gone");
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn without_respawn_the_death_of_a_child_is_the_end() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut director = start(&host, &["-R"], &format!("{VRRP}{SERVICE}"))?;
    ready(&mut director)?;
    signal(&director, "checkers.pid", Signal::SIGKILL)?;
    assert_eq!(ended(&mut director)?.code(), Some(1));
    assert!(director.log().contains("checker process died: signal: 9 (SIGKILL)"), "{}", director.log());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn deaths_in_a_row_are_answered_slower_and_counted() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut director = start(&host, &[], VRRP)?;
    ready(&mut director)?;
    signal(&director, "vrrp.pid", Signal::SIGKILL)?;
    wait_page(&host, "lvsd_child_restarts_total{child=\"vrrp\"} 1")?;
    wait_page(&host, "lvsd_child_config_generation{child=\"vrrp\"} 1")?;
    signal(&director, "vrrp.pid", Signal::SIGKILL)?;
    director.wait_log("vrrp process: next start in 1s", SOON)?;
    wait_page(&host, "lvsd_child_restarts_total{child=\"vrrp\"} 2")?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_child_that_stands_still_is_seen_and_ended() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let vip = "10.0.0.100".parse().expect("an address");
    let config = format!("child_wait_time 1\n{}{SERVICE}", VRRP.replace("51", "51\n    priority 255"));
    let mut director = start(&host, &[], &config)?;
    ready(&mut director)?;
    wait_page(&host, "lvsd_child_up{child=\"vrrp\"} 1")?;
    until(SOON, "the address", || host.has_address(vip, "eth0"))?;
    signal(&director, "vrrp.pid", Signal::SIGSTOP)?;
    wait_page(&host, "lvsd_child_up{child=\"vrrp\"} 0")?;
    wait_page(&host, "lvsd_child_silences_total{child=\"vrrp\"} 1")?;
    director.wait_log("the vrrp process does not answer for 10 s", SOON)?;
    let page = page(&host).expect("the page is served all the same");
    assert!(!page.contains("lvsd_vrrp_"), "{page}");
    assert!(page.contains("lvsd_child_up{child=\"checker\"} 1\n"), "{page}");
    assert_eq!(director.stop(SOON)?.code(), Some(0));
    assert!(director.log().contains("vrrp process is killed"), "{}", director.log());
    assert!(!host.has_address(vip, "eth0"), "{}", director.log());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn children_come_and_go_with_their_configuration() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut director = start(&host, &[], VRRP)?;
    ready(&mut director)?;
    assert!(director.pid("checkers.pid").is_err());
    let vrrp = director.pid("vrrp.pid")?;
    director.reload(&format!("{VRRP}{SERVICE}"))?;
    wait_page(&host, "lvsd_child_up{child=\"checker\"} 1")?;
    wait_page(&host, "lvsd_config_generation 2")?;
    assert_eq!(director.pid("vrrp.pid")?, vrrp);
    director.reload(VRRP)?;
    until(SOON, "the checker to end", || director.pid("checkers.pid").is_err())?;
    assert_eq!(director.pid("vrrp.pid")?, vrrp);
    // An end that was asked for is no death.
    director.reload(&format!("{VRRP}{SERVICE}"))?;
    wait_page(&host, "lvsd_child_up{child=\"checker\"} 1")?;
    wait_page(&host, "lvsd_child_restarts_total{child=\"checker\"} 0")?;
    assert_eq!(director.stop(SOON)?.code(), Some(0));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_refused_reload_is_told_and_changes_nothing() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut director = start(&host, &[], VRRP)?;
    ready(&mut director)?;
    for refused in [
        VRRP.replace("51", "0"),
        format!("net_namespace other\n{VRRP}"),
        format!(
            "global_defs {{\n strict_config\n}}\n{}",
            VRRP.replace("interface", "no_such_keyword x\n interface")
        ),
    ] {
        let before = director.log().matches("reload refused").count();
        director.reload(&refused)?;
        until(SOON, "the refusal", || director.log().matches("reload refused").count() > before)?;
    }
    wait_page(&host, "lvsd_reload_success 0")?;
    wait_page(&host, "lvsd_reloads_total{result=\"refused\"} 3")?;
    wait_page(&host, "lvsd_config_generation 1")?;
    // Tolerated without strict_config, and in force.
    director.reload(&VRRP.replace("interface", "no_such_keyword x\n interface"))?;
    wait_page(&host, "lvsd_reload_success 1")?;
    wait_page(&host, "lvsd_config_diagnostics{severity=\"tolerated\"} 1")?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_named_namespace_is_entered_by_the_whole_family() -> Result<()> {
    require!(Need::Root);
    let (outside, inside) = (Host::new("outside")?, host()?);
    let mut director = start(&outside, &["-s", inside.namespace().name()], VRRP)?;
    ready(&mut director)?;
    wait_page(&inside, "lvsd_child_up{child=\"vrrp\"} 1")?;
    assert_eq!(page(&outside), None);
    let vip = "10.0.0.100".parse().expect("an address");
    until(SOON, "the address", || inside.has_address(vip, "eth0"))?;
    assert_eq!(director.stop(SOON)?.code(), Some(0));
    assert!(!inside.has_address(vip, "eth0"));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn children_log_where_and_as_much_as_the_supervisor() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let mut director = start(&host, &["-d"], VRRP)?;
    ready(&mut director)?;
    director.wait_log("lvsd_vrrp[", SOON)?;
    assert!(
        director.log().contains("virtual_router_id") || director.log().contains("vrid"),
        "{}",
        director.log()
    );
    let environment =
        Program::new("cat").arg(format!("/proc/{}/environ", director.pid("vrrp.pid")?)).check()?;
    assert!(environment.contains("LVSD_LOG=debug,stderr"), "{environment}");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_a_killed_family_left_is_cleared_away_even_without_configuration() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let vip = "10.0.0.100".parse().expect("an address");
    let runtime = tempfile::tempdir().expect("a directory");
    let place = runtime.path().display().to_string();
    let start = |config| Launch::lvsd(&host)?.env("LVSD_RUNTIME_DIR", &place).start(config);
    let mut killed = start(VRRP)?;
    until(SOON, "the address", || host.has_address(vip, "eth0"))?;
    killed.kill();
    assert!(host.has_address(vip, "eth0"), "nobody was left to remove it");
    let mut next = start("child_wait_time 5\n")?;
    ready(&mut next)?;
    until(SOON, "the address to go", || !host.has_address(vip, "eth0"))?;
    assert_eq!(next.stop(SOON)?.code(), Some(0));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stop_takes_away_the_address_of_a_child_that_has_died() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let vip = "10.0.0.100".parse().expect("an address");
    let mut director = start(&host, &[], &VRRP.replace("51", "51\n    priority 255"))?;
    ready(&mut director)?;
    until(SOON, "the address", || host.has_address(vip, "eth0"))?;
    signal(&director, "vrrp.pid", Signal::SIGKILL)?;
    wait_page(&host, "lvsd_child_restarts_total{child=\"vrrp\"} 1")?;
    wait_page(
        &host,
        "lvsd_vrrp_become_master_total{instance=\"lab\",interface=\"eth0\",vrid=\"51\",family=\"ipv4\"} 1",
    )?;
    until(SOON, "the address", || host.has_address(vip, "eth0"))?;
    signal(&director, "vrrp.pid", Signal::SIGKILL)?;
    director.wait_log("vrrp process: next start in 1s", SOON)?;
    assert_eq!(director.stop(SOON)?.code(), Some(0));
    assert!(!host.has_address(vip, "eth0"), "{}", director.log());
    Ok(())
}
