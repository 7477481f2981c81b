//! `virtual_server`.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lvsd_model::{
    Endpoint, Family, Forward, Persistence, Protocol, Scheduler, SchedulerFlags, Script, SorryServer,
    TunnelChecksum, TunnelKind, VirtualServer, Weight,
};

use super::Lowering;
use super::check::Timing;
use super::common::{unsigned, weight, whole_seconds};
use super::endpoints::{Head, Target};
use super::turnover::TurnoverDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;
use crate::values;

/// What a virtual server says, before its real servers are read.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceDraft {
    pub(super) family: Option<Family>,
    pub(super) protocol: Option<Protocol>,
    scheduler: Option<Scheduler>,
    flags: SchedulerFlags,
    ops: Option<Span>,
    pub(super) forward: Option<Forward>,
    persistence_timeout: Option<Duration>,
    granularity: Option<(u8, Span)>,
    engine: Option<(String, Span)>,
    quorum: Option<(u32, Span)>,
    hysteresis: Option<(u32, Span)>,
    sorry: Option<(SocketAddr, Span)>,
    sorry_inhibit: Option<Span>,
    sorry_forward: Option<(Forward, Span)>,
    pub(super) alpha: bool,
    omega: bool,
    mail: Option<bool>,
    pub(super) inhibit_on_failure: bool,
    pub(super) weight: Weight,
    pub(super) virtualhost: Option<String>,
    pub(super) timing: Timing,
    quorum_up: Option<Script>,
    quorum_down: Option<Script>,
    turnover: TurnoverDraft,
}

/// What services stand for already; a mark has no protocol.
#[derive(Default)]
struct Taken {
    endpoints: HashMap<(Endpoint, Option<Protocol>), usize>,
    names: HashSet<(String, Option<Protocol>)>,
}

impl Taken {
    /// The name, made another if there is a service of that name and protocol: a mark or a group can be served once per family.
    fn unique_name(&mut self, service: &VirtualServer) -> String {
        let (family, protocol) = match service.endpoints.first() {
            Some(Endpoint::Fwmark { family, .. }) => (*family, None),
            Some(Endpoint::Address(address)) => (Family::of(address.ip()), Some(service.protocol)),
            None => return service.name.clone(),
        };
        let by_family = std::iter::once(format!("{} {family}", service.name));
        let by_number = (2..).map(|number| format!("{} {family} {number}", service.name));
        let mut names = std::iter::once(service.name.clone()).chain(by_family).chain(by_number);
        names.find(|name| self.names.insert((name.clone(), protocol))).unwrap_or_default()
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn services(&mut self, statements: &'a [Statement]) {
        let mut groups = self.groups(statements);
        let mut taken = Taken::default();
        let mut spans = Vec::new();
        for block in statements.iter().filter(|statement| statement.row.name == "virtual_server") {
            let Some(head) = self.head(block, &mut groups) else {
                // What is in it may be wrong, too.
                let nowhere = Head { name: String::new(), span: block.keyword, targets: Vec::new() };
                self.inside("virtual_server".to_owned(), |this| this.service(nowhere, block));
                continue;
            };
            let at = head.span;
            let path = format!("virtual_server {}", head.name);
            let service = self.inside(path, |this| this.service(head, block));
            if let Some(service) = service {
                self.add_service(service, at, &mut taken, &mut spans);
            }
        }
        self.unused_groups(&groups);
        self.check_services(statements);
    }

    fn service(&mut self, head: Head, block: &'a Statement) -> Option<VirtualServer> {
        let mut draft = ServiceDraft { weight: Weight::ONE, ..ServiceDraft::default() };
        self.check_repeated(block.block());
        let mut servers = Vec::new();
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            if statement.row.name == "real_server" {
                servers.push(statement);
                continue;
            }
            let known = self.service_scheduling(statement, &mut draft)
                || self.service_quorum(statement, &mut draft)
                || self.turnover(statement, &mut draft.turnover)
                || self.service_defaults(statement, &mut draft);
            debug_assert!(known, "{} works, so it is lowered", statement.row.name);
        }
        self.finish_service(head, draft, &servers)
    }

