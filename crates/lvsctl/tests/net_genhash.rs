//! The digest of a page: `lvsctl genhash`, `lvsd` under that name, the peer's tool, and the check that expects it.

use std::path::Path;
use std::time::Duration;

use lvsd_lab::web::{Answer, Server};
use lvsd_lab::{Host, Launch, Need, Output, Program, Result, Rival, built, require, until_some};
use serde_json::Value;

/// Long enough that only a hang reaches it.
const SOON: Duration = Duration::from_secs(30);

/// As `printf 'a page\n' | md5sum` says.
const DIGEST: &str = "0d47a22307e474edf991f2a7ab28adb5";

const LVSCTL: &str = env!("CARGO_BIN_EXE_lvsctl");

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), output.stdout.clone())
}

/// Each way to ask for a digest, up to the options.
fn tools<'a>(host: &'a Host, home: &Path) -> Result<Vec<Program<'a>>> {
    let lvsd = built("lvsd")?;
    let called = home.join("genhash");
    std::os::unix::fs::symlink(&lvsd, &called).expect("a link");
    let peer = Rival::V2_3_3.program("genhash", home)?.within(host.namespace());
    let ours = |program: &Path, word: &str| {
        let program = Program::new(program).within(host.namespace());
        if word.is_empty() { program } else { program.arg(word) }
    };
    Ok(vec![
        peer,
        ours(Path::new(LVSCTL), "genhash"),
        ours(&called, ""),
        ours(&lvsd, "-T"),
        ours(&lvsd, "--genhash"),
    ])
}

#[test]
#[ignore = "needs root and namespaces"]
fn genhash() -> Result<()> {
    require!(Need::Root, Need::Rival(Rival::V2_3_3));
    let host = Host::new("director")?;
    let server = Server::on(&host, "127.0.0.1:8080".parse().expect("an address"), Answer::page("a page\n"))?;
    let home = tempfile::tempdir().expect("a directory");
    let tools = tools(&host, home.path())?;
    for options in [
        "-s 127.0.0.1 -p 8080 -u /",
        "--server 127.0.0.1 --port 8080 --url /page --use-virtualhost www.example.org --protocol 1.1",
        "-s 127.0.0.1 -p 8080 -u / -P 1.0c -t 30 -m 7",
    ] {
        for tool in &tools {
            let output = tool.clone().args(options.split(' ')).run()?;
            assert_eq!(said(&output), (Some(0), format!("{DIGEST}\n")), "{} {options}", tool.line());
        }
    }
    let wrong = ["-s 127.0.0.1 -p 8080", "-s localhost -p 8080 -u /", "-s 127.0.0.1 -p 8080 -u / -P 3"];
    for options in wrong {
        for tool in &tools {
            let output = tool.clone().args(options.split(' ')).run()?;
            let ours = tool.line().contains("lvsctl");
            let expected = if ours { Some(2) } else { Some(1) };
            assert_eq!(said(&output), (expected, String::new()), "{} {options}", tool.line());
        }
    }

    // A digest is one of the content, also of an error page; and the check expects just that.
    server.answer(Answer::Page { status: 503, body: "a page\n".to_owned() });
    let asked: Vec<_> = "-s 127.0.0.1 -p 8080 -u / -v".split(' ').collect();
    for tool in &tools {
        let (status, text) = said(&tool.clone().args(&asked).run()?);
        assert_eq!(status, Some(0));
        assert!(text.lines().any(|line| line == DIGEST), "{text}");
        assert!(text.contains("61 20 70 61 67 65 0a"), "{text}");
    }
    drop(server);
    for tool in tools.get(1..).expect("ours") {
        let output = tool.clone().args(&asked).run()?;
        assert_eq!(said(&output), (Some(1), String::new()), "{}", tool.line());
        assert!(output.stderr.contains("refused"));
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_check_is_up_with_the_digest_of_genhash_and_down_with_another() -> Result<()> {
    require!(Need::Root);
    let host = Host::new("director")?;
    let addresses = ["127.0.0.1:8080", "127.0.0.2:8080"];
    let _servers = addresses
        .map(|address| Server::on(&host, address.parse().expect("an address"), Answer::page("a page\n")));
    let asked = ["genhash", "-s", "127.0.0.1", "-p", "8080", "-u", "/"];
    let digest = Program::new(LVSCTL).within(host.namespace()).args(asked).check()?;
    let server = |address: &str, digest: &str| {
        format!(
            "real_server {} {{\n HTTP_GET {{\n url {{\n path /\n digest {digest}\n }}\n connect_timeout 10\n }}\n }}\n",
            address.replace(':', " ")
        )
    };
    let config = format!(
        "virtual_server 10.0.0.100 80 {{\n delay_loop 1\n alpha\n {}{}}}\n",
        server("127.0.0.1:8080", digest.trim()),
        server("127.0.0.2:8080", &digest.trim().replace('3', "4"))
    );
    let director = Launch::lvsd(&host)?.start(&config)?;
    let socket = director.home().join("run/control.sock");
    let checks = until_some(SOON, "both verdicts", || {
        let output = Program::new(LVSCTL).args(["status", "--format", "json", "--socket"]).arg(&socket).run();
        let status: Value = serde_json::from_str(&output.ok()?.stdout).ok()?;
        let servers = status["services"][0]["servers"].as_array()?;
        let check =
            |server: &Value| Some((server["checks"][0]["ok"].as_bool()?, server["checks"][0].clone()));
        servers.iter().map(check).collect::<Option<Vec<_>>>()
    })?;
    let verdicts: Vec<_> = checks.iter().map(|(ok, _)| *ok).collect();
    assert_eq!(verdicts, [true, false], "{checks:?}");
    assert!(checks.get(1).is_some_and(|(_, check)| check.to_string().contains(DIGEST)), "{checks:?}");
    Ok(())
}
