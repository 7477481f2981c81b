//! Servers that answer who they are.

use crate::{Host, Result, error::Context as _};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a server waits for a request, or for its reader.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request head it reads.
const LONGEST_HEAD: u64 = 16 << 10;
/// How often a waiting server looks whether to stop.
const TICK_MS: u16 = 20;

/// What a server does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers with this status and body.
    Page {
        /// Status code.
        status: u16,
        /// The whole body.
        body: String,
    },
    /// Accepts, reads, and never answers.
    Hang,
}

impl Answer {
    /// Status 200 with this body.
    pub fn page(body: &str) -> Self {
        Self::Page { status: 200, body: body.to_owned() }
    }
}

/// State that a server's threads share with its owner.
#[derive(Debug)]
struct Shared {
    answer: Mutex<Answer>,
    served: AtomicU64,
    end: AtomicBool,
}

/// An HTTP/1.1 server that closes every connection after one answer. Dropped, it refuses connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on an address of a host.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn on(host: &Host, listen: SocketAddr, answer: Answer) -> Result<Self> {
        host.enter(|| Self::here(listen, answer))?
    }

    /// Serves on an address of the calling thread's namespace.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn here(listen: SocketAddr, answer: Answer) -> Result<Self> {
        let listener = TcpListener::bind(listen).context(|| format!("listen on {listen}"))?;
        listener.set_nonblocking(true).context(|| "make a listener non-blocking".to_owned())?;
        let address = listener.local_addr().context(|| "read a listener's address".to_owned())?;
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            served: AtomicU64::new(0),
            end: AtomicBool::new(false),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            start(format!("http {address}"), move || accept_until_end(&listener, &shared))?
        };
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens, also when asked for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers so from now on.
    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How many requests it has read, health checks included.
    pub fn served(&self) -> u64 {
        self.shared.served.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&self.shared.end, self.acceptor.take());
    }
}

fn accept_until_end(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.end.load(Ordering::Relaxed) {
        if !is_readable(listener) {
            continue;
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        let shared = Arc::clone(shared);
        // A client that fails, or no room for a thread, is the client's to see; the server goes on.
        let _ = start("http connection".to_owned(), move || serve(&stream, &shared));
    }
}

/// Reads one request and answers it, as far as the client lets it.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream.take(LONGEST_HEAD));
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    shared.served.fetch_add(1, Ordering::Relaxed);
    let answer = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match answer {
        Answer::Page { status, body } => {
            let length = body.len();
            let mut stream = stream;
            write!(
                stream,
                "HTTP/1.1 {status} Lab\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
        Answer::Hang => {
            while !shared.end.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(u64::from(TICK_MS)));
            }
            Ok(())
        }
    }
}

/// A UDP server that sends back what it gets, behind its own name and a space.
#[derive(Debug)]
pub struct UdpEcho {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    echoer: Option<JoinHandle<()>>,
}

impl UdpEcho {
    /// Serves on an address of a host.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn on(host: &Host, listen: SocketAddr, name: &str) -> Result<Self> {
        host.enter(|| Self::here(listen, name))?
    }

    /// Serves on an address of the calling thread's namespace.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn here(listen: SocketAddr, name: &str) -> Result<Self> {
        let socket = UdpSocket::bind(listen).context(|| format!("bind UDP {listen}"))?;
        let address = socket.local_addr().context(|| "read a socket's address".to_owned())?;
        let stop = Arc::new(AtomicBool::new(false));
        let name = format!("{name} ").into_bytes();
        let echoer = {
            let stop = Arc::clone(&stop);
            start(format!("udp {address}"), move || echo_until_end(&socket, &name, &stop))?
        };
        Ok(Self { address, stop, echoer: Some(echoer) })
    }

    /// Where it listens, also when asked for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for UdpEcho {
    fn drop(&mut self) {
        end(&self.stop, self.echoer.take());
    }
}

fn echo_until_end(socket: &UdpSocket, name: &[u8], stop: &AtomicBool) {
    let mut datagram = vec![0; 64 << 10];
    while !stop.load(Ordering::Relaxed) {
        if is_readable(socket)
            && let Ok((length, from)) = socket.recv_from(&mut datagram)
        {
            let answer = [name, datagram.get(..length).unwrap_or_default()].concat();
            // An unreachable client is no matter of the server's.
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn is_readable(socket: &impl AsFd) -> bool {
    let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut ready, PollTimeout::from(TICK_MS)).is_ok_and(|ready| ready > 0)
}

fn start<T: Send + 'static>(
    name: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    thread::Builder::new().name(name).spawn(work).context(|| "start a thread".to_owned())
}

fn end(flag: &AtomicBool, thread: Option<JoinHandle<()>>) {
    flag.store(true, Ordering::Relaxed);
    if let Some(thread) = thread {
        // A panic has been told by the thread itself.
        let _ = thread.join();
    }
}
