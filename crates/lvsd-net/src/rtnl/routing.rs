//! Routes and rules as the kernel is told of them, and as it tells of them.

use std::net::IpAddr;

use lvsd_model::{Family, InterfaceName, Placement, Prefix, Route, RouteKind, RouteTable, Rule};

/// A route whose names are looked up: what the kernel can be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteSpec {
    pub(super) route: Route,
    pub(super) table: u32,
    /// Of each hop that names one, in order.
    pub(super) interfaces: Vec<Option<u32>>,
}

/// The first interface of a route that does not exist, or is no VRF where it should be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no interface {0}")]
pub struct NoInterface(pub InterfaceName);

impl RouteSpec {
    /// Looks up the names of a route; `index_of` knows interfaces, `table_of` the tables of VRF devices.
    ///
    /// # Errors
    /// [`NoInterface`].
    pub fn new(
        route: &Route,
        index_of: impl Fn(&InterfaceName) -> Option<u32>,
        table_of: impl Fn(&InterfaceName) -> Option<u32>,
    ) -> Result<Self, NoInterface> {
        let table = match &route.table {
            RouteTable::Number(table) => *table,
            RouteTable::Vrf(name) => table_of(name).ok_or_else(|| NoInterface(name.clone()))?,
        };
        let index = |name: &InterfaceName| index_of(name).ok_or_else(|| NoInterface(name.clone()));
        let interfaces = route.hops.iter().map(|hop| hop.interface.as_ref().map(index).transpose());
        let interfaces = interfaces.collect::<Result<_, _>>()?;
        Ok(Self { route: route.clone(), table, interfaces })
    }

    /// Whether adding it takes the place of `other`, instead of going beside it.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        self.route.placement == Placement::Replace && self.key() == other.key()
    }

    /// What there can be one of, unless routes are appended.
    fn key(&self) -> RouteKey {
        let Route { destination, source, tos, metric, .. } = &self.route;
        let default = match destination.family() {
            Family::V4 => 0,
            // IP6_RT_PRIO_USER.
            Family::V6 => 1024,
        };
        let metric = metric.filter(|metric| *metric != 0).unwrap_or(default);
        let source = source.filter(|source| !source.is_empty());
        RouteKey { table: self.table, destination: *destination, source, tos: *tos, metric }
    }

    /// Whether this entry is in the place of this route, be it the route or another one.
    #[must_use]
    pub fn in_place(&self, entry: &RouteEntry) -> bool {
        self.key() == entry.key
    }

    /// Whether this entry is the route.
    #[must_use]
    pub fn is(&self, entry: &RouteEntry) -> bool {
        let hops = || {
            // IPv6 routes that are appended to one another are one with several hops.
            if self.route.family() == Family::V4 && entry.hops.len() != self.interfaces.len() {
                return false;
            }
            let mut wanted = self.route.hops.iter().zip(&self.interfaces);
            wanted.all(|(hop, interface)| {
                entry.hops.iter().any(|(gateway, index)| {
                    hop.gateway == *gateway && interface.is_none_or(|interface| Some(interface) == *index)
                })
            })
        };
        self.in_place(entry)
            && self.route.protocol == entry.protocol
            && self.route.kind == entry.kind
            && (!self.route.kind.has_hops() || hops())
    }

    /// The indexes of the interfaces that it leads over.
    pub fn interfaces(&self) -> impl Iterator<Item = u32> {
        self.interfaces.iter().flatten().copied()
    }
}

/// The place of a route in the kernel's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteKey {
    pub(super) table: u32,
    pub(super) destination: Prefix,
    pub(super) source: Option<Prefix>,
    pub(super) tos: u8,
    pub(super) metric: u32,
}

/// A route that the kernel has, as far as it says which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    pub(super) key: RouteKey,
    /// Who it belongs to.
    pub protocol: u8,
    pub(super) kind: RouteKind,
    /// Gateways and interfaces.
    pub(super) hops: Vec<(Option<IpAddr>, Option<u32>)>,
}

/// Whether two rules are the same to the kernel.
#[must_use]
pub fn same_rule(one: &Rule, other: &Rule) -> bool {
    let plain = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.no_track = false;
        if let Some(mark) = &mut rule.mark {
            // The kernel's, when none is given.
            mark.mask = mark.mask.or_else(|| (mark.value != 0).then_some(u32::MAX)).filter(|mask| *mask != 0);
        }
        rule.mark = rule.mark.filter(|mark| mark.value != 0 || mark.mask.is_some());
        rule.source = rule.source.filter(|prefix| !prefix.is_empty());
        rule.destination = rule.destination.filter(|prefix| !prefix.is_empty());
        rule.tunnel = rule.tunnel.filter(|id| *id != 0);
        rule.ip_protocol = rule.ip_protocol.filter(|protocol| *protocol != 0);
        rule.realms = rule.realms.filter(|realms| (realms.source, realms.destination) != (0, 0));
        rule
    };
    plain(one) == plain(other)
}

/// A change to make to routes and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutingChange {
    /// Adds a route, as its placement says.
    AddRoute(RouteSpec),
    /// Removes it.
    RemoveRoute(RouteSpec),
    /// Adds a rule; refused when there is the same one.
    AddRule(Rule),
    /// Removes it.
    RemoveRule(Rule),
}

#[cfg(test)]
mod tests;
