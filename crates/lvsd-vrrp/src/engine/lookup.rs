//! From a packet to its instance.

use std::collections::HashMap;
use std::net::IpAddr;

use lvsd_model::{Family, Instance as Config, InterfaceName, Transport, Vrid};

use super::output::InstanceId;

type Key = (Family, Vrid);

/// Finds the instance of a virtual router: by interface, family and VRID. Instances share these only when they have no peer in
/// common, multicast being one.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Lookup {
    by_interface: HashMap<InterfaceName, HashMap<Key, Vec<Candidate>>>,
    /// Unicast instances without an interface.
    anywhere: HashMap<Key, Vec<Candidate>>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Candidate {
    id: InstanceId,
    /// `None` for multicast.
    peers: Option<Vec<IpAddr>>,
}

impl Lookup {
    pub(super) fn insert(&mut self, id: InstanceId, config: &Config) {
        let table = match config.perch().adverts() {
            Some(interface) => self.by_interface.entry(interface.clone()).or_default(),
            None => &mut self.anywhere,
        };
        let peers = match &config.transport {
            Transport::Multicast { .. } => None,
            Transport::Unicast { peers, .. } => Some(peers.iter().map(|peer| peer.address).collect()),
        };
        table.entry((config.family, config.vrid)).or_default().push(Candidate { id, peers });
    }

    pub(super) fn find(
        &self,
        interface: Option<&InterfaceName>,
        vrid: Vrid,
        source: IpAddr,
        destination: IpAddr,
    ) -> Option<InstanceId> {
        let key = (Family::of(source), vrid);
        // The driver has a socket for those without an interface, which gets its own copy of every packet.
        let candidates = match interface {
            Some(interface) => self.by_interface.get(interface)?.get(&key)?,
            None => self.anywhere.get(&key)?,
        };
        let fits = |candidate: &&Candidate| match &candidate.peers {
            None => destination.is_multicast(),
            Some(peers) => !destination.is_multicast() && peers.contains(&source),
        };
        // One that does not fit still is the one that should count the packet.
        candidates.iter().find(fits).or_else(|| candidates.first()).map(|candidate| candidate.id)
    }
}
