//! The HTTP side of `/metrics`.
//!
//! It must never hold anything up: connections are few, short and bounded in time, and an address that cannot be had is
//! tried again later.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use lvsd_model::MetricsListen;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::http;
use crate::observation::Observation;

/// Where a scrape gets its observation from.
pub(crate) type Ask = mpsc::Sender<oneshot::Sender<Arc<Observation>>>;

/// Scrapers at a time.
const MAX_CONNECTIONS: usize = 32;
/// A connection is closed after this long, whatever it does.
const CONNECTION_LIMIT: Duration = Duration::from_secs(15);
/// The longest pause between two attempts to listen.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Serves wherever `listen` says, for ever; ends when its sender is gone.
pub(crate) async fn serve(mut listen: watch::Receiver<MetricsListen>, ask: Ask) {
    loop {
        let wanted = *listen.borrow_and_update();
        let serving = async {
            match wanted {
                MetricsListen::Off => std::future::pending().await,
                MetricsListen::Address(address) => {
                    let listener = bind(address).await;
                    accept(listener, &ask).await;
                }
            }
        };
        tokio::select! {
            () = serving => {}
            changed = listen.wait_for(|now| *now != wanted) => if changed.is_err() { return },
        }
    }
}

/// Listens, however long that takes.
async fn bind(address: SocketAddr) -> TcpListener {
    let mut pause = Duration::from_secs(1);
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tracing::info!(%address, "metrics are served");
                return listener;
            }
            Err(error) => {
                tracing::warn!(%address, %error, "metrics cannot be served; next attempt in {pause:?}");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn accept(listener: TcpListener, ask: &Ask) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Who finds no place waits in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let ask = ask.clone();
                tokio::spawn(async move {
                    http::converse(stream, CONNECTION_LIMIT, |request| answer(request, ask.clone())).await;
                    drop(place);
                });
            }
            // Out of descriptors, most likely: a pause lets others finish.
            Err(error) => {
                tracing::warn!(%error, "a metrics connection was not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(request: Request<Incoming>, ask: Ask) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = reply(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        refusal.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => match page(&ask).await {
            Some(text) => reply(StatusCode::OK, text),
            None => reply(StatusCode::SERVICE_UNAVAILABLE, "lvsd is ending\n".to_owned()),
        },
        "/" => reply(StatusCode::OK, "lvsd: see /metrics\n".to_owned()),
        _ => reply(StatusCode::NOT_FOUND, "no such page; see /metrics\n".to_owned()),
    }
}

async fn page(ask: &Ask) -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    ask.send(sender).await.ok()?;
    let observation = receiver.await.ok()?;
    // Tens of thousands of servers make a page of megabytes; the supervisor has children to watch meanwhile.
    tokio::task::spawn_blocking(move || super::render(&observation)).await.ok()
}

fn reply(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
