//! The checks of a real server.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lvsd_model::{Check, CheckKind, CheckTiming, Family, InterfaceName, MiscCheck, Target, Weight};

use super::Lowering;
use super::common::{FOREVER, unsigned, whole_seconds};
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;
use crate::values::show;

/// When a check runs, as far as it is written at one level.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    interval: Option<Duration>,
    retry: Option<u32>,
    retry_delay: Option<Duration>,
    warmup: Option<Duration>,
    connect_timeout: Option<Duration>,
}

impl Timing {
    /// These settings, and those of the level above where there are none.
    pub(super) fn or(self, above: Self) -> Self {
        Self {
            interval: self.interval.or(above.interval),
            retry: self.retry.or(above.retry),
            retry_delay: self.retry_delay.or(above.retry_delay),
            warmup: self.warmup.or(above.warmup),
            connect_timeout: self.connect_timeout.or(above.connect_timeout),
        }
    }

    /// With the defaults of a kind of check; without a delay of its own it retries at the interval.
    fn resolve(self, retry: u32, retry_delay: Option<Duration>) -> CheckTiming {
        let interval = self.interval.unwrap_or(Duration::from_secs(60));
        CheckTiming {
            interval,
            retry: self.retry.unwrap_or(retry),
            retry_delay: self.retry_delay.or(retry_delay).unwrap_or(interval),
            warmup: self.warmup.unwrap_or(interval),
        }
    }
}

/// What checks inherit.
#[derive(Clone, Debug)]
pub(super) struct CheckContext {
    pub(super) server: SocketAddr,
    pub(super) weight: Weight,
    pub(super) alpha: bool,
    /// Of the real server, or else of the service.
    pub(super) virtualhost: Option<String>,
    pub(super) timing: Timing,
    pub(super) log_all_failures: bool,
}

/// The settings that all kinds of checks have.
#[derive(Clone, Debug)]
pub(super) struct Common {
    timing: Timing,
    alpha: bool,
    log_all_failures: bool,
    connect_ip: Option<(IpAddr, Span)>,
    connect_port: Option<u16>,
    bind_ip: Option<(IpAddr, Span)>,
    bind_port: Option<u16>,
    interface: Option<InterfaceName>,
    fwmark: u32,
}

impl Common {
    pub(super) fn new(context: &CheckContext) -> Self {
        Self {
            timing: Timing::default(),
            alpha: context.alpha,
            log_all_failures: context.log_all_failures,
            connect_ip: None,
            connect_port: None,
            bind_ip: None,
            bind_port: None,
            interface: None,
            fwmark: 0,
        }
    }

    pub(super) fn check(
        &self,
        kind: CheckKind,
        context: &CheckContext,
        retry: u32,
        retry_delay: u64,
    ) -> Check {
        self.complete(kind, context, retry, Some(Duration::from_secs(retry_delay)))
    }

    /// A check whose retries are an interval apart.
    pub(super) fn patient_check(&self, kind: CheckKind, context: &CheckContext, retry: u32) -> Check {
        self.complete(kind, context, retry, None)
    }

