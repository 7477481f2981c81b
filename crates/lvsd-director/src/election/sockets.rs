//! The sockets of the election: one per interface and family, opened when the interface appears, opened anew when it comes back
//! as another one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Auth, Family, Instance, InterfaceName, Transport};
use lvsd_net::{Device, IpProtocol, VrrpSocket};
use lvsd_vrrp::InstanceId;
use lvsd_vrrp::radar::{Place, Wrapping};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

/// When opening a socket is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Names a socket in the events of epoll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Token(pub(super) u64);

/// A socket that is wanted.
#[derive(Debug)]
struct Slot {
    interface: Option<InterfaceName>,
    family: Family,
    protocol: IpProtocol,
    groups: BTreeSet<IpAddr>,
    socket: Option<VrrpSocket>,
    /// The last failure to open it, so that it is told once.
    failure: Option<String>,
}

/// A socket that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unopened {
    /// The interface; `None` for the socket of instances without one.
    pub(crate) interface: Option<InterfaceName>,
    /// The family.
    pub(crate) family: Family,
    /// Why.
    pub(crate) error: String,
}

#[derive(Debug)]
pub(super) struct Sockets {
    epoll: Epoll,
    slots: BTreeMap<Token, Slot>,
    routes: HashMap<InstanceId, Token>,
    devices: HashMap<InterfaceName, Device>,
    next: u64,
    retry_at: Option<Duration>,
}

impl Sockets {
    /// No sockets yet; tokens start at `first`, lower ones are the caller's.
    pub(super) fn new(epoll: Epoll, first: u64) -> Self {
        Self {
            epoll,
            slots: BTreeMap::new(),
            routes: HashMap::new(),
            devices: HashMap::new(),
            next: first,
            retry_at: None,
        }
    }

    pub(super) const fn epoll(&self) -> &Epoll {
        &self.epoll
    }

