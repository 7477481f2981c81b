//! `lvsctl simulate`: what an election between configuration files would come to, before anybody loads them.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use lvsd_model::{Config, InterfaceName};
use lvsd_vrrp::lan::{Event, HostId, Incident, Lan, Scene};
use serde::Serialize;

use crate::cli::{Format, Simulate};
use crate::{Failure, Status, reading};

/// How long after the last incident the story goes on, unless the command line says otherwise.
const AFTERWARDS: Duration = Duration::from_secs(20);
/// The longest story: a day.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Hosts on a LAN.
const HOSTS: usize = 26;

/// A command line that makes no sense.
type Nonsense = String;

pub(crate) fn run(wanted: &Simulate, out: &mut impl Write) -> Result<Status, Failure> {
    let script = Script::of(wanted).map_err(Failure::Usage)?;
    let mut lan = Lan::default();
    for (number, file) in wanted.files.iter().enumerate() {
        let name = HostId(number);
        let id = wanted.ids.get(number).map(String::as_str);
        let Config { vrrp, .. } = reading::configuration(file, id)?;
        if vrrp.instances.is_empty() {
            return Err(Failure::Absent(format!("{} has no vrrp_instance", file.display())));
        }
        let host = lan.add(vrrp);
        debug_assert_eq!(host, name, "hosts are numbered as the files are");
    }
    for (at, incident) in script.incidents {
        lan.plan(at, incident);
    }
    let story = lan.run_until(script.end).to_vec();
    let end = End::of(&lan);
    let names = Names(&wanted.files);
    match wanted.format {
        Format::Text => write(&story, &end, names, script.end, out)?,
        Format::Json => {
            let scenes: Vec<_> = story.iter().map(|scene| Told::of(scene, names)).collect();
            serde_json::to_writer_pretty(&mut *out, &Report { events: scenes, end: end.told(names) })?;
            writeln!(out)?;
        }
    }
    Ok(if end.is_well() { Status::GOOD } else { Status::OTHERWISE })
}

/// What the files are called: `a`, `b` and so on, in the order of the command line.
#[derive(Clone, Copy)]
struct Names<'a>(&'a [std::path::PathBuf]);

impl Names<'_> {
    fn of(self, host: HostId) -> String {
        let letter =
            u8::try_from(host.0).ok().and_then(|number| b'a'.checked_add(number)).map_or('?', char::from);
        letter.to_string()
    }

    fn file(self, host: HostId) -> String {
        self.0
            .get(host.0)
            .map_or_else(String::new, |file: &std::path::PathBuf| Path::display(file).to_string())
    }
}

/// What is to happen.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    incidents: Vec<(Duration, Incident)>,
    end: Duration,
}

impl Script {
    fn of(wanted: &Simulate) -> Result<Self, Nonsense> {
        let hosts = wanted.files.len();
        if hosts > HOSTS {
            return Err(format!("at most {HOSTS} files"));
        }
        let mut incidents = Vec::new();
        let kinds: [(&[String], Maker); 11] = [
            (&wanted.start, |words, hosts| Ok(Incident::Start(host(words, hosts)?))),
            (&wanted.kill, |words, hosts| Ok(Incident::Kill(host(words, hosts)?))),
            (&wanted.stop, |words, hosts| Ok(Incident::Stop(host(words, hosts)?))),
            (&wanted.restore, |words, hosts| Ok(Incident::Start(host(words, hosts)?))),
            (&wanted.pause, pause),
            (&wanted.partition, |words, hosts| pair(words, hosts, Incident::Partition)),
            (&wanted.deafen, |words, hosts| pair(words, hosts, |from, to| Incident::Deafen(to, from))),
            (&wanted.heal, |words, hosts| pair(words, hosts, Incident::Heal)),
            (&wanted.down, |words, hosts| link(words, hosts, Incident::LinkDown)),
            (&wanted.up, |words, hosts| link(words, hosts, Incident::LinkUp)),
            (&wanted.fail, |words, hosts| of_host(words, hosts, Incident::Fail)),
        ];
        for (all, make) in kinds {
            for text in all {
                incidents.push(incident(text, hosts, make)?);
            }
        }
        for text in &wanted.succeed {
            incidents.push(incident(text, hosts, |words, hosts| of_host(words, hosts, Incident::Succeed))?);
        }
        let starts = |number: usize| {
            incidents.iter().any(|(at, one)| *one == Incident::Start(HostId(number)) && at.is_zero())
        };
        let listed =
            |number: usize| wanted.start.iter().any(|text| text.split('@').next() == Some(&letter(number)));
        let at_once: Vec<_> = (0..hosts)
            .filter(|number| !starts(*number) && !listed(*number))
            .map(|number| (Duration::ZERO, Incident::Start(HostId(number))))
            .collect();
        incidents.splice(0..0, at_once);
        let last = incidents.iter().map(|(at, _)| *at).max().unwrap_or_default();
        let end = match &wanted.until {
            Some(text) => span(text)?,
            None => last + AFTERWARDS,
        };
        if end > LONGEST {
            return Err("at most a day".to_owned());
        }
        Ok(Self { incidents, end })
    }
}

