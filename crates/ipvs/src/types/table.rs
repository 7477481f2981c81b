//! Whole tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Dest, DestKey, Service, ServiceKey};

/// A virtual service and its destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EntryParts", into = "EntryParts")]
pub struct Entry {
    service: Service,
    dests: BTreeMap<DestKey, Dest>,
}

impl Entry {
    /// A service with no destination yet.
    pub const fn new(service: Service) -> Self {
        Self { service, dests: BTreeMap::new() }
    }

    /// A service with these destinations; of several with one key the last counts.
    pub fn with_dests(service: Service, dests: impl IntoIterator<Item = Dest>) -> Self {
        Self { service, dests: dests.into_iter().map(|dest| (dest.key, dest)).collect() }
    }

    /// What the service answers to.
    pub const fn key(&self) -> &ServiceKey {
        self.service.key()
    }

    /// The service.
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Puts another service in the place of this one. The service of another key is handed back.
    ///
    /// # Errors
    /// The service given, when its key differs.
    pub fn replace_service(&mut self, service: Service) -> Result<(), Box<Service>> {
        if service.key() != self.service.key() {
            return Err(Box::new(service));
        }
        self.service = service;
        Ok(())
    }

    /// The destinations in the order of their keys.
    pub const fn dests(&self) -> &BTreeMap<DestKey, Dest> {
        &self.dests
    }

    /// Puts a destination in; the one it replaces is returned.
    pub fn insert(&mut self, dest: Dest) -> Option<Dest> {
        self.dests.insert(dest.key, dest)
    }

    /// Takes a destination out.
    pub fn remove(&mut self, key: &DestKey) -> Option<Dest> {
        self.dests.remove(key)
    }
}

#[derive(Serialize, Deserialize)]
struct EntryParts {
    service: Service,
    dests: Vec<Dest>,
}

impl From<EntryParts> for Entry {
    fn from(parts: EntryParts) -> Self {
        Self::with_dests(parts.service, parts.dests)
    }
}

impl From<Entry> for EntryParts {
    fn from(entry: Entry) -> Self {
        Self { service: entry.service, dests: entry.dests.into_values().collect() }
    }
}

/// An IPVS table: the services by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Table(BTreeMap<ServiceKey, Entry>);

impl Table {
    /// An empty table.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The entry of that key.
    pub fn get(&self, key: &ServiceKey) -> Option<&Entry> {
        self.0.get(key)
    }

    /// The entry of that key, to be changed.
    pub fn get_mut(&mut self, key: &ServiceKey) -> Option<&mut Entry> {
        self.0.get_mut(key)
    }

    /// Puts an entry in; the one it replaces is returned.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.0.insert(*entry.key(), entry)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &ServiceKey) -> Option<Entry> {
        self.0.remove(key)
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> + DoubleEndedIterator {
        self.0.values()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &ServiceKey> + DoubleEndedIterator {
        self.0.keys()
    }

    /// Whether there is an entry of that key.
    pub fn contains(&self, key: &ServiceKey) -> bool {
        self.0.contains_key(key)
    }

    /// How many services there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many destinations there are in all.
    pub fn dest_count(&self) -> usize {
        self.iter().map(|entry| entry.dests().len()).sum()
    }
}

impl FromIterator<Entry> for Table {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self(entries.into_iter().map(|entry| (*entry.key(), entry)).collect())
    }
}

impl From<Vec<Entry>> for Table {
    fn from(entries: Vec<Entry>) -> Self {
        entries.into_iter().collect()
    }
}

impl From<Table> for Vec<Entry> {
    fn from(table: Table) -> Self {
        table.0.into_values().collect()
    }
}
