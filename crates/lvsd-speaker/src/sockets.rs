//! The sockets of the process: ears per family and port, a mouth per session, and one descriptor that tells when there is something to hear.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use lvsd_bfd::Discriminator;
use lvsd_model::{BfdPath, BfdSession, Family};
use lvsd_net::{BfdListener, BfdSender, Timer};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use tracing::{info, warn};

/// What an ear listens to.
pub(crate) type Place = (Family, BfdPath);

/// A port that is to be listened on.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) path: BfdPath,
    pub(crate) listener: Option<BfdListener>,
    failure: Option<String>,
}

/// Speaks for one session.
#[derive(Debug)]
struct Mouth {
    sender: Option<BfdSender>,
    failure: Option<String>,
}

/// All sockets, and the timer.
#[derive(Debug)]
pub(crate) struct Sockets {
    epoll: Epoll,
    timer: Timer,
    pub(crate) ears: BTreeMap<Place, Ear>,
    mouths: BTreeMap<Discriminator, Mouth>,
}

impl AsRawFd for Sockets {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.0.as_raw_fd()
    }
}

impl AsFd for Sockets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

impl Sockets {
    pub(crate) fn new() -> io::Result<Self> {
        let (epoll, timer) = (Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, Timer::new()?);
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        Ok(Self { epoll, timer, ears: BTreeMap::new(), mouths: BTreeMap::new() })
    }

    /// Wakes at that instant, on the clock of [`lvsd_net::uptime`].
    pub(crate) fn wake_at(&mut self, at: Option<Duration>) -> io::Result<()> {
        self.timer.arm(at)
    }

    /// Takes the expiration of the timer off the descriptor.
    pub(crate) fn clear_timer(&mut self) {
        self.timer.clear();
    }

    /// Listens where these sessions need it and nowhere else.
    pub(crate) fn listen<'a>(&mut self, sessions: impl Iterator<Item = &'a BfdSession>) {
        let wanted: BTreeSet<Place> = sessions.map(|session| (session.family(), session.path)).collect();
        self.ears.retain(|place, _| wanted.contains(place));
        for place in wanted {
            let ear = Ear { path: place.1, listener: None, failure: None };
            self.ears.entry(place).or_insert(ear);
        }
        self.open_ears();
    }

    /// Opens what is wanted and not open; says what has changed.
    pub(crate) fn open_ears(&mut self) {
        for ((family, path), ear) in self.ears.iter_mut().filter(|(_, ear)| ear.listener.is_none()) {
            let opened = BfdListener::open(*family, path.port()).and_then(|listener| {
                self.epoll.add(listener.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 1))?;
                Ok(listener)
            });
            match opened {
                Ok(listener) => {
                    if ear.failure.take().is_some() {
                        info!("BFD is heard on {family} port {} again", path.port());
                    }
                    ear.listener = Some(listener);
                }
                Err(error) => {
                    let failure = format!("{family} port {}: {error}", path.port());
                    if ear.failure.as_ref() != Some(&failure) {
                        warn!("BFD cannot be heard: {failure}; is another BFD speaker running?");
                        ear.failure = Some(failure);
                    }
                }
            }
        }
    }

    /// What is not listened to, and why.
    pub(crate) fn deaf(&self) -> impl Iterator<Item = &str> {
        self.ears.values().filter_map(|ear| ear.failure.as_deref())
    }

    /// Sends a packet of a session, opening its socket if need be. Says it when that begins or ceases to fail.
    pub(crate) fn send(&mut self, of: Discriminator, session: &BfdSession, packet: &[u8]) {
        let mouth = self.mouths.entry(of).or_insert(Mouth { sender: None, failure: None });
        match mouth.send(of, session, packet) {
            Ok(()) => {
                if mouth.failure.take().is_some() {
                    info!(session = session.name, "BFD packets can be sent again");
                }
            }
            Err(error) => {
                let failure = error.to_string();
                if mouth.failure.as_ref() != Some(&failure) {
                    warn!(session = session.name, %error, "BFD packets cannot be sent");
                    mouth.failure = Some(failure);
                }
            }
        }
    }

    /// Why nothing can be sent for a session, when that is so.
    pub(crate) fn send_error(&self, of: Discriminator) -> Option<String> {
        self.mouths.get(&of)?.failure.clone()
    }

    /// Closes what belongs to none of these sessions.
    pub(crate) fn keep(&mut self, sessions: &BTreeSet<Discriminator>) {
        self.mouths.retain(|of, _| sessions.contains(of));
    }
}

impl Mouth {
    fn send(&mut self, of: Discriminator, session: &BfdSession, packet: &[u8]) -> io::Result<()> {
        if self.sender.is_none() {
            let neighbor = SocketAddr::new(session.neighbor, session.path.port());
            // Discriminators are random, and so the ports are.
            let wish = (of.get() & 0xffff) as u16;
            self.sender = Some(BfdSender::open(neighbor, session.source, session.ttl.get(), wish)?);
        }
        self.sender.as_ref().map_or(Ok(()), |sender| sender.send(packet))
    }
}
