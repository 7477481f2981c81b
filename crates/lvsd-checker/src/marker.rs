//! Has nftables mark the packets for groups (`nftables_ipvs`): two tables of our own, replaced as a whole, in one transaction.
//!
//! What the marks are, and the names of tables that are ours, is written down first, so that a successor knows: it gives the same
//! marks, and removes tables that nobody wants any more. Rules come before services that need them and go after them: a packet
//! with a mark of which IPVS has no service is scheduled by its address.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use lvsd_health::{Marked, Marks};
use lvsd_model::{Family, Marking, Protocol, VirtualServer};
use lvsd_net::nft::{
    Chain, Element, Expression, Field, Hook, Meta, Nft, NftError, NftMonitor, Set, Table, TableFamily,
    Transaction,
};
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_local};

use crate::namespace;

/// The file in the runtime directory.
const NOTES: &str = lvsd_ipc::Role::MARKS_JOURNAL;
/// What the host sends itself passes IPVS at -98.
const BEFORE_IPVS: i32 = -150;
/// Registers of four bytes; the first one is also the first of the large ones.
const FIRST: u32 = 8;

/// The tables, and the marks that they give.
#[derive(Debug, Default)]
pub(crate) struct Marker {
    marks: Marks,
    notes: Option<PathBuf>,
    /// Names of tables that are ours, or may be.
    tables: BTreeSet<String>,
    wanted: Option<(Marking, BTreeSet<Marked>)>,
    installed: bool,
    nft: Option<Nft>,
}

impl Marker {
    /// Gives the services of a configuration their marks, which are noted. What earlier processes noted is read once.
    pub(crate) fn assign(
        &mut self,
        directory: &Path,
        marking: Option<&Marking>,
        services: &[Arc<VirtualServer>],
    ) -> Marks {
        if self.notes.is_none() {
            self.read(directory.join(NOTES));
        }
        let before = self.marks.clone();
        self.marks.assign(marking, services);
        let wanted = marking.map(|marking| (marking.clone(), self.marks.marked(services)));
        self.installed &= wanted == self.wanted;
        self.wanted = wanted;
        let is_new = marking.is_some_and(|marking| self.tables.insert(marking.table.clone()));
        if is_new || before != self.marks {
            self.note();
        }
        self.marks.clone()
    }

    fn read(&mut self, path: PathBuf) {
        let text = match std::fs::read(&path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    tracing::warn!(%error, "the notes on marks cannot be read; tables of nftables may stay");
                }
                String::new()
            }
        };
        self.tables =
            text.lines().filter_map(|line| line.strip_prefix("table ")).map(str::to_owned).collect();
        self.marks = Marks::from_text(&text);
        self.notes = Some(path);
    }

    fn note(&self) {
        let Some(path) = &self.notes else { return };
        let tables: String = self.tables.iter().map(|name| format!("table {name}\n")).collect();
        let text = tables + &self.marks.to_text();
        let written = if text.is_empty() {
            std::fs::remove_file(path).or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        } else {
            let draft = path.with_extension("new");
            std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path))
        };
        if let Err(error) = written {
            tracing::warn!(%error, "marks cannot be noted; a successor will give others");
        }
    }

    /// Has the kernel mark what is to be marked. Gives what is wrong.
    pub(crate) fn install(&mut self) -> Option<String> {
        let (marking, marked) = self.wanted.as_ref().filter(|_| !self.installed)?;
        match commit(&mut self.nft, &rules(marking, marked)) {
            Ok(()) => {
                self.installed = true;
                None
            }
            Err(error) => {
                let text = format!("nftables_ipvs: packets cannot be marked: {error}");
                tracing::error!("{text}");
                Some(text)
            }
        }
    }

    /// Removes the tables that nobody wants any more.
    pub(crate) fn tidy(&mut self) {
        let wanted = self.wanted.as_ref().map(|(marking, _)| marking.table.clone());
        self.remove(|name| Some(name) != wanted.as_deref());
    }

    /// Removes everything of ours.
    pub(crate) fn release(&mut self) {
        self.wanted = None;
        self.marks = Marks::default();
        self.remove(|_| true);
        self.note();
    }

    fn remove(&mut self, surplus: impl Fn(&str) -> bool) {
        let names: Vec<_> = self.tables.iter().filter(|name| surplus(name)).cloned().collect();
        for name in names {
            let mut transaction = Transaction::new();
            for family in [TableFamily::Ip, TableFamily::Ip6] {
                transaction.remove_table(&Table { family, name: name.clone() });
            }
            match commit(&mut self.nft, &transaction) {
                Ok(()) | Err(NftError::Absent) => {
                    self.tables.remove(&name);
                    self.note();
                }
                Err(error) => tracing::warn!(table = name, %error, "a table of nftables cannot be removed"),
            }
        }
    }

    /// The table that is there, and the number by which the kernel names us as the cause of what happens to it.
    fn installed(&self) -> Option<(String, u32)> {
        let (marking, _) = self.wanted.as_ref().filter(|_| self.installed)?;
        Some((marking.table.clone(), self.nft.as_ref()?.port().ok()?))
    }
}

