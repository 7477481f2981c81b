//! The language where a fixture would be clumsy: what text and options make of it.

use std::path::Path;

use lvsd_config::{Format, Item, Loaded, MemoryFiles, Options, Rule, load, render};
use lvsd_model::{Config, Family, Invocation, Transport};

const FILE: &str = "/etc/lvsd/lvsd.conf";

fn with(text: &str, options: &Options) -> Loaded {
    load(&MemoryFiles::default().with(FILE, text), Path::new(FILE), options)
}

fn read(text: &str) -> Loaded {
    with(text, &Options::default())
}

fn config(text: &str) -> Config {
    let loaded = read(text);
    let said = render(&loaded.diagnostics, &loaded.sources, Format::Concise);
    loaded.config.unwrap_or_else(|| panic!("{said}"))
}

fn router_id(text: &str, options: &Options) -> Option<String> {
    with(&format!("global_defs {{\n{text}\n}}\n"), options).config.expect("no error").globals.router_id
}

/// What is said about a text: line, column, rule.
fn said(text: &str) -> Vec<(usize, usize, Rule)> {
    let loaded = read(text);
    let places = loaded.diagnostics.iter().map(|diagnostic| {
        let place = loaded.sources.line_column(diagnostic.primary.span);
        (place.line, place.column, diagnostic.rule)
    });
    places.collect()
}