    fn complete(
        &self,
        kind: CheckKind,
        context: &CheckContext,
        retry: u32,
        retry_delay: Option<Duration>,
    ) -> Check {
        let timing = self.timing.or(context.timing).resolve(retry, retry_delay);
        Check { kind, timing, alpha: self.alpha, log_all_failures: self.log_all_failures }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn checks(&mut self, blocks: &[&'a Statement], context: &CheckContext) -> Vec<Check> {
        let mut list = Vec::with_capacity(blocks.len());
        let mut seen: HashMap<Check, Span> = HashMap::new();
        for &block in blocks {
            self.check_repeated(block.block());
            let check = match block.row.name {
                "SMTP_CHECK" => {
                    for check in self.smtp_checks(block, context) {
                        self.add_check(check, block, &mut seen, &mut list);
                    }
                    continue;
                }
                "TCP_CHECK" => self.tcp_check(block, context),
                "PING_CHECK" => self.ping_check(block, context),
                "UDP_CHECK" => self.udp_check(block, context),
                "FILE_CHECK" => self.file_check(block, context),
                "BFD_CHECK" => self.bfd_check(block, context),
                "DNS_CHECK" => self.dns_check(block, context),
                name @ ("HTTP_GET" | "SSL_GET") => {
                    self.inside(name.to_owned(), |this| this.http_check(block, context))
                }
                "MISC_CHECK" => self.misc_check(block, context),
                other => {
                    debug_assert!(false, "{other} works, so it is lowered");
                    None
                }
            };
            let Some(check) = check else { continue };
            // Nearly all servers have one check, which can be no repetition.
            if blocks.len() == 1 {
                list.push(check);
                break;
            }
            self.add_check(check, block, &mut seen, &mut list);
        }
        list
    }

    fn add_check(
        &mut self,
        check: Check,
        block: &Statement,
        seen: &mut HashMap<Check, Span>,
        list: &mut Vec<Check>,
    ) {
        if let Some(&before) = seen.get(&check) {
            let message = "the same check is here already";
            let diagnostic = Diagnostic::hint(Rule::RedundantCheck, block.keyword, message);
            self.report(diagnostic.also(before, "the first one"));
            return;
        }
        seen.insert(check.clone(), block.keyword);
        list.push(check);
    }

    /// One of the timing keywords; checks may have 0 retries, services and servers at least `least`.
    pub(super) fn timing(&mut self, statement: &Statement, least: i64, timing: &mut Timing) -> bool {
        let time = |this: &mut Self, least: Duration| this.seconds(statement, 0, least..=FOREVER);
        let positive = Duration::from_micros(1);
        match statement.row.name {
            "delay_loop" => timing.interval = time(self, positive).or(timing.interval),
            "delay_before_retry" => timing.retry_delay = time(self, Duration::ZERO).or(timing.retry_delay),
            "warmup" => timing.warmup = time(self, Duration::ZERO).or(timing.warmup),
            "connect_timeout" => timing.connect_timeout = time(self, positive).or(timing.connect_timeout),
            "retry" | "nb_get_retry" => {
                let retry = self.integer(statement, 0, least..=i64::from(u32::MAX)).map(unsigned);
                timing.retry = retry.or(timing.retry);
            }
            _ => return false,
        }
        true
    }

    /// A keyword that all kinds of checks have.
    pub(super) fn common(&mut self, statement: &Statement, common: &mut Common) -> bool {
        match statement.row.name {
            "alpha" => common.alpha = self.boolean(statement).unwrap_or(common.alpha),
            "log_all_failures" => {
                common.log_all_failures = self.boolean(statement).unwrap_or(common.log_all_failures);
            }
            _ => {
                return self.timing(statement, 0, &mut common.timing) || self.connection(statement, common);
            }
        }
        true
    }

    fn connection(&mut self, statement: &Statement, common: &mut Common) -> bool {
        let Some(word) = self.word(statement, 0) else { return false };
        match statement.row.name {
            "connect_ip" => common.connect_ip = self.address(word).map(|address| (address, word.span)),
            "connect_port" => common.connect_port = self.nonzero_port(statement).or(common.connect_port),
            "bindto" => common.bind_ip = self.address(word).map(|address| (address, word.span)),
            "bind_port" => common.bind_port = self.nonzero_port(statement).or(common.bind_port),
            "bind_if" => common.interface = self.interface(word),
            "fwmark" => {
                common.fwmark = self.integer(statement, 0, 0..=i64::from(u32::MAX)).map_or(0, unsigned)
            }
            _ => return false,
        }
        true
    }

    /// Where a check connects to and from.
    pub(super) fn target(&mut self, block: &Statement, common: &Common, context: &CheckContext) -> Target {
        let target = self.reach(common, context);
        if target.address.port() == 0 {
            let message = "the check has no port to connect to, so it will always fail";
            self.report(
                Diagnostic::tolerated(Rule::CheckPort, block.keyword, message)
                    .help("add `connect_port <port>`"),
            );
        }
        target
    }

    /// The same for a check that may do without a port.
    pub(super) fn reach(&mut self, common: &Common, context: &CheckContext) -> Target {
        let ip = common.connect_ip.map_or_else(|| context.server.ip(), |(ip, _)| ip);
        let port = common.connect_port.unwrap_or_else(|| context.server.port());
        let mut bind_ip = common.bind_ip;
        if let Some((bind, span)) = bind_ip.filter(|&(bind, _)| Family::of(bind) != Family::of(ip)) {
            let message = format!("{bind} cannot be the source of a connection to {ip}; it is ignored");
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, span, message));
            bind_ip = None;
        }
        let bind = match (bind_ip, common.bind_port) {
            (Some((bind, _)), port) => Some(SocketAddr::new(bind, port.unwrap_or(0))),
            (None, Some(port)) => Some(SocketAddr::new(unspecified(ip), port)),
            (None, None) => None,
        };
        let timeout = common
            .timing
            .connect_timeout
            .or(context.timing.connect_timeout)
            .unwrap_or(Duration::from_secs(5));
        let interface = common.interface.clone();
        Target { address: SocketAddr::new(ip, port), bind, interface, fwmark: common.fwmark, timeout }
    }

