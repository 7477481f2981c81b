//! `keepalived.data`: the VRRP process, for people and for exporters that read `Key = value`.

use std::fmt::Write;
use std::time::Duration;

use lvsd_ipc::{InstanceSnapshot, InstanceState, ScriptSnapshot, VrrpSnapshot};
use lvsd_model::{
    AddressScope, Broadcast, Config, Instance, Preempt, PreferredLifetime, Statics, TrackScript, Transport,
    VirtualAddress,
};

use super::json::script_text;

/// Lines that are collected under an indent. Writing to a string cannot fail.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {{
        let _ = writeln!($text, $($format)*);
    }};
}
pub(super) use line;

/// `now` is the time since the epoch.
pub(super) fn text(now: Duration, config: &Config, snapshot: &VrrpSnapshot) -> String {
    let mut text = String::new();
    globals(&mut text, config);
    static_lines(&mut text, &config.vrrp.statics);
    line!(text, "------< VRRP Topology >------");
    for instance in &snapshot.instances {
        let configured = config.vrrp.instances.iter().find(|one| one.name == instance.name);
        instance_lines(&mut text, now, configured, instance, group_of(config, &instance.name));
    }
    if !snapshot.groups.is_empty() {
        line!(text, "------< VRRP Sync groups >------");
    }
    for group in &snapshot.groups {
        line!(text, " VRRP Sync Group = {}, {}", group.name, group.state.word());
        line!(text, "   VRRP member instances :");
        group.members.iter().for_each(|member| line!(text, "     {member}"));
    }
    if !snapshot.scripts.is_empty() {
        line!(text, "------< VRRP Scripts >------");
    }
    for script in &snapshot.scripts {
        script_lines(&mut text, config.vrrp.scripts.iter().find(|one| one.name == script.name), script);
    }
    text
}

pub(super) fn globals(text: &mut String, config: &Config) {
    let globals = &config.globals;
    let namespace = globals.net_namespace.as_deref().unwrap_or("(default)");
    line!(text, "------< Global definitions >------");
    line!(text, " Network namespace = {namespace}");
    if let Some(instance) = &globals.instance {
        line!(text, " Instance name = {instance}");
    }
    if let Some(router_id) = &globals.router_id {
        line!(text, " Router ID = {router_id}");
    }
    line!(text, " LVS flush = {}", config.lvs.flush_at_start);
    let flush = if config.lvs.flush_on_stop { "enabled" } else { "disabled" };
    line!(text, " LVS flush on stop = {flush}");
    let security = if globals.scripts.enforce_security { "enabled" } else { "disabled" };
    line!(text, " Script security {security}");
}

fn group_of<'a>(config: &'a Config, instance: &str) -> Option<&'a str> {
    let member = |names: &[String]| names.iter().any(|name| name == instance);
    config.vrrp.groups.iter().find(|group| member(&group.members)).map(|group| group.name.as_str())
}

fn instance_lines(
    text: &mut String,
    now: Duration,
    configured: Option<&Instance>,
    instance: &InstanceSnapshot,
    group: Option<&str>,
) {
    let version = match instance.version {
        lvsd_model::Version::V2 => 2,
        lvsd_model::Version::V3 => 3,
    };
    line!(text, " VRRP Instance = {}", instance.name);
    line!(text, "   VRRP Version = {version}");
    if let Some(group) = group {
        line!(text, "   Sync group = {group}");
    }
    line!(text, "   State = {}", instance.state.word());
    line!(text, "   Wantstate = {}", instance.state.word());
    line!(text, "   Number of interface and track script faults = {}", instance.faults.len());
    instance.faults.iter().for_each(|fault| line!(text, "   Fault = {fault}"));
    line!(text, "   Last transition = {:.6}", now.saturating_sub(instance.in_state_for).as_secs_f64());
    if let Some(interface) = &instance.interface {
        line!(text, "   Interface = {interface}");
    }
    if let Some((sender, priority)) = instance.heard {
        line!(text, "   Last advert from = {sender}, priority {priority}");
    }
    if let Some(configured) = configured {
        configured_lines(text, configured);
    }
    line!(text, "   Virtual Router ID = {}", instance.vrid);
    line!(text, "   Priority = {}", instance.base_priority);
    line!(text, "   Effective priority = {}", instance.effective_priority);
    for adjustment in &instance.adjustments {
        line!(text, "   Priority adjustment = {} by {}", adjustment.amount, adjustment.tracker);
    }
    line!(text, "   Advert interval = {} milli-sec", u32::from(instance.advert_interval_centis) * 10);
    if let Some(configured) = configured {
        address_lines(text, configured, instance);
        routing_lines(text, configured);
        tracker_and_script_lines(text, configured);
    }
}

