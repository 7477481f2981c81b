//! What reached the sockets of the election, for the radar to compare with what was on the wire.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use lvsd_model::{InterfaceName, Vrid};
use lvsd_vrrp::radar::{Arrival, Place, Standing, Unsent};
use lvsd_vrrp::{InstanceId, InstanceView, Router, State};

use super::sockets::Token;

/// Senders per socket of which it is remembered that they were heard; as many as the radar follows.
const SENDERS: usize = lvsd_vrrp::radar::NEIGHBOURS;

/// What the radar wants to know of the election.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// The sockets that are open.
    pub(crate) listening: BTreeSet<Place>,
    /// Who was heard since it was last asked.
    pub(crate) arrived: Vec<Arrival>,
    /// How the instances are.
    pub(crate) standings: Vec<Standing>,
}

/// Who was heard by which socket. Allocates nothing for an advert of a sender that it has met.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    heard: HashMap<Token, HashSet<(IpAddr, u8)>>,
}

impl Arrivals {
    pub(super) fn note(&mut self, token: Token, source: IpAddr, vrid: Option<Vrid>) {
        let heard = self.heard.entry(token).or_default();
        if heard.len() < SENDERS {
            heard.insert((source, vrid.map_or(0, Vrid::get)));
        }
    }

    pub(super) fn retain(&mut self, wanted: impl Fn(Token) -> bool) {
        self.heard.retain(|token, _| wanted(*token));
    }

    /// All of them, once.
    pub(super) fn take<'a>(
        &mut self,
        interface: impl Fn(Token) -> Option<&'a InterfaceName>,
    ) -> Vec<Arrival> {
        let mut arrived = Vec::new();
        for (token, heard) in &mut self.heard {
            let Some(interface) = interface(*token) else { continue };
            let arrival = |(source, vrid)| Arrival { interface: interface.clone(), source, vrid };
            arrived.extend(heard.drain().map(arrival));
        }
        arrived
    }
}

/// How the instances are.
pub(super) fn standings(router: &Router, unsent: &HashMap<InstanceId, Unsent>) -> Vec<Standing> {
    let standing = |view: InstanceView<'_>| {
        let is_master = view.state == State::Master;
        Standing {
            instance: view.config.name.clone(),
            master_since: is_master.then_some(view.since),
            source: view.source,
            sent: view.adverts.sent,
            unsent: unsent.get(&view.id).filter(|_| is_master).cloned(),
        }
    };
    router.instances().map(standing).collect()
}
