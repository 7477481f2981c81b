//! Asking masters' hosts whether anybody there speaks VRRP: a socket per host.
//!
//! Nothing depends on it. Where it cannot be asked, or nobody answers, a dead master is noticed by its silence alone.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::InterfaceName;
use lvsd_net::{Device, InquirySocket};
use lvsd_vrrp::wire::QUESTION;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::sockets::Token;

/// Hosts with a socket at a time.
const HOSTS: usize = 64;
/// From one question to a host to the next: many instances may miss the same master at once.
const GAP: Duration = Duration::from_millis(1);

/// Out of which interface which host is asked.
type Place = (Option<InterfaceName>, IpAddr);

#[derive(Debug)]
struct Line {
    token: Token,
    socket: InquirySocket,
    asked_at: Duration,
}

#[derive(Debug)]
pub(super) struct Inquirer {
    lines: BTreeMap<Place, Line>,
    devices: HashMap<InterfaceName, Device>,
    next: u64,
}

impl Inquirer {
    /// No sockets yet; tokens start at `first`, lower ones are the caller's.
    pub(super) fn new(first: u64) -> Self {
        Self { lines: BTreeMap::new(), devices: HashMap::new(), next: first }
    }

    /// An interface exists, perhaps as another one than before, or does not.
    pub(super) fn set_device(&mut self, name: &InterfaceName, device: Option<Device>) {
        if self.devices.get(name) != device.as_ref() {
            self.lines.retain(|(interface, _), _| interface.as_ref() != Some(name));
        }
        match device {
            Some(device) => self.devices.insert(name.clone(), device),
            None => self.devices.remove(name),
        };
    }

    /// Closes all sockets: other hosts may matter from now on.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
    }

    /// Asks a host, unless that was done a moment ago.
    pub(super) fn ask(
        &mut self,
        epoll: &Epoll,
        interface: Option<&InterfaceName>,
        host: IpAddr,
        now: Duration,
    ) {
        let place = (interface.cloned(), host);
        if !self.lines.contains_key(&place)
            && let Some(line) = self.open(epoll, interface, host)
        {
            if self.lines.len() >= HOSTS {
                self.lines.clear();
            }
            self.lines.insert(place.clone(), line);
        }
        let Some(line) = self.lines.get_mut(&place).filter(|line| now >= line.asked_at + GAP) else { return };
        line.asked_at = now;
        // A question that cannot be sent is as good as one without an answer.
        let _ = line.socket.ask(&QUESTION);
    }

    fn open(&mut self, epoll: &Epoll, interface: Option<&InterfaceName>, host: IpAddr) -> Option<Line> {
        let device = match interface {
            Some(name) => Some(self.devices.get(name)?),
            None => None,
        };
        let socket = InquirySocket::open(host, device).ok()?;
        let token = Token(self.next);
        self.next += 1;
        // A socket that is closed leaves epoll by itself.
        epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLERR, token.0)).ok()?;
        Some(Line { token, socket, asked_at: Duration::ZERO })
    }

    /// Who denies it, if that is what happened to the socket of a token.
    pub(super) fn denial(&self, token: Token) -> Option<Place> {
        let (place, line) = self.lines.iter().find(|(_, line)| line.token == token)?;
        line.socket.take_denial().then(|| place.clone())
    }

    /// How many sockets there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}
