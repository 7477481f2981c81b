//! Lines of `virtual_routes` and `static_routes`.

use lvsd_model::{
    Family, Hop, Hops, Metric, Metrics, Placement, Prefix, Route, RouteKind, RouteTable, RouterPreference,
};

use super::Lowering;
use super::line::{LeftOut, Line, Taken};
use super::names::Kind;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::Context;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::{Entry, Statement};

/// A route or rule with where it is written.
#[derive(Clone, Debug)]
pub(super) struct Written<T> {
    pub(super) object: T,
    pub(super) span: Span,
    /// `track_group`, with its place.
    pub(super) track_group: Option<(String, Span)>,
}

/// A route as written.
#[derive(Default)]
struct Draft {
    family: Option<Family>,
    kind: RouteKind,
    /// `None` within: `default`, whose family others say.
    destination: Option<Option<Prefix>>,
    source: Option<Prefix>,
    tos: u8,
    table: Option<RouteTable>,
    metric: Option<u32>,
    protocol: Option<(u8, Span)>,
    scope: Option<u8>,
    preferred_source: Option<std::net::IpAddr>,
    hop: Hop,
    hops: Vec<(Hop, u8)>,
    metrics: Metrics,
    expires: Option<(u32, Span)>,
    preference: Option<RouterPreference>,
    ttl_propagate: Option<bool>,
    placement: Placement,
    no_track: bool,
    track_group: Option<(String, Span)>,
}

/// How a number for connections is written.
enum Unit {
    Plain,
    /// A time that the kernel wants in so many parts of a millisecond.
    Time(u32),
    Switch,
}

impl<'a> Lowering<'a> {
    /// All routes of a list.
    pub(super) fn routes(&mut self, statement: &'a Statement) -> Vec<Written<Route>> {
        statement.entries().iter().filter_map(|entry| self.route(entry).ok()).collect()
    }

    fn route(&mut self, entry: &Entry) -> Taken<Written<Route>> {
        let mut line = Line::new(self.all_words(&entry.words), "route");
        let span = line.span().ok_or(LeftOut)?;
        let mut draft = Draft::default();
        while let Some(word) = line.next() {
            self.route_word(&mut line, word, &mut draft)?;
        }
        let track_group = draft.track_group.take();
        Ok(Written { object: self.finish_route(&line, span, draft)?, span, track_group })
    }

    fn route_word(&mut self, line: &mut Line<'a>, word: Word<'a>, draft: &mut Draft) -> Taken<()> {
        let known = draft.destination.is_some();
        if word.text == "to" && !known {
            let destination = self.value(line, word)?;
            return self.route_destination(line, destination, draft);
        }
        let place = word.text == "default6" || word.text.contains(['.', ':', '/']);
        let everything = matches!(word.text, "default" | "any" | "all");
        let kind = RouteKind::ALL.iter().any(|(name, _)| *name == word.text);
        let foreign = matches!(word.text, "nat" | "xresolve");
        if !known && (place || everything || kind || foreign) {
            return self.route_destination(line, word, draft);
        }
        let row = self.option_row(line, Context::RouteLine, word)?;
        if self.hop_option(line, word, row.name, &mut draft.hop)? {
            return Ok(());
        }
        match row.name {
            "nexthop" => {
                let hop = self.next_hop(line)?;
                draft.hops.push(hop);
            }
            "or" => {
                let gateway = self.address_of(line, word)?;
                let first = std::mem::take(&mut draft.hop);
                draft.hops.extend([(first, 0), (Hop { gateway: Some(gateway), ..Hop::default() }, 0)]);
            }
            name => {
                let taken = self.route_metric(line, word, name, &mut draft.metrics)?
                    || self.route_option(line, word, name, draft)?;
                debug_assert!(taken, "{name} works, so it is lowered");
            }
        }
        Ok(())
    }

    /// `[TYPE] PREFIX`.
    fn route_destination(&mut self, line: &mut Line<'a>, word: Word<'a>, draft: &mut Draft) -> Taken<()> {
        if matches!(word.text, "nat" | "xresolve") {
            let message = format!("no kernel has routes of type `{}` any more", word.text);
            return self.leave_out(line, Rule::BadValue, word.span, message, None);
        }
        let kind = RouteKind::ALL.iter().find(|(name, _)| *name == word.text);
        let word = match kind {
            Some(&(_, kind)) => {
                draft.kind = kind;
                self.value(line, word)?
            }
            None => word,
        };
        draft.destination = Some(match word.text {
            "default" | "any" | "all" => None,
            "default6" => {
                self.option_row(line, Context::RouteLine, word)?;
                Some(Prefix::default_of(Family::V6))
            }
            _ => Some(self.network(line, word)?),
        });
        Ok(())
    }