/// Makes the tables again when somebody else removes them: a reload of the host's own firewall does, by `flush ruleset`.
pub(crate) fn guard(marker: &Rc<RefCell<Marker>>) -> std::io::Result<JoinHandle<()>> {
    let monitor = namespace::inside(NftMonitor::open)?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe; a monitor's descriptor is its own as long as it lives"
    )]
    let mut monitor = AsyncFd::new(monitor)?;
    let marker = Rc::clone(marker);
    Ok(spawn_local(async move {
        while let Ok(mut ready) = monitor.readable_mut().await {
            let installed = marker.borrow().installed();
            let (table, own) = installed.unwrap_or_default();
            // Read also when nothing is there, so that nothing waits.
            if ready.get_inner_mut().removed(&table, own) && !table.is_empty() {
                tracing::warn!(table, "somebody removed our table of nftables; making it again");
                let mut marker = marker.borrow_mut();
                marker.installed = false;
                marker.install();
            }
            ready.clear_ready();
        }
    }))
}

fn commit(nft: &mut Option<Nft>, transaction: &Transaction) -> Result<(), NftError> {
    let connection = match nft {
        Some(connection) => connection,
        None => {
            let opened = namespace::inside(|| Ok(Nft::open())).map_err(NftError::Broken)?;
            nft.insert(opened?)
        }
    };
    let done = connection.commit(transaction);
    if matches!(done, Err(NftError::Broken(_))) {
        *nft = None;
    }
    done
}

/// Both tables, in the place of what is there.
fn rules(marking: &Marking, marked: &BTreeSet<Marked>) -> Transaction {
    let mut transaction = Transaction::new();
    for (family, table_family) in [(Family::V4, TableFamily::Ip), (Family::V6, TableFamily::Ip6)] {
        let table = Table { family: table_family, name: marking.table.clone() };
        transaction.remove_table(&table);
        let of_family = marked.iter().filter(|one| Family::of(one.address.ip()) == family);
        let (any_port, ports): (Vec<_>, Vec<_>) =
            of_family.map(element).partition(|one| matches!(one, Element::Mark { port: None, .. }));
        if any_port.is_empty() && ports.is_empty() {
            continue;
        }
        transaction.add_table(&table);
        let (port_set, set) = match family {
            Family::V4 => (Set::Ipv4PortToMark, Set::Ipv4ToMark),
            Family::V6 => (Set::Ipv6PortToMark, Set::Ipv6ToMark),
        };
        transaction.add_set(&table, "ports", port_set, &ports);
        transaction.add_set(&table, "addresses", set, &any_port);
        let hooks = [
            ("incoming", Hook::Prerouting, marking.priority),
            ("outgoing", Hook::Output, marking.priority.min(BEFORE_IPVS)),
        ];
        for (name, hook, priority) in hooks {
            transaction.add_chain(&table, Chain { name, hook: Some((hook, priority)) });
            transaction.add_rule(&table, name, &rule(marking, family, Some("ports")));
            transaction.add_rule(&table, name, &rule(marking, family, None));
        }
    }
    transaction
}

/// Looks a packet up: by address, protocol and port in that map, or without the port in the other.
fn rule(marking: &Marking, family: Family, ports: Option<&'static str>) -> Vec<Expression> {
    let (destination, next) = match family {
        Family::V4 => (Field::Network { offset: 16, length: 4 }, FIRST + 1),
        Family::V6 => (Field::Network { offset: 24, length: 16 }, FIRST + 4),
    };
    let mut rule = vec![Expression::Load(destination, FIRST), Expression::LoadMeta(Meta::Protocol, next)];
    if ports.is_some() {
        rule.push(Expression::Load(Field::Transport { offset: 2, length: 2 }, next + 1));
    }
    rule.push(Expression::Map(FIRST, ports.unwrap_or("addresses"), FIRST));
    if marking.counters {
        rule.push(Expression::Count);
    }
    rule.push(Expression::SetMark(FIRST));
    rule
}

fn element(marked: &Marked) -> Element {
    let protocol = match marked.protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    };
    let port = Some(marked.address.port()).filter(|port| *port != 0);
    Element::Mark { address: marked.address.ip(), protocol, port, mark: marked.mark.get() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use lvsd_model::Endpoint;

    use super::*;
    use crate::testing::{address, server, service};

    fn group(name: &str) -> Arc<VirtualServer> {
        let endpoints =
            vec![Endpoint::Address(address("10.0.0.1:80")), Endpoint::Address(address("10.0.0.2:80"))];
        Arc::new(VirtualServer {
            name: name.into(),
            endpoints,
            ..service("10.0.0.1:80", vec![server("192.0.2.1:80")])
        })
    }

    fn marking(table: &str) -> Marking {
        let first = NonZeroU32::new(7).expect("not zero");
        Marking { table: table.into(), priority: -1, first, counters: true }
    }

    #[test]
    fn a_successor_gives_the_same_marks_and_knows_the_tables() {
        let directory = tempfile::tempdir().expect("a directory");
        let services = [group("b")];
        let mut marker = Marker::default();
        let marks = marker.assign(directory.path(), Some(&marking("one")), &services);
        let mut successor = Marker::default();
        let both = [group("a"), group("b")];
        let after = successor.assign(directory.path(), Some(&marking("two")), &both);
        assert_eq!(after.keys(&both[1]), marks.keys(&services[0]));
        assert_eq!(successor.tables.iter().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn without_groups_or_the_keyword_nothing_is_noted() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut marker = Marker::default();
        marker.assign(directory.path(), None, &[group("a")]);
        assert!(marker.install().is_none());
        marker.tidy();
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 0);
    }
}