fn configured_lines(text: &mut String, configured: &Instance) {
    match &configured.transport {
        Transport::Multicast { group } => line!(text, "   Multicast address {group}"),
        Transport::Unicast { peers, .. } => {
            line!(text, "   Unicast Peer :");
            peers.iter().for_each(|peer| line!(text, "     {}", peer.address));
        }
    }
    let garp = &configured.garp;
    line!(text, "   Gratuitous ARP delay = {}", garp.delay.as_secs());
    line!(text, "   Gratuitous ARP repeat = {}", garp.repeat);
    line!(text, "   Gratuitous ARP refresh = {}", garp.refresh.as_secs());
    line!(text, "   Gratuitous ARP refresh repeat = {}", garp.refresh_repeat);
    line!(text, "   Gratuitous ARP lower priority delay = {}", garp.lower_prio_delay.as_secs());
    line!(text, "   Gratuitous ARP lower priority repeat = {}", garp.lower_prio_repeat);
    line!(text, "   Down timer adverts = {}", configured.down_timer_adverts);
    line!(text, "   Send advert after receive lower priority advert = {}", !configured.lower_prio_no_advert);
    line!(
        text,
        "   Send advert after receive higher priority advert = {}",
        configured.higher_prio_send_advert
    );
    let preempt = if configured.preempt == Preempt::Never { "disabled" } else { "enabled" };
    line!(text, "   Preempt = {preempt}");
    if configured.auth.is_some() {
        line!(text, "   Authentication type = SIMPLE_PASSWORD");
    }
}

fn address_lines(text: &mut String, configured: &Instance, instance: &InstanceSnapshot) {
    let own = configured.own_link.as_ref().map(|own| own.link.name.as_str());
    let interface = own.or(instance.interface.as_deref()).unwrap_or_default();
    let master = instance.state == InstanceState::Master;
    line!(text, "   Virtual IP ({}):", configured.addresses.len());
    for address in &configured.addresses {
        line!(text, "     {}", address_text(address, interface, master));
    }
    if !configured.excluded.is_empty() {
        line!(text, "   Virtual IP Excluded :");
    }
    for address in &configured.excluded {
        line!(text, "     {}", address_text(address, interface, master));
    }
}

fn routing_lines(text: &mut String, configured: &Instance) {
    if !configured.routes.is_empty() {
        line!(text, "   Virtual Routes :");
    }
    configured.routes.iter().for_each(|route| line!(text, "     {route}"));
    if !configured.rules.is_empty() {
        line!(text, "   Virtual Rules :");
    }
    configured.rules.iter().for_each(|rule| line!(text, "     {rule}"));
}

fn static_lines(text: &mut String, statics: &Statics) {
    let Statics { addresses, routes, rules } = statics;
    if !addresses.is_empty() {
        line!(text, "------< Static Addresses >------");
    }
    addresses.iter().for_each(|one| line!(text, " {}", address_text(&one.object, "", false)));
    if !routes.is_empty() {
        line!(text, "------< Static Routes >------");
    }
    routes.iter().for_each(|one| line!(text, " {}", one.object));
    if !rules.is_empty() {
        line!(text, "------< Static Rules >------");
    }
    rules.iter().for_each(|one| line!(text, " {}", one.object));
}

