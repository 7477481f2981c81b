//! What the members of a sync group should have in common.

use std::collections::HashMap;

use lvsd_model::Instance;

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;

impl<'a> Lowering<'a> {
    /// Members that would not become master at the same time by themselves. `members` are the places where groups name them.
    pub(super) fn check_group_settings(&mut self, members: &HashMap<&'a str, Span>) {
        let by_name: HashMap<&str, &Instance> =
            self.instance_drafts.iter().map(|(_, instance)| (instance.name.as_str(), instance)).collect();
        let mut found = Vec::new();
        for group in &self.config.vrrp.groups {
            let mut instances = group.members.iter().filter_map(|name| by_name.get(name.as_str()));
            let Some(first) = instances.next() else { continue };
            for other in instances {
                let difference = difference(first, other);
                let place = members.get(other.name.as_str());
                if let (Some(what), Some(&span)) = (difference, place) {
                    found.push((what, span, other.name.clone(), first.name.clone(), group.name.clone()));
                }
            }
        }
        for (what, span, other, first, group) in found {
            let message =
                format!("`{other}` and `{first}` of the sync group `{group}` have different {what}");
            let help = "members change state together, so give them the same";
            self.report(Diagnostic::hint(Rule::GroupMixed, span, message).help(help));
        }
    }
}

/// The first setting of the election that two members do not share.
fn difference(one: &Instance, other: &Instance) -> Option<&'static str> {
    if one.priority != other.priority {
        Some("priorities")
    } else if one.preempt != other.preempt {
        Some("rules of preemption")
    } else if one.advert_interval.duration() != other.advert_interval.duration() {
        Some("advert intervals")
    } else {
        None
    }
}
