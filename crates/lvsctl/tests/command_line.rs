//! The program as an administrator runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn lvsctl(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lvsctl")).args(words).output().expect("lvsctl runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

/// The good configurations of the front end's tests.
fn good_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lvsd-config/resources/valid");
    let files: Vec<_> = fs::read_dir(directory)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    assert!(files.len() > 5, "{files:?}");
    files
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn file(directory: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, content).expect("a file");
    path
}

const INSTANCE: &str = "vrrp_instance V {\n    interface eth0\n    virtual_router_id 7\n    priority 100\n    virtual_ipaddress {\n        10.9.0.1/32\n    }\n}\n";

#[test]
fn what_show_config_prints_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(&lvsctl::schema().expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema that is one");
    for path in good_files() {
        let output = lvsctl(&["show", "config", "--format", "json", "--config-id", "one", text(&path)]);
        assert!(output.status.success(), "{path:?}: {}", stderr(&output));
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<_> = validator.iter_errors(&shown).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path:?}: {errors:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let block = |name: &str, vrid: u8, auth: &str| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority 100\n {auth}\n \
             virtual_ipaddress {{\n 192.0.2.{vrid}\n }}\n}}\n"
        )
    };
    let key = "0123456789abcdef0123456789abcdef";
    let hmac = format!("auth_hmac {{\n key 5 {key}\n active_key 5\n }}");
    let text = block("plain", 1, "authentication {\n auth_type PASS\n auth_pass sesame\n }")
        + &block("signed", 2, &hmac);
    let path = file(&directory, "lvsd.conf", &text);
    let output = lvsctl(&["show", "config", "--format", "json", path.to_str().expect("a path of ours")]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let stars = |auth: &serde_json::Value| auth.to_string().replace("42", "*");
    let auths: Vec<_> = (0..2).map(|index| stars(&shown["vrrp"]["instances"][index]["auth"])).collect();
    assert_eq!(auths[0], r#"{"Pass":[*,*,*,*,*,*,*,*]}"#, "{}", stderr(&output));
    assert!(auths[1].contains("\"secret\":[*,*") && !auths[1].contains(",48,"), "{}", auths[1]);
}

#[test]
fn the_schema_refuses_what_cannot_be() {
    let schema: Value = serde_json::from_str(&lvsctl::schema().expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema that is one");
    let directory = tempfile::tempdir().expect("a directory");
    let path = file(&directory, "a.conf", INSTANCE);
    let good: Value = serde_json::from_slice(&lvsctl(&["show", "config", text(&path)]).stdout).expect("JSON");
    assert!(validator.is_valid(&good));
    for (place, wrong) in [
        ("/vrrp/instances/0/vrid", Value::from(0)),
        ("/vrrp/instances/0/priority", Value::from(256)),
        ("/vrrp/instances/0/version", Value::from("V4")),
        ("/vrrp/instances", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("the place") = wrong;
        assert!(!validator.is_valid(&bad), "{place}");
    }
}

#[test]
fn a_configuration_with_errors_is_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = file(&directory, "bad.conf", &INSTANCE.replace("10.9.0.1", "10.9.0"));
    let output = lvsctl(&["show", "config", text(&path)]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(stderr(&output).contains("bad.conf:6:"), "{}", stderr(&output));
}

#[test]
fn check_says_what_the_daemon_says_and_the_worst_file_decides() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = file(&directory, "good.conf", INSTANCE);
    let mistake = file(&directory, "mistake.conf", &INSTANCE.replace("priority 100", "prioritty 100"));
    let missing = directory.path().join("missing.conf");
    let check = |files: &[&Path]| {
        let words: Vec<_> = std::iter::once("check").chain(files.iter().map(|path| text(path))).collect();
        lvsctl(&words)
    };
    assert_eq!(check(&[&good]).status.code(), Some(0));
    let output = check(&[&good, &mistake, &good]);
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("did you mean `priority`"), "{}", stderr(&output));
    assert_eq!(check(&[&mistake, &missing]).status.code(), Some(6));
    assert_eq!(lvsctl(&["check"]).status.code(), Some(2), "no file");
}

#[test]
fn fmt_prints_checks_and_writes() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let ugly = "vrrp_instance V\n{\n interface eth0 # the one\n}\n";
    let path = file(&directory, "a.conf", ugly);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    let wanted = "vrrp_instance V {\n    interface eth0 # the one\n}\n";

    let output = lvsctl(&["fmt", text(&path)]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), wanted));
    let output = lvsctl(&["fmt", "--check", text(&path)]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), format!("{}\n", path.display()).as_str()));
    assert_eq!(fs::read_to_string(&path).expect("the file"), ugly, "nothing was written");

    let link = directory.path().join("link.conf");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    assert_eq!(lvsctl(&["fmt", "-w", text(&link)]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).expect("the file"), wanted);
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(lvsctl(&["fmt", "--check", text(&path)]).status.code(), Some(0));
    let names = fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(names, 2, "nothing is left behind");

    fs::write(&path, b"\xff\n").expect("a file");
    assert_eq!(lvsctl(&["fmt", "-w", text(&path)]).status.code(), Some(2), "that is no text");
}

#[test]
fn compare_tells_what_differs_and_in_which_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let a = file(&directory, "a.conf", INSTANCE);
    let b = file(&directory, "b.conf", &INSTANCE.replace("priority 100", "priority 90"));
    let c = file(&directory, "c.conf", &INSTANCE.replace("_id 7", "_id 8").replace("100", "90"));
    assert_eq!(lvsctl(&["compare", text(&a), text(&b)]).status.code(), Some(0));
    let output = lvsctl(&["compare", text(&a), text(&c)]);
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(said.starts_with("vrrp_instance V: ") && said.contains("[vrid]"), "{said}");
    assert!(said.contains("a.conf: 7\n") && said.contains("c.conf: 8\n"), "{said}");
    let output = lvsctl(&["compare", "--format", "json", text(&a), text(&c)]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&found[0]["id"], &found[0]["a"], &found[0]["b"]), (&"vrid".into(), &"7".into(), &"8".into()));
}