#[test]
fn predefined_parameters_come_from_the_options_and_the_file() {
    let options = Options {
        config_id: "left".to_owned(),
        environment: vec![("SITE".to_owned(), "north".to_owned())],
        ..Options::default()
    };
    for (text, expected) in [
        ("router_id ${_PWD}/x", "/etc/lvsd/x"),
        ("router_id ${_INSTANCE}", "left"),
        ("router_id ${_ENV SITE}-1", "north-1"),
        ("router_id a${_ENV NOWHERE}b", "ab"),
        ("router_id \"${_HASH}${_BANG}\"", "#!"),
        ("router_id a${_HASH}b", "a"),
        ("router_id ${_RANDOM 5 5}", "5"),
        ("@left router_id l\n@right router_id r", "l"),
        ("@^left router_id l\n@^right router_id r", "r"),
    ] {
        assert_eq!(router_id(text, &options).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn parameters_follow_the_rules_of_their_ends() {
    for (text, expected) in [
        ("$A=x\nrouter_id $A", "x"),
        ("$A=x\nrouter_id $Ab", "$Ab"),
        ("$A=x\nrouter_id ${A}b$A", "xbx"),
        ("$A=x\n$B=${A}y\n$A=z\nrouter_id $B", "zy"),
        ("$A=\nrouter_id a${A}b", "ab"),
        ("$A=\"x y\"\nrouter_id $A", "x y"),
        ("$A=\\#\nrouter_id x$A", "x"),
        ("$N=A\n$A=deep\nrouter_id ${${N}}", "deep"),
        ("~SEQ(n, 3) router_id n$n", "n3"),
        ("~SEQx(n, 8, 2, 0xc) router_id ${n}", "c"),
        ("~LST(n, a, b) router_id ${n}", "b"),
        ("$L= \\\n  router_id a # old \\\n  router_id b\n$L", "b"),
        ("$L= \\\n  router_id old \\\n\n  router_id new\n$L", "new"),
    ] {
        assert_eq!(router_id(text, &Options::default()).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn mistakes_in_expansions_are_placed_where_they_are_written() {
    let text = "$P=300\nvrrp_instance x {\n    interface eth0\n    virtual_router_id 1\n    priority $P\n    virtual_ipaddress {\n        192.0.2.1/24\n    }\n}\n";
    assert_eq!(said(text), [(1, 4, Rule::OutOfRange)]);
    let loaded = read(text);
    let shown = render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false });
    assert!(shown.contains("priority $P") && shown.contains("expanded from here"), "{shown}");

    let body = "$B= \\\n    bogus 1 \\\n    router_id x\nglobal_defs {\n    $B\n}\n";
    assert_eq!(said(body), [(2, 5, Rule::UnknownKeyword)]);
    let repeated = "~SEQ(n, 1, 3) bogus $n\n";
    assert_eq!(said(repeated), [(1, 15, Rule::UnknownKeyword)]);
}

#[test]
fn columns_count_characters() {
    assert_eq!(said("global_defs {\n\tröuter\u{e9} x\n  é bogus\n}\n")[0], (2, 2, Rule::UnknownKeyword));
    assert_eq!(said("! ü\n  bogus\r\n"), [(2, 3, Rule::UnknownKeyword)]);
}

#[test]
fn commands_are_split_and_run_as_the_language_says() {
    let script = |rest: &str| {
        let text = format!("vrrp_script s {{\n    script {rest}\n}}\n");
        config(&text).vrrp.scripts.first().and_then(|script| script.command.clone().ok())
    };
    let argv = |rest: &str| script(rest).map(|script| script.argv);
    assert_eq!(argv("/bin/a"), Some(vec!["/bin/a".to_owned()]));
    assert_eq!(argv("'/bin/a b'"), Some(vec!["/bin/a".to_owned(), "b".to_owned()]));
    assert_eq!(
        argv(r#""/bin/a 'b c' d\ e""#),
        Some(vec!["/bin/a".to_owned(), "b c".to_owned(), "d e".to_owned()])
    );
    assert_eq!(argv(r#""/bin/a {x}""#), Some(vec!["/bin/a".to_owned(), "{x}".to_owned()]));
    let shell = script(r#""/bin/a | /bin/b""#).map(|script| (script.invocation, script.source));
    assert_eq!(shell, Some((Invocation::Shell, "/bin/a | /bin/b".to_owned())));
    let quoted = script(r#""/bin/a '|' b""#).map(|script| script.invocation);
    assert_eq!(quoted, Some(Invocation::Exec));
}

#[test]
fn the_host_can_ask_where_things_are_named() {
    let text = "vrrp_script s {\n    script \"/bin/check me\"\n    user nobody\n}\nvrrp_instance v {\n    interface eth7\n    virtual_router_id 1\n    track_script {\n        s\n    }\n    virtual_ipaddress {\n        192.0.2.1 dev eth8\n    }\n}\nvirtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n    }\n}\n";
    let loaded = read(text);
    for (item, line) in [
        (Item::Script("/bin/check me".to_owned()), 2),
        (Item::User("nobody".to_owned()), 3),
        (Item::TrackScript("s".to_owned()), 1),
        (Item::Instance("v".to_owned()), 5),
        (Item::Interface("eth7".to_owned()), 6),
        (Item::Interface("eth8".to_owned()), 12),
        (Item::Service("192.0.2.1 80".to_owned()), 15),
    ] {
        let span = loaded.span_of(&item).unwrap_or_else(|| panic!("{item:?}"));
        assert_eq!(loaded.sources.line_column(span).line, line, "{item:?}");
    }
    assert_eq!(loaded.span_of(&Item::Interface("eth9".to_owned())), None);
}

#[test]
fn defaults_of_timings_come_from_check_server_service() {
    let text = "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    delay_loop 7\n    retry 5\n    real_server 10.0.0.1 80 {\n        delay_loop 3\n        TCP_CHECK {\n            delay_loop 2\n        }\n        HTTP_GET {\n            url {\n                path /\n            }\n        }\n    }\n    real_server 10.0.0.2 80 {\n        TCP_CHECK {\n            retry 0\n        }\n    }\n}\n";
    let config = config(text);
    let timings: Vec<_> = config.lvs.services[0]
        .real_servers
        .iter()
        .flat_map(|server| &server.checks)
        .map(|check| {
            (
                check.timing.interval.as_secs(),
                check.timing.retry,
                check.timing.retry_delay.as_secs(),
                check.timing.warmup.as_secs(),
            )
        })
        .collect();
    assert_eq!(timings, [(2, 5, 1, 2), (3, 5, 3, 3), (7, 0, 1, 7)]);
}

#[test]
fn missing_braces_lose_nothing_that_follows() {
    let text = "vrrp_instance a {\n    interface eth0\n    virtual_router_id 1\n    virtual_ipaddress {\n        192.0.2.1\n    }\nvrrp_instance b {\n    interface eth0\n    virtual_router_id 2\n    virtual_ipaddress {\n        192.0.2.2\n    }\n}\n";
    let names: Vec<_> = config(text).vrrp.instances.into_iter().map(|instance| instance.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(said(text), [(1, 17, Rule::MissingBrace)]);

    let skipped = "bogus {\n    a {\n    }\n    b\n}\nglobal_defs {\n    router_id x\n}\n";
    assert_eq!(said(skipped), [(1, 1, Rule::UnknownKeyword)]);
    assert_eq!(config(skipped).globals.router_id.as_deref(), Some("x"));
}

#[test]
fn unicast_needs_no_interface_and_keeps_virtual_router_ids_apart() {
    let instance = |name: &str, peer: &str| {
        format!(
            "vrrp_instance {name} {{\n    virtual_router_id 1\n    unicast_peer {{\n        {peer}\n    }}\n    virtual_ipaddress {{\n        192.0.2.{}\n    }}\n}}\n",
            name.len()
        )
    };
    let apart = config(&(instance("a", "10.0.0.1") + &instance("bb", "10.0.0.2")));
    assert!(
        apart.vrrp.instances.iter().all(|instance| matches!(instance.transport, Transport::Unicast { .. }))
    );
    let same = said(&(instance("a", "10.0.0.1") + &instance("bb", "10.0.0.1")));
    assert_eq!(same.iter().map(|&(_, _, rule)| rule).collect::<Vec<_>>(), [Rule::DuplicateVrid]);
}

#[test]
fn services_have_names_of_their_own() {
    let group = "virtual_server_group web {\n 10.0.0.100 80\n 2001:db8::100 80\n}\n";
    let services = [
        ("group web", "TCP", "10.0.0.1"),
        ("group web", "UDP", "10.0.0.1"),
        ("fwmark 1", "TCP", "10.0.0.1"),
        // A mark has no protocol.
        ("fwmark 1", "UDP", "2001:db8::1"),
    ]
    .map(|(what, protocol, server)| {
        format!("virtual_server {what} {{\n protocol {protocol}\n real_server {server} 80 {{\n }}\n}}\n")
    });
    let config = config(&format!("{group}{}", services.concat()));
    let names: Vec<_> = config.lvs.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["web", "web", "fwmark 1", "fwmark 1 IPv6"]);
}

#[test]
fn a_group_of_both_families_serves_that_of_its_servers() {
    let group = "virtual_server_group G {\n192.0.2.1 80\n2001:db8::1 80\n}\n";
    let service = |body: &str| format!("{group}virtual_server group G {{\nprotocol TCP\n{body}\n}}\n");
    let endpoints = |body: &str| {
        let service = config(&service(body)).lvs.services.remove(0);
        service.endpoints.iter().map(|endpoint| endpoint.family()).collect::<Vec<_>>()
    };
    assert_eq!(endpoints("real_server 2001:db8::9 80 {\n}"), [Family::V6]);
    assert_eq!(endpoints("real_server 192.0.2.9 80 {\n}"), [Family::V4]);
    assert_eq!(endpoints("ip_family inet6\nreal_server 2001:db8::9 80 {\n}"), [Family::V6]);
    assert_eq!(endpoints("lvs_method TUN\nreal_server 2001:db8::9 80 {\n}"), [Family::V4, Family::V6]);
}
