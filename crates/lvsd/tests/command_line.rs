//! The built program, as far as it needs no root: options, diagnostics, exit statuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn lvsd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lvsd"))
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .output()
        .expect("the program is there")
}

fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect();
    path.to_str().expect("UTF-8").to_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_version_is_on_standard_error() {
    for option in ["-v", "--version"] {
        let output = lvsd(&[option]);
        assert_eq!(status(&output), 0);
        assert_eq!(stderr(&output), format!("lvsd {}\n", env!("CARGO_PKG_VERSION")));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn signal_numbers_are_printed() {
    for (name, number) in [("STOP", "15\n"), ("RELOAD", "1\n"), ("DATA", "10\n"), ("JSON", "36\n")] {
        let output = lvsd(&[&format!("--signum={name}")]);
        assert_eq!((status(&output), &output.stdout[..]), (0, number.as_bytes()));
    }
    assert_eq!(status(&lvsd(&["--signum", "NOSUCH"])), 1);
}

#[test]
fn what_is_no_option_is_refused_with_status_1() {
    for arguments in [&["--no-such"][..], &["-Z"], &["-f"]] {
        let output = lvsd(arguments);
        assert_eq!(status(&output), 1, "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(status(&lvsd(&["--help"])), 0);
}

/// Which file with which options gives which exit status, and a word that the message must have.
#[test]
fn a_configuration_test_says_how_it_would_run() {
    let table: &[(&str, &[&str], i32, &str)] = &[
        ("good.conf", &[], 0, "runs as written"),
        ("good.conf", &["--strict"], 0, "runs as written"),
        ("hint.conf", &[], 0, "absent-interface"),
        ("hint.conf", &["--strict"], 5, "absent-interface"),
        ("tolerated.conf", &[], 5, "did you mean `lb_kind`"),
        ("tolerated.conf", &["--strict"], 5, "unknown-keyword"),
        ("strict.conf", &[], 4, "unknown-keyword"),
        ("script.conf", &[], 5, "/no/such/script"),
        ("error.conf", &[], 4, "error.conf:8:16"),
        ("missing.conf", &[], 6, "cannot be read"),
    ];
    for (file, options, expected, word) in table {
        let path = fixture(file);
        let output = lvsd(&[&["-t", "-f", path.as_str()], *options].concat());
        let text = stderr(&output);
        assert_eq!(status(&output), *expected, "{file} {options:?}: {text}");
        assert!(text.contains(word), "{file} {options:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn findings_have_three_forms() {
    let path = fixture("tolerated.conf");
    let check = |format: &str| lvsd(&["-t", "-f", &path, "--format", format]);
    let concise = check("concise");
    assert_eq!(status(&concise), 5);
    let line = format!("{path}:");
    assert!(stderr(&concise).lines().all(|found| found.starts_with(&line)), "{}", stderr(&concise));
    let json = check("json");
    assert_eq!((status(&json), stderr(&json).as_str()), (5, ""));
    let object: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&object["status"], &object["file"]), (&5.into(), &path.as_str().into()));
    let ids = object["diagnostics"].as_array().expect("a list").iter().map(|found| &found["id"]);
    assert!(ids.into_iter().any(|id| id == "unknown-keyword"), "{object}");
    assert_eq!(status(&check("yaml")), 1);
    let daemon = lvsd(&["-t", "-f", &fixture("missing.conf"), "--format", "json"]);
    let object: serde_json::Value = serde_json::from_slice(&daemon.stdout).expect("JSON");
    assert_eq!((status(&daemon), &object["status"]), (6, &6.into()));
}

/// The examples of the diagnostics that need a host, on this one.
#[test]
fn what_only_the_host_knows_is_told_as_explained() {
    use lvsd_config::{Found, explanations};
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let open = directory.path().join("open-to-all");
    std::fs::write(&open, "#!/bin/sh\n").expect("written");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).expect("a mode");
    let authority = directory.path().join("ca.pem");
    std::fs::write(&authority, "").expect("written");
    let here = |text: String| {
        let text = text.replace("/usr/local/bin/open-to-all", &open.display().to_string());
        text.replace("/etc/ssl/certs/ca-certificates.crt", &authority.display().to_string())
    };
    let configuration = directory.path().join("lvsd.conf");
    let path = configuration.to_str().expect("UTF-8");
    // Interfaces of the examples may be absent here, and SSL may not be built yet: neither is their mistake.
    let found = |text: String| {
        std::fs::write(&configuration, here(text)).expect("written");
        let output = lvsd(&["-t", "-f", path, "--format", "json"]);
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let list = object["diagnostics"].as_array().expect("a list").clone();
        let told = |it: &serde_json::Value| {
            let text = it["message"].as_str().unwrap_or_default();
            it["id"] != "no-effect-yet" && !text.contains("`eth0`")
        };
        let ids = list.iter().filter(|it| told(it)).map(|it| (it["id"].to_string(), it["line"].as_u64()));
        ids.collect::<Vec<_>>()
    };
    let host: Vec<_> = explanations().filter(|it| it.found == Found::OnHost).collect();
    assert!(host.len() >= 5);
    for it in host {
        let line = it.wrong.marked_line().map(|line| line as u64);
        assert_eq!(found(it.wrong.shown()), [(format!("\"{}\"", it.rule.id()), line)]);
        assert_eq!(found(it.right.shown()), [], "{}", it.rule.id());
    }
}

#[test]
fn findings_are_appended_to_a_file_when_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("findings");
    std::fs::write(&file, "before\n").expect("written");
    let output = lvsd(&["-f", &fixture("tolerated.conf"), &format!("--config-test={}", file.display())]);
    assert_eq!(status(&output), 5);
    assert!(output.stderr.is_empty());
    let text = std::fs::read_to_string(&file).expect("there");
    assert!(text.starts_with("before\n") && text.contains("unknown-keyword"), "{text}");
}

/// Starts that must fail, each with its status and without leaving anything behind.
#[test]
fn a_daemon_that_cannot_start_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = directory.path().join("run");
    let start = |file: &str, options: &[&str]| {
        let path = fixture(file);
        Command::new(env!("CARGO_BIN_EXE_lvsd"))
            .args([&["-f", path.as_str()], options].concat())
            .stdin(Stdio::null())
            .env("LVSD_RUNTIME_DIR", &runtime)
            .env_remove("JOURNAL_STREAM")
            .output()
            .expect("the program is there")
    };
    for (file, options, expected, word) in [
        ("missing.conf", &[][..], 6, "cannot be read"),
        ("error.conf", &[], 2, "error.conf:8:16"),
        ("strict.conf", &[], 2, "strict_config"),
        ("tolerated.conf", &["--strict"], 2, "does not tolerate"),
        ("good.conf", &["-s", "no-such-namespace"], 1, "no-such-namespace"),
    ] {
        let output = start(file, options);
        let text = stderr(&output);
        assert_eq!(status(&output), expected, "{file}: {text}");
        assert!(text.contains(word), "{file}: {text}");
    }
    assert_eq!(files_in(&runtime), 0, "no pid file is left");
}

fn files_in(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn a_role_is_entered_only_from_the_supervisor() {
    use std::os::unix::process::CommandExt;
    for title in ["lvsd: vrrp", "lvsd: checker"] {
        let output = Command::new(env!("CARGO_BIN_EXE_lvsd"))
            .arg0(title)
            .stdin(Stdio::null())
            .env_remove("LVSD_LOG")
            .output()
            .expect("the program is there");
        assert_ne!(status(&output), 0, "{title}");
        assert!(!output.stderr.is_empty(), "{title}");
    }
}