    /// What a route of one hop and each of several may have; false when it is something else.
    fn hop_option(&mut self, line: &mut Line<'a>, word: Word<'a>, name: &str, hop: &mut Hop) -> Taken<bool> {
        match name {
            "via" | "gw" => {
                let family = if line.take("inet6") {
                    Some(Family::V6)
                } else if line.take("inet") {
                    Some(Family::V4)
                } else {
                    None
                };
                let gateway = self.address_of(line, word)?;
                if family.is_some_and(|family| family != Family::of(gateway)) {
                    let message =
                        format!("the gateway {gateway} is not of the family that is written before it");
                    return self.leave_out(line, Rule::FamilyMismatch, word.span, message, None);
                }
                hop.gateway = Some(gateway);
            }
            "dev" | "oif" => hop.interface = Some(self.interface_of(line, word)?),
            "onlink" => hop.onlink = true,
            "encap" => hop.encap = Some(self.encap(line, word)?),
            "realms" => hop.realms = Some(self.realms(line, word)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn next_hop(&mut self, line: &mut Line<'a>) -> Taken<(Hop, u8)> {
        let (mut hop, mut weight) = (Hop::default(), 1_u16);
        while let Some(word) = line.peek() {
            let hops = ["via", "gw", "dev", "oif", "onlink", "encap", "realms"];
            if word.text == "weight" {
                line.next();
                weight = self.number_of(line, word, 1..=256)?;
            } else if hops.contains(&word.text) {
                line.next();
                self.hop_option(line, word, word.text, &mut hop)?;
            } else {
                break;
            }
        }
        // The kernel counts from 0; the range is checked.
        Ok((hop, u8::try_from(weight.saturating_sub(1)).unwrap_or(u8::MAX)))
    }

    fn route_option(
        &mut self,
        line: &mut Line<'a>,
        word: Word<'a>,
        name: &str,
        draft: &mut Draft,
    ) -> Taken<bool> {
        let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        match name {
            "inet" => draft.family = Some(Family::V4),
            "inet6" => draft.family = Some(Family::V6),
            "src" => draft.preferred_source = Some(self.address_of(line, word)?),
            "from" => {
                let value = self.value(line, word)?;
                draft.source = Some(self.network(line, value)?);
            }
            "tos" | "dsfield" => draft.tos = small(self.named(line, word, Kind::TypeOfService, 0..=255)?),
            "table" => {
                let number = self.named(line, word, Kind::Table, 1..=u32::MAX)?;
                draft.table = Some(RouteTable::Number(number));
            }
            "vrf" => draft.table = Some(RouteTable::Vrf(self.interface_of(line, word)?)),
            "protocol" => {
                let number = self.named(line, word, Kind::Protocol, 0..=255)?;
                draft.protocol = Some((small(number), word.span));
            }
            "scope" => draft.scope = Some(small(self.named(line, word, Kind::Scope, 0..=255)?)),
            "metric" | "priority" | "preference" => {
                draft.metric = Some(self.number_of(line, word, 0..=i64::from(u32::MAX))?);
            }
            "expires" => {
                draft.expires = Some((self.number_of(line, word, 1..=i64::from(u32::MAX))?, word.span));
            }
            "pref" => draft.preference = Some(self.router_preference(line, word)?),
            "ttl-propagate" => {
                draft.ttl_propagate =
                    Some(self.one_of(line, word, &[("enabled", true), ("disabled", false)])?);
            }
            "add" => draft.placement = Placement::Add,
            "append" => draft.placement = Placement::Append,
            "prepend" => draft.placement = Placement::Prepend,
            "no_track" => draft.no_track = true,
            "track_group" => {
                let name = self.value(line, word)?;
                draft.track_group = Some((name.text.to_owned(), name.span));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// One of some words that an option needs.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        line: &mut Line<'a>,
        option: Word<'_>,
        choices: &[(&str, T)],
    ) -> Taken<T> {
        let word = self.value(line, option)?;
        if let Some(&(_, value)) = choices.iter().find(|(name, _)| *name == word.text) {
            return Ok(value);
        }
        let names: Vec<_> = choices.iter().map(|&(name, _)| name).collect();
        let message = format!("`{}` does not take `{}`", option.text, word.text);
        let help = Some(format!("one of {}", names.join(", ")));
        self.leave_out(line, Rule::BadValue, word.span, message, help)
    }

    fn router_preference(&mut self, line: &mut Line<'a>, word: Word<'_>) -> Taken<RouterPreference> {
        use RouterPreference::{High, Low, Medium};
        let choices =
            [("low", Low), ("medium", Medium), ("high", High), ("3", Low), ("0", Medium), ("1", High)];
        self.one_of(line, word, &choices)
    }

    /// Numbers for connections; false when it is something else.
    fn route_metric(
        &mut self,
        line: &mut Line<'a>,
        word: Word<'a>,
        name: &str,
        metrics: &mut Metrics,
    ) -> Taken<bool> {
        let (metric, unit, lockable) = match name {
            "mtu" => (Metric::Mtu, Unit::Plain, true),
            "hoplimit" => (Metric::HopLimit, Unit::Plain, false),
            "advmss" => (Metric::AdvMss, Unit::Plain, true),
            "rtt" => (Metric::Rtt, Unit::Time(8), true),
            "rttvar" => (Metric::RttVar, Unit::Time(4), true),
            "reordering" => (Metric::Reordering, Unit::Plain, true),
            "window" => (Metric::Window, Unit::Plain, false),
            "cwnd" => (Metric::Cwnd, Unit::Plain, true),
            "ssthresh" => (Metric::SsThresh, Unit::Plain, true),
            "rto_min" => (Metric::RtoMin, Unit::Time(1), true),
            "initcwnd" => (Metric::InitCwnd, Unit::Plain, false),
            "initrwnd" => (Metric::InitRwnd, Unit::Plain, false),
            "quickack" => (Metric::QuickAck, Unit::Switch, false),
            "fastopen_no_cookie" => (Metric::FastopenNoCookie, Unit::Switch, false),
            "features" => {
                self.one_of(line, word, &[("ecn", ())])?;
                metrics.values.insert(Metric::Features, 1);
                return Ok(true);
            }
            "congctl" => {
                let locked = line.take("lock");
                metrics.congestion = Some((self.congestion(line, word)?, locked));
                return Ok(true);
            }
            _ => return Ok(false),
        };
        if lockable && line.take("lock") {
            metrics.locked.insert(metric);
        }
        let most = match metric {
            Metric::HopLimit => 255,
            _ => i64::from(u32::MAX),
        };
        let value = match unit {
            Unit::Plain => self.number_of(line, word, 0..=most)?,
            Unit::Switch => self.one_of(line, word, &[("0", 0), ("1", 1)])?,
            Unit::Time(parts) => self.route_time(line, word, parts)?,
        };
        metrics.values.insert(metric, value);
        Ok(true)
    }

    fn congestion(&mut self, line: &mut Line<'a>, word: Word<'_>) -> Taken<String> {
        let name = self.value(line, word)?;
        if name.text.len() < 16 {
            return Ok(name.text.to_owned());
        }
        let message = format!("`{}` cannot be the name of a congestion control", name.text);
        self.leave_out(line, Rule::BadName, name.span, message, Some("at most 15 bytes".to_owned()))
    }

    /// A time with its unit; without one it is in the kernel's own parts of a millisecond, as for `ip route`.
    fn route_time(&mut self, line: &mut Line<'a>, option: Word<'_>, parts: u32) -> Taken<u32> {
        let word = self.value(line, option)?;
        let (digits, factor) = match (word.text.strip_suffix("ms"), word.text.strip_suffix('s')) {
            (Some(digits), _) => (digits, parts),
            (None, Some(digits)) => (digits, 1000 * parts),
            (None, None) => (word.text, 1),
        };
        let written = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
        match written {
            Some(value) => Ok(value),
            None => {
                let message = format!("`{}` is no time", word.text);
                let help = Some("a whole number with `s` or `ms` behind it".to_owned());
                self.leave_out(line, Rule::BadNumber, word.span, message, help)
            }
        }
    }

    fn finish_route(&mut self, line: &Line<'_>, span: Span, mut draft: Draft) -> Taken<Route> {
        let Some(destination) = draft.destination else {
            let message = "there is no destination".to_owned();
            let help = Some("begin with a prefix, or `default`".to_owned());
            return self.leave_out(line, Rule::MissingArgument, span, message, help);
        };
        let gateway = draft.hop.gateway.or_else(|| draft.hops.first().and_then(|(hop, _)| hop.gateway));
        let implied = || {
            let source = draft.source.map(Prefix::family);
            draft.family.or(source).or_else(|| draft.preferred_source.or(gateway).map(Family::of))
        };
        let destination = destination.unwrap_or_else(|| Prefix::default_of(implied().unwrap_or(Family::V4)));
        let family = destination.family();
        self.route_families(line, span, family, &draft)?;
        let hops = self.route_hops(line, span, &mut draft)?;
        let scope = draft.scope.unwrap_or(match draft.kind {
            RouteKind::Local => 254,
            RouteKind::Broadcast | RouteKind::Anycast => 253,
            _ => 0,
        });
        Ok(Route {
            kind: draft.kind,
            destination,
            source: draft.source,
            tos: draft.tos,
            table: draft.table.unwrap_or(RouteTable::MAIN),
            metric: draft.metric,
            protocol: self.owner(draft.protocol, draft.no_track, "route"),
            scope,
            preferred_source: draft.preferred_source,
            hops,
            metrics: draft.metrics,
            expires: draft.expires.map(|(seconds, _)| seconds),
            preference: draft.preference,
            ttl_propagate: draft.ttl_propagate,
            placement: draft.placement,
            no_track: draft.no_track,
        })
    }

    /// `protocol`: what is tracked is known by its mark.
    pub(super) fn owner(&mut self, written: Option<(u8, Span)>, no_track: bool, what: &str) -> u8 {
        match written {
            Some((protocol, _)) if no_track || protocol == Route::PROTOCOL => protocol,
            Some((_, span)) => {
                let message = format!("a {what} that is tracked has the protocol keepalived (18)");
                self.report(
                    Diagnostic::tolerated(Rule::TrackedProtocol, span, message)
                        .help("remove `protocol`, or add `no_track`"),
                );
                Route::PROTOCOL
            }
            None => Route::PROTOCOL,
        }
    }

    fn route_families(&mut self, line: &Line<'_>, span: Span, family: Family, draft: &Draft) -> Taken<()> {
        self.same_family(line, family, draft.family, "the family that is written")?;
        self.same_family(line, family, draft.preferred_source.map(Family::of), "the source address")?;
        self.same_family(line, family, draft.source.map(Prefix::family), "`from`")?;
        for (hop, _) in [(&draft.hop, 0)].into_iter().chain(draft.hops.iter().map(|(hop, w)| (hop, *w))) {
            // IPv4 goes by IPv6 gateways, too (RFC 5549).
            let other = hop.gateway.map(Family::of).filter(|_| family == Family::V6);
            self.same_family(line, family, other, "the gateway")?;
        }
        let (only, what) = match family {
            Family::V4 if draft.source.is_some() => (Family::V6, "`from`"),
            Family::V4 if draft.expires.is_some() => (Family::V6, "`expires`"),
            Family::V4 if draft.preference.is_some() => (Family::V6, "`pref`"),
            Family::V6 if draft.tos != 0 => (Family::V4, "`tos`"),
            Family::V6 if draft.hop.realms.is_some() => (Family::V4, "`realms`"),
            _ => return Ok(()),
        };
        self.leave_out(line, Rule::FamilyMismatch, span, format!("{what} is for {only} only"), None)
    }

    fn route_hops(&mut self, line: &Line<'_>, span: Span, draft: &mut Draft) -> Taken<Hops> {
        let one = std::mem::take(&mut draft.hop);
        let many = std::mem::take(&mut draft.hops);
        let help = |text: &str| Some(text.to_owned());
        let all = || [&one].into_iter().chain(many.iter().map(|(hop, _)| hop));
        let nowhere = |hop: &Hop| hop.gateway.is_none() && hop.interface.is_none();
        let problem = if !many.is_empty() && (one.gateway.is_some() || one.encap.is_some() || one.onlink) {
            Some(("`via` and `nexthop` exclude each other", help("write every gateway behind a `nexthop`")))
        } else if !draft.kind.has_hops() && (one != Hop::default() || !many.is_empty()) {
            Some(("such a route leads nowhere, so it has no gateway and no interface", None))
        } else if draft.kind.has_hops() && many.is_empty() && nowhere(&one) {
            Some(("it leads nowhere", help("add `via <address>` or `dev <interface>`")))
        } else if one.interface.is_none() && many.iter().any(|(hop, _)| nowhere(hop)) {
            Some(("a `nexthop` leads nowhere", help("add `via <address>` or `dev <interface>` to it")))
        } else if all().any(|hop| hop.onlink && hop.gateway.is_none()) {
            Some(("`onlink` is about a gateway, and there is none", None))
        } else {
            None
        };
        if let Some((message, help)) = problem {
            return self.leave_out(line, Rule::BadRoute, span, message.to_owned(), help);
        }
        if many.is_empty() {
            return Ok(Hops::One(one));
        }
        // What stands before the hops is every hop's that has none of its own.
        let with_interface = |(mut hop, weight): (Hop, u8)| {
            hop.interface = hop.interface.or_else(|| one.interface.clone());
            hop.realms = hop.realms.or(one.realms);
            (hop, weight)
        };
        Ok(Hops::Many(many.into_iter().map(with_interface).collect()))
    }
}
