//! Clients that count who answered, and how long nobody did.

use crate::{Host, LabError, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    str::FromStr,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The longest answer read.
const LONGEST_ANSWER: u64 = 1 << 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `http://10.0.0.1:80/path`; the address is numeric.
    Http {
        /// Server.
        address: SocketAddr,
        /// Path, with its slash.
        path: String,
    },
    /// `udp://10.0.0.1:53`.
    Udp {
        /// Server.
        address: SocketAddr,
    },
}

impl FromStr for Target {
    type Err = LabError;

    fn from_str(url: &str) -> Result<Self> {
        let wrong = || LabError::Unreadable {
            what: "the URL (http://ADDRESS[:PORT]/PATH or udp://ADDRESS:PORT)",
            text: url.to_owned(),
        };
        if let Some(address) = url.strip_prefix("udp://") {
            return Ok(Self::Udp { address: address.parse().map_err(|_| wrong())? });
        }
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = authority.parse().or_else(|_| format!("{authority}:80").parse());
        Ok(Self::Http { address: with_port.map_err(|_| wrong())?, path: format!("/{path}") })
    }
}

/// How requests are made: one after the other, each on a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What is asked for.
    pub target: Target,
    /// From the start of one request to the start of the next, if it has ended by then.
    pub interval: Duration,
    /// How long one request may take in all.
    pub timeout: Duration,
}

impl Client {
    /// A request every 10 ms, of a second each at most.
    pub fn new(target: Target) -> Self {
        Self { target, interval: Duration::from_millis(10), timeout: Duration::from_secs(1) }
    }

    /// Makes one request from the calling thread's namespace and gives the body of the answer.
    ///
    /// # Errors
    /// No whole answer with status 200 in time; other statuses are of [`io::ErrorKind::Other`].
    pub fn fetch(&self) -> io::Result<String> {
        let deadline = Instant::now() + self.timeout;
        match &self.target {
            Target::Http { address, path } => fetch_http(*address, path, deadline),
            Target::Udp { address } => fetch_udp(*address, deadline),
        }
    }

    /// Makes one request from a host.
    ///
    /// # Errors
    /// Like [`fetch`](Self::fetch).
    pub fn fetch_from(&self, host: &Host) -> io::Result<String> {
        host.enter(|| self.fetch()).map_err(io::Error::other)?
    }

    /// Makes `count` requests from the calling thread's namespace. Before each, `pause` is asked to wait for a time
    /// and whether to go on.
    pub fn repeat(&self, count: u64, mut pause: impl FnMut(Duration) -> Next) -> Report {
        let start = Instant::now();
        let mut report = Report::default();
        let mut last_answer = start;
        while report.sent < count {
            let begin = Instant::now();
            report.sent += 1;
            match self.fetch() {
                Ok(body) => {
                    *report.answers.entry(body.trim_end().to_owned()).or_default() += 1;
                    report.note_gap(last_answer.elapsed());
                    last_answer = Instant::now();
                }
                Err(error) => {
                    report.failed += 1;
                    *report.failures.entry(error.to_string()).or_default() += 1;
                }
            }
            if report.sent < count && pause(self.interval.saturating_sub(begin.elapsed())) == Next::Stop {
                break;
            }
        }
        report.note_gap(last_answer.elapsed());
        report
    }
}

/// Whether a client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// With the next request.
    Request,
    /// No more.
    Stop,
}

/// What became of a client's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Requests begun.
    pub sent: u64,
    /// Of these, those without a whole answer of status 200.
    pub failed: u64,
    /// The others, by the body of the answer.
    pub answers: BTreeMap<String, u64>,
    /// The failed ones, by what was wrong.
    pub failures: BTreeMap<String, u64>,
    /// The longest time without an answer, in microseconds, start and end included.
    pub longest_gap_us: u64,
}

impl Report {
    /// The longest time without an answer, start and end included.
    pub fn longest_gap(&self) -> Duration {
        Duration::from_micros(self.longest_gap_us)
    }

    fn note_gap(&mut self, gap: Duration) {
        self.longest_gap_us = self.longest_gap_us.max(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX));
    }
}

/// A client at work on a host, until it is [stopped](Self::stop) or dropped.
#[derive(Debug)]
pub struct Load {
    stop: Sender<()>,
    worker: JoinHandle<Report>,
}

impl Load {
    /// Starts the client on that host.
    ///
    /// # Errors
    /// The host is gone.
    pub fn start(host: &Host, client: Client) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let worker = host.namespace().spawn("client", move || {
            client.repeat(u64::MAX, |pause| match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => Next::Request,
                Ok(()) | Err(RecvTimeoutError::Disconnected) => Next::Stop,
            })
        })?;
        Ok(Self { stop, worker })
    }

    /// Ends it, after the request it is at, and gives its report.
    pub fn stop(self) -> Report {
        drop(self.stop);
        self.worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// What is left until the deadline, as timeouts of the system want it: not zero.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(timed_out()) } else { Ok(left) }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "timed out")
}

/// A blocking read or write that ran into its timeout says `WouldBlock`.
fn name_timeout(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { timed_out() } else { error }
}

fn fetch_http(address: SocketAddr, path: &str, deadline: Instant) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .map_err(name_timeout)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let length = stream.read(&mut piece).map_err(name_timeout)?;
        answer.extend_from_slice(piece.get(..length).unwrap_or_default());
        if length == 0 || answer.len() as u64 > LONGEST_ANSWER {
            return body_of(&String::from_utf8_lossy(&answer));
        }
    }
}

/// The body of a whole answer with status 200.
fn body_of(answer: &str) -> io::Result<String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(io::Error::other(format!("status {status}")));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    if length.is_some_and(|length| length != body.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body.to_owned())
}

fn fetch_udp(address: SocketAddr, deadline: Instant) -> io::Result<String> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.send(b"ping")?;
    socket.set_read_timeout(Some(left(deadline)?))?;
    let mut datagram = [0; 2048];
    let length = socket.recv(&mut datagram).map_err(name_timeout)?;
    let answer = String::from_utf8_lossy(datagram.get(..length).unwrap_or_default());
    Ok(answer.strip_suffix(" ping").unwrap_or(&answer).to_owned())
}

#[cfg(test)]
mod tests;
