//! From the tree to the typed model: names, units, references, defaults. Nothing here knows files or braces.

mod address;
mod auth;
mod bfd;
mod check;
mod common;
mod cross;
mod cross_groups;
mod cross_services;
mod daemon;
mod encap;
mod endpoints;
mod globals;
mod groups;
mod http;
mod instance;
mod instance_checks;
mod instance_rules;
mod interfaces;
mod ipvs;
mod line;
mod marking;
mod names;
mod notices;
mod planned;
mod probes;
mod processes;
mod regex;
mod route;
mod rule;
mod scripts;
mod server;
mod service;
mod statics;
mod tls;
mod track;
mod track_service;
mod turnover;
mod vmac;
mod watched;
mod words;

use std::collections::{HashMap, HashSet};

use lvsd_model::{Config, Instance};

use crate::diagnostic::Diagnostics;
use crate::files::Files;
use crate::keywords::Row;
use crate::places::Places;
use crate::source::{SourceMap, Span};
use crate::tree::{Document, Statement};

/// The work of one lowering.
pub(crate) struct Lowering<'a> {
    sources: &'a SourceMap,
    files: &'a dyn Files,
    document: &'a Document,
    diagnostics: Diagnostics,
    places: Places,
    config: Config,
    defaults: globals::Defaults,
    notices: notices::NoticeDraft,
    processes: processes::ProcessDraft,
    daemon: daemon::DaemonDraft,
    /// Root statements by name: where each script, group and instance is defined.
    tracked: HashMap<(track::Kind, &'a str), Defined>,
    used: HashSet<(track::Kind, &'a str)>,
    /// Instances that exist.
    instance_names: HashSet<&'a str>,
    /// Instances so far, with what was written.
    instance_drafts: Vec<(instance::Draft, Instance)>,
    /// Keywords of the block that is looked at, with their places: empty between two blocks, kept for its memory.
    seen: Vec<(&'static Row, Span)>,
    /// The blocks that statements are being read in, as they are called in the file.
    path: Vec<String>,
    marking: marking::MarkingDraft,
    tracked_services: track_service::TrackedServices,
    tls: tls::TlsDraft,
    /// `lvs_sync_daemon`, which may name an instance.
    sync_draft: Option<ipvs::SyncDraft<'a>>,
    /// Names for numbers of routing.
    names: names::Names<'a>,
    /// Rules that got their preference here.
    assigned_preferences: u32,
}

/// Where something with a name is defined.
#[derive(Clone, Copy, Debug)]
struct Defined {
    /// Its name.
    span: Span,
    /// The number of its root statement.
    order: usize,
    /// Its index in the model.
    index: usize,
}

/// Lowers a whole document.
pub(crate) fn lower(
    document: &Document,
    sources: &SourceMap,
    files: &dyn Files,
) -> (Config, Diagnostics, Places) {
    let mut lowering = Lowering {
        sources,
        files,
        document,
        diagnostics: Diagnostics::default(),
        places: Places::default(),
        config: Config::default(),
        defaults: globals::Defaults::default(),
        notices: notices::NoticeDraft::default(),
        processes: processes::ProcessDraft::default(),
        daemon: daemon::DaemonDraft::default(),
        tracked: HashMap::new(),
        used: HashSet::new(),
        instance_names: HashSet::new(),
        instance_drafts: Vec::new(),
        seen: Vec::new(),
        path: Vec::new(),
        marking: marking::MarkingDraft::default(),
        tracked_services: track_service::TrackedServices::new(),
        tls: tls::TlsDraft::default(),
        sync_draft: None,
        names: names::Names::new(files),
        assigned_preferences: 0,
    };
    lowering.run();
    (lowering.config, lowering.diagnostics, lowering.places)
}

impl<'a> Lowering<'a> {
    fn run(&mut self) {
        let statements = &self.document.statements;
        // Globals and scripts first, wherever they stand: the order of the file matters to nobody here.
        for statement in statements {
            self.root(statement);
        }
        self.finish_marking();
        let order = |keyword: &'static str| {
            statements.iter().enumerate().filter(move |(_, statement)| statement.row.name == keyword)
        };
        for (order, statement) in order("vrrp_script") {
            self.vrrp_script(statement, order);
        }
        for (order, statement) in order("track_file").chain(order("vrrp_track_file")) {
            self.track_file(statement, order);
        }
        for (order, statement) in order("vrrp_track_process") {
            self.track_process(statement, order);
        }
        for (order, statement) in order("bfd_instance") {
            self.bfd_instance(statement, order);
        }
        let names = order("vrrp_instance").filter_map(|(_, block)| self.word(block, 0));
        let names: Vec<&str> = names.map(|name| name.text).collect();
        self.instance_names.extend(names);
        // Rules without a preference get theirs in the order of the file.
        let first = |wanted: &str| statements.iter().position(|statement| statement.row.name == wanted);
        let statics_first =
            first("static_rules").is_some_and(|at| first("vrrp_instance").is_none_or(|other| at < other));
        if statics_first {
            self.statics(statements);
        }
        self.instances(order("vrrp_instance"));
        if !statics_first {
            self.statics(statements);
        }
        self.sync_groups(order("vrrp_sync_group"));
        self.garp_groups(statements.iter());
        self.finish_sync_daemon();
        self.check_trackers();
        self.services(statements);
        self.check_tracked_services();
        self.finish_ssl();
        self.check_sessions();
        self.finish_notices();
        self.finish_processes();
        self.finish_daemon();
    }

    /// Does something to what is in a block, whose name is remembered meanwhile.
    fn inside<T>(&mut self, name: String, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name);
        let result = work(self);
        self.path.pop();
        result
    }

    /// A statement of the root level that is no block of an object.
    fn root(&mut self, statement: &'a Statement) {
        if !self.accept(statement) {
            return;
        }
        match statement.row.name {
            "global_defs" => self.inside("global_defs".to_owned(), |this| this.global_defs(statement)),
            "SSL" => self.ssl(statement),
            "net_namespace" => {
                self.config.globals.net_namespace = self.word(statement, 0).map(|word| word.text.to_owned());
            }
            "net_namespace_ipvs" => self.ipvs_namespace(statement),
            "instance" => {
                self.config.globals.instance = self.word(statement, 0).map(|word| word.text.to_owned())
            }
            "child_wait_time" => {
                if let Some(seconds) = self.integer(statement, 0, 0..=i64::from(u32::MAX)) {
                    self.config.globals.child_wait = common::whole_seconds(seconds);
                }
            }
            "interface_up_down_delays" => self.link_delays(statement),
            _ => {}
        }
    }
}
