//! `keepalived.json`. Version 1: an array with one object for each instance; version 2: that and the tracked processes.

use std::time::Duration;

use lvsd_ipc::{InstanceSnapshot, InstanceState, VrrpSnapshot};
use lvsd_model::{
    Auth, Config, Deletion, GarpPolicy, Instance, JsonVersion, ParamMatch, Preempt, Script, TrackProcess,
    VirtualAddress,
};
use serde::Serialize;
use serde_json::Number;

use super::vrrp_data::address_text;

/// Version 2.
#[derive(Serialize)]
struct Whole<'a> {
    vrrp: Vec<Entry<'a>>,
    track_process: Vec<Process<'a>>,
}

#[derive(Serialize)]
struct Process<'a> {
    process: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<String>,
    param_match: &'static str,
    min_processes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_processes: Option<u32>,
    current_processes: u32,
    have_quorum: bool,
    weight: i16,
    terminate_delay: Number,
    fork_delay: Number,
    fork_delay_timer_running: bool,
    terminate_delay_timer_running: bool,
    full_command: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    data: Data<'a>,
    stats: Stats,
}

/// In the peer's order; what lvsd does not have is what the peer shows when it is not configured.
#[derive(Serialize)]
struct Data<'a> {
    iname: &'a str,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'a str,
    ifp_ifname: &'a str,
    master_priority: u8,
    last_transition: f64,
    garp_delay: Number,
    garp_refresh: Number,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: Number,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Number,
    master_adver_int: Number,
    accept: u8,
    nopreempt: bool,
    preempt_delay: u64,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(flatten)]
    scripts: Scripts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vrules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

#[derive(Serialize)]
struct Scripts {
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master_rx_lower_pri: Option<String>,
}

#[derive(Serialize)]
struct Stats {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    auth_ext_missing: u64,
    auth_ext_malformed: u64,
    auth_ext_unknown_key: u64,
    auth_ext_invalid_hmac: u64,
    auth_ext_stale: u64,
    auth_ext_replay: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

/// `now` is the time since the epoch.
pub(super) fn text(now: Duration, config: &Config, snapshot: &VrrpSnapshot) -> String {
    let entries: Vec<Entry<'_>> = snapshot
        .instances
        .iter()
        .filter_map(|instance| {
            let configured = config.vrrp.instances.iter().find(|one| one.name == instance.name)?;
            Some(Entry { data: data(now, configured, instance), stats: stats(instance) })
        })
        .collect();
    let text = match config.globals.dumps.json {
        JsonVersion::One => serde_json::to_string(&entries),
        JsonVersion::Two => {
            serde_json::to_string(&Whole { vrrp: entries, track_process: processes(config, snapshot) })
        }
    };
    // Serialising plain structs to a string cannot fail.
    let text = text.unwrap_or_default();
    // The peer escapes slashes, which stand in strings only; scripts that cut the text with sed rely on it.
    text.replace('/', r"\/")
}

fn processes<'a>(config: &'a Config, snapshot: &VrrpSnapshot) -> Vec<Process<'a>> {
    let of = |configured: &'a TrackProcess| {
        let seen = snapshot.processes.iter().find(|seen| seen.name == configured.name);
        let pending = seen.and_then(|seen| seen.pending);
        let matching = match configured.matching {
            ParamMatch::Any => "any",
            ParamMatch::Exact => "exact",
            ParamMatch::Initial => "initial",
            ParamMatch::Partial => "partial",
        };
        Process {
            process: &configured.name,
            parameters: (!configured.arguments.is_empty()).then(|| configured.arguments.join(" ")),
            param_match: matching,
            min_processes: configured.quorum,
            max_processes: configured.quorum_max,
            current_processes: seen.map_or(0, |seen| seen.running),
            have_quorum: seen.is_some_and(|seen| seen.ok == Some(true)),
            weight: configured.effect.weight,
            terminate_delay: seconds(configured.terminate_delay),
            fork_delay: seconds(configured.fork_delay),
            fork_delay_timer_running: pending == Some(true),
            terminate_delay_timer_running: pending == Some(false),
            full_command: configured.full_command || !configured.arguments.is_empty(),
        }
    };
    config.vrrp.processes.iter().map(of).collect()
}

