//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc, oneshot};

use super::radar::Radar;
use super::view::{Event, Problem, Status};
use super::why::{Untold, Why};
use super::{Follower, Query};

/// How long a reload is waited for.
const RELOAD_LIMIT: Duration = Duration::from_secs(120);

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Of the process that everything about VRRP comes from.
const SILENT: &str = "the vrrp process does not answer; see /v1/status";

/// How long a recording is waited for.
const RECORDING_LIMIT: Duration = Duration::from_secs(10);

/// The resources, for who looks around.
const INDEX: [&str; 6] =
    ["/v1/events", "/v1/instances/NAME/why", "/v1/radar", "/v1/recording", "/v1/reload", "/v1/status"];

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource<'a> {
    Events,
    Index,
    Radar,
    Recording,
    Reload,
    Status,
    /// Of the instance of that name, which is percent-encoded.
    Why(&'a str),
}

impl<'a> Resource<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Some(match path {
            "/" | "/v1" => Self::Index,
            "/v1/events" => Self::Events,
            "/v1/radar" => Self::Radar,
            "/v1/recording" => Self::Recording,
            "/v1/reload" => Self::Reload,
            "/v1/status" => Self::Status,
            _ => {
                let name = path.strip_prefix("/v1/instances/")?.strip_suffix("/why")?;
                return (!name.is_empty() && !name.contains('/')).then_some(Self::Why(name));
            }
        })
    }

    const fn method(self) -> (Method, &'static str) {
        match self {
            Self::Reload => (Method::POST, "POST"),
            Self::Events | Self::Index | Self::Radar | Self::Recording | Self::Status | Self::Why(_) => {
                (Method::GET, "GET")
            }
        }
    }
}

/// Answers one request. `following` is told when the answer has no end.
pub(super) async fn answer(
    request: Request<Incoming>,
    ask: mpsc::Sender<Query>,
    following: &Notify,
) -> Answer {
    let Some(resource) = Resource::of(request.uri().path()) else {
        return problem(StatusCode::NOT_FOUND, "there is no such resource; see /v1");
    };
    let (method, allowed) = resource.method();
    if request.method() != method {
        let mut refusal = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("only {allowed}"));
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return refusal;
    }
    let ending = || problem(StatusCode::SERVICE_UNAVAILABLE, "lvsd is ending");
    match resource {
        Resource::Index => json(StatusCode::OK, &INDEX),
        Resource::Status => status(&ask).await.unwrap_or_else(ending),
        Resource::Why(name) => why(name, &ask).await.unwrap_or_else(ending),
        Resource::Radar => radar(&ask).await.unwrap_or_else(ending),
        Resource::Recording => recording(&ask).await,
        Resource::Reload => reload(&ask).await.unwrap_or_else(ending),
        Resource::Events => events(request.uri().query(), &ask, following).await.unwrap_or_else(ending),
    }
}

async fn put<T>(ask: &mpsc::Sender<Query>, query: impl FnOnce(oneshot::Sender<T>) -> Query) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    ask.send(query(sender)).await.ok()?;
    receiver.await.ok()
}

async fn status(ask: &mpsc::Sender<Query>) -> Option<Answer> {
    let observation = put(ask, Query::Status).await?;
    // Tens of thousands of servers make megabytes of text; the supervisor has children to watch meanwhile.
    let made = tokio::task::spawn_blocking(move || json(StatusCode::OK, &Status::new(&observation))).await;
    made.ok()
}

async fn why(name: &str, ask: &mpsc::Sender<Query>) -> Option<Answer> {
    let Ok(name) = percent_decode_str(name).decode_utf8() else {
        return Some(problem(StatusCode::BAD_REQUEST, "the name is not UTF-8"));
    };
    let observation = put(ask, Query::Status).await?;
    Some(match Why::new(&observation, &name, crate::driver::since_epoch()) {
        Ok(why) => json(StatusCode::OK, &why),
        Err(Untold::Unknown(text)) => problem(StatusCode::NOT_FOUND, &text),
        Err(Untold::Silent) => problem(StatusCode::SERVICE_UNAVAILABLE, SILENT),
    })
}

async fn radar(ask: &mpsc::Sender<Query>) -> Option<Answer> {
    let observation = put(ask, Query::Status).await?;
    Some(match &observation.vrrp {
        Some(vrrp) => json(StatusCode::OK, &Radar::new(&vrrp.radar)),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, SILENT),
    })
}

/// The flight recorder's file. It has keys and passwords in it, as the configuration has.
async fn recording(ask: &mpsc::Sender<Query>) -> Answer {
    let asked = tokio::time::timeout(RECORDING_LIMIT, put(ask, Query::Record)).await;
    let Some(recording) = asked.ok().flatten() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, SILENT);
    };
    let mut answer = Response::new(Full::new(Bytes::from(recording)).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}

async fn reload(ask: &mpsc::Sender<Query>) -> Option<Answer> {
    match tokio::time::timeout(RELOAD_LIMIT, put(ask, Query::Reload)).await {
        Ok(outcome) => {
            let outcome = outcome?;
            let status = if outcome.accepted { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            Some(json(status, &outcome))
        }
        Err(_) => Some(problem(StatusCode::GATEWAY_TIMEOUT, "the reload takes long; see /v1/status")),
    }
}

/// `after=N`: only what comes after the event of that number. `follow=true`: then wait for more.
async fn events(query: Option<&str>, ask: &mpsc::Sender<Query>, following: &Notify) -> Option<Answer> {
    let mut after = None;
    let mut follow = false;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("after", number)) => match number.parse() {
                Ok(number) => after = Some(number),
                Err(_) => return Some(problem(StatusCode::BAD_REQUEST, "after is no number")),
            },
            Some(("follow", "true")) => follow = true,
            Some(("follow", "false")) => follow = false,
            _ => return Some(problem(StatusCode::BAD_REQUEST, "events take after=NUMBER and follow=true")),
        }
    }
    let Follower { past, future } = put(ask, |reply| Query::Events(after, reply)).await?;
    let past = stream::iter(past).map(|event| line(&event));
    let body = if follow {
        following.notify_one();
        StreamBody::new(past.chain(to_come(future))).boxed_unsync()
    } else {
        StreamBody::new(past).boxed_unsync()
    };
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Some(answer)
}

type Line = Result<Frame<Bytes>, Infallible>;

/// Events as they happen. Who reads too slowly is told how many are missing.
fn to_come(future: tokio::sync::broadcast::Receiver<Arc<Event>>) -> impl Stream<Item = Line> + Send {
    stream::unfold(future, |mut future| async move {
        let next = match future.recv().await {
            Ok(event) => line(&event),
            Err(RecvError::Lagged(missed)) => line(&Event::missed(missed)),
            Err(RecvError::Closed) => return None,
        };
        Some((next, future))
    })
}

fn line(event: &Event) -> Line {
    // Strings and numbers in plain structs always serialise.
    let mut text = serde_json::to_vec(event).unwrap_or_default();
    text.push(b'\n');
    Ok(Frame::data(text.into()))
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // As above.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    let mut answer = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn problem(status: StatusCode, text: &str) -> Answer {
    json(status, &Problem { error: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_instance_is_one_part_of_the_path() {
        assert_eq!(Resource::of("/v1/instances/a%2Fb/why"), Some(Resource::Why("a%2Fb")));
        for path in ["/v1/instances//why", "/v1/instances/why", "/v1/instances/a/b/why", "/v1/instances/a"] {
            assert_eq!(Resource::of(path), None, "{path}");
        }
    }
}
