//! Connections that last.

use crate::good;
use lvsd_lab::Host;
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// How long a line may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a TCP server on a host that answers every line with its name, for as long as its clients and this process
/// live.
pub fn start_talker(host: &Host, listen: SocketAddr, name: &str) {
    let listener = good(good(host.enter(|| TcpListener::bind(listen))));
    let name = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let name = name.clone();
            thread::spawn(move || answer_lines(&stream, &name));
        }
    });
}

fn answer_lines(stream: &TcpStream, name: &str) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        writeln!(stream, "{name}")?;
        line.clear();
    }
    Ok(())
}

/// The client's end of a lasting connection.
#[derive(Debug)]
pub struct Talk {
    partner: String,
    lines: BufReader<TcpStream>,
}

impl Talk {
    /// Connects from a host.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn begin(host: &Host, to: SocketAddr) -> io::Result<Self> {
        let connect = || TcpStream::connect_timeout(&to, PATIENCE);
        let stream = host.enter(connect).map_err(io::Error::other)??;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut talk = Self { partner: String::new(), lines: BufReader::new(stream) };
        talk.partner = talk.say()?;
        Ok(talk)
    }

    /// Who answered first.
    pub fn partner(&self) -> &str {
        &self.partner
    }

    /// Says something, and gives the answer.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn say(&mut self) -> io::Result<String> {
        self.lines.get_mut().write_all(b"hello\n")?;
        let mut answer = String::new();
        if self.lines.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end().to_owned())
    }
}
