//! `genhash`: prints the digest of a page as `HTTP_GET` and `SSL_GET` expect it.
//!
//! The page is fetched by the client of these checks, so that what is printed is what they will find. Unlike that of
//! keepalived, a failure is said on standard error and has the exit status 1: whoever puts the output into a configuration gets
//! no sentence instead of a digest.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use clap::{Args, Parser};
use lvsd_checker::fetch::{self, Piece};
use lvsd_model::{HttpCheck, HttpUrl, HttpVersion, StatusRanges, Target, TlsOptions};

/// What the command line asks for.
#[derive(Clone, Debug, Args)]
pub struct Genhash {
    /// IP address of the web server
    #[arg(short, long, value_name = "ADDRESS")]
    server: IpAddr,
    /// Its port
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The path, as in the configuration
    #[arg(short, long, value_name = "PATH")]
    url: String,
    /// Speak TLS, as SSL_GET does; any certificate is taken
    #[arg(short = 'S', long)]
    use_ssl: bool,
    /// Send the virtual host as the server name of TLS
    #[arg(short = 'I', long)]
    use_sni: bool,
    /// The Host of the request [default: the address and port]
    #[arg(short = 'V', long, value_name = "HOST")]
    use_virtualhost: Option<String>,
    /// HTTP version: 1.0, 1.0c (1.0 with Connection: close), 1.1
    #[arg(short = 'P', long, value_name = "VERSION", default_value = "1.0", value_parser = version)]
    protocol: HttpVersion,
    /// Seconds for the connection, and again for the answer
    #[arg(short, long, value_name = "SECONDS", default_value_t = 4294, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Mark of the packets
    #[arg(short = 'm', long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    fwmark: u32,
    /// Also print the head, the content in hexadecimal, and the time that it took
    #[arg(short, long)]
    verbose: bool,
}

/// Print the digest of a page for HTTP_GET and SSL_GET
#[derive(Debug, Parser)]
#[command(name = "genhash")]
struct Cli {
    #[command(flatten)]
    wanted: Genhash,
}

/// The words behind the program's name, when they or that name ask for `genhash`.
pub(crate) fn words(mut words: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let program = words.next()?;
    if std::path::Path::new(&program).file_name().is_some_and(|name| name == "genhash") {
        return Some(words.collect());
    }
    let first = words.next()?;
    (first == "-T" || first == "--genhash").then(|| words.collect())
}

/// Runs it from the words of a command line, and gives the exit status.
pub(crate) fn main(words: Vec<OsString>) -> u8 {
    match Cli::try_parse_from(std::iter::once("genhash".into()).chain(words)) {
        Ok(cli) => run(&cli.wanted, &mut io::stdout().lock()),
        Err(error) => {
            // Who does not listen does not change it.
            let _ = error.print();
            u8::from(error.use_stderr())
        }
    }
}

