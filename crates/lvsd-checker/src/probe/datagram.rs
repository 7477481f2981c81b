//! Datagrams to one server and back, within the time of the check.

use std::io;
use std::net::SocketAddr;

use lvsd_health::Cause;
use lvsd_model::Target;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, recv, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::Problem;
use super::connect::{connect_problem, mark};

/// How many datagrams that answer nothing are overlooked: late ones from an earlier run, but no flood.
const MAX_STRAY: usize = 64;

/// A socket that is connected to the server, and hears the ICMP errors that its datagrams cause.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    deadline: Instant,
}

/// What became of waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<T> {
    /// The answer.
    Answer(T),
    /// Nothing that counts, until the time was over.
    Silence,
}

impl Datagrams {
    /// UDP to the target.
    pub(super) fn udp(target: &Target) -> Result<Self, Problem> {
        let socket = Socket::new(Domain::for_address(target.address), Type::DGRAM, Some(Protocol::UDP));
        Self::over(socket.map_err(|error| Problem::Local(format!("socket: {error}")))?, target)
    }

    /// Sets a datagram socket up for the target, whose time begins now.
    pub(super) fn over(socket: Socket, target: &Target) -> Result<Self, Problem> {
        let local = |what: &'static str| move |error: io::Error| Problem::Local(format!("{what}: {error}"));
        socket.set_nonblocking(true).map_err(local("socket"))?;
        mark(&socket, target)?;
        if let Some(address) = target.bind {
            if address.port() != 0 {
                // Checks of several servers may share a source port: what comes back is told apart by its source.
                socket.set_reuse_address(true).map_err(local("bindto"))?;
            }
            socket.bind(&address.into()).map_err(local("bindto"))?;
        }
        // Without it only some ICMP errors are reported. A kernel that cannot do it still reports those.
        let _ = match target.address {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true),
        };
        socket.connect(&target.address.into()).map_err(|error| problem(&error))?;
        let socket = UdpSocket::from_std(socket.into()).map_err(local("socket"))?;
        Ok(Self { socket, deadline: Instant::now() + target.timeout })
    }

    /// Sends one datagram.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<(), Problem> {
        match timeout_at(self.deadline, self.socket.send(bytes)).await {
            Err(_) => Err(Problem::Local("nothing can be sent".to_owned())),
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                Err(Problem::Local("the datagram is longer than the way to the server takes".to_owned()))
            }
            Ok(sent) => sent.map(drop).map_err(|error| problem(&error)),
        }
    }

    /// Shows `judge` what comes, until it has found an answer. Of a datagram longer than the buffer, the rest is lost.
    pub(super) async fn listen<T>(
        &self,
        buffer: &mut [u8],
        mut judge: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Heard<T>, Problem> {
        for _ in 0..MAX_STRAY {
            let Ok(received) = timeout_at(self.deadline, self.receive(buffer)).await else {
                return Ok(Heard::Silence);
            };
            let length = received.map_err(|error| problem(&error))?;
            if let Some(answer) = judge(buffer.get(..length).unwrap_or_default()) {
                return Ok(Heard::Answer(answer));
            }
        }
        Err(Problem::server(Cause::Protocol, "a flood of datagrams that are no answer"))
    }

    /// One datagram, or an ICMP error. (The runtime's own receive does not wake for an error alone.)
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let descriptor = self.socket.as_raw_fd();
        let interest = Interest::READABLE | Interest::ERROR;
        let receive = || Ok(recv(descriptor, buffer, MsgFlags::empty())?);
        self.socket.async_io(interest, receive).await
    }
}

/// What an ICMP error, or one of this host, says.
fn problem(error: &io::Error) -> Problem {
    let (cause, detail) = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => (Cause::Refused, "ICMP port unreachable"),
        Some(Errno::EHOSTUNREACH) => (Cause::Unreachable, "host unreachable"),
        Some(Errno::ENETUNREACH) => (Cause::Unreachable, "network unreachable"),
        Some(Errno::ENOPROTOOPT) => (Cause::Unreachable, "ICMP protocol unreachable"),
        Some(Errno::EACCES) => (Cause::Unreachable, "ICMP administratively prohibited"),
        Some(Errno::EMSGSIZE) => (Cause::Unreachable, "ICMP packet too big"),
        Some(Errno::EPERM) => return Problem::Local("this host's own firewall forbids to send".to_owned()),
        _ => return connect_problem(error),
    };
    Problem::server(cause, detail)
}

/// A number that nobody else knows, and that is another one each time.
pub(super) fn nonce() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}