    /// Sees to it that there is a socket for each of these instances, with the memberships that they need.
    pub(super) fn want<'a>(&mut self, instances: impl Iterator<Item = &'a Instance>) {
        for (config, protocol) in instances.flat_map(|config| heard(config).map(move |one| (config, one))) {
            let token = self.find(config, protocol).unwrap_or_else(|| {
                let token = Token(self.next);
                self.next += 1;
                let (interface, family) = (config.perch().adverts().cloned(), config.family);
                let groups = BTreeSet::new();
                let slot = Slot { interface, family, protocol, groups, socket: None, failure: None };
                self.slots.insert(token, slot);
                token
            });
            let Some(slot) = self.slots.get_mut(&token) else { continue };
            if let Transport::Multicast { group } = config.transport
                && slot.groups.insert(group)
                && let Some(socket) = &slot.socket
                && socket.join(group).is_err()
            {
                // Opened anew below, with all memberships.
                slot.socket = None;
            }
        }
    }

    /// Remembers which socket each instance sends by, and closes those that nobody uses any more.
    pub(super) fn route<'a>(&mut self, instances: impl Iterator<Item = (InstanceId, &'a Instance)>) {
        self.routes.clear();
        let mut used = BTreeSet::new();
        for (id, config) in instances {
            if let Some(token) = self.find(config, spoken(config)) {
                self.routes.insert(id, token);
            }
            used.extend(heard(config).filter_map(|protocol| self.find(config, protocol)));
        }
        self.slots.retain(|token, _| used.contains(token));
    }

    fn find(&self, config: &Instance, protocol: IpProtocol) -> Option<Token> {
        let (interface, family) = (config.perch().adverts(), config.family);
        let fits = |slot: &Slot| {
            slot.interface.as_ref() == interface && (slot.family, slot.protocol) == (family, protocol)
        };
        self.slots.iter().find(|(_, slot)| fits(slot)).map(|(token, _)| *token)
    }

    /// An interface exists, perhaps as another one than before, or does not.
    pub(super) fn set_device(&mut self, name: &InterfaceName, device: Option<Device>) {
        for slot in self.slots.values_mut().filter(|slot| slot.interface.as_ref() == Some(name)) {
            if slot.socket.as_ref().and_then(VrrpSocket::device) != device.as_ref() {
                slot.socket = None;
            }
        }
        match device {
            Some(device) => self.devices.insert(name.clone(), device),
            None => self.devices.remove(name),
        };
    }

    /// Opens what can be opened and is not; gives what failed for a reason not given before.
    pub(super) fn open(&mut self, now: Duration) -> Vec<Unopened> {
        self.retry_at = None;
        let mut unopened = Vec::new();
        for (token, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.socket.is_none()) {
            let device = match &slot.interface {
                // Until it exists, there is nothing to open.
                Some(name) => match self.devices.get(name) {
                    Some(device) => Some(device.clone()),
                    None => continue,
                },
                None => None,
            };
            match open(&self.epoll, *token, slot, device) {
                Ok(socket) => {
                    slot.socket = Some(socket);
                    slot.failure = None;
                }
                Err(error) => {
                    let error = error.to_string();
                    if slot.failure.as_ref() != Some(&error) {
                        slot.failure = Some(error.clone());
                        unopened.push(Unopened {
                            interface: slot.interface.clone(),
                            family: slot.family,
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
        self.slots.len()
    }

    /// Whether there is a socket of that token.
    pub(super) fn has(&self, token: Token) -> bool {
        self.slots.contains_key(&token)
    }

    /// The interface of a token's socket.
    pub(super) fn interface(&self, token: Token) -> Option<&InterfaceName> {
        self.slots.get(&token)?.interface.as_ref()
    }

    /// What can be heard now: the sockets that are open and bound to an interface.
    pub(super) fn places(&self) -> BTreeSet<Place> {
        let open = self.slots.values().filter(|slot| slot.socket.is_some());
        let place = |slot: &Slot| {
            let wrapping = match slot.protocol {
                IpProtocol::Vrrp => Wrapping::Plain,
                IpProtocol::Ah => Wrapping::Ah,
            };
            Some(Place { interface: slot.interface.clone()?, family: slot.family, wrapping })
        };
        open.filter_map(place).collect()
    }

    /// The socket of a token, with what it carries and its interface.
    pub(super) fn socket(
        &mut self,
        token: Token,
    ) -> Option<(&mut VrrpSocket, IpProtocol, Option<&InterfaceName>)> {
        let slot = self.slots.get_mut(&token)?;
        Some((slot.socket.as_mut()?, slot.protocol, slot.interface.as_ref()))
    }

    /// The socket that an instance sends by; one that has just been removed still has its socket.
    ///
    /// # Errors
    /// `NotConnected` when it is not open.
    pub(super) fn of(&mut self, id: InstanceId, config: &Instance) -> io::Result<&mut VrrpSocket> {
        let token = self.routes.get(&id).copied();
        let token = token.or_else(|| self.find(config, spoken(config)));
        let slot = token.and_then(|token| self.slots.get_mut(&token));
        slot.and_then(|slot| slot.socket.as_mut()).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// What an instance sends.
const fn spoken(config: &Instance) -> IpProtocol {
    match config.auth {
        Some(Auth::Ah(_)) => IpProtocol::Ah,
        Some(Auth::Pass(_) | Auth::Hmac(_)) | None => IpProtocol::Vrrp,
    }
}

/// What an instance listens to. With `auth_type AH` also to those without: a router that lacks it is to be named.
fn heard(config: &Instance) -> impl Iterator<Item = IpProtocol> {
    let ah = spoken(config) == IpProtocol::Ah;
    std::iter::once(IpProtocol::Vrrp).chain(ah.then_some(IpProtocol::Ah))
}

fn open(epoll: &Epoll, token: Token, slot: &Slot, device: Option<Device>) -> io::Result<VrrpSocket> {
    let socket = VrrpSocket::open(slot.family, slot.protocol, device)?;
    slot.groups.iter().try_for_each(|group| socket.join(*group))?;
    // A socket that is closed leaves epoll by itself.
    epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, token.0))?;
    Ok(socket)
}
