//! Everything that a [`Router`] can be told, as values.

use std::borrow::Cow;
use std::net::IpAddr;

use lvsd_model::{Family, InterfaceName, VrrpConfig};
use serde::{Deserialize, Serialize};

use crate::engine::{InstanceId, LinkState, Mastership, Presence, Reception, Router, ShutdownMode};
use crate::judge::Outcome;
use crate::time::Time;
use crate::wire::RxMeta;

/// One call of a [`Router`] that changes something, with the time that it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one at a time")]
pub enum Op<'a> {
    /// [`Router::receive`].
    Receive {
        /// The clock.
        now: Time,
        /// Where it came in.
        interface: Option<Cow<'a, InterfaceName>>,
        /// What the IP layer knows.
        meta: RxMeta,
        /// The packet.
        payload: Cow<'a, [u8]>,
    },
    /// [`Router::receive_membership`].
    Membership {
        /// The clock.
        now: Time,
        /// Where it came in.
        interface: Cow<'a, InterfaceName>,
        /// Which protocol.
        family: Family,
        /// The packet.
        packet: Cow<'a, [u8]>,
    },
    /// [`Router::receive_denial`].
    Denial {
        /// The clock.
        now: Time,
        /// Where it came in.
        interface: Option<Cow<'a, InterfaceName>>,
        /// Whose.
        host: IpAddr,
    },
    /// [`Router::handle_timeout`].
    Timeout {
        /// The clock.
        until: Time,
    },
    /// [`Router::link`].
    Link {
        /// The clock.
        now: Time,
        /// Which.
        interface: Cow<'a, InterfaceName>,
        /// How it is.
        state: LinkState,
    },
    /// [`Router::interface_address`].
    Address {
        /// The clock.
        now: Time,
        /// Of which interface.
        interface: Cow<'a, InterfaceName>,
        /// Of which family.
        family: Family,
        /// What it is.
        address: Option<IpAddr>,
    },
    /// [`Router::instance_source`].
    Source {
        /// The clock.
        now: Time,
        /// Of which instance.
        id: InstanceId,
        /// What it is.
        source: Option<IpAddr>,
    },
    /// [`Router::script_result`].
    Script {
        /// The clock.
        now: Time,
        /// Its name.
        name: Cow<'a, str>,
        /// How a run of it ended.
        outcome: Outcome,
    },
    /// [`Router::static_missing`].
    Static {
        /// The clock.
        now: Time,
        /// The group.
        group: Cow<'a, str>,
        /// What is missing.
        what: Option<Cow<'a, str>>,
    },
    /// [`Router::file_value`].
    File {
        /// The clock.
        now: Time,
        /// Its name.
        name: Cow<'a, str>,
        /// The number in it.
        value: i64,
    },
    /// [`Router::process_quorum`].
    Process {
        /// The clock.
        now: Time,
        /// Its name.
        name: Cow<'a, str>,
        /// Whether there are enough of it.
        ok: bool,
    },
    /// [`Router::service_quorum`].
    Service {
        /// The clock.
        now: Time,
        /// Its name.
        name: Cow<'a, str>,
        /// Whether it has its quorum.
        met: bool,
    },
    /// [`Router::bfd_session`].
    Bfd {
        /// The clock.
        now: Time,
        /// Its name.
        name: Cow<'a, str>,
        /// Whether it is up.
        up: bool,
    },
    /// [`Router::source_present`].
    Presence {
        /// The clock.
        now: Time,
        /// Which.
        address: IpAddr,
        /// Whether it is there.
        presence: Presence,
    },
    /// [`Router::address_deleted`].
    AddressDeleted {
        /// The clock.
        now: Time,
        /// Whose.
        id: InstanceId,
        /// Which.
        address: IpAddr,
    },
    /// [`Router::reannounce`].
    Reannounce {
        /// The clock.
        now: Time,
    },
    /// [`Router::apply`].
    Apply {
        /// The clock.
        now: Time,
        /// The configuration.
        config: Cow<'a, VrrpConfig>,
    },
    /// [`Router::inherit`].
    Inherit {
        /// When the process before this one was last alive.
        alive_at: Time,
        /// What it was master of.
        masterships: Cow<'a, [Mastership]>,
    },
    /// [`Router::resume`].
    Resume {
        /// The clock.
        now: Time,
    },
    /// [`Router::clear_counters`].
    ClearCounters,
    /// [`Router::shutdown`].
    Shutdown {
        /// The clock.
        now: Time,
        /// How.
        mode: ShutdownMode,
    },
}

impl Op<'_> {
    /// Tells it to a router, whose answers are not looked at; what it orders waits in it.
    pub fn tell(&self, router: &mut Router) {
        match self {
            Self::Receive { now, interface, meta, payload } => {
                let _: Reception = router.receive(*now, interface.as_deref(), *meta, payload);
            }
            Self::Membership { now, interface, family, packet } => {
                // A report that breaks its own format is counted, here as there.
                let _ = router.receive_membership(*now, interface, *family, packet);
            }
            Self::Denial { now, interface, host } => router.receive_denial(*now, interface.as_deref(), *host),
            Self::Timeout { until } => router.handle_timeout(*until),
            Self::Link { now, interface, state } => router.link(*now, interface, *state),
            Self::Address { now, interface, family, address } => {
                router.interface_address(*now, interface, *family, *address);
            }
            Self::Source { now, id, source } => router.instance_source(*now, *id, *source),
            Self::Script { now, name, outcome } => router.script_result(*now, name, *outcome),
            Self::Static { now, group, what } => {
                router.static_missing(*now, group, what.as_deref().map(ToOwned::to_owned));
            }
            Self::File { now, name, value } => router.file_value(*now, name, *value),
            Self::Process { now, name, ok } => router.process_quorum(*now, name, *ok),
            Self::Service { now, name, met } => router.service_quorum(*now, name, *met),
            Self::Bfd { now, name, up } => router.bfd_session(*now, name, *up),
            Self::Presence { now, address, presence } => router.source_present(*now, *address, *presence),
            Self::AddressDeleted { now, id, address } => router.address_deleted(*now, *id, *address),
            Self::Reannounce { now } => router.reannounce(*now),
            Self::Apply { now, config } => drop(router.apply(*now, config)),
            Self::Inherit { alive_at, masterships } => router.inherit(*alive_at, masterships.iter().cloned()),
            Self::Resume { now } => router.resume(*now),
            Self::ClearCounters => router.clear_counters(),
            Self::Shutdown { now, mode } => router.shutdown(*now, *mode),
        }
    }

    /// The time that it bears, if it bears one.
    #[must_use]
    pub const fn at(&self) -> Option<Time> {
        match self {
            Self::Receive { now, .. }
            | Self::Membership { now, .. }
            | Self::Denial { now, .. }
            | Self::Timeout { until: now }
            | Self::Link { now, .. }
            | Self::Address { now, .. }
            | Self::Source { now, .. }
            | Self::Script { now, .. }
            | Self::Static { now, .. }
            | Self::File { now, .. }
            | Self::Process { now, .. }
            | Self::Service { now, .. }
            | Self::Bfd { now, .. }
            | Self::Presence { now, .. }
            | Self::AddressDeleted { now, .. }
            | Self::Reannounce { now }
            | Self::Apply { now, .. }
            | Self::Resume { now }
            | Self::Shutdown { now, .. } => Some(*now),
            Self::Inherit { .. } | Self::ClearCounters => None,
        }
    }
}