/// Fetches the page, prints its digest, and gives the exit status: 0, or 1 when there is none.
#[must_use]
pub fn run(wanted: &Genhash, out: &mut impl Write) -> u8 {
    match print(wanted, out) {
        Ok(()) => 0,
        Err(error) => {
            let address = SocketAddr::new(wanted.server, wanted.port);
            // Who does not listen does not change it.
            let _ = writeln!(io::stderr(), "genhash: {address}: {error}");
            1
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Page(#[from] fetch::Unfetched),
    #[error("output: {0}")]
    Output(#[from] io::Error),
}

fn print(wanted: &Genhash, out: &mut impl Write) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut dump = Dump::default();
    let mut shown = Ok(());
    let digest = fetch::digest(&check(wanted), |piece| {
        if wanted.verbose && shown.is_ok() {
            shown = dump.show(piece, out);
        }
    })?;
    shown?;
    if wanted.verbose {
        dump.end(out)?;
    }
    writeln!(out, "{}", digest.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>())?;
    if wanted.verbose {
        writeln!(out, "\n{} took {} microseconds", wanted.url, begun.elapsed().as_micros())?;
    }
    Ok(out.flush()?)
}

/// The check that would expect the digest. Every status is good: the peer's tool prints a digest for each.
fn check(wanted: &Genhash) -> HttpCheck {
    let url = HttpUrl {
        path: wanted.url.clone(),
        digest: None,
        status: StatusRanges(vec![(0, u16::MAX)]),
        virtualhost: None,
        regex: None,
    };
    let tls =
        TlsOptions { sni_from_virtualhost: wanted.use_sni, sni: None, verify: false, close_notify: false };
    HttpCheck {
        target: Target {
            address: SocketAddr::new(wanted.server, wanted.port),
            bind: None,
            interface: None,
            fwmark: wanted.fwmark,
            timeout: Duration::from_secs(wanted.timeout.into()),
        },
        version: wanted.protocol,
        tls: wanted.use_ssl.then_some(tls),
        virtualhost: wanted.use_virtualhost.clone(),
        fast_recovery: true,
        urls: vec![url],
    }
}

fn version(text: &str) -> Result<HttpVersion, String> {
    match text.to_ascii_lowercase().as_str() {
        "1.0" => Ok(HttpVersion::V1_0),
        "1.0c" => Ok(HttpVersion::V1_0Close),
        "1.1" => Ok(HttpVersion::V1_1),
        _ => Err("must be 1.0, 1.0c or 1.1".to_owned()),
    }
}

/// Bytes on a line of a dump.
const WIDTH: usize = 16;

/// Prints content in hexadecimal as it comes, however it is cut.
#[derive(Debug, Default)]
struct Dump {
    /// Of the line that is not full yet.
    line: Vec<u8>,
    offset: usize,
}

impl Dump {
    fn show(&mut self, piece: Piece<'_>, out: &mut impl Write) -> io::Result<()> {
        match piece {
            Piece::Head(head) => {
                writeln!(out, "{}", head.replace(|c: char| c.is_control() && c != '\n', "."))
            }
            Piece::Content(data) => data.iter().try_for_each(|&byte| {
                self.line.push(byte);
                if self.line.len() == WIDTH { self.flush(out) } else { Ok(()) }
            }),
        }
    }

    fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        let hex: String = self.line.iter().map(|byte| format!(" {byte:02x}")).collect();
        let printable =
            |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
        let text: String = self.line.iter().map(printable).collect();
        writeln!(out, "{:04x} {hex:48}   {text}", self.offset)?;
        self.offset += self.line.len();
        self.line.clear();
        Ok(())
    }

    fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        if !self.line.is_empty() {
            self.flush(out)?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<Vec<OsString>> {
        words(line.split(' ').map(OsString::from))
    }

    fn read(line: &str) -> Result<Genhash, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.wanted)
    }

    #[test]
    fn it_is_asked_for_by_name_or_by_the_first_word() {
        let rest = Some(vec!["-v".into()]);
        for line in ["genhash -v", "/usr/bin/genhash -v", "lvsd -T -v", "lvsd --genhash -v"] {
            assert_eq!(asked(line), rest, "{line}");
        }
        for line in ["lvsd", "lvsd -v -T", "lvsd genhash", "genhashes -v"] {
            assert_eq!(asked(line), None, "{line}");
        }
    }

    #[test]
    fn options_are_those_of_the_peer() {
        let short = "genhash -S -I -s 192.0.2.1 -p 443 -u /x -V www.example.org -P 1.0C -t 3 -m 7 -v";
        let long = "genhash --use-ssl --use-sni --server 192.0.2.1 --port 443 --url /x \
            --use-virtualhost www.example.org --protocol 1.0c --timeout 3 --fwmark 7 --verbose";
        for line in [short, long] {
            let wanted = read(line).expect("good options");
            let check = check(&wanted);
            assert_eq!(check.target.address, "192.0.2.1:443".parse().expect("an address"));
            assert_eq!((check.target.timeout, check.target.fwmark), (Duration::from_secs(3), 7));
            assert_eq!(check.version, HttpVersion::V1_0Close);
            assert_eq!(check.virtualhost.as_deref(), Some("www.example.org"));
            assert!(check.tls.is_some_and(|tls| tls.sni_from_virtualhost && !tls.verify) && wanted.verbose);
        }
        for line in [
            "genhash -p 80 -u /",
            "genhash -s 192.0.2.1 -u /",
            "genhash -s 192.0.2.1 -p 80",
            "genhash -s localhost -p 80 -u /",
            "genhash -s 192.0.2.1 -p 0 -u /",
            "genhash -s 192.0.2.1 -p 80 -u / -P 2",
            "genhash -s 192.0.2.1 -p 80 -u / more",
        ] {
            assert!(read(line).is_err_and(|error| error.use_stderr()), "{line}");
        }
    }

    #[test]
    fn a_dump_does_not_show_how_content_was_cut() {
        let mut out = Vec::new();
        let mut dump = Dump::default();
        for piece in [&b"hello "[..], b"", b"wide world\n\xff"] {
            dump.show(Piece::Content(piece), &mut out).expect("memory takes everything");
        }
        dump.end(&mut out).expect("memory takes everything");
        let expected = "\
0000  68 65 6c 6c 6f 20 77 69 64 65 20 77 6f 72 6c 64   hello wide world
0010  0a ff                                             ..

";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
