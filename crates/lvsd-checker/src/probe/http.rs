//! `HTTP_GET` and `SSL_GET`.
//!
//! One run asks for each url in turn, on a connection of its own, without a pause between them; it begins with the one that
//! failed the last time, so that while a server is down only that one is asked for. (The peer waits `delay_loop` between
//! urls unless `fast_recovery` is set; here every check is a fast one.)
//!
//! An answer is read to its end, and of it no more is kept than a regex looks at: a digest is made on the way, of the content as far as `Content-Length` says
//! (of a chunked answer, of what is in the chunks).

use std::error::Error;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use lvsd_health::{Cause, Failure};
use lvsd_model::{DigestMd5, HttpCheck, HttpUrl, HttpVersion, TlsOptions};
use md5::{Digest, Md5};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Problem;
use super::connect::{connect, io_problem};
use super::regex::{MAX_BODY, Regexes};
use super::stream::{Arrived, Noted};
use super::tls::Clients;
use crate::fetch::{self, Piece};

/// What the peer calls itself: log filters of real servers look for it.
const AGENT: HeaderValue = HeaderValue::from_static("KeepAliveClient");

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// How long a server may take to hear that a connection ends.
const GOODBYE: Duration = Duration::from_millis(500);

/// Asks for all urls, beginning with that number; on failure says which one it was.
pub(super) async fn run(
    check: &HttpCheck,
    first: usize,
    tls: &Clients,
    regexes: &Regexes,
) -> Result<(), (usize, Problem)> {
    let count = check.urls.len();
    if count == 0 {
        return Err((0, Problem::Local("no url is configured".to_owned())));
    }
    for index in (0..count).map(|offset| (first + offset) % count) {
        let Some(url) = check.urls.get(index) else { continue };
        let asked = ask(check, url, tls, async |response| judge(response, url, regexes).await);
        asked.await.map_err(|problem| (index, named(problem, url)))?;
    }
    Ok(())
}

/// The digest of the first url's content, whatever its status is. `see` gets the answer as it comes.
pub(super) async fn digest(
    check: &HttpCheck,
    tls: &Clients,
    see: &mut impl FnMut(Piece<'_>),
) -> Result<DigestMd5, Problem> {
    let url = check.urls.first().ok_or_else(|| Problem::Local("no url is given".to_owned()))?;
    ask(check, url, tls, async |response| {
        let (parts, body) = response.into_parts();
        see(Piece::Head(&fetch::head(&parts)));
        let mut digest = Md5::new();
        read(body, |data| {
            digest.update(data);
            see(Piece::Content(data));
        })
        .await?;
        Ok(DigestMd5(digest.finalize().into()))
    })
    .await
}

/// Puts the url before the detail.
fn named(problem: Problem, url: &HttpUrl) -> Problem {
    match problem {
        Problem::Server(Failure { cause, detail }) if detail.is_empty() => {
            Problem::server(cause, url.path.clone())
        }
        Problem::Server(Failure { cause, detail }) => {
            Problem::server(cause, format!("{}: {detail}", url.path))
        }
        local @ Problem::Local(_) => local,
    }
}

/// Asks for a url and has somebody read the answer.
async fn ask<T>(
    check: &HttpCheck,
    url: &HttpUrl,
    tls: &Clients,
    reader: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Trouble>,
) -> Result<T, Problem> {
    let request = request(check, url)?;
    let stream = connect(&check.target).await?;
    let answer = async {
        match &check.tls {
            None => exchange(stream, request, Ending::Abrupt, reader).await,
            Some(options) => {
                let name = server_name(check, url, options);
                let stream = tls.handshake(options, name, stream).await?;
                let ending = if options.close_notify { Ending::Polite } else { Ending::Abrupt };
                exchange(stream, request, ending, reader).await
            }
        }
    };
    let late = || Problem::server(Cause::ResponseTimeout, "");
    timeout(check.target.timeout, answer).await.unwrap_or_else(|_| Err(late()))
}

/// The virtual host: the url's, else the check's.
fn virtualhost<'a>(check: &'a HttpCheck, url: &'a HttpUrl) -> Option<&'a str> {
    url.virtualhost.as_deref().or(check.virtualhost.as_deref())
}

fn request(check: &HttpCheck, url: &HttpUrl) -> Result<Request<Empty<Bytes>>, Problem> {
    let unsendable = |what: &str| Problem::Local(format!("{what} cannot be sent in a request"));
    let host = virtualhost(check, url).map_or_else(|| check.target.address.to_string(), str::to_owned);
    let host = HeaderValue::from_str(&host).map_err(|_| unsendable("virtualhost"))?;
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri(&url.path).ok_or_else(|| unsendable("path"))?;
    *request.version_mut() = match check.version {
        HttpVersion::V1_0 | HttpVersion::V1_0Close => Version::HTTP_10,
        HttpVersion::V1_1 => Version::HTTP_11,
    };
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, AGENT);
    if check.version != HttpVersion::V1_0 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(HOST, host);
    Ok(request)
}

/// The path as a request target. What may not be in one (blanks, non-ASCII) is percent-encoded.
fn uri(path: &str) -> Option<Uri> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut target = String::with_capacity(path.len() + slash.len());
    target.push_str(slash);
    for byte in path.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
        {
            target.push(char::from(byte));
        } else {
            write!(target, "%{byte:02X}").ok()?;
        }
    }
    target.parse().ok()
}

