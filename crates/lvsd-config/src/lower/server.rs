//! `real_server`.

use std::collections::HashMap;
use std::net::SocketAddr;

use lvsd_model::{Family, Forward, RealServer, Script, Weight};

use super::Lowering;
use super::check::{CheckContext, Timing};
use super::common::{unsigned, weight};
use super::service::ServiceDraft;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// What a real server says, before its checks are read.
#[derive(Clone, Debug)]
struct ServerDraft {
    forward: Forward,
    weight: Weight,
    upper: (u32, Option<Span>),
    lower: (u32, Option<Span>),
    inhibit_on_failure: bool,
    alpha: bool,
    virtualhost: Option<String>,
    timing: Timing,
    mail: bool,
    notify_up: Option<Box<Script>>,
    notify_down: Option<Box<Script>>,
}

impl<'a> Lowering<'a> {
    pub(super) fn real_servers(
        &mut self,
        blocks: &[&'a Statement],
        service: &ServiceDraft,
        port: Option<u16>,
    ) -> Vec<RealServer> {
        let mut seen: HashMap<SocketAddr, Span> = HashMap::with_capacity(blocks.len());
        let mut list = Vec::with_capacity(blocks.len());
        for &block in blocks {
            let Some((server, span)) = self.real_server(block, service, port) else { continue };
            if let Some(&before) = seen.get(&server.address) {
                let message =
                    format!("the real server {} is here already; this one is ignored", server.address);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateRealServer, span, message);
                self.report(diagnostic.also(before, "the first one"));
                continue;
            }
            seen.insert(server.address, span);
            list.push(server);
        }
        list
    }

    fn real_server(
        &mut self,
        block: &'a Statement,
        service: &ServiceDraft,
        port: Option<u16>,
    ) -> Option<(RealServer, Span)> {
        let word = self.word(block, 0)?;
        let address = self.address(word)?;
        let written_port = match self.word(block, 1) {
            Some(word) => self.port(word)?,
            None => 0,
        };
        let path = format!("real_server {address} {written_port}");
        let (draft, checks) = self.inside(path, |this| this.server_draft(block, service));
        let tunnelled = matches!(draft.forward, Forward::Tunnel { .. });
        let foreign = service.family.filter(|&family| family != Family::of(address) && !tunnelled);
        if let Some(family) = foreign {
            let message =
                format!("{address} is not {family} like the service, which only TUN allows; it is ignored");
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, word.span, message));
        }
        let at = self.word(block, 1).map_or(word.span, |port| port.span);
        let written = SocketAddr::new(address, written_port);
        let address = self.effective_address(written, draft.forward, port, at);
        self.check_thresholds(&draft);
        let context = CheckContext {
            weight: draft.weight,
            // What packets for a mark or a mixed group reach is for the written port alone to say.
            server: if address.port() == 0 { written } else { address },
            alpha: draft.alpha,
            virtualhost: draft.virtualhost.clone(),
            timing: draft.timing.or(service.timing),
            log_all_failures: self.defaults.log_all_failures,
        };
        let checks = self.checks(&checks, &context);
        let server = RealServer {
            address,
            forward: draft.forward,
            weight: draft.weight,
            upper_threshold: draft.upper.0,
            lower_threshold: draft.lower.0,
            inhibit_on_failure: draft.inhibit_on_failure,
            alpha: draft.alpha,
            mail: draft.mail,
            notify_up: draft.notify_up,
            notify_down: draft.notify_down,
            checks,
        };
        // It was looked at all the same: what is wrong in it is told.
        foreign.is_none().then_some((server, word.span))
    }

    /// What a real server says, and the blocks of its checks.
    fn server_draft(
        &mut self,
        block: &'a Statement,
        service: &ServiceDraft,
    ) -> (ServerDraft, Vec<&'a Statement>) {
        let mut draft = ServerDraft {
            forward: service.forward.unwrap_or(Forward::Nat),
            weight: service.weight,
            upper: (0, None),
            lower: (0, None),
            inhibit_on_failure: service.inhibit_on_failure,
            alpha: service.alpha,
            virtualhost: service.virtualhost.clone(),
            timing: Timing::default(),
            mail: self.notices.of_servers(),
            notify_up: None,
            notify_down: None,
        };
        self.check_repeated(block.block());
        let mut checks = Vec::new();
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            if statement.row.takes_block() {
                checks.push(statement);
            } else {
                let known = self.server_setting(statement, &mut draft);
                debug_assert!(known, "{} works, so it is lowered", statement.row.name);
            }
        }
        (draft, checks)
    }

    fn server_setting(&mut self, statement: &Statement, draft: &mut ServerDraft) -> bool {
        let threshold = |this: &mut Self| {
            let number = this.integer(statement, 0, 0..=i64::from(u32::MAX)).map_or(0, unsigned);
            (number, this.word(statement, 0).map(|word| word.span))
        };
        match statement.row.name {
            "weight" => {
                let number = self.integer(statement, 0, 0..=i64::from(Weight::MAX));
                draft.weight = number.map_or(draft.weight, weight);
            }
            "lvs_method" => draft.forward = self.forward(statement).unwrap_or(draft.forward),
            "uthreshold" => draft.upper = threshold(self),
            "lthreshold" => draft.lower = threshold(self),
            "inhibit_on_failure" => {
                draft.inhibit_on_failure = self.boolean(statement).unwrap_or(draft.inhibit_on_failure);
            }
            "alpha" => draft.alpha = self.boolean(statement).unwrap_or(draft.alpha),
            "virtualhost" => draft.virtualhost = self.word(statement, 0).map(|word| word.text.to_owned()),
            "smtp_alert" => draft.mail = self.smtp_alert(statement, draft.mail),
            "notify_up" => draft.notify_up = self.script(statement).map(Box::new),
            "notify_down" => draft.notify_down = self.script(statement).map(Box::new),
            _ => return self.timing(statement, 1, &mut draft.timing),
        }
        true
    }

    fn check_thresholds(&mut self, draft: &ServerDraft) {
        let ((upper, _), (lower, Some(span))) = (draft.upper, draft.lower) else { return };
        if upper > 0 && lower > upper {
            let message = format!(
                "lthreshold {lower} is above uthreshold {upper}: the server would never be used again once full"
            );
            self.report(Diagnostic::tolerated(Rule::ThresholdOrder, span, message));
        }
    }

    /// The address with the port that counts: with DR and TUN always the service's.
    pub(super) fn effective_address(
        &mut self,
        mut address: SocketAddr,
        forward: Forward,
        service_port: Option<u16>,
        at: Span,
    ) -> SocketAddr {
        let written = address.port();
        if matches!(forward, Forward::Nat) {
            if written == 0 {
                address.set_port(service_port.unwrap_or(0));
            }
            return address;
        }
        let forced = service_port.unwrap_or(0);
        if written != 0 && written != forced {
            let help =
                "write the service's port, or use lvs_method NAT; a check may use another by connect_port";
            self.report(match service_port {
                Some(port) => {
                    let message = format!(
                        "with DR and TUN packets keep the service's port {port}; {written} is ignored"
                    );
                    Diagnostic::tolerated(Rule::ForcedPort, at, message).help(help)
                }
                // Marks have no port, so nearly everybody writes the one that the servers listen on.
                None => {
                    let message =
                        format!("with DR and TUN packets keep their port; {written} is for the checks only");
                    Diagnostic::hint(Rule::ForcedPort, at, message)
                }
            });
        }
        address.set_port(forced);
        address
    }
}
