//! `lvsctl radar`: who else is on the segments, what does not fit, and which VRID is free.

use std::io::{self, Write};

use hyper::Method;
use lvsd::control::{Finding, Neighbour, Radar, Segment};

use crate::cli::{Format, Radar as Wanted};
use crate::status::span;
use crate::{Failure, Status, daemon};

/// Whoever advertises seldom may not have been heard in less.
const LONG_ENOUGH: f64 = 60.0;

pub(crate) fn print(wanted: &Wanted, out: &mut impl Write) -> Result<Status, Failure> {
    let mut radar: Radar = daemon::ask(&wanted.daemon.socket(), Method::GET, "/v1/radar", None)?;
    if let Some(interface) = &wanted.interface {
        keep(&mut radar, interface);
        if radar.segments.is_empty() {
            return Err(Failure::Absent(format!("no virtual router of the daemon is on {interface}")));
        }
    }
    match (wanted.free_vrid, wanted.format) {
        (true, _) => return free_vrids(&radar.segments, out),
        (false, Format::Text) => write(&radar, out)?,
        (false, Format::Json) => {
            serde_json::to_writer_pretty(&mut *out, &radar)?;
            writeln!(out)?;
        }
    }
    Ok(if radar.findings.is_empty() { Status::GOOD } else { Status::OTHERWISE })
}

fn keep(radar: &mut Radar, interface: &str) {
    radar.segments.retain(|one| one.interface == interface);
    radar.neighbours.retain(|one| one.interface == interface);
    radar.findings.retain(|one| one.interface == interface);
}

/// A line for each interface, with a remark when it was not listened to for long.
fn free_vrids(segments: &[Segment], out: &mut impl Write) -> Result<Status, Failure> {
    for Segment { interface, listened, free_vrid, deaf } in segments {
        let vrid = free_vrid.map_or_else(|| "none".to_owned(), |vrid| vrid.to_string());
        let remark = match deaf {
            Some(why) => format!("  (not listened to: {why})"),
            None if *listened < LONG_ENOUGH => format!("  (listened to for {} only)", span(*listened)),
            None => String::new(),
        };
        writeln!(out, "{interface}  {vrid}{remark}")?;
    }
    let all = segments.iter().all(|one| one.free_vrid.is_some() && one.deaf.is_none());
    Ok(if all { Status::GOOD } else { Status::OTHERWISE })
}

fn write(radar: &Radar, out: &mut impl Write) -> io::Result<()> {
    for Segment { interface, listened, free_vrid, deaf } in &radar.segments {
        match deaf {
            Some(why) => writeln!(out, "{interface}: not listened to: {why}")?,
            None => {
                let free = free_vrid.map_or_else(String::new, |vrid| format!(", VRID {vrid} is free"));
                writeln!(out, "{interface}: listened to for {}{free}", span(*listened))?;
            }
        }
    }
    if !radar.neighbours.is_empty() {
        writeln!(out)?;
        daemon::table(&table(&radar.neighbours), out)?;
    }
    if !radar.findings.is_empty() {
        writeln!(out)?;
    }
    radar.findings.iter().try_for_each(|finding| tell(finding, out))
}

/// A finding, and what to do about it.
pub(crate) fn tell(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let Finding { instance, text, rule, commands, .. } = finding;
    writeln!(out, "{instance}: {text}")?;
    if let Some(rule) = rule {
        writeln!(out, "    likely rule: {rule}")?;
    }
    commands.iter().try_for_each(|command| writeln!(out, "    try: {command}"))
}

fn table(neighbours: &[Neighbour]) -> Vec<Vec<String>> {
    let head = ["INTERFACE", "VRID", "ROUTER", "PRIORITY", "VERSION", "INTERVAL", "HEARD", "IS", "ADDRESSES"];
    let row = |one: &Neighbour| {
        let is = match &one.instance {
            Some(instance) => format!("{} of {instance}", one.relation),
            None => "-".to_owned(),
        };
        vec![
            one.interface.clone(),
            one.vrid.to_string(),
            one.source.clone(),
            one.priority.to_string(),
            one.version.to_string(),
            format!("{}s", one.advert_interval),
            format!("{} ago", span(one.last)),
            is,
            one.addresses.join(" "),
        ]
    };
    std::iter::once(head.map(str::to_owned).to_vec()).chain(neighbours.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"segments":[{"interface":"eth0","listened":75.0,"free_vrid":1,"deaf":null},
            {"interface":"eth1","listened":3.0,"free_vrid":1,"deaf":null}],
        "neighbours":[{"interface":"eth0","source":"10.0.0.2","mac":"02:00:00:00:00:02","family":"IPv4","vrid":51,
            "version":3,"priority":150,"advert_interval":0.1,"auth":"none","addresses":["10.0.0.100"],"first":9.0,"last":0.1,
            "adverts":90,"relation":"peer","instance":"lab"}],
        "findings":[{"kind":"adverts_swallowed","instance":"lab","interface":"eth0","vrid":51,"neighbour":"10.0.0.2","stands":5.0,
            "text":"adverts are dropped","details":{},"rule":"table inet filter, chain input: drop","commands":["nft insert rule"]}],
        "swallowed":12,"a field of a later version":1}"#;

    fn said(write: impl Fn(&Radar, &mut Vec<u8>)) -> String {
        let radar: Radar = serde_json::from_str(ANSWER).expect("an answer");
        let mut out = Vec::new();
        write(&radar, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn neighbours_and_findings_are_told_with_what_to_do() {
        let said = said(|radar, out| write(radar, out).expect("memory takes everything"));
        for line in [
            "eth0: listened to for 1m15s, VRID 1 is free",
            "eth0       51    10.0.0.2  150       3        0.1s      0s ago  peer of lab  10.0.0.100",
            "lab: adverts are dropped",
            "    likely rule: table inet filter, chain input: drop",
            "    try: nft insert rule",
        ] {
            assert!(said.lines().any(|one| one == line), "{line:?} is not in\n{said}");
        }
    }

    #[test]
    fn a_free_vrid_is_a_guess_until_it_was_listened_to_for_long() {
        let said = said(|radar, out| {
            assert_eq!(free_vrids(&radar.segments, out).expect("memory takes everything"), Status::GOOD);
        });
        assert_eq!(said, "eth0  1\neth1  1  (listened to for 3s only)\n");
    }
}
