use std::path::Path;

use lvsd_config::{MemoryFiles, Options};

use super::*;

const PAIR: &str = "
vrrp_sync_group G { group { V W } }
vrrp_instance V {
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    unicast_src_ip 10.0.0.1
    unicast_peer { 10.0.0.2 }
    authentication { auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress { 10.0.0.100/24
        10.0.0.101/24 }
}
vrrp_instance W {
    interface eth1
    virtual_router_id 52
    priority 150
    virtual_ipaddress { 10.1.0.100/24 }
}
virtual_server 10.0.0.100 80 {
    protocol TCP
    lvs_sched rr
    real_server 10.2.0.1 80 { weight 1 }
    real_server 10.2.0.2 80 { weight 1 }
}
";

fn config(text: &str) -> Config {
    let loaded =
        lvsd_config::load(&MemoryFiles::default().with("/f", text), Path::new("/f"), &Options::default());
    let said = lvsd_config::render(&loaded.diagnostics, &loaded.sources, lvsd_config::Format::Concise);
    loaded.config.unwrap_or_else(|| panic!("{said}"))
}

/// The other node of the pair.
fn partner() -> String {
    PAIR.replace("priority 150", "priority 100")
        .replace("src_ip 10.0.0.1", "src_ip 10.0.0.9")
        .replace("peer { 10.0.0.2 }", "peer { 10.0.0.1 }")
        .replace("10.0.0.9", "10.0.0.2")
}

/// What is found with one thing changed in the partner's file.
fn found(from: &str, to: &str) -> Vec<Difference> {
    let text = partner();
    let changed = text.replacen(from, to, 1);
    assert!(changed != text || from == to, "{from} is not in the file");
    differences(&config(PAIR), &config(&changed))
}

fn ids(found: &[Difference]) -> Vec<(&'static str, &str)> {
    found.iter().map(|one| (one.id, one.subject.as_str())).collect()
}

#[test]
fn a_good_pair_has_no_differences() {
    assert_eq!(found("", ""), []);
}

#[test]
fn each_kind_is_found_once_and_where_it_is() {
    let v = "vrrp_instance V";
    let service = "virtual_server 10.0.0.100 80 tcp";
    let rows: &[(&str, &str, &str, &str)] = &[
        ("virtual_router_id 51", "virtual_router_id 53", "vrid", v),
        ("advert_int 1", "advert_int 2", "interval", v),
        ("secret", "sekret", "authentication", v),
        ("authentication { auth_type PASS\n        auth_pass secret\n    }", "", "authentication", v),
        ("priority 100", "priority 150", "equal-priority", v),
        ("10.0.0.101/24", "10.0.0.101/25", "addresses", v),
        ("        10.0.0.101/24", "", "addresses", v),
        ("src_ip 10.0.0.2", "src_ip 10.0.0.3", "peer", v),
        ("peer { 10.0.0.1 }", "peer { 10.0.0.7 }", "peer", v),
        ("    unicast_peer { 10.0.0.1 }", "", "transport", v),
        ("group { V W }", "group { W }", "group-members", "vrrp_sync_group G"),
        ("vrrp_sync_group G {", "vrrp_sync_group H {", "one-sided-group", "vrrp_sync_group G"),
        ("lvs_sched rr", "lvs_sched wlc", "scheduler", service),
        ("lvs_sched rr", "lvs_sched rr\n persistence_timeout 60", "persistence", service),
        ("10.2.0.2 80", "10.2.0.3 80", "real-servers", service),
        (
            "80 { weight 1 }",
            "80 { weight 5 }",
            "weight",
            "virtual_server 10.0.0.100 80 tcp real_server 10.2.0.1:80",
        ),
        ("virtual_server 10.0.0.100 80", "virtual_server 10.0.0.100 81", "one-sided-service", service),
    ];
    for (from, to, id, subject) in rows {
        let found = found(from, to);
        assert!(ids(&found).contains(&(*id, *subject)), "{from} -> {to}: {found:#?}");
        let kinds: BTreeSet<_> = found.iter().map(|one| one.id).collect();
        assert_eq!(kinds.len(), 1, "{from} -> {to}: {found:#?}");
    }
}

#[test]
fn versions_differ_with_their_checks() {
    let found = found("virtual_router_id 52", "virtual_router_id 52\n    version 3");
    assert_eq!(ids(&found), [("version", "vrrp_instance W")]);
}

#[test]
fn an_instance_of_one_node_only_is_told_of_the_side_that_has_it() {
    let text = partner();
    let start = text.find("vrrp_instance W").expect("there");
    let end = text.find("virtual_server").expect("there");
    let without =
        format!("{}{}", text.get(..start).expect("text"), text.get(end..).expect("text")).replace("V W", "V");
    let found = differences(&config(PAIR), &config(&without));
    let one_sided = found.iter().find(|one| one.id == "one-sided-instance").expect("found");
    assert_eq!((one_sided.subject.as_str(), &one_sided.b), ("vrrp_instance W", &None));
    assert_eq!(one_sided.a.as_deref(), Some("virtual_router_id 52 IPv4"));
}

#[test]
fn instances_of_other_names_meet_by_their_identifier() {
    let renamed = partner().replace("vrrp_instance V ", "vrrp_instance X ").replace("V W", "X W");
    assert_eq!(differences(&config(PAIR), &config(&renamed)), []);
}

#[test]
fn secrets_are_not_shown() {
    let found = found("secret", "sekret");
    let text = serde_json::to_string(&found).expect("JSON");
    assert!(!text.contains("secret\"") && !text.contains("sekret"), "{text}");
}
