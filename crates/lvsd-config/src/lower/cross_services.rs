//! Virtual servers against the instances that should hold their addresses, against each other, and against their servers.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use lvsd_model::{Endpoint, RealServer, SorryServer};

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

impl<'a> Lowering<'a> {
    /// Rules about all services at once.
    pub(super) fn check_services(&mut self, statements: &'a [Statement]) {
        self.check_held();
        self.check_servers_are_no_services(statements);
    }

    /// An address that no instance holds, when the file has instances for the others.
    fn check_held(&mut self) {
        let instances = &self.config.vrrp.instances;
        let lists = instances.iter().flat_map(|instance| instance.addresses.iter().chain(&instance.excluded));
        let held: HashSet<IpAddr> = lists.map(|listed| listed.address).collect();
        let is_held = |endpoint: &Endpoint| match endpoint {
            Endpoint::Address(address) => held.contains(&address.ip()),
            Endpoint::Fwmark { .. } => true,
        };
        let services = &self.config.lvs.services;
        let by_address = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Address(address) if held.contains(&address.ip()));
        if !services.iter().any(|service| service.endpoints.iter().any(by_address)) {
            return;
        }
        let unheld = services.iter().filter(|service| !service.endpoints.iter().any(is_held));
        let found: Vec<_> = unheld
            .filter_map(|service| {
                let address = service.endpoints.first()?;
                let span = self.places.of(&Item::Service(service.name.clone())).first()?;
                Some((*address, *span))
            })
            .collect();
        for (endpoint, span) in found {
            let Endpoint::Address(address) = endpoint else { continue };
            let message =
                format!("no instance holds {}, unlike the addresses of other services", address.ip());
            let help = "add it to a virtual_ipaddress list, unless something else brings its packets here";
            self.report(Diagnostic::hint(Rule::UnheldService, span, message).help(help));
        }
    }

    /// A real server that is one of the services.
    fn check_servers_are_no_services(&mut self, statements: &'a [Statement]) {
        let services = &self.config.lvs.services;
        let endpoints = services.iter().flat_map(|service| &service.endpoints);
        let taken: HashSet<SocketAddr> = endpoints
            .filter_map(|endpoint| match endpoint {
                Endpoint::Address(address) => Some(*address),
                Endpoint::Fwmark { .. } => None,
            })
            .collect();
        let mut servers = services.iter().flat_map(|service| &service.real_servers);
        if !servers.any(|server| taken.contains(&server.address)) {
            return;
        }
        // Rare: only now is it worth looking for the places.
        let blocks = statements.iter().filter(|statement| statement.row.name == "virtual_server");
        for block in blocks.flat_map(|block| block.block()).filter(|inner| inner.row.name == "real_server") {
            let words = self.word(block, 0).zip(self.word(block, 1));
            let Some((address, port)) = words else { continue };
            let parsed = address.text.parse().ok().zip(port.text.parse().ok());
            if parsed.is_none_or(|(ip, port)| !taken.contains(&SocketAddr::new(ip, port))) {
                continue;
            }
            let message =
                format!("{} port {} is a virtual server: packets would come back", address.text, port.text);
            let help = "write the address of the machine that answers";
            self.report(Diagnostic::tolerated(Rule::ServerIsService, address.span, message).help(help));
        }
    }

    /// A service whose servers all have weight 0.
    pub(super) fn check_weights(&mut self, servers: &[RealServer], at: Span) {
        if servers.iter().any(|server| server.weight.get() > 0) {
            return;
        }
        let message = "all real servers have weight 0, so none gets new connections";
        self.report(Diagnostic::hint(Rule::NoWeight, at, message));
    }

    /// A sorry server that is down when it is needed.
    pub(super) fn check_sorry(
        &mut self,
        sorry: Option<&SorryServer>,
        servers: &[RealServer],
        at: Option<Span>,
    ) {
        let (Some(sorry), Some(at)) = (sorry, at) else { return };
        if servers.iter().all(|server| server.address != sorry.address) {
            return;
        }
        let message = format!("the sorry server {} is one of the real servers", sorry.address);
        let help = "it is for when they are all down: name another machine";
        self.report(Diagnostic::hint(Rule::SorryIsServer, at, message).help(help));
    }
}
