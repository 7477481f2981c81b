//! A mail server that keeps what it gets, or behaves badly.

use crate::{Host, Result, error::Context as _, until_some};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long it waits for a client.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that it reads from one connection.
const MOST: u64 = 1 << 20;
/// How often a waiting server looks whether to stop.
const TICK_MS: u16 = 20;

/// A mail as the server got it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// Name in HELO or EHLO.
    pub helo: String,
    /// `MAIL FROM:<...>`.
    pub from: String,
    /// `RCPT TO:<...>`, those that were accepted.
    pub to: Vec<String>,
    /// The lines between DATA and the dot, dots unstuffed.
    pub lines: Vec<String>,
}

impl Mail {
    /// The value of a header line, without the lines that continue it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.lines.iter().take_while(|line| !line.is_empty());
        let start = format!("{name}: ");
        head.filter_map(|line| line.strip_prefix(&start)).next()
    }

    /// The lines behind the headers, empty ones left out.
    pub fn body(&self) -> Vec<&str> {
        let body = self.lines.iter().skip_while(|line| !line.is_empty());
        body.map(String::as_str).filter(|line| !line.is_empty()).collect()
    }
}

/// How a server treats its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes everything.
    Takes,
    /// Refuses recipients that contain this text.
    Refuses(String),
    /// Answers the first so many connections with 421.
    BusyFor(usize),
    /// Accepts connections and says nothing.
    Silent,
    /// Says one endless line.
    Chatters,
}

#[derive(Debug, Default)]
struct Letterbox {
    mails: Vec<Mail>,
    connections: usize,
}

/// The server. Dropped, it refuses connections.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Letterbox>>,
    end: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl MailServer {
    /// Serves on an address of a host.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn on(host: &Host, listen: SocketAddr, manner: Manner) -> Result<Self> {
        host.enter(|| Self::here(listen, manner))?
    }

    /// Serves on an address of the calling thread's namespace.
    ///
    /// # Errors
    /// The address is not there, or taken.
    pub fn here(listen: SocketAddr, manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind(listen).context(|| format!("listen on {listen}"))?;
        listener.set_nonblocking(true).context(|| "make a listener non-blocking".to_owned())?;
        let address = listener.local_addr().context(|| "read a listener's address".to_owned())?;
        let (mails, end) = (Arc::new(Mutex::new(Letterbox::default())), Arc::new(AtomicBool::new(false)));
        let acceptor = {
            let (mails, end) = (Arc::clone(&mails), Arc::clone(&end));
            let accept = move || accept_until_end(&listener, &manner, &mails, &end);
            thread::Builder::new()
                .name(format!("smtp {address}"))
                .spawn(accept)
                .context(|| "start a thread".to_owned())?
        };
        Ok(Self { address, mails, end, acceptor: Some(acceptor) })
    }

    /// Where it listens, also when asked for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it had.
    pub fn connections(&self) -> usize {
        lock(&self.mails).connections
    }

    /// What it took so far.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.mails).mails.clone()
    }

    /// Waits for a mail with this text in its subject.
    ///
    /// # Errors
    /// None came in time.
    pub fn wait(&self, within: Duration, subject: &str) -> Result<Mail> {
        until_some(within, &format!("a mail about \"{subject}\""), || {
            self.mails().into_iter().find(|mail| mail.header("Subject").is_some_and(|s| s.contains(subject)))
        })
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            // A panic has been told by the thread itself.
            let _ = acceptor.join();
        }
    }
}

fn lock(mails: &Mutex<Letterbox>) -> std::sync::MutexGuard<'_, Letterbox> {
    mails.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept_until_end(
    listener: &TcpListener,
    manner: &Manner,
    mails: &Arc<Mutex<Letterbox>>,
    end: &Arc<AtomicBool>,
) {
    while !end.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        if !poll(&mut ready, PollTimeout::from(TICK_MS)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        let (manner, mails, end) = (manner.clone(), Arc::clone(mails), Arc::clone(end));
        let number = {
            let mut mails = lock(&mails);
            mails.connections += 1;
            mails.connections
        };
        // A client that fails, or no room for a thread, is the client's to see; the server goes on.
        let _ = thread::Builder::new().spawn(move || serve(&stream, &manner, number, &mails, &end));
    }
}

fn serve(
    stream: &TcpStream,
    manner: &Manner,
    number: usize,
    mails: &Mutex<Letterbox>,
    end: &AtomicBool,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut out = stream;
    match manner {
        Manner::Silent => {
            while !end.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(u64::from(TICK_MS)));
            }
            return Ok(());
        }
        Manner::Chatters => loop {
            out.write_all(&[b'a'; 4096])?;
        },
        Manner::BusyFor(count) if number <= *count => return out.write_all(b"421 lab is busy\r\n"),
        Manner::Takes | Manner::Refuses(_) | Manner::BusyFor(_) => {}
    }
    out.write_all(b"220 lab ESMTP\r\n")?;
    let mut lines = BufReader::new(stream.take(MOST)).lines();
    let mut mail = Mail::default();
    while let Some(line) = lines.next().transpose()? {
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
        let path = || rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match (verb.to_ascii_uppercase().as_str(), manner) {
            ("EHLO" | "HELO", _) => {
                mail.helo = rest.to_owned();
                out.write_all(b"250-lab\r\n250 8BITMIME\r\n")?;
            }
            ("MAIL", _) => {
                mail.from = path();
                out.write_all(b"250 ok\r\n")?;
            }
            ("RCPT", Manner::Refuses(text)) if rest.contains(text.as_str()) => {
                out.write_all(b"550 nobody of that name\r\n")?;
            }
            ("RCPT", _) => {
                mail.to.push(path());
                out.write_all(b"250 ok\r\n")?;
            }
            ("DATA", _) => {
                out.write_all(b"354 go on\r\n")?;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.lines.push(line.strip_prefix('.').unwrap_or(&line).to_owned());
                }
                lock(mails).mails.push(std::mem::take(&mut mail));
                out.write_all(b"250 taken\r\n")?;
            }
            ("QUIT", _) => return out.write_all(b"221 bye\r\n"),
            _ => out.write_all(b"500 what?\r\n")?,
        }
    }
    Ok(())
}
