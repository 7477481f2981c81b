//! Scenarios and laws of the whole crate; the judge and the quorum have tests of their own.

mod laws;
mod marks;
mod pools;
mod reload;
mod schedule;
mod turnover;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipvs::{Entry, ServiceKey, Table};
use lvsd_model::{
    Check, CheckKind, CheckTiming, Endpoint, Forward, Invocation, LvsConfig, MiscCheck, Protocol, RealServer,
    Scheduler, SchedulerFlags, Script, Target, Turnover, VirtualServer, Weight,
};

use crate::{Cause, CheckId, Event, Health, Outcome, ServiceNews, Standing, Time};

fn at(seconds: u64) -> Time {
    Time::after_start(Duration::from_secs(seconds))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test")
}

fn weight(value: u32) -> Weight {
    Weight::new(value).expect("a small weight")
}

fn script(name: &str) -> Script {
    Script { source: name.into(), argv: vec![name.into()], invocation: Invocation::Exec, run_as: None }
}

fn timing() -> CheckTiming {
    CheckTiming {
        interval: Duration::from_secs(10),
        retry: 0,
        retry_delay: Duration::from_secs(1),
        warmup: Duration::ZERO,
    }
}

fn tcp(server: &str) -> Check {
    let target = Target {
        address: address(server),
        bind: None,
        interface: None,
        fwmark: 0,
        timeout: Duration::from_secs(5),
    };
    Check { kind: CheckKind::Tcp(target), timing: timing(), alpha: false, log_all_failures: false }
}

fn misc(name: &str) -> Check {
    let kind =
        CheckKind::Misc(MiscCheck { script: script(name), timeout: Duration::from_secs(5), dynamic: true });
    Check { kind, timing: timing(), alpha: false, log_all_failures: false }
}

fn alpha(check: Check) -> Check {
    Check { alpha: true, ..check }
}

/// A server with NAT, weight 1, and one TCP check.
fn server(at: &str) -> RealServer {
    RealServer {
        address: address(at),
        forward: Forward::Nat,
        weight: Weight::ONE,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        alpha: false,
        mail: false,
        notify_up: Some(Box::new(script("up"))),
        notify_down: Some(Box::new(script("down"))),
        checks: vec![tcp(at)],
    }
}

fn service(at: &str, real_servers: Vec<RealServer>) -> VirtualServer {
    VirtualServer {
        name: at.to_owned(),
        endpoints: vec![Endpoint::Address(address(at))],
        protocol: Protocol::Tcp,
        scheduler: Scheduler::Wlc,
        flags: SchedulerFlags::default(),
        persistence: None,
        quorum: 1,
        hysteresis: 0,
        sorry: None,
        suspend: false,
        tracked_as: None,
        turnover: Turnover::default(),
        omega: false,
        mail: false,
        quorum_up: Some(script("quorum_up")),
        quorum_down: Some(script("quorum_down")),
        real_servers,
    }
}

fn config(services: Vec<VirtualServer>) -> LvsConfig {
    LvsConfig { services, ..LvsConfig::default() }
}

fn refused() -> Outcome {
    Outcome::failure(Cause::Refused, "")
}

fn weighs(value: u32) -> Outcome {
    Outcome::Success { weight: Some(weight(value)) }
}

fn key(at: &str) -> ServiceKey {
    let address = address(at);
    ServiceKey::Tuple { protocol: ipvs::Protocol::Tcp, addr: address.ip(), port: address.port() }
}

/// A [`Health`] with a clock, whose checks are answered by what they connect to or run.
struct Bench {
    health: Health,
    now: Time,
    /// Started and not yet answered, by target or program.
    running: BTreeMap<String, Vec<CheckId>>,
}

impl Bench {
    fn new(config: LvsConfig) -> Self {
        Self::adopting(config, &Table::new())
    }

    /// What is told at the start has been heard.
    fn adopting(config: LvsConfig, standing: &Table) -> Self {
        let mut health = Health::new(7);
        health.apply(Time::START, config, standing);
        let mut bench = Self { health, now: Time::START, running: BTreeMap::new() };
        bench.events();
        bench
    }

    fn reload(&mut self, config: LvsConfig) {
        self.health.apply(self.now, config, &Table::new());
    }

    /// Starts what is due now.
    fn start(&mut self) {
        while let Some(due) = self.health.poll_due(self.now) {
            let label = match &due.check.kind {
                CheckKind::Tcp(target) => target.address.to_string(),
                CheckKind::Misc(misc) => misc.script.source.clone(),
                _ => unreachable!("not in these tests"),
            };
            self.running.entry(label).or_default().push(due.id);
        }
    }

    /// Lets ten seconds pass and answers every check of that target or program; `others` answers the rest.
    fn round(&mut self, answers: &[(&str, Outcome)]) {
        self.start();
        for (label, ids) in std::mem::take(&mut self.running) {
            let answer = answers.iter().find(|(name, _)| *name == label).map(|(_, answer)| answer);
            for id in ids {
                self.health.finish(self.now, id, answer.unwrap_or(&Outcome::SUCCESS));
            }
        }
        self.now = self.now + Duration::from_secs(10);
    }

    fn events(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(event) = self.health.poll_event() {
            let standing = |standing| if standing == Standing::Up { "up" } else { "down" };
            seen.push(match &event {
                Event::Server { server, standing: now, .. } => format!("{server} {}", standing(*now)),
                Event::Quorum { service, standing: now, .. } => {
                    format!("quorum {service} {}", standing(*now))
                }
                Event::Service { service, news, .. } => match news {
                    ServiceNews::Suspended => format!("{service} suspended"),
                    ServiceNews::Resumed => format!("{service} resumed"),
                    ServiceNews::FailsOpen { up, needed } => {
                        format!("{service} fails open: {up} up of {needed}")
                    }
                    ServiceNews::Believes => format!("{service} believes"),
                },
            });
        }
        seen
    }

    fn entry(&self, service: &str) -> Entry {
        self.health.desired(&key(service)).expect("configured")
    }

    /// The destinations of a service as `address weight`.
    fn dests(&self, service: &str) -> Vec<String> {
        dests(&self.entry(service))
    }
}

fn dests(entry: &Entry) -> Vec<String> {
    entry.dests().values().map(|dest| format!("{} {}", dest.key, dest.weight)).collect()
}