    fn service_scheduling(&mut self, statement: &Statement, draft: &mut ServiceDraft) -> bool {
        let first = self.word(statement, 0);
        match (statement.row.name, first) {
            ("ip_family", Some(word)) => {
                draft.family =
                    self.choice(word, &[("inet", Family::V4), ("inet6", Family::V6)]).or(draft.family);
            }
            ("protocol", Some(word)) => draft.protocol = self.protocol(word).or(draft.protocol),
            ("lb_algo" | "lvs_sched", Some(word)) => {
                let all = Scheduler::ALL.map(|scheduler| (scheduler.name(), scheduler));
                draft.scheduler = self.choice(word, &all).or(draft.scheduler);
            }
            ("lb_kind" | "lvs_method", Some(_)) => draft.forward = self.forward(statement).or(draft.forward),
            ("ops", _) => draft.ops = Some(statement.keyword),
            ("flag-1", _) => draft.flags.flag1 = true,
            ("flag-2", _) => draft.flags.flag2 = true,
            ("flag-3", _) => draft.flags.flag3 = true,
            ("sh-fallback", _) => {
                draft.flags.flag1 |= self.belongs(statement, draft.scheduler, Scheduler::Sh)
            }
            ("sh-port", _) => draft.flags.flag2 |= self.belongs(statement, draft.scheduler, Scheduler::Sh),
            ("mh-fallback", _) => {
                draft.flags.flag1 |= self.belongs(statement, draft.scheduler, Scheduler::Mh)
            }
            ("mh-port", _) => draft.flags.flag2 |= self.belongs(statement, draft.scheduler, Scheduler::Mh),
            ("persistence_engine", Some(word)) => draft.engine = Some((word.text.to_owned(), word.span)),
            ("persistence_timeout", first) => {
                // Alone it means six minutes.
                let seconds = match first {
                    Some(_) => self.integer(statement, 0, 1..=2_678_400),
                    None => Some(360),
                };
                draft.persistence_timeout = seconds.map(whole_seconds).or(draft.persistence_timeout);
            }
            ("persistence_granularity", Some(word)) => {
                draft.granularity = self.granularity(word).map(|prefix| (prefix, word.span));
            }
            _ => return false,
        }
        true
    }

    fn service_quorum(&mut self, statement: &Statement, draft: &mut ServiceDraft) -> bool {
        let first = self.word(statement, 0);
        match (statement.row.name, first) {
            ("quorum", Some(word)) => {
                let quorum = self.integer(statement, 0, 1..=i64::from(u32::MAX));
                draft.quorum = quorum.map(|quorum| (unsigned(quorum), word.span)).or(draft.quorum);
            }
            ("hysteresis", Some(word)) => {
                let hysteresis = self.integer(statement, 0, 0..=i64::from(u32::MAX));
                draft.hysteresis =
                    hysteresis.map(|margin| (unsigned(margin), word.span)).or(draft.hysteresis);
            }
            ("sorry_server", Some(word)) => {
                let port = match self.word(statement, 1) {
                    Some(word) => self.port(word),
                    None => Some(0),
                };
                let address = self.address(word).zip(port);
                draft.sorry = address.map(|(address, port)| (SocketAddr::new(address, port), word.span));
            }
            ("sorry_server_inhibit", _) => draft.sorry_inhibit = Some(statement.keyword),
            ("sorry_server_lvs_method", Some(word)) => {
                draft.sorry_forward = self.forward(statement).map(|forward| (forward, word.span));
            }
            ("quorum_up", _) => draft.quorum_up = self.script(statement),
            ("quorum_down", _) => draft.quorum_down = self.script(statement),
            _ => return false,
        }
        true
    }

    fn service_defaults(&mut self, statement: &Statement, draft: &mut ServiceDraft) -> bool {
        match statement.row.name {
            "alpha" => draft.alpha = true,
            "omega" => draft.omega = true,
            "smtp_alert" => {
                let before = draft.mail.unwrap_or_else(|| self.notices.of_services());
                draft.mail = Some(self.smtp_alert(statement, before));
            }
            "inhibit_on_failure" => draft.inhibit_on_failure = true,
            "virtualhost" => draft.virtualhost = self.word(statement, 0).map(|word| word.text.to_owned()),
            "weight" => {
                let number = self.integer(statement, 0, 1..=i64::from(Weight::MAX));
                draft.weight = number.map_or(draft.weight, weight);
            }
            _ => return self.timing(statement, 1, &mut draft.timing),
        }
        true
    }

    fn belongs(&mut self, statement: &Statement, scheduler: Option<Scheduler>, needed: Scheduler) -> bool {
        let fits = scheduler == Some(needed);
        if !fits {
            let name = statement.row.name;
            let message = format!("`{name}` is ignored: it belongs to the scheduler {}", needed.name());
            let help = format!("write `lvs_sched {}` on a line before it", needed.name());
            self.report(
                Diagnostic::tolerated(Rule::FlagWithoutScheduler, statement.keyword, message).help(help),
            );
        }
        fits
    }

