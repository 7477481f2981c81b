//! `track_virtual_server`: virtual routers that follow the quorums of virtual servers.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use lvsd_model::{TrackWeight, TrackedService, Trackers};

use super::Lowering;
use super::track::TrackDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

/// What is tracked, each with the first place that says so.
pub(super) type TrackedServices = BTreeMap<String, Span>;

/// The greatest weight.
const MOST: i64 = 253;

impl<'a> Lowering<'a> {
    /// One virtual server per line, called as its own block is: `192.0.2.1 80`, `fwmark 7`, `group web`.
    pub(super) fn track_services(&mut self, statement: &'a Statement, draft: &mut TrackDraft) {
        let mut seen = HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((service, name, rest)) = service_of(&words) else {
                if let Some(&word) = words.first() {
                    let message = format!("`{}` is not how a virtual server begins", word.text);
                    let help = "write it as behind virtual_server: `192.0.2.1 80`, `fwmark 7` or `group web`";
                    let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, word.span, message);
                    self.report(diagnostic.label("ignored").help(help));
                }
                continue;
            };
            let (effect, from) = self.tracked_weight(rest, TrackWeight::default(), MOST);
            if !seen.insert(service.clone()) {
                self.tracked_twice(name);
                continue;
            }
            self.tracked_services.entry(service.clone()).or_insert(name.span);
            draft.add_service(TrackedService { service, effect }, (name.span, from));
        }
    }

    /// Now that the virtual servers are known: forgets trackers of those that are not there.
    pub(super) fn check_tracked_services(&mut self) {
        let services = self.config.lvs.services.iter();
        let known: HashSet<String> = services.filter_map(|service| service.tracked_as.clone()).collect();
        let missing: Vec<_> =
            self.tracked_services.iter().filter(|(name, _)| !known.contains(*name)).collect();
        let missing: Vec<(String, Span)> =
            missing.into_iter().map(|(name, at)| (name.clone(), *at)).collect();
        for (name, at) in missing {
            let message = format!("there is no virtual_server `{name}`: nothing is tracked here");
            let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, at, message).label("ignored");
            let names = self.config.lvs.services.iter().map(|service| service.name.as_str());
            let near = suggest::nearest(&name, names).map(|near| format!("did you mean `{near}`?"));
            self.report(match near {
                Some(near) => diagnostic.help(near),
                None => diagnostic,
            });
        }
        let vrrp = &mut self.config.vrrp;
        let instances = vrrp.instances.iter_mut().map(|instance| &mut instance.trackers);
        let groups = vrrp.groups.iter_mut().map(|group| &mut group.trackers);
        for Trackers { services, .. } in instances.chain(groups) {
            services.retain(|line| known.contains(&line.service));
        }
    }

    /// Whether a service that is tracked may have its checks suspended: whoever has no address because of it would never find it
    /// well again.
    pub(super) fn may_suspend(&mut self, name: &str, suspend: Span) -> bool {
        let Some(&tracked) = self.tracked_services.get(name) else { return true };
        let message =
            "ha_suspend is ignored: the quorum of this service is tracked, so it must be known everywhere";
        let help = "without its checks a router in FAULT would never find the service well again";
        self.report(
            Diagnostic::tolerated(Rule::SuspendedTracking, suspend, message)
                .also(tracked, "tracked here")
                .help(help),
        );
        false
    }
}

/// The name of the service that a line begins with, the word that stands for it, and what follows.
fn service_of<'w, 'a>(words: &'w [Word<'a>]) -> Option<(String, Word<'a>, &'w [Word<'a>])> {
    let (&first, rest) = words.split_first()?;
    let second = rest.split_first();
    match (first.text, second) {
        ("group", Some((&name, rest))) => Some((name.text.to_owned(), name, rest)),
        ("fwmark", Some((&mark, rest))) => Some((format!("fwmark {}", mark.text), mark, rest)),
        ("group" | "fwmark", None) => None,
        (address, second) => {
            let address: IpAddr = address.parse().ok()?;
            let port = second.and_then(|(word, rest)| Some((word.text.parse::<u16>().ok()?, rest)));
            let (port, rest) = port.unwrap_or((0, rest));
            Some((format!("{address} {port}"), first, rest))
        }
    }
}
