//! Hearing masters' hosts leave the multicast group: a packet socket per interface and family of multicast instances.
//!
//! Nothing depends on it. Where it cannot be opened, a dead master is noticed by its silence alone.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lvsd_model::{Family, Instance, InterfaceName, Transport};
use lvsd_net::{Device, MembershipSocket};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::sockets::{Token, Unopened};

/// When opening a socket is tried again.
const RETRY: Duration = Duration::from_secs(10);

type Place = (InterfaceName, Family);

#[derive(Debug)]
struct Ear {
    token: Token,
    socket: Option<MembershipSocket>,
    /// The last failure to open it, so that it is told once.
    failure: Option<String>,
}

#[derive(Debug)]
pub(super) struct Ears {
    wanted: BTreeMap<Place, Ear>,
    devices: HashMap<InterfaceName, Device>,
    next: u64,
    retry_at: Option<Duration>,
}

impl Ears {
    /// None yet; tokens start at `first`, lower ones are the caller's.
    pub(super) fn new(first: u64) -> Self {
        Self { wanted: BTreeMap::new(), devices: HashMap::new(), next: first, retry_at: None }
    }

    /// Listens where one of these instances wants that, and nowhere else.
    pub(super) fn want<'a>(&mut self, instances: impl Iterator<Item = &'a Instance>) {
        let places: Vec<Place> = instances.filter_map(place).collect();
        self.wanted.retain(|place, _| places.contains(place));
        for place in places {
            self.wanted.entry(place).or_insert_with(|| {
                let token = Token(self.next);
                self.next += 1;
                Ear { token, socket: None, failure: None }
            });
        }
    }

    /// An interface exists, perhaps as another one than before, or does not.
    pub(super) fn set_device(&mut self, name: &InterfaceName, device: Option<Device>) {
        for (_, ear) in self.wanted.iter_mut().filter(|((interface, _), _)| interface == name) {
            if ear.socket.as_ref().map(MembershipSocket::device) != device.as_ref() {
                ear.socket = None;
            }
        }
        match device {
            Some(device) => self.devices.insert(name.clone(), device),
            None => self.devices.remove(name),
        };
    }

    /// Opens what can be opened and is not; gives what failed for a reason not given before.
    pub(super) fn open(&mut self, epoll: &Epoll, now: Duration) -> Vec<Unopened> {
        self.retry_at = None;
        let mut unopened = Vec::new();
        for ((interface, family), ear) in self.wanted.iter_mut().filter(|(_, ear)| ear.socket.is_none()) {
            let Some(device) = self.devices.get(interface).cloned() else { continue };
            let opened = MembershipSocket::open(*family, device).and_then(|socket| {
                // A socket that is closed leaves epoll by itself.
                epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, ear.token.0))?;
                Ok(socket)
            });
            match opened {
                Ok(socket) => {
                    ear.socket = Some(socket);
                    ear.failure = None;
                }
                Err(error) => {
                    let error = format!("membership reports cannot be heard: {error}");
                    if ear.failure.as_ref() != Some(&error) {
                        ear.failure = Some(error.clone());
                        unopened.push(Unopened {
                            interface: Some(interface.clone()),
                            family: *family,
                            error,
                        });
                    }
                    self.retry_at = Some(now + RETRY);
                }
            }
        }
        unopened
    }

    /// When [`open`](Self::open) is to be tried again.
    pub(super) const fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// How many are wanted.
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// The socket of a token, with its interface and family.
    pub(super) fn socket(&self, token: Token) -> Option<(&MembershipSocket, &InterfaceName, Family)> {
        let mut ears = self.wanted.iter();
        let ((interface, family), ear) = ears.find(|(_, ear)| ear.token == token)?;
        Some((ear.socket.as_ref()?, interface, *family))
    }
}

/// Where an instance wants to know who leaves.
fn place(config: &Instance) -> Option<Place> {
    match config.transport {
        Transport::Multicast { .. } if config.leave_detection => {
            Some((config.perch().reports()?.clone(), config.family))
        }
        Transport::Multicast { .. } | Transport::Unicast { .. } => None,
    }
}