    fn protocol(&mut self, word: Word<'_>) -> Option<Protocol> {
        let upper = word.text.to_ascii_uppercase();
        let known = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)];
        match known.iter().find(|(name, _)| *name == upper) {
            Some(&(_, protocol)) => Some(protocol),
            None => self.choice(word, &known),
        }
    }

    /// `NAT | DR | TUN [type ipip|gue port <p>|gre] [nocsum|csum|remcsum]`.
    pub(super) fn forward(&mut self, statement: &Statement) -> Option<Forward> {
        let words = self.all_words(&statement.words);
        let (&method, options) = words.split_first()?;
        let tunnel = Forward::Tunnel { kind: TunnelKind::Ipip, checksum: TunnelChecksum::None };
        let forward =
            self.choice(method, &[("NAT", Forward::Nat), ("DR", Forward::DirectRouting), ("TUN", tunnel)])?;
        let Forward::Tunnel { .. } = forward else {
            if let Some(&extra) = options.first() {
                self.extra_words(statement, extra);
            }
            return Some(forward);
        };
        let (mut kind, mut port, mut checksum) = (None, None, TunnelChecksum::None);
        let mut rest = options.iter().copied();
        while let Some(word) = rest.next() {
            match word.text {
                "type" => {
                    kind =
                        rest.next().and_then(|word| self.choice(word, &[("ipip", 0), ("gue", 1), ("gre", 2)]))
                }
                "port" => {
                    let number = rest.next().and_then(|word| self.strict_number_word(word, 1..=65_535));
                    port = number.and_then(|number| u16::try_from(number).ok());
                }
                "nocsum" => checksum = TunnelChecksum::None,
                "csum" => checksum = TunnelChecksum::Full,
                "remcsum" => checksum = TunnelChecksum::Remote,
                _ => {
                    self.choice(
                        word,
                        &[("type", ()), ("port", ()), ("nocsum", ()), ("csum", ()), ("remcsum", ())],
                    );
                }
            }
        }
        let kind = match (kind, port) {
            (Some(1), Some(port)) => TunnelKind::Gue { port },
            (Some(1), None) => {
                let message = "a GUE tunnel needs a port";
                self.report(
                    Diagnostic::error(Rule::MissingArgument, method.span, message)
                        .help("write `TUN type gue port 6080`"),
                );
                return None;
            }
            (Some(2), _) => TunnelKind::Gre,
            _ => TunnelKind::Ipip,
        };
        Some(Forward::Tunnel { kind, checksum })
    }

    fn granularity(&mut self, word: Word<'_>) -> Option<u8> {
        let prefix =
            values::netmask(word.text).or_else(|| word.text.parse().ok().filter(|&prefix| prefix <= 128));
        if prefix.is_none() {
            let message = format!("`{}` is neither a netmask nor a prefix length; it is ignored", word.text);
            self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message));
        }
        prefix
    }

    fn finish_service(
        &mut self,
        head: Head,
        mut draft: ServiceDraft,
        servers: &[&'a Statement],
    ) -> Option<VirtualServer> {
        let Head { name, span, mut targets } = head;
        self.places.add(Item::Service(name.clone()), span);
        let family = self.service_family(&targets, &draft, servers);
        draft.family = Some(family);
        self.one_family(&mut targets, &draft, family, span);
        let by_mark = targets.iter().all(|target| matches!(target, Target::Fwmark(..)));
        if draft.protocol.is_none() && !by_mark {
            let message = "the virtual server has no protocol; it is taken as TCP (keepalived takes UDP)";
            self.report(
                Diagnostic::tolerated(Rule::MissingProtocol, span, message).help("add `protocol TCP`"),
            );
        }
        let port = service_port(&targets);
        let protocol = draft.protocol.unwrap_or(Protocol::Tcp);
        let real_servers = self.real_servers(servers, &draft, port);
        // Of one that stands for nothing that has been said already.
        if real_servers.is_empty() && targets.is_empty() {
            return None;
        }
        if real_servers.is_empty() {
            let message = format!("the virtual server `{name}` has no real server; it is ignored");
            self.report(
                Diagnostic::tolerated(Rule::NoRealServers, span, message)
                    .help("add `real_server <address> <port> { ... }`"),
            );
            return None;
        }
        let any_port =
            targets.iter().any(|target| matches!(target, Target::Address(address) if address.port() == 0));
        let persistence = self.persistence(&draft, family, any_port.then_some(span));
        let (quorum, hysteresis) = self.quorum(&draft, &real_servers);
        let one_packet = self.one_packet(&draft, protocol);
        let sorry = self.sorry(&draft, port, family);
        let (suspend, turnover) = self.finish_turnover(draft.turnover, &name, &targets, &real_servers);
        self.check_weights(&real_servers, span);
        self.check_sorry(sorry.as_ref(), &real_servers, draft.sorry.map(|(_, span)| span));
        let tracked_as = self.tracked_services.contains_key(&name).then(|| name.clone());
        Some(VirtualServer {
            name,
            endpoints: targets.into_iter().map(|target| target.endpoint(family)).collect(),
            protocol,
            scheduler: draft.scheduler.unwrap_or(Scheduler::Wlc),
            flags: SchedulerFlags { one_packet, ..draft.flags },
            persistence,
            quorum,
            hysteresis,
            sorry,
            suspend,
            tracked_as,
            turnover,
            omega: draft.omega,
            mail: draft.mail.unwrap_or_else(|| self.notices.of_services()),
            quorum_up: draft.quorum_up,
            quorum_down: draft.quorum_down,
            real_servers,
        })
    }

    /// The one family that is served, of those that the addresses allow: as written, that of the real servers, or that of the first
    /// address. Marks allow both.
    fn service_family(&self, targets: &[Target], draft: &ServiceDraft, servers: &[&'a Statement]) -> Family {
        let allowed = |family: &Family| {
            targets.is_empty()
                || targets.iter().any(|target| target.family().is_none_or(|own| own == *family))
        };
        let server = || {
            let word = self.word(servers.first()?, 0)?;
            word.text.parse::<IpAddr>().ok().map(Family::of)
        };
        let first = || targets.iter().find_map(|target| target.family());
        draft.family.filter(allowed).or_else(|| server().filter(allowed)).or_else(first).unwrap_or(Family::V4)
    }

    /// Real servers serve one family only, except through tunnels.
    fn one_family(&mut self, targets: &mut Vec<Target>, draft: &ServiceDraft, family: Family, at: Span) {
        if matches!(draft.forward, Some(Forward::Tunnel { .. })) {
            return;
        }
        let before = targets.len();
        targets.retain(|target| target.family().is_none_or(|own| own == family));
        if targets.len() < before {
            let message = format!(
                "only the {family} addresses of the group are served: both families need lvs_method TUN"
            );
            let help = "make one group and one virtual_server per address family";
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, at, message).help(help));
        }
    }

    fn persistence(
        &mut self,
        draft: &ServiceDraft,
        family: Family,
        any_port: Option<Span>,
    ) -> Option<Persistence> {
        let full = if family == Family::V4 { 32 } else { 128 };
        let timeout = match (draft.persistence_timeout, any_port) {
            (Some(timeout), _) => timeout,
            (None, Some(span)) => {
                let message = "a service on every port needs persistence; taken as 360 seconds";
                self.report(
                    Diagnostic::tolerated(Rule::PortPersistence, span, message)
                        .help("add `persistence_timeout 360`, or a port"),
                );
                Duration::from_secs(360)
            }
            (None, None) => {
                let setting = draft
                    .granularity
                    .map(|(_, span)| span)
                    .or_else(|| draft.engine.as_ref().map(|(_, span)| *span));
                if let Some(span) = setting {
                    let message = "without persistence_timeout there is no persistence";
                    self.report(
                        Diagnostic::tolerated(Rule::PersistenceIncomplete, span, message)
                            .help("add `persistence_timeout <seconds>`"),
                    );
                }
                return None;
            }
        };
        let prefix_len = draft.granularity.map_or(full, |(prefix, _)| prefix.min(full));
        Some(Persistence { timeout, prefix_len, engine: draft.engine.as_ref().map(|(name, _)| name.clone()) })
    }

    fn quorum(&mut self, draft: &ServiceDraft, servers: &[lvsd_model::RealServer]) -> (u32, u32) {
        let total: u64 = servers.iter().map(|server| u64::from(server.weight.get())).sum();
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let mut quorum = draft.quorum.map_or(1, |(quorum, _)| quorum);
        if let Some((written, span)) = draft.quorum
            && written > total
        {
            let message = format!("all real servers together weigh {total}; the quorum is taken as that");
            self.report(Diagnostic::tolerated(Rule::QuorumTooHigh, span, message));
            quorum = total.max(1);
        }
        match draft.hysteresis {
            Some((margin, span)) if margin >= quorum => {
                let message = format!("a hysteresis must be below the quorum ({quorum}); taken as 0");
                self.report(Diagnostic::tolerated(Rule::HysteresisTooHigh, span, message));
                (quorum, 0)
            }
            Some((margin, _)) => (quorum, margin),
            None => (quorum, 0),
        }
    }

    fn one_packet(&mut self, draft: &ServiceDraft, protocol: Protocol) -> bool {
        let Some(span) = draft.ops else { return false };
        if protocol != Protocol::Udp {
            let message = "one-packet scheduling is for UDP only; `ops` is ignored";
            self.report(Diagnostic::tolerated(Rule::OpsProtocol, span, message));
        }
        protocol == Protocol::Udp
    }

    fn sorry(&mut self, draft: &ServiceDraft, port: Option<u16>, family: Family) -> Option<SorryServer> {
        let Some((address, span)) = draft.sorry else {
            if let Some(span) = draft.sorry_inhibit.or_else(|| draft.sorry_forward.map(|(_, span)| span)) {
                let message = "there is no sorry_server that this could be about";
                self.report(Diagnostic::tolerated(Rule::SorryIncomplete, span, message));
            }
            return None;
        };
        let forward =
            draft.sorry_forward.map(|(forward, _)| forward).or(draft.forward).unwrap_or(Forward::Nat);
        if Family::of(address.ip()) != family && !matches!(forward, Forward::Tunnel { .. }) {
            let message =
                format!("the sorry server {} is not {family} like the service; it is ignored", address.ip());
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, span, message));
            return None;
        }
        let address = self.effective_address(address, forward, port, span);
        Some(SorryServer { address, forward, inhibit: draft.sorry_inhibit.is_some() })
    }

    /// Adds a service; endpoints that another has already are merged into that one.
    fn add_service(
        &mut self,
        mut service: VirtualServer,
        at: Span,
        taken: &mut Taken,
        spans: &mut Vec<Span>,
    ) {
        let key = |endpoint: &Endpoint| match endpoint {
            Endpoint::Address(_) => (*endpoint, Some(service.protocol)),
            Endpoint::Fwmark { .. } => (*endpoint, None),
        };
        let index = self.config.lvs.services.len();
        let mut clash = None;
        let mut repeated = false;
        let (mut kept, keys): (Vec<_>, Vec<_>) = (Vec::new(), service.endpoints.iter().map(key).collect());
        for (endpoint, key) in service.endpoints.iter().zip(keys) {
            match taken.endpoints.get(&key) {
                None => {
                    taken.endpoints.insert(key, index);
                    kept.push(*endpoint);
                }
                Some(&other) if other == index => repeated = true,
                Some(&other) => clash = clash.or(Some(other)),
            }
        }
        if repeated {
            let message = "an address stands twice in the group; it counts once";
            self.report(Diagnostic::tolerated(Rule::DuplicateAddress, at, message));
        }
        if let Some(other) = clash {
            let message = "this service exists already; the real servers of both are taken together, with the settings of the first";
            let diagnostic = Diagnostic::tolerated(Rule::DuplicateService, at, message)
                .help("make one virtual_server of them");
            self.report(match spans.get(other) {
                Some(&span) => diagnostic.also(span, "the first one"),
                None => diagnostic,
            });
            self.merge(other, &service);
        }
        if !kept.is_empty() {
            service.endpoints = kept;
            service.name = taken.unique_name(&service);
            spans.push(at);
            self.config.lvs.services.push(service);
        }
    }

    fn merge(&mut self, into: usize, service: &VirtualServer) {
        let Some(first) = self.config.lvs.services.get_mut(into) else { return };
        let known: HashSet<SocketAddr> = first.real_servers.iter().map(|server| server.address).collect();
        let new = service.real_servers.iter().filter(|server| !known.contains(&server.address));
        first.real_servers.extend(new.cloned());
    }
}

/// The port of a service, when all its endpoints have the same.
fn service_port(targets: &[Target]) -> Option<u16> {
    let mut ports = targets.iter().map(|target| match target {
        Target::Address(address) => Some(address.port()),
        Target::Fwmark(..) => None,
    });
    let first = ports.next()??;
    ports.all(|port| port == Some(first)).then_some(first)
}
