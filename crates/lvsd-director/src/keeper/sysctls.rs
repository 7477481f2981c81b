//! Kernel settings that VMACs need on other interfaces, and the way back.

use std::collections::BTreeMap;

use lvsd_net::{read_sysctl, write_sysctl};
use tracing::{debug, warn};

use super::undo::{Trace, Undo};

/// Settings by name, with their values.
pub(super) type Settings = BTreeMap<String, String>;

/// What has to be set while these interfaces (by name) are bases of IPv4 VMACs, `others` being all that are no VMACs.
///
/// The base must not answer for the VMAC's addresses, nor the VMAC for the base's. And a packet that comes in by a VMAC goes back
/// by its base, which a strict `rp_filter` takes for forged: it counts if `all` or the interface has it, so what `all` says moves
/// to the interfaces, and is off for VMACs.
pub(super) fn for_vmacs(bases: &[&str], others: &[&str], undo: &Undo) -> Settings {
    let mut settings = Settings::new();
    for base in bases {
        settings.insert(format!("ipv4/conf/{base}/arp_ignore"), "1".to_owned());
        settings.insert(format!("ipv4/conf/{base}/arp_filter"), "1".to_owned());
    }
    let all = "ipv4/conf/all/rp_filter";
    if bases.is_empty() || original(all, undo).as_deref() != Some("1") {
        return settings;
    }
    settings.insert(all.to_owned(), "0".to_owned());
    for name in others.iter().chain(&["default"]) {
        let own = format!("ipv4/conf/{name}/rp_filter");
        if original(&own, undo).as_deref() == Some("0") {
            settings.insert(own, "1".to_owned());
        }
    }
    settings
}

/// What a setting was before we changed it.
fn original(name: &str, undo: &Undo) -> Option<String> {
    let before = undo.sysctl(name).map(|(before, _)| before.to_owned());
    before.or_else(|| read_sysctl(name).ok().flatten())
}

/// Makes these settings, and puts all others that we have changed back.
pub(super) fn apply(wanted: &Settings, undo: &mut Undo) {
    let surplus: Vec<(String, String, String)> = undo
        .traces()
        .iter()
        .filter_map(|trace| match trace {
            Trace::Sysctl { name, before, set } if wanted.get(name) != Some(set) => {
                Some((name.clone(), before.clone(), set.clone()))
            }
            _ => None,
        })
        .collect();
    for (name, before, set) in surplus {
        restore(&name, &before, &set);
        undo.forget(|trace| matches!(trace, Trace::Sysctl { name: ours, .. } if *ours == name));
    }
    // Names that are everybody's (`all`) come first, so backwards: nothing is unguarded in between.
    for (name, value) in wanted.iter().rev() {
        if let Err(error) = hold(name, value, undo) {
            warn!(setting = name, value, %error, "a kernel setting cannot be changed");
        }
    }
}

fn hold(name: &str, value: &str, undo: &mut Undo) -> std::io::Result<()> {
    let Some(now) = read_sysctl(name)? else { return Ok(()) };
    if now == value {
        return Ok(());
    }
    if undo.sysctl(name).is_none() {
        undo.note(Trace::Sysctl { name: name.to_owned(), before: now, set: value.to_owned() });
    }
    write_sysctl(name, value)
}

/// A setting that somebody else has changed since is theirs.
fn restore(name: &str, before: &str, set: &str) {
    match read_sysctl(name) {
        Ok(Some(now)) if now == set => {
            if let Err(error) = write_sysctl(name, before) {
                warn!(setting = name, value = before, %error, "a kernel setting cannot be put back");
            }
        }
        Ok(_) | Err(_) => debug!(setting = name, "a kernel setting is gone, or somebody else's now"),
    }
}
