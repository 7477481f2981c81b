//! Talks to a daemon over its control socket.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lvsd::control::{Event, Problem, SOCKET_NAME};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::Failure;

/// The greatest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// The longest event that is read, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// How long an answer is waited for; longer than the daemon waits for a reload.
const LIMIT: Duration = Duration::from_secs(150);

/// Where the daemon's socket is, unless the command line says otherwise.
pub(crate) fn default_socket() -> PathBuf {
    let directory =
        std::env::var_os("LVSD_RUNTIME_DIR").map_or_else(|| PathBuf::from("/run/lvsd"), PathBuf::from);
    directory.join(SOCKET_NAME)
}

/// Asks for a resource; both an answer and a refusal with the status that was expected are its JSON.
pub(crate) fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    also: Option<StatusCode>,
) -> Result<T, Failure> {
    run(async {
        let exchange = async {
            let answer = request(socket, method, path).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| Failure::Daemon(error.to_string()))?.to_bytes();
            if status == StatusCode::OK || Some(status) == also {
                return Ok(serde_json::from_slice(&body)?);
            }
            Err(refusal(status, &body))
        };
        tokio::time::timeout(LIMIT, exchange).await.map_err(|_| Failure::Daemon("no answer".to_owned()))?
    })
}

/// Asks for events and hands each to `tell`, until the daemon has told all or ends.
pub(crate) fn events(
    socket: &Path,
    path: &str,
    mut tell: impl FnMut(&[u8], Event) -> io::Result<()>,
) -> Result<(), Failure> {
    run(async {
        let mut body = events_body(socket, path).await?;
        let mut buffer = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Daemon(error.to_string()))?;
            buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                tell(&line, serde_json::from_slice(&line)?)?;
            }
            if buffer.len() > MAX_EVENT {
                return Err(Failure::Daemon("an event is too long".to_owned()));
            }
        }
        Ok(())
    })
}

/// Asks for a resource that is no JSON.
pub(crate) fn fetch(socket: &Path, path: &str) -> Result<Vec<u8>, Failure> {
    run(async {
        let exchange = async {
            let answer = request(socket, Method::GET, path).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| Failure::Daemon(error.to_string()))?.to_bytes();
            if status == StatusCode::OK { Ok(body.to_vec()) } else { Err(refusal(status, &body)) }
        };
        tokio::time::timeout(LIMIT, exchange).await.map_err(|_| Failure::Daemon("no answer".to_owned()))?
    })
}

async fn events_body(socket: &Path, path: &str) -> Result<Incoming, Failure> {
    let answer = request(socket, Method::GET, path).await?;
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer.into_body());
    }
    let body = Limited::new(answer.into_body(), MAX_EVENT).collect().await;
    Err(refusal(status, &body.map(|body| body.to_bytes()).unwrap_or_default()))
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let told = serde_json::from_slice(body).map(|Problem { error }| error);
    let told = told.unwrap_or_else(|_| status.to_string());
    if status == StatusCode::NOT_FOUND { Failure::Absent(told) } else { Failure::Daemon(told) }
}

fn run<T>(exchange: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(exchange)
}

async fn request(socket: &Path, method: Method, path: &str) -> Result<Response<Incoming>, Failure> {
    let unreachable = |source| Failure::Socket { path: socket.display().to_string(), source };
    let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
    let broken = |error: hyper::Error| Failure::Daemon(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // An error of the connection is one of the request, too.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::builder().method(method).uri(path).header(hyper::header::HOST, "lvsd");
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| Failure::Daemon(error.to_string()))?;
    sender.send_request(request).await.map_err(broken)
}

/// Rows of words in columns that are as wide as their widest word.
pub(crate) fn table(rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|word| word.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let line: String = row.iter().zip(&widths).map(|(word, width)| format!("{word:width$}  ")).collect();
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