    fn tcp_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        for statement in block.block() {
            if self.accept(statement) {
                let known = self.common(statement, &mut common);
                debug_assert!(known, "{} works, so it is lowered", statement.row.name);
            }
        }
        let target = self.target(block, &common, context);
        Some(common.check(CheckKind::Tcp(target), context, 1, 1))
    }

    /// A check should end before the next one begins.
    pub(super) fn check_duration(
        &mut self,
        block: &Statement,
        keyword: &str,
        timeout: Option<Duration>,
        interval: Duration,
    ) {
        let written = block.block().iter().rev().find(|statement| statement.row.name == keyword);
        let Some(word) = written.and_then(|statement| self.word(statement, 0)) else { return };
        if timeout.is_some_and(|timeout| timeout > interval) {
            let message = format!(
                "this may take longer than the {} seconds between two runs: the next one waits for it",
                show(interval)
            );
            self.report(Diagnostic::hint(Rule::SlowCheck, word.span, message));
        }
    }

    fn misc_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        let (mut script, mut timeout, mut dynamic, mut run_as) = (None, None, false, None);
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "misc_path" => script = self.script(statement),
                "misc_timeout" => {
                    let seconds = self.integer(statement, 0, 0..=i64::from(u32::MAX));
                    timeout = seconds.filter(|&seconds| seconds > 0).map(whole_seconds).or(timeout);
                }
                "misc_dynamic" => dynamic = true,
                "user" => run_as = self.run_as(statement),
                _ => {
                    let known = self.common(statement, &mut common);
                    debug_assert!(known, "{} works, so it is lowered", statement.row.name);
                }
            }
        }
        let Some(mut script) = script else {
            let message =
                "MISC_CHECK has no program to run; it is ignored, and the server counts as up without it";
            let help = "add `misc_path \"/path arguments\"`";
            self.report(Diagnostic::tolerated(Rule::MissingScript, block.keyword, message).help(help));
            return None;
        };
        script.run_as = script.run_as.or(run_as);
        let interval = common.timing.or(context.timing).interval.unwrap_or(Duration::from_secs(60));
        self.check_duration(block, "misc_timeout", timeout, interval);
        let misc = MiscCheck { script, timeout: timeout.unwrap_or(interval), dynamic };
        Some(common.check(CheckKind::Misc(misc), context, 0, 1))
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
