//! `SMTP_CHECK`: greeting, HELO, QUIT (RFC 5321 §4).

use lvsd_health::Cause;
use lvsd_model::SmtpCheck;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::time::timeout;

use super::connect::{connect, io_problem};
use super::{Problem, quote};

/// The most bytes that a server may say in all.
const MAX_TALK: u64 = 64 * 1024;

/// What the server's reply follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Connecting,
    Helo,
    Quit,
}

impl After {
    const fn words(self) -> &'static str {
        match self {
            Self::Connecting => "as greeting",
            Self::Helo => "after HELO",
            Self::Quit => "after QUIT",
        }
    }

    /// The code that is wanted; to a good-bye anything will do.
    const fn code(self) -> Option<u16> {
        match self {
            Self::Connecting => Some(220),
            Self::Helo => Some(250),
            Self::Quit => None,
        }
    }
}

pub(super) async fn run(check: &SmtpCheck) -> Result<(), Problem> {
    let mut stream = connect(&check.target).await?;
    // How far it has come tells what a late server has left out.
    let mut after = After::Connecting;
    match timeout(check.target.timeout, talk(&mut stream, &check.helo_name, &mut after)).await {
        Ok(result) => result,
        Err(_) => Err(Problem::server(Cause::ResponseTimeout, format!("no reply {}", after.words()))),
    }
}

async fn talk(stream: &mut TcpStream, helo_name: &str, after: &mut After) -> Result<(), Problem> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::with_capacity(512, reader.take(MAX_TALK));
    let helo = format!("HELO {helo_name}\r\n");
    for (step, command) in [(After::Connecting, ""), (After::Helo, helo.as_str()), (After::Quit, "QUIT\r\n")]
    {
        *after = step;
        writer.write_all(command.as_bytes()).await.map_err(|error| io_problem(&error))?;
        reply(&mut reader, step).await?;
    }
    Ok(())
}

/// Reads a reply, of any number of lines, and judges its code.
async fn reply(reader: &mut BufReader<Take<ReadHalf<'_>>>, after: After) -> Result<(), Problem> {
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).await.map_err(|error| io_problem(&error))?;
        let words = after.words();
        if reader.get_ref().limit() == 0 {
            return Err(Problem::server(Cause::Protocol, format!("endless talk {words}")));
        }
        if line.is_empty() {
            return Err(Problem::server(Cause::NoData, format!("closed, no reply {words}")));
        }
        let wrong =
            |cause, what: &str| Err(Problem::server(cause, format!("{what}{words}: {}", quote(&line))));
        match (after.code(), parse(&line)) {
            (_, Some((_, More::Follows))) => {}
            (None, _) => return Ok(()),
            (Some(_), None) => return wrong(Cause::Protocol, "no SMTP reply "),
            (Some(wanted), Some((code, More::Nothing))) if code == wanted => return Ok(()),
            (Some(_), Some((_, More::Nothing))) => {
                let code = String::from_utf8_lossy(line.get(..3).unwrap_or_default()).into_owned();
                return wrong(Cause::Status, &format!("{code} "));
            }
        }
    }
}

/// Whether a line is the last of its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Follows,
    Nothing,
}

/// The code of a line (RFC 5321 §4.2): three digits, then a hyphen if another line follows.
fn parse(line: &[u8]) -> Option<(u16, More)> {
    let (code, rest) = (line.get(..3)?, line.get(3..)?);
    if !code.iter().all(u8::is_ascii_digit) || !rest.ends_with(b"\n") {
        return None;
    }
    let more = match rest.first()? {
        b'-' => More::Follows,
        b' ' | b'\r' | b'\n' => More::Nothing,
        _ => return None,
    };
    Some((std::str::from_utf8(code).ok()?.parse().ok()?, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_code_and_an_end() {
        for (line, expected) in [
            ("220 mx ESMTP\r\n", Some((220, More::Nothing))),
            ("250-mx\r\n", Some((250, More::Follows))),
            ("221\n", Some((221, More::Nothing))),
            ("220 cut off", None),
            ("22 short\r\n", None),
            ("2200 long\r\n", None),
            ("SSH-2.0-x\r\n", None),
            ("\r\n", None),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line:?}");
        }
    }
}
