//! `vrrp_sync_group`, and the instances once their groups are known.

use std::collections::{HashMap, HashSet};

use lvsd_model::SyncGroup;

use super::Lowering;
use super::track::TrackDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

impl<'a> Lowering<'a> {
    pub(super) fn sync_groups(&mut self, blocks: impl Iterator<Item = (usize, &'a Statement)>) {
        let mut names: HashMap<&'a str, Span> = HashMap::new();
        let mut taken: HashMap<&'a str, Span> = HashMap::new();
        for (order, block) in blocks {
            let Some(name) = self.word(block, 0) else { continue };
            if let Some(&before) = names.get(name.text) {
                let message = format!("there are two sync groups `{}`; this one is skipped", name.text);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
                self.report(diagnostic.also(before, "the first one"));
                continue;
            }
            names.insert(name.text, name.span);
            self.places.add(Item::SyncGroup(name.text.to_owned()), name.span);
            let path = format!("vrrp_sync_group {}", name.text);
            let group = self.inside(path, |this| this.sync_group(name, block, order, &mut taken));
            if let Some(group) = group {
                self.config.vrrp.groups.push(group);
            }
        }
        self.check_group_settings(&taken);
        let drafts = std::mem::take(&mut self.instance_drafts);
        self.config.vrrp.instances = drafts.into_iter().map(|(_, instance)| instance).collect();
    }

    fn sync_group(
        &mut self,
        name: Word<'a>,
        block: &'a Statement,
        order: usize,
        taken: &mut HashMap<&'a str, Span>,
    ) -> Option<SyncGroup> {
        let (mut track, mut notify) = (TrackDraft::default(), self.notices.of_vrrp());
        let (mut members, mut tracking_weight) = (Vec::new(), false);
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "group" => self.members(statement, taken, &mut members),
                "track_interface" => self.track_interfaces(statement, &mut track),
                "track_virtual_server" => self.track_services(statement, &mut track),
                "track_script" | "track_file" | "track_process" | "track_bfd" => {
                    self.track_named(statement, order, &mut track);
                }
                "sync_group_tracking_weight" => tracking_weight = true,
                _ => {
                    let known = self.notify(statement, &mut notify);
                    debug_assert!(known, "{} works, so it is lowered", statement.row.name);
                }
            }
        }
        match members.len() {
            0 => {
                let message = format!("the sync group `{}` has no members; it is ignored", name.text);
                let help = "add `group { <instance> <instance> }`, one name per line";
                self.report(Diagnostic::tolerated(Rule::GroupTooSmall, name.span, message).help(help));
                return None;
            }
            1 => {
                let message = format!(
                    "the sync group `{}` has one member only, so there is nothing to keep in step",
                    name.text
                );
                self.report(Diagnostic::tolerated(Rule::GroupTooSmall, name.span, message));
            }
            _ => {}
        }
        if notify.priority_changes {
            self.tell_priorities(&members);
        }
        if !tracking_weight {
            self.drop_member_weights(name, &members, &mut track);
        }
        Some(SyncGroup {
            name: name.text.to_owned(),
            members,
            trackers: track.trackers,
            tracking_weight,
            notify,
        })
    }

    fn members(
        &mut self,
        statement: &'a Statement,
        taken: &mut HashMap<&'a str, Span>,
        members: &mut Vec<String>,
    ) {
        for entry in statement.entries() {
            // Several names on a line are several members, though the manual wants one per line.
            for member in self.all_words(&entry.words) {
                if !self.instance_names.contains(member.text) {
                    self.missing_member(member);
                } else if let Some(&before) = taken.get(member.text) {
                    let message =
                        format!("`{}` is already in a sync group; it stays there only", member.text);
                    let diagnostic = Diagnostic::tolerated(Rule::GroupMemberTwice, member.span, message);
                    self.report(diagnostic.label("ignored").also(before, "the first time"));
                } else {
                    taken.insert(member.text, member.span);
                    members.push(member.text.to_owned());
                }
            }
        }
    }

    fn missing_member(&mut self, member: Word<'_>) {
        let message = format!("there is no instance `{}`", member.text);
        let help = suggest::nearest(member.text, self.instance_names.iter().copied())
            .map(|near| format!("did you mean `{near}`?"));
        let diagnostic =
            Diagnostic::tolerated(Rule::GroupMemberMissing, member.span, message).label("ignored");
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// `notify_priority_changes` of a group is about its members: it has no priority itself.
    fn tell_priorities(&mut self, members: &[String]) {
        for (draft, instance) in &mut self.instance_drafts {
            instance.notify.priority_changes |= members.contains(&draft.name);
        }
    }

    /// Without `sync_group_tracking_weight` the members' priorities must stay in step, so no weight may change one.
    fn drop_member_weights(&mut self, name: Word<'_>, members: &[String], track: &mut TrackDraft) {
        track.unweigh_files();
        let mut spans: Vec<Span> = track.weighted().map(|(span, _)| span).collect();
        track.drop_weighted();
        let mut drafts = std::mem::take(&mut self.instance_drafts);
        let members: HashSet<&String> = members.iter().collect();
        for (draft, instance) in drafts.iter_mut().filter(|(draft, _)| members.contains(&draft.name)) {
            draft.track.unweigh_files();
            spans.extend(draft.track.weighted().map(|(span, _)| span));
            draft.track.drop_weighted();
            instance.trackers.clone_from(&draft.track.trackers);
        }
        self.instance_drafts = drafts;
        for span in spans {
            let message = format!("weighted trackers are ignored in the sync group `{}`", name.text);
            let help = "remove the weight (a failure is then a FAULT of the group), or add `sync_group_tracking_weight` to it";
            self.report(
                Diagnostic::tolerated(Rule::GroupTracking, span, message)
                    .also(name.span, "the group")
                    .help(help),
            );
        }
    }
}
