//! Where things are named, for what can be known only on the host: does the interface exist, may the script be run?

use std::collections::HashMap;

use crate::source::Span;

/// Something of the host that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// An interface, by name.
    Interface(String),
    /// A command, by [`lvsd_model::Script::source`].
    Script(String),
    /// A file whose readability is tracked.
    File(String),
    /// A file of certificates or keys.
    Certificate(String),
    /// A user that scripts run as.
    User(String),
    /// A group that scripts run as.
    Group(String),
    /// A `vrrp_instance`, by name.
    Instance(String),
    /// A `vrrp_sync_group`, by name.
    SyncGroup(String),
    /// A `vrrp_script`, by name.
    TrackScript(String),
    /// A `virtual_server`, by [`lvsd_model::VirtualServer::name`].
    Service(String),
}

/// The spans of every [`Item`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(HashMap<Item, Vec<Span>>);

impl Places {
    pub(crate) fn add(&mut self, item: Item, span: Span) {
        self.0.entry(item).or_default().push(span);
    }

    pub(crate) fn of(&self, item: &Item) -> &[Span] {
        self.0.get(item).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.keys()
    }
}
