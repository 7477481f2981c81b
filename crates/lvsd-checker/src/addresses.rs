//! Which addresses this host has, for services whose checks rest while theirs are elsewhere (`ha_suspend`).
//!
//! When the kernel does not tell, everything is checked: that costs a little, while a service that rests by mistake would be
//! served by servers of which nothing is known.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use lvsd_net::{AddressKey, Monitor, MonitorEvent, Rtnl, RtnlError};
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use crate::schedule::Schedule;
use crate::shared::Shared;

/// Time between attempts to hear the kernel.
const RETRY: Duration = Duration::from_secs(5);

/// Follows the addresses as long as it exists.
#[derive(Debug)]
pub(crate) struct Addresses {
    following: JoinHandle<()>,
    shared: Rc<Shared>,
    schedule: Rc<Schedule>,
}

impl Addresses {
    /// Reads them, which takes effect before this returns, and goes on from there.
    pub(crate) fn follow(shared: &Rc<Shared>, schedule: &Rc<Schedule>) -> Self {
        let first = Follower::start();
        let (shared, schedule) = (Rc::clone(shared), Rc::clone(schedule));
        tell(&shared, &schedule, first.as_ref().ok().map(Follower::addresses));
        let following = spawn_local(keep_following(first, Rc::clone(&shared), Rc::clone(&schedule)));
        Self { following, shared, schedule }
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        self.following.abort();
        tell(&self.shared, &self.schedule, None);
    }
}

fn tell(shared: &Shared, schedule: &Schedule, addresses: Option<BTreeSet<IpAddr>>) {
    shared.health.borrow_mut().hold(shared.now(), addresses);
    schedule.pass_on();
    shared.schedule_changed.notify_one();
}

async fn keep_following(first: io::Result<Follower>, shared: Rc<Shared>, schedule: Rc<Schedule>) {
    let mut next = first;
    let mut failed = false;
    loop {
        let result = match next {
            Ok(mut follower) => {
                failed = false;
                loop {
                    match follower.wait().await {
                        Ok(()) => tell(&shared, &schedule, Some(follower.addresses())),
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        if !failed {
            tracing::warn!(error = %result, "the addresses of this host are not known: ha_suspend suspends nothing");
        }
        failed = true;
        tell(&shared, &schedule, None);
        sleep(RETRY).await;
        next = Follower::start();
        if let Ok(follower) = &next {
            tell(&shared, &schedule, Some(follower.addresses()));
        }
    }
}

/// A copy of the kernel's list, kept by its notifications.
struct Follower {
    monitor: AsyncFd<Monitor>,
    known: BTreeSet<AddressKey>,
}

impl Follower {
    fn start() -> io::Result<Self> {
        // First the notifications, so that nothing is missed in between.
        let monitor = Monitor::open()?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a monitor's descriptor is its own as long as it lives"
        )]
        let monitor = AsyncFd::new(monitor)?;
        Ok(Self { monitor, known: read()? })
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        self.known.iter().map(|key| key.address).collect()
    }

    /// Waits until something has happened, and takes note of it.
    async fn wait(&mut self) -> io::Result<()> {
        let mut ready = self.monitor.readable_mut().await?;
        while let Some(event) = ready.get_inner_mut().receive()? {
            match event {
                MonitorEvent::Address(entry) => {
                    self.known.insert(entry.key);
                }
                MonitorEvent::AddressGone(entry) => {
                    self.known.remove(&entry.key);
                }
                MonitorEvent::LinkGone(link) => self.known.retain(|key| key.interface != link.index),
                MonitorEvent::Link(_) => {}
                MonitorEvent::Overrun => self.known = read()?,
            }
        }
        ready.clear_ready();
        Ok(())
    }
}

fn read() -> io::Result<BTreeSet<AddressKey>> {
    let dumped = Rtnl::open()?.addresses().map_err(|error| match error {
        RtnlError::Broken(error) => error,
        other => io::Error::other(other),
    })?;
    Ok(dumped.into_iter().map(|entry| entry.key).collect())
}