fn data<'a>(now: Duration, configured: &'a Instance, instance: &'a InstanceSnapshot) -> Data<'a> {
    let garp: &GarpPolicy = &configured.garp;
    let own = configured.own_link.as_ref().map(|own| own.link.name.as_str());
    let interface = own.or(instance.interface.as_deref()).unwrap_or_default();
    let master = instance.state == InstanceState::Master;
    let list = |addresses: &[VirtualAddress]| {
        addresses.iter().map(|address| address_text(address, interface, master)).collect()
    };
    let heard = instance.heard.filter(|_| instance.state == InstanceState::Backup);
    let interval = hundredths(instance.advert_interval_centis);
    Data {
        iname: &instance.name,
        dont_track_primary: configured.ignore_own_interface.into(),
        skip_check_adv_addr: configured.skip_check_adv_addr.into(),
        strict_mode: 0,
        vmac_ifname: own.unwrap_or_default(),
        ifp_ifname: interface,
        master_priority: heard.map_or(0, |(_, priority)| priority),
        last_transition: now.saturating_sub(instance.in_state_for).as_secs_f64(),
        garp_delay: seconds(garp.delay),
        garp_refresh: seconds(garp.refresh),
        garp_rep: garp.repeat,
        garp_refresh_rep: garp.refresh_repeat,
        garp_lower_prio_delay: seconds(garp.lower_prio_delay),
        garp_lower_prio_rep: garp.lower_prio_repeat,
        lower_prio_no_advert: configured.lower_prio_no_advert.into(),
        higher_prio_send_advert: configured.higher_prio_send_advert.into(),
        vrid: instance.vrid,
        base_priority: instance.base_priority,
        effective_priority: instance.effective_priority,
        vipset: master && instance.addresses_present > 0,
        promote_secondaries: configured.promote_secondaries,
        adver_int: hundredths(configured.advert_interval.centis()),
        master_adver_int: interval,
        accept: u8::from(!configured.refuses_traffic()),
        nopreempt: configured.preempt == Preempt::Never,
        preempt_delay: match configured.preempt {
            Preempt::Never => 0,
            Preempt::After(delay) => delay.as_secs(),
        },
        state: instance.state.number(),
        wantstate: instance.state.number(),
        version: match instance.version {
            lvsd_model::Version::V2 => 2,
            lvsd_model::Version::V3 => 3,
        },
        smtp_alert: configured.notify.mail,
        notify_deleted: configured.notify.deletion != Deletion::AsFault,
        scripts: scripts(configured),
        vips: list(&configured.addresses),
        evips: list(&configured.excluded),
        vroutes: configured.routes.iter().map(ToString::to_string).collect(),
        vrules: configured.rules.iter().map(ToString::to_string).collect(),
        track_ifp: configured.trackers.interfaces.iter().map(|one| one.interface.to_string()).collect(),
        track_script: configured.trackers.scripts.iter().map(|one| one.script.clone()).collect(),
        track_process: configured.trackers.processes.iter().map(|one| one.process.as_str()).collect(),
        auth_type: auth_type(configured),
        auth_data: auth_type(configured).map(|_| "********"),
    }
}

/// The number of the legacy authentication on the wire.
const fn auth_type(configured: &Instance) -> Option<u8> {
    match configured.auth {
        Some(Auth::Pass(_)) => Some(1),
        Some(Auth::Ah(_)) => Some(2),
        Some(Auth::Hmac(_)) | None => None,
    }
}

fn scripts(configured: &Instance) -> Scripts {
    let notify = &configured.notify;
    let text = |script: &Option<Script>| script.as_ref().map(script_text);
    Scripts {
        script_backup: text(&notify.backup),
        script_master: text(&notify.master),
        script_fault: text(&notify.fault),
        script_stop: text(&notify.stop),
        script_deleted: notify.deletion.script().map(script_text),
        script: text(&notify.any),
        script_master_rx_lower_pri: text(&notify.master_rx_lower_priority),
    }
}

/// Each word in single quotes.
pub(super) fn script_text(script: &Script) -> String {
    script.argv.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

fn stats(instance: &InstanceSnapshot) -> Stats {
    let (adverts, rejected) = (&instance.adverts, &instance.rejected);
    Stats {
        advert_rcvd: adverts.received,
        advert_sent: adverts.sent,
        become_master: adverts.become_master,
        release_master: adverts.release_master,
        packet_len_err: rejected.length,
        advert_interval_err: rejected.advert_interval,
        ip_ttl_err: rejected.ttl,
        invalid_type_rcvd: rejected.packet_type,
        addr_list_err: rejected.address_list,
        invalid_authtype: rejected.auth_type_invalid,
        authtype_mismatch: rejected.auth_type_mismatch,
        auth_failure: rejected.auth_failure + rejected.auth_replay,
        pri_zero_rcvd: adverts.priority_zero_received,
        auth_ext_missing: rejected.hmac_missing,
        auth_ext_malformed: rejected.hmac_malformed,
        auth_ext_unknown_key: rejected.hmac_unknown_key,
        auth_ext_invalid_hmac: rejected.hmac_invalid,
        auth_ext_stale: rejected.hmac_stale,
        auth_ext_replay: rejected.hmac_replay,
        pri_zero_sent: adverts.priority_zero_sent,
    }
}

/// Seconds, with a fraction only when there is one.
fn seconds(duration: Duration) -> Number {
    if duration.subsec_nanos() == 0 {
        return duration.as_secs().into();
    }
    // A duration is finite.
    Number::from_f64(duration.as_secs_f64()).unwrap_or_else(|| 0.into())
}

fn hundredths(centis: u16) -> Number {
    seconds(Duration::from_millis(u64::from(centis) * 10))
}