type Maker = fn(&str, usize) -> Result<Incident, Nonsense>;

fn letter(number: usize) -> String {
    Names(&[]).of(HostId(number))
}

/// `WHAT@TIME`.
fn incident(text: &str, hosts: usize, make: Maker) -> Result<(Duration, Incident), Nonsense> {
    let (what, at) = text.rsplit_once('@').ok_or_else(|| format!("{text}: no @TIME, as in a@10s"))?;
    let explain = |nonsense: Nonsense| format!("{text}: {nonsense}");
    Ok((span(at).map_err(explain)?, make(what, hosts).map_err(explain)?))
}

fn host(word: &str, hosts: usize) -> Result<HostId, Nonsense> {
    let found = (0..hosts).find(|number| letter(*number) == word);
    let last = letter(hosts.saturating_sub(1));
    found.map(HostId).ok_or_else(|| format!("{word:?} is none of the files, which are a to {last}"))
}

fn pair(word: &str, hosts: usize, make: impl Fn(HostId, HostId) -> Incident) -> Result<Incident, Nonsense> {
    let (one, other) = word.split_once('-').ok_or("two files, as in a-b")?;
    let (one, other) = (host(one, hosts)?, host(other, hosts)?);
    if one == other { Err("one file, and not two".to_owned()) } else { Ok(make(one, other)) }
}

fn of_host(
    word: &str,
    hosts: usize,
    make: impl Fn(HostId, String) -> Incident,
) -> Result<Incident, Nonsense> {
    let (one, name) = word.split_once(':').ok_or("a file and a name, as in a:eth0")?;
    Ok(make(host(one, hosts)?, name.to_owned()))
}

fn link(
    word: &str,
    hosts: usize,
    make: impl Fn(HostId, InterfaceName) -> Incident,
) -> Result<Incident, Nonsense> {
    let (one, name) = word.split_once(':').ok_or("a file and an interface, as in a:eth0")?;
    let name = InterfaceName::new(name).ok_or_else(|| format!("{name:?} is no interface"))?;
    Ok(make(host(one, hosts)?, name))
}

/// `a:5s`.
fn pause(word: &str, hosts: usize) -> Result<Incident, Nonsense> {
    let (one, length) = word.split_once(':').ok_or("a file and a time, as in a:5s")?;
    Ok(Incident::Pause(host(one, hosts)?, span(length)?))
}

/// Seconds, or with `ms`, `s`, `m`, `h`.
fn span(text: &str) -> Result<Duration, Nonsense> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is no unit of time: ms, s, m or h")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{text:?} is no time"))?;
    let span = Duration::try_from_secs_f64(number * factor).map_err(|_| format!("{text:?} is no time"))?;
    if span > LONGEST { Err("at most a day".to_owned()) } else { Ok(span) }
}

/// How it ends.
struct End {
    states: Vec<(HostId, String, &'static str, u8)>,
    masterless: Vec<String>,
    twice: Vec<String>,
}

impl End {
    fn of(lan: &Lan) -> Self {
        let masters = lan.masters();
        let named = |wanted: fn(usize) -> bool| -> Vec<String> {
            let those = masters.iter().filter(|(_, hosts)| wanted(hosts.len()));
            those.map(|((vrid, family), _)| format!("VRID {vrid} ({family})")).collect()
        };
        Self {
            states: lan
                .states()
                .map(|(host, name, state, priority)| (host, name.to_owned(), state.word(), priority))
                .collect(),
            masterless: named(|count| count == 0),
            twice: named(|count| count > 1),
        }
    }