fn tracker_and_script_lines(text: &mut String, configured: &Instance) {
    let trackers = &configured.trackers;
    if !trackers.scripts.is_empty() {
        line!(text, "   Tracked scripts :");
    }
    for tracked in &trackers.scripts {
        line!(text, "     {} weight {}", tracked.script, tracked.effect.weight);
    }
    if !trackers.interfaces.is_empty() {
        line!(text, "   Tracked interfaces :");
    }
    for tracked in &trackers.interfaces {
        line!(text, "     {} weight {}", tracked.interface, tracked.effect.weight);
    }
    let notify = &configured.notify;
    let scripts = [
        ("Backup state transition script", &notify.backup),
        ("Master state transition script", &notify.master),
        ("Fault state transition script", &notify.fault),
        ("Stop state transition script", &notify.stop),
        ("Generic state transition script", &notify.any),
    ];
    for (title, script) in scripts {
        if let Some(script) = script {
            line!(text, "   {title} = {}", script_text(script));
        }
    }
}

fn script_lines(text: &mut String, configured: Option<&TrackScript>, script: &ScriptSnapshot) {
    line!(text, " VRRP Script = {}", script.name);
    if let Some(configured) = configured {
        match &configured.command {
            Ok(command) => line!(text, "   Command = {}", script_text(command)),
            Err(file) => line!(text, "   Command = '<{}'", file.0),
        }
        line!(text, "   Interval = {} sec", configured.interval.as_secs_f64());
        line!(text, "   Timeout = {} sec", configured.timeout.as_secs_f64());
        line!(text, "   Weight = {}", configured.effect.weight);
        line!(text, "   Rise = {}", configured.rise);
        line!(text, "   Fall = {}", configured.fall);
    }
    line!(text, "   Insecure = {}", if script.disabled.is_some() { "yes" } else { "no" });
    if let Some(reason) = &script.disabled {
        line!(text, "   Disabled because {}", reason.replace('=', ":"));
    }
    line!(text, "   Status = {}", if script.ok == Some(true) { "GOOD" } else { "BAD" });
    line!(text, "   State = idle");
}

/// A virtual address as the peer writes it: `10.0.0.1/24 dev eth0 scope global label eth0:1 set`.
pub(super) fn address_text(address: &VirtualAddress, interface: &str, master: bool) -> String {
    let device = address.interface.as_ref().map_or(interface, |name| name.as_str());
    let mut text =
        format!("{}/{} dev {device} scope {}", address.address, address.prefix_len, scope(address));
    match address.broadcast {
        Broadcast::None => {}
        Broadcast::AllOnes => text.push_str(" brd +"),
        Broadcast::Address(broadcast) => text.push_str(&format!(" brd {broadcast}")),
    }
    if let Some(label) = &address.label {
        text.push_str(&format!(" label {label}"));
    }
    if let Some(peer) = address.peer {
        text.push_str(&format!(" peer {peer}"));
    }
    if let PreferredLifetime::Seconds(seconds) = address.preferred {
        text.push_str(&format!(" preferred_lft {seconds}"));
    }
    if address.no_track {
        text.push_str(" no_track");
    }
    if master {
        text.push_str(" set");
    }
    text
}

fn scope(address: &VirtualAddress) -> String {
    let link_local = matches!(address.address, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local());
    let default = if link_local { AddressScope::LINK } else { AddressScope::GLOBAL };
    match address.scope.unwrap_or(default) {
        AddressScope::GLOBAL => "global".to_owned(),
        AddressScope::SITE => "site".to_owned(),
        AddressScope::LINK => "link".to_owned(),
        AddressScope::HOST => "host".to_owned(),
        AddressScope::NOWHERE => "nowhere".to_owned(),
        AddressScope(other) => other.to_string(),
    }
}
