//! The probes against real servers on loopback, well-behaved and not.

mod connections;
mod datagrams;
mod dns;
mod http;
mod identity;
mod ping;
mod programs;
mod regex;
mod smtp;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lvsd_health::{Cause, Due, Health, Outcome, Time};
use lvsd_model::{
    Check, CheckKind, CheckTiming, Endpoint, Forward, HttpCheck, HttpUrl, HttpVersion, LvsConfig, Protocol,
    RealServer, Scheduler, SchedulerFlags, ScriptPolicy, StatusRanges, Target, Turnover, VirtualServer,
    Weight,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Probes;

/// The time a check has, where the test is about running out of it.
const SHORT: Duration = Duration::from_millis(300);
/// The time a check has, where the test is not.
const LONG: Duration = Duration::from_secs(20);

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

fn target(address: SocketAddr, timeout: Duration) -> Target {
    Target { address, bind: None, interface: None, fwmark: 0, timeout }
}

fn url(path: &str) -> HttpUrl {
    HttpUrl {
        path: path.into(),
        digest: None,
        status: StatusRanges::default(),
        virtualhost: None,
        regex: None,
    }
}

fn get(address: SocketAddr, urls: Vec<HttpUrl>) -> HttpCheck {
    HttpCheck {
        target: target(address, LONG),
        version: HttpVersion::V1_0,
        tls: None,
        virtualhost: None,
        fast_recovery: false,
        urls,
    }
}

/// A check with an identity, as the schedule hands it out.
fn due(kind: CheckKind) -> Due {
    let timing = CheckTiming {
        interval: Duration::from_secs(1),
        retry: 0,
        retry_delay: Duration::from_secs(1),
        warmup: Duration::ZERO,
    };
    let address = SocketAddr::from(([192, 0, 2, 1], 80));
    let real = RealServer {
        address,
        forward: Forward::Nat,
        weight: Weight::ONE,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        alpha: false,
        mail: false,
        notify_up: None,
        notify_down: None,
        checks: vec![Check { kind, timing, alpha: false, log_all_failures: false }],
    };
    let service = VirtualServer {
        name: "test".into(),
        endpoints: vec![Endpoint::Address(address)],
        protocol: Protocol::Tcp,
        scheduler: Scheduler::Rr,
        flags: SchedulerFlags::default(),
        persistence: None,
        quorum: 1,
        hysteresis: 0,
        sorry: None,
        suspend: false,
        tracked_as: None,
        turnover: Turnover::default(),
        omega: false,
        mail: false,
        quorum_up: None,
        quorum_down: None,
        real_servers: vec![real],
    };
    let mut health = Health::new(0);
    let config = LvsConfig { services: vec![service], ..LvsConfig::default() };
    health.apply(Time::START, config, &ipvs::Table::new());
    health.poll_due(Time::START).expect("due at once")
}

fn probes() -> Probes {
    Probes::new(ScriptPolicy::default())
}

async fn probe(kind: CheckKind) -> Outcome {
    probes().run(&due(kind)).await
}

async fn probe_http(check: HttpCheck) -> Outcome {
    probe(CheckKind::Http(Box::new(check))).await
}

#[track_caller]
fn assert_cause(outcome: &Outcome, cause: Cause) {
    match outcome {
        Outcome::Failure(failure) => assert_eq!(failure.cause, cause, "{failure}"),
        other => panic!("expected {cause:?}: {other:?}"),
    }
}

#[track_caller]
fn assert_failure(outcome: &Outcome, cause: Cause, detail: &str) {
    assert_cause(outcome, cause);
    if let Outcome::Failure(failure) = outcome {
        assert!(failure.detail.contains(detail), "{failure} does not say {detail:?}");
    }
}

/// The run must end in time: the promise is the timeout, the rest is a slow machine.
#[track_caller]
fn assert_prompt(started: Instant, promised: Duration) {
    let took = started.elapsed();
    assert!(took >= promised, "{took:?} is less than {promised:?}");
    assert!(took < promised + Duration::from_secs(5), "{took:?} is more than {promised:?}");
}

/// A server that hands each connection to `handle`.
async fn serve<F, Fut>(handle: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(handle(stream));
        }
    });
    address
}

/// Reads a request to the end of its head.
async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(request).expect("ASCII")
}

/// A server that answers every request with these bytes and closes.
async fn answering(answer: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(answer).await;
    })
    .await
}

/// Closes with a reset instead of an end.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket option");
    drop(stream);
}

/// A port that nobody listens on.
fn dead_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound")
}

fn md5(bytes: &[u8]) -> lvsd_model::DigestMd5 {
    use md5::{Digest, Md5};
    let mut digest = Md5::new();
    digest.update(bytes);
    lvsd_model::DigestMd5(digest.finalize().into())
}