/// The name for SNI, in the peer's order; without one the address, which is not sent.
fn server_name(check: &HttpCheck, url: &HttpUrl, options: &TlsOptions) -> ServerName<'static> {
    let from_host = virtualhost(check, url).filter(|_| options.sni_from_virtualhost || options.verify);
    let name = options.sni.as_deref().or_else(|| from_host.map(without_port));
    let name = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
    name.unwrap_or_else(|| ServerName::from(check.target.address.ip()))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Sends the request and has the answer read.
async fn exchange<T, S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Empty<Bytes>>,
    ending: Ending,
    reader: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Trouble>,
) -> Result<T, Problem> {
    let (stream, arrived) = Noted::new(stream);
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true).max_header_size(MAX_HEAD);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| problem(&error, &arrived))?;
    let mut connection = pin!(connection);
    // It owns the sender, so that nobody asks any more when it is done.
    let mut answer = pin!(async move {
        let response = sender.send_request(request).await.map_err(Trouble::Http)?;
        reader(response).await
    });
    // The connection's end is no verdict: its last bytes may be a complete answer that is still being read.
    let mut broken = None;
    let mut open = true;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut answer => break result,
            end = &mut connection, if open => {
                open = false;
                broken = end.err();
            }
        }
    };
    if open && ending == Ending::Polite {
        // With nobody asking any more the connection is shut down, which sends the closing alert.
        let _ = timeout(GOODBYE, connection).await;
    }
    result.map_err(|trouble| match trouble {
        Trouble::Verdict(problem) => problem,
        Trouble::Http(error) => problem(broken.as_ref().unwrap_or(&error), &arrived),
    })
}

/// Whether the connection is closed in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Polite,
    Abrupt,
}

/// Why an answer is not good.
enum Trouble {
    /// It says the wrong thing.
    Verdict(Problem),
    /// It is not a whole answer.
    Http(hyper::Error),
}

/// Reads an answer to its end, keeping no more of it than its digest and what a regex looks at.
async fn judge(response: Response<Incoming>, url: &HttpUrl, regexes: &Regexes) -> Result<(), Trouble> {
    let status = response.status().as_u16();
    if !url.status.contains(status) {
        return Err(Trouble::Verdict(Problem::server(Cause::Status, format!("status {status}"))));
    }
    let mut digest = url.digest.map(|expected| (expected, Md5::new()));
    let mut searched = url.regex.as_ref().map(|_| Vec::new());
    let note = |data: &[u8]| {
        if let Some((_, digest)) = &mut digest {
            digest.update(data);
        }
        if let Some(searched) = &mut searched {
            searched.extend(data.iter().take(MAX_BODY - searched.len()));
        }
    };
    read(response.into_body(), note).await?;
    if let Some((expected, digest)) = digest {
        let found: [u8; 16] = digest.finalize().into();
        if found != expected.0 {
            return Err(Trouble::Verdict(Problem::server(Cause::Digest, format!("digest {}", hex(&found)))));
        }
    }
    match (&url.regex, searched) {
        (Some(regex), Some(body)) => regexes.judge(regex, body).await.map_err(Trouble::Verdict),
        _ => Ok(()),
    }
}

/// Reads content to its end, and hands it on as it comes.
async fn read(mut body: Incoming, mut see: impl FnMut(&[u8])) -> Result<(), Trouble> {
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => frame.data_ref().into_iter().for_each(|data| see(data)),
            // Shorter than its Content-Length says. The peer takes that for an answer, and so do many browsers.
            Err(error) if is_short(&error) => break,
            Err(error) => return Err(Trouble::Http(error)),
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    std::iter::successors(error.source(), |&source| source.source()).find_map(|source| source.downcast_ref())
}

/// Whether the other side closed the connection in good order, but early.
fn is_short(error: &hyper::Error) -> bool {
    error.is_incomplete_message()
        || io_source(error).is_some_and(|source| source.kind() == ErrorKind::UnexpectedEof)
}

fn problem(error: &hyper::Error, arrived: &Arrived) -> Problem {
    if error.is_incomplete_message() {
        return match arrived.anything() {
            false => Problem::server(Cause::NoData, ""),
            true => Problem::server(Cause::Protocol, "closed in the middle of the answer"),
        };
    }
    match io_source(error) {
        Some(source) if matches!(source.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
            Problem::server(Cause::Protocol, source.to_string())
        }
        Some(source) => io_problem(source),
        None => Problem::server(Cause::Protocol, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_request_targets() {
        for (path, target) in [
            ("/", "/"),
            ("index.html", "/index.html"),
            ("/a b?x=1&y=[2]", "/a%20b?x=1&y=[2]"),
            ("/%7Euser/é", "/%7Euser/%C3%A9"),
            ("/#top", "/%23top"),
            ("", "/"),
        ] {
            assert_eq!(uri(path).map(|uri| uri.to_string()).as_deref(), Some(target), "{path:?}");
        }
    }

    #[test]
    fn ports_are_no_part_of_a_name() {
        for (host, name) in [
            ("www.example.org", "www.example.org"),
            ("www.example.org:8443", "www.example.org"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
