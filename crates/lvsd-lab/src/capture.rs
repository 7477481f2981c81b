//! Watching the frames that pass an interface, with the kernel's time stamps.

use crate::{Frame, LabError, Namespace, Result, error::Context as _};
use nix::{
    errno::Errno,
    net::if_::if_nametoindex,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg,
        setsockopt, socket, sockopt,
    },
    sys::time::TimeSpec,
};
use std::{
    io::IoSliceMut,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

/// Room for frames that the reader has not come to yet.
const SOCKET_BUFFER: usize = 8 << 20;
/// The longest frame of interest; a longer one (offloaded TCP) is cut.
const LONGEST: usize = 2048;
/// How long the reader sleeps at most before it looks whether to end.
const TICK_MS: u16 = 50;

#[derive(Debug, Default)]
struct Shared {
    frames: Mutex<Vec<Frame>>,
    more: Condvar,
    end: AtomicBool,
}

impl Shared {
    fn frames(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The frames that pass one interface, both ways, from the moment it was made until it is dropped.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts to watch an interface.
    ///
    /// # Errors
    /// No such interface, or not root.
    pub fn on(namespace: &Namespace, interface: &str) -> Result<Self> {
        let (socket, index) = namespace
            .enter(|| open(interface))?
            .context(|| format!("capture on {interface} in {}", namespace.name()))?;
        let shared = Arc::new(Shared::default());
        let reader = thread::Builder::new().name(format!("capture {interface}")).spawn({
            let shared = Arc::clone(&shared);
            move || read_until_end(&socket, index, &shared)
        });
        let reader = Some(reader.context(|| "start a capture thread".to_owned())?);
        Ok(Self { shared, reader })
    }

    /// All frames so far, oldest first.
    pub fn frames(&self) -> Vec<Frame> {
        self.shared.frames().clone()
    }

    /// Waits for a frame that `wanted` accepts and gives the first, those captured before this call included.
    ///
    /// # Errors
    /// [`LabError::Deadline`] naming `what`.
    pub fn wait(&self, within: Duration, what: &str, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        let deadline = Instant::now() + within;
        let mut frames = self.shared.frames();
        let mut looked_at = 0;
        loop {
            if let Some(frame) = frames.iter().skip(looked_at).find(|frame| wanted(frame)) {
                return Ok(frame.clone());
            }
            looked_at = frames.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let what = format!("{what} among {looked_at} frames captured");
                return Err(LabError::Deadline { what, within });
            }
            frames = self.shared.more.wait_timeout(frames, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a frame like [`wait`](Self::wait), but one that passed after `moment`.
    ///
    /// # Errors
    /// [`LabError::Deadline`] naming `what`.
    pub fn wait_after(
        &self,
        moment: SystemTime,
        within: Duration,
        what: &str,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Frame> {
        self.wait(within, what, |frame| frame.at > moment && wanted(frame))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            // It only fails if the reader panicked, which that thread has told.
            let _ = reader.join();
        }
    }
}

/// A packet socket for everything in the caller's namespace, and the number of the one interface of interest.
fn open(interface: &str) -> nix::Result<(OwnedFd, usize)> {
    let index = usize::try_from(if_nametoindex(interface)?).map_err(|_| Errno::EINVAL)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
    setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok((socket, index))
}

fn read_until_end(socket: &OwnedFd, index: usize, shared: &Shared) {
    while !shared.end.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(TICK_MS)).is_ok_and(|ready| ready > 0) {
            // Errors are ENETDOWN and the like: the interface went down, or away; frames may come again.
            if let Ok(Some(frame)) = receive(socket, index) {
                shared.frames().push(frame);
                shared.more.notify_all();
            }
        }
    }
}

/// The next frame, unless it passed another interface.
fn receive(socket: &OwnedFd, index: usize) -> nix::Result<Option<Frame>> {
    let mut bytes = vec![0; LONGEST];
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut pieces = [IoSliceMut::new(&mut bytes)];
    let message =
        recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut pieces, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let is_ours = message.address.is_some_and(|address| address.ifindex() == index);
    let at = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(SystemTime::UNIX_EPOCH + Duration::from(stamp)),
        _ => None,
    });
    let length = message.bytes;
    bytes.truncate(length);
    Ok(is_ours.then(|| Frame { at: at.unwrap_or_else(SystemTime::now), bytes }))
}
