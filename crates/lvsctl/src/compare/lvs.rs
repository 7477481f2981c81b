//! Virtual servers.

use std::collections::BTreeSet;

use lvsd_model::{LvsConfig, VirtualServer};

use super::{Differences, pairs};

pub(super) fn compare(a: &LvsConfig, b: &LvsConfig, found: &mut Differences) {
    let (both, only_a, only_b) = pairs(
        &a.services,
        &b.services,
        &[
            |a, b| a.protocol == b.protocol && a.endpoints == b.endpoints,
            |a, b| a.protocol == b.protocol && a.name == b.name,
        ],
    );
    for (a, b) in both {
        service(a, b, found);
    }
    let message = "only one of the nodes has this virtual server: its clients are refused by the other";
    for one in only_a {
        found.add("one-sided-service", &subject(one), [Some(servers(one)), None], message);
    }
    for one in only_b {
        found.add("one-sided-service", &subject(one), [None, Some(servers(one))], message);
    }
}

fn subject(service: &VirtualServer) -> String {
    format!("virtual_server {} {:?}", service.name, service.protocol).to_lowercase()
}

fn servers(service: &VirtualServer) -> String {
    format!("{} real servers", service.real_servers.len())
}

fn service(a: &VirtualServer, b: &VirtualServer, found: &mut Differences) {
    let subject = &subject(a);
    let endpoints = |service: &VirtualServer| -> BTreeSet<String> {
        service.endpoints.iter().map(|endpoint| format!("{endpoint:?}")).collect()
    };
    let message = "other members of the group: what only one node has is refused by the other";
    found.sets("endpoints", subject, [endpoints(a), endpoints(b)], message);
    let schedulers = [a.scheduler.name(), b.scheduler.name()];
    found.unequal(
        "scheduler",
        subject,
        schedulers,
        "other lvs_sched: clients are spread in another way after a fail-over",
    );
    let persistence = |service: &VirtualServer| {
        service
            .persistence
            .as_ref()
            .map_or_else(|| "none".to_owned(), |found| format!("{} s", found.timeout.as_secs()))
    };
    let message = "other persistence_timeout: clients may change their server after a fail-over";
    found.unequal("persistence", subject, [persistence(a), persistence(b)], message);
    let real = |service: &VirtualServer| -> BTreeSet<String> {
        service.real_servers.iter().map(|server| server.address.to_string()).collect()
    };
    found.sets("real-servers", subject, [real(a), real(b)], "other real servers");
    weights(subject, a, b, found);
}

fn weights(subject: &str, a: &VirtualServer, b: &VirtualServer, found: &mut Differences) {
    let (both, ..) = pairs(&a.real_servers, &b.real_servers, &[|a, b| a.address == b.address]);
    for (a, b) in both {
        let subject = format!("{subject} real_server {}", a.address);
        found.unequal("weight", &subject, [a.weight, b.weight], "other weight");
        let forward = [a.forward, b.forward].map(|forward| format!("{forward:?}"));
        found.unequal("forwarding", &subject, forward, "other lvs_method");
    }
}