    /// One master for each virtual router.
    const fn is_well(&self) -> bool {
        self.masterless.is_empty() && self.twice.is_empty()
    }

    fn told(&self, names: Names<'_>) -> Vec<Final> {
        let told = |(host, instance, state, priority): &(HostId, String, &'static str, u8)| Final {
            host: names.of(*host),
            instance: instance.clone(),
            state,
            priority: *priority,
        };
        self.states.iter().map(told).collect()
    }
}

fn write(
    story: &[Scene],
    end: &End,
    names: Names<'_>,
    until: Duration,
    out: &mut impl Write,
) -> io::Result<()> {
    for host in (0..names.0.len()).map(HostId) {
        writeln!(out, "{} is {}", names.of(host), names.file(host))?;
    }
    writeln!(out)?;
    for scene in story {
        writeln!(out, "{:>10.3}s  {}", scene.at.as_secs_f64(), sentence(&scene.event, names))?;
    }
    writeln!(out, "\nafter {}:", crate::status::span(until.as_secs_f64()))?;
    for (host, instance, state, priority) in &end.states {
        writeln!(out, "  {} {instance}: {state}, priority {priority}", names.of(*host))?;
    }
    for router in &end.masterless {
        writeln!(out, "  {router} has no master")?;
    }
    end.twice.iter().try_for_each(|router| writeln!(out, "  {router} has more than one master"))
}

fn sentence(event: &Event, names: Names<'_>) -> String {
    match event {
        Event::Incident(incident) => deed(incident, names),
        Event::State { host, instance, from, to, priority, why } => {
            let host = names.of(*host);
            format!("{host} {instance}: {} to {}, priority {priority}: {why}", from.word(), to.word())
        }
        Event::Masters { router: (vrid, family), hosts } => {
            let hosts: Vec<String> = hosts.iter().map(|host| names.of(*host)).collect();
            match hosts.as_slice() {
                [] => format!("VRID {vrid} ({family}) has no master"),
                [one] => format!("VRID {vrid} ({family}) has one master again: {one}"),
                all => format!("VRID {vrid} ({family}) has {} masters: {}", all.len(), all.join(", ")),
            }
        }
    }
}

fn deed(incident: &Incident, names: Names<'_>) -> String {
    match incident {
        Incident::Kill(host) => format!("{} loses its power", names.of(*host)),
        Incident::Stop(host) => format!("{} is stopped", names.of(*host)),
        Incident::Start(host) => format!("{} is started", names.of(*host)),
        Incident::Pause(host, span) => format!("{} stands still for {span:?}", names.of(*host)),
        Incident::Partition(a, b) => {
            format!("{} and {} do not hear each other any more", names.of(*a), names.of(*b))
        }
        Incident::Deafen(from, to) => format!("{} does not hear {} any more", names.of(*to), names.of(*from)),
        Incident::Heal(a, b) => format!("{} and {} hear each other again", names.of(*a), names.of(*b)),
        Incident::LinkDown(host, link) => format!("{link} of {} loses its carrier", names.of(*host)),
        Incident::LinkUp(host, link) => format!("{link} of {} has its carrier again", names.of(*host)),
        Incident::Fail(host, script) => format!("script {script} of {} fails from now on", names.of(*host)),
        Incident::Succeed(host, script) => {
            format!("script {script} of {} succeeds from now on", names.of(*host))
        }
    }
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Report {
    events: Vec<Told>,
    end: Vec<Final>,
}

#[derive(Debug, Serialize)]
struct Told {
    at: f64,
    text: String,
}

impl Told {
    fn of(scene: &Scene, names: Names<'_>) -> Self {
        Self { at: scene.at.as_secs_f64(), text: sentence(&scene.event, names) }
    }
}

#[derive(Debug, Serialize)]
struct Final {
    host: String,
    instance: String,
    state: &'static str,
    priority: u8,
}

#[cfg(test)]
mod tests;
