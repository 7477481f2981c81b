//! `keepalived.stats`.

use std::fmt::Write;

use lvsd_ipc::{InstanceSnapshot, VrrpSnapshot};

pub(super) fn text(snapshot: &VrrpSnapshot) -> String {
    let mut text = String::new();
    for instance in &snapshot.instances {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "VRRP Instance: {}", instance.name);
        for (title, rows) in sections(instance) {
            if let Some(title) = title {
                let _ = writeln!(text, "  {title}:");
            }
            let indent = if title.is_some() { "    " } else { "  " };
            for (name, value) in rows {
                let _ = writeln!(text, "{indent}{name}: {value}");
            }
        }
    }
    text
}

type Section = (Option<&'static str>, Vec<(&'static str, u64)>);

fn sections(instance: &InstanceSnapshot) -> [Section; 6] {
    let (adverts, rejected) = (&instance.adverts, &instance.rejected);
    [
        (Some("Advertisements"), vec![("Received", adverts.received), ("Sent", adverts.sent)]),
        (None, vec![("Became master", adverts.become_master), ("Released master", adverts.release_master)]),
        (
            Some("Packet Errors"),
            vec![
                ("Length", rejected.length),
                ("TTL", rejected.ttl),
                ("Invalid Type", rejected.packet_type),
                ("Advertisement Interval", rejected.advert_interval),
                ("Address List", rejected.address_list),
            ],
        ),
        (
            Some("Authentication Errors"),
            vec![
                ("Invalid Type", rejected.auth_type_invalid),
                ("Type Mismatch", rejected.auth_type_mismatch),
                ("Failure", rejected.auth_failure + rejected.auth_replay),
            ],
        ),
        (
            Some("Authentication Extension Errors"),
            vec![
                ("Missing", rejected.hmac_missing),
                ("Malformed", rejected.hmac_malformed),
                ("Unknown Key", rejected.hmac_unknown_key),
                ("Invalid HMAC", rejected.hmac_invalid),
                ("Stale", rejected.hmac_stale),
                ("Replay", rejected.hmac_replay),
            ],
        ),
        (
            Some("Priority Zero"),
            vec![("Received", adverts.priority_zero_received), ("Sent", adverts.priority_zero_sent)],
        ),
    ]
}
