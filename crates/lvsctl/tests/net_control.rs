//! The control socket of a daemon that runs: lvsctl, curl, and clients that mean no good.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lvsd_lab::{Director, Host, Launch, Need, Result, require, until, until_some};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Long enough that only a hang reaches it.
const SOON: Duration = Duration::from_secs(30);

const CONFIG: &str = "vrrp_instance lab {
    interface eth0
    virtual_router_id 51
    priority 255
    virtual_ipaddress {
        10.0.0.100/24
    }
}
";

fn host() -> Result<Host> {
    let host = Host::new("director")?;
    host.ip("link add eth0 type veth peer name far0")?;
    host.ip("link set eth0 up")?;
    host.ip("link set far0 up")?;
    host.add_address("10.0.0.1/24", "eth0")?;
    Ok(host)
}

fn start(host: &Host, config: &str) -> Result<(Director, PathBuf)> {
    let mut director = Launch::lvsd(host)?.start(config)?;
    director.wait_log("is ready", SOON)?;
    director.wait_log("control socket is open", SOON)?;
    let socket = director.home().join("run/control.sock");
    Ok((director, socket))
}

fn lvsctl(socket: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lvsctl"));
    command.args(words).arg("--socket").arg(socket).output().expect("lvsctl runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn status(socket: &Path) -> Option<Value> {
    let output = lvsctl(socket, &["status", "--format", "json"]);
    output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn wait_master(socket: &Path) -> Result<Value> {
    until_some(SOON, "a master", || {
        status(socket).filter(|status| status["instances"][0]["state"] == "MASTER")
    })
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_operator_sees_how_it_is_and_what_has_happened() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (director, socket) = start(&host, CONFIG)?;
    let status = wait_master(&socket)?;
    assert_eq!(status["pid"], director.pid("main.pid")?);
    assert_eq!(status["instances"][0]["addresses"], serde_json::json!(["10.0.0.100/24"]));
    assert_eq!(status["configuration"]["generation"], 1);
    let said = text(&lvsctl(&socket, &["status"]).stdout);
    assert!(said.contains("\nlab       MASTER  "), "{said}");

    let output = lvsctl(&socket, &["events", "--format", "json"]);
    let events: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let numbers: Vec<_> = events.iter().filter_map(|event| event["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let master = |event: &&Value| event["kind"] == "instance" && event["to"] == "MASTER";
    let number = events.iter().find(master).expect("it became master")["number"].to_string();
    let later = text(&lvsctl(&socket, &["events", "--after", &number]).stdout);
    assert!(!later.contains("to MASTER"), "{later}");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn who_follows_the_events_is_told_of_each_until_the_end() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (mut director, socket) = start(&host, CONFIG)?;
    wait_master(&socket)?;
    let mut follower = Command::new(env!("CARGO_BIN_EXE_lvsctl"))
        .args(["events", "--follow", "--format", "json", "--socket"])
        .arg(&socket)
        .stdout(Stdio::piped())
        .spawn()
        .expect("lvsctl runs");
    let mut lines = BufReader::new(follower.stdout.take().expect("a pipe")).lines();
    let mut wait = |kind: &str, words: &str| {
        let mut lines = lines.by_ref().map(|line| line.expect("text"));
        let found = lines.find(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["kind"] == kind && event["text"].as_str().is_some_and(|text| text.contains(words))
        });
        assert!(found.is_some(), "no event {kind} {words}");
    };
    wait("instance", "MASTER");
    let child = director.pid("vrrp.pid").expect("a pid file");
    kill(Pid::from_raw(child), Signal::SIGKILL).expect("it is there");
    wait("process", "died: signal: 9");
    wait("process", "started");
    assert!(director.stop(SOON).is_ok_and(|status| status.success()));
    wait("lvsd", "stops");
    assert!(follower.wait().expect("it ends with the daemon").code().is_some());
    assert!(!socket.exists(), "the socket goes with the daemon");
    Ok(())
}

/// An instance whose name is no plain word, and whose priority a script lowers.
const LOWERED: &str = r#"global_defs {
    script_user root
    enable_script_security
}
vrrp_script web {
    script "/bin/false"
    interval 1
    weight -2
}
vrrp_instance "lab/1 ü" {
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 0.1
    version 3
    track_script { web }
    virtual_ipaddress { 10.0.0.100/24 }
}
"#;

#[test]
#[ignore = "needs root and namespaces"]
fn an_instance_says_why_it_is_what_it_is() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (_director, socket) = start(&host, LOWERED)?;
    wait_master(&socket)?;
    let json = lvsctl(&socket, &["why", "lab/1 ü", "--format", "json"]);
    let why: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&why["name"], &why["state"]), (&"lab/1 ü".into(), &"MASTER".into()), "{why}");
    assert_eq!((&why["base_priority"], &why["priority"]), (&101.into(), &99.into()), "{why}");
    assert_eq!(why["adjustments"], serde_json::json!([{ "tracker": "script web", "amount": -2 }]));
    let journal = why["journal"].as_array().expect("decisions");
    let last = journal.iter().rev().map(|one| &one["reason"]["changed"]).find(|changed| changed.is_object());
    let last = last.expect("it became master");
    assert_eq!((&last["from"], &last["to"]), (&"BACKUP".into(), &"MASTER".into()), "{why}");
    // Three intervals and the skew: 0.3 + 0.1 * (256 - 99) / 256 seconds.
    let waited = last["because"]["master_silent"]["waited"].as_f64().expect("seconds");
    assert!((0.36..0.37).contains(&waited), "{why}");
    assert_eq!((&last["rating"]["base"], &last["rating"]["effective"]), (&101.into(), &99.into()), "{why}");
    let times: Vec<_> = journal.iter().map(|one| (one["first"].as_f64(), one["last"].as_f64())).collect();
    assert!(times.is_sorted_by_key(|(first, _)| *first) && times.iter().all(|(first, last)| first <= last));

    let said = text(&lvsctl(&socket, &["why", "lab/1 ü"]).stdout);
    let head = said.lines().next().unwrap_or_default();
    assert!(head.starts_with("lab/1 ü is MASTER for "), "{said}");
    assert!(head.ends_with(", priority 99 = 101 - 2 (script web)"), "{said}");
    assert!(said.contains("Z BACKUP to MASTER: nobody advertised for 361."), "{said}");

    let output = lvsctl(&socket, &["why", "lab/2 ü"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "lvsctl: there is no instance lab/2 ü; did you mean lab/1 ü?\n");
    let code = |path: &str| {
        let words = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--unix-socket"];
        let mut curl = Command::new("curl");
        curl.args(words).arg(&socket).arg(format!("http://lvsd/v1/instances/{path}"));
        text(&curl.output().expect("curl runs").stdout)
    };
    assert_eq!(code("lab%2F1%20%C3%BC/why"), "200");
    assert_eq!(code("lab/why"), "404");
    assert_eq!(code("lab/1/why"), "404");
    assert_eq!(code("%FF/why"), "400");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_is_answered_when_it_is_in_force_and_with_what_is_wrong() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (director, socket) = start(&host, CONFIG)?;
    let file = director.home().join("director.conf");
    let output = lvsctl(&socket, &["reload"]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(0), "configuration 2 is in force\n")
    );

    fs::write(&file, CONFIG.replace("10.0.0.100", "10.0.0")).expect("the configuration");
    let output = lvsctl(&socket, &["reload"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("director.conf:6:9: error["), "{said}");
    assert!(said.ends_with("refused, nothing has changed: it has 1 errors\n"), "{said}");
    let status = status(&socket).expect("a status");
    assert_eq!(status["configuration"]["generation"], 2);
    assert_eq!(status["configuration"]["last_refused"], true);

    fs::write(&file, format!("{CONFIG}no_such_keyword\n")).expect("the configuration");
    let output = lvsctl(&socket, &["reload", "--format", "json"]);
    let outcome: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&outcome["accepted"], &outcome["applied"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(outcome["diagnostics"][0]["id"], "unknown-keyword");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_moves_the_socket_and_takes_it_away() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (director, first) = start(&host, CONFIG)?;
    let second = director.home().join("other/control");
    director.reload(&format!("global_defs {{\n    control_socket {}\n}}\n{CONFIG}", second.display()))?;
    until(SOON, "the other socket", || status(&second).is_some())?;
    assert!(!first.exists());
    director.reload(&format!("global_defs {{\n    control_socket off\n}}\n{CONFIG}"))?;
    until(SOON, "no socket", || !second.exists())?;
    let output = lvsctl(&second, &["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no daemon is reached at"), "{}", text(&output.stderr));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn nobody_but_root_is_answered() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let open = tempfile::tempdir().expect("a directory");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = open.path().join("control.sock");
    let config = format!("global_defs {{\n    control_socket {}\n}}\n{CONFIG}", path.display());
    let (mut director, _) = start(&host, &config)?;
    let as_nobody = || {
        let url = ["--unix-socket", path.to_str().expect("plain"), "http://lvsd/v1/status"];
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups", "curl", "--silent", "--fail"];
        Command::new("setpriv").args(words).args(url).output().expect("setpriv runs")
    };
    assert!(!as_nobody().status.success(), "the mode keeps others out");
    // Somebody opens it up by mistake: the kernel still says who they are.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
    let output = as_nobody();
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", text(&output.stdout));
    director.wait_log("somebody who is not root was refused", SOON)?;
    assert!(status(&path).is_some());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn clients_that_mean_no_good_hold_nobody_up() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (_director, socket) = start(&host, CONFIG)?;
    let silent: Vec<_> =
        (0..30).map(|_| UnixStream::connect(&socket).expect("a place in the queue")).collect();
    assert!(status(&socket).is_some(), "those who say nothing are sent away");
    drop(silent);
    let said = |request: &[u8]| {
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        // It may be refused before all is written.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        text(&answer)
    };
    assert!(said(b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(
        said(b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            .starts_with("HTTP/1.1 405 ")
    );
    assert!(said(b"GET /v1/reload HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(said(b"GET /v1/events?after=x HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(!said(&[b'x'; 100_000]).contains(" 200 "));
    let long = [b"GET /v1/status HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 100_000], b"\r\n\r\n"].concat();
    assert!(!said(&long).contains(" 200 "));
    assert!(status(&socket).is_some());
    Ok(())
}

/// Every command line that docs/control.md shows.
#[test]
#[ignore = "needs root and namespaces"]
fn the_commands_of_the_description_work() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let (_director, socket) = start(&host, CONFIG)?;
    wait_master(&socket)?;
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/control.md"));
    let page = page.expect("docs/control.md");
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let commands: Vec<_> = blocks.flat_map(str::lines).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    // Some write files.
    let desk = tempfile::tempdir().expect("a directory");
    for command in commands {
        let here = command.replace("/run/lvsd/control.sock", socket.to_str().expect("plain"));
        let program = Path::new(env!("CARGO_BIN_EXE_lvsctl")).parent().expect("a directory");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
        let run = socket.parent().expect("a directory");
        let output = Command::new("sh")
            .args(["-c", &here])
            .current_dir(desk.path())
            .env("PATH", path)
            .env("LVSD_RUNTIME_DIR", run)
            .output()
            .expect("sh runs");
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        assert!(!output.stdout.is_empty(), "{command}");
    }
    Ok(())
}

/// A recording of a daemon that lived a little, replayed: the same elections, with the same end.
#[test]
#[ignore = "needs root and namespaces"]
fn a_recording_of_a_live_daemon_is_replayed_with_the_same_outcome() -> Result<()> {
    require!(Need::Root);
    let host = host()?;
    let text_of = |priority: u8| {
        CONFIG.replace("priority 255", &format!("priority {priority}\n    advert_int 0.1\n    version 3"))
    };
    let (director, socket) = start(&host, &text_of(100))?;
    wait_master(&socket)?;
    host.ip("link set far0 down")?;
    let state = |wanted: &str| {
        let wanted = wanted.to_owned();
        until(SOON, "another state", || {
            status(&socket).is_some_and(|status| status["instances"][0]["state"] == *wanted)
        })
    };
    state("FAULT")?;
    host.ip("link set far0 up")?;
    state("MASTER")?;
    director.reload(&text_of(120))?;
    until(SOON, "the reload", || {
        status(&socket).is_some_and(|status| status["instances"][0]["priority"] == 120)
    })?;
    let file = director.home().join("flight");
    let output = lvsctl(&socket, &["record", &file.display().to_string()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let replay =
        Command::new(env!("CARGO_BIN_EXE_lvsctl")).arg("replay").arg(&file).output().expect("lvsctl runs");
    let said = text(&replay.stdout);
    assert!(replay.status.success(), "{said}{}", text(&replay.stderr));
    for line in [
        "BACKUP to MASTER",
        "MASTER to FAULT",
        "a configuration with 1 instances",
        "at the end: lab is MASTER, priority 120",
        "ordered the same",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    Ok(())
}
