//! Connections, from and to where the check says.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use lvsd_health::Cause;
use lvsd_model::Target;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Problem;

/// Connects within the target's time.
pub(super) async fn connect(target: &Target) -> Result<TcpStream, Problem> {
    let socket = socket(target)?;
    match timeout(target.timeout, socket.connect(target.address)).await {
        Err(_) => Err(Problem::server(Cause::ConnectTimeout, "")),
        Ok(Err(error)) => Err(connect_problem(&error)),
        Ok(Ok(stream)) if is_own_echo(&stream) => Err(Problem::server(Cause::Refused, "")),
        Ok(Ok(stream)) => Ok(stream),
    }
}

/// A socket with the options of the target; what goes wrong here is this host's problem.
fn socket(target: &Target) -> Result<TcpSocket, Problem> {
    let local = |what: &'static str| move |error: io::Error| Problem::Local(format!("{what}: {error}"));
    let socket = match target.address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(local("socket"))?;
    let options = SockRef::from(&socket);
    mark(&options, target)?;
    if let Some(address) = target.bind {
        if address.port() == 0 {
            // The port is chosen when connecting, so that one port can serve towards many servers. Only a matter of how
            // many ports there are: an old kernel does without.
            let _ = setsockopt(&socket, IpBindAddressNoPort, &true);
        } else {
            // The last run's connection may still be in TIME_WAIT.
            options.set_reuse_address(true).map_err(local("bindto"))?;
        }
        socket.bind(address).map_err(local("bindto"))?;
    }
    Ok(socket)
}

/// `fwmark` and `bind_if`.
pub(super) fn mark(socket: &socket2::Socket, target: &Target) -> Result<(), Problem> {
    let local = |what: &'static str| move |error: io::Error| Problem::Local(format!("{what}: {error}"));
    if target.fwmark != 0 {
        socket.set_mark(target.fwmark).map_err(local("fwmark"))?;
    }
    if let Some(interface) = &target.interface {
        socket.bind_device(Some(interface.as_str().as_bytes())).map_err(local("bind_if"))?;
    }
    Ok(())
}

/// A connection to a port of this host that nobody listens on can meet itself, when the kernel chooses that very port as
/// its source (a simultaneous open).
fn is_own_echo(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(own), Ok(other)) if own == other)
}

pub(super) fn connect_problem(error: &io::Error) -> Problem {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        Some(
            Errno::EADDRNOTAVAIL
            | Errno::EADDRINUSE
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOMEM
            | Errno::ENOBUFS,
        ) => Problem::Local(format!("connect: {error}")),
        _ => io_problem(error),
    }
}

/// An error of an established connection, or in establishing it, that the other side or the way to it has caused.
pub(super) fn io_problem(error: &io::Error) -> Problem {
    let cause = match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => Cause::Reset,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Cause::Unreachable
        }
        ErrorKind::TimedOut => Cause::ConnectTimeout,
        _ => Cause::Other,
    };
    let detail = match cause {
        Cause::Refused | Cause::Reset | Cause::ConnectTimeout => String::new(),
        _ => error.to_string(),
    };
    Problem::server(cause, detail)
}
