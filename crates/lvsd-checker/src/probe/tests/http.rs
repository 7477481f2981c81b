//! Answers, good and bad.

use std::cell::RefCell;
use std::rc::Rc;

use lvsd_model::DigestMd5;

use super::*;

const OK: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A server that answers 200, or 503 for the paths in `sick`, and notes each request.
async fn recording(sick: &'static [&'static str]) -> (SocketAddr, Rc<RefCell<Vec<String>>>) {
    let requests = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&requests);
    let address = serve(move |mut stream| {
        let notes = Rc::clone(&notes);
        async move {
            let request = read_request(&mut stream).await;
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            notes.borrow_mut().push(request);
            let answer: &[u8] =
                if sick.contains(&path.as_str()) { b"HTTP/1.0 503 Busy\r\n\r\nno" } else { OK };
            let _ = stream.write_all(answer).await;
        }
    })
    .await;
    (address, requests)
}

async fn outcome_of(answer: &'static [u8]) -> Outcome {
    let address = answering(answer).await;
    probe_http(get(address, vec![url("/")])).await
}

async fn outcome_with_digest(answer: &'static [u8], digest: DigestMd5) -> Outcome {
    let address = answering(answer).await;
    probe_http(get(address, vec![HttpUrl { digest: Some(digest), ..url("/") }])).await
}

#[test]
fn requests_are_those_of_the_peer() {
    block_on(async {
        let (address, requests) = recording(&[]).await;
        for (version, line, connection) in [
            (HttpVersion::V1_0, "GET /x HTTP/1.0", ""),
            (HttpVersion::V1_0Close, "GET /x HTTP/1.0", "Connection: close\r\n"),
            (HttpVersion::V1_1, "GET /x HTTP/1.1", "Connection: close\r\n"),
        ] {
            let check = HttpCheck { version, ..get(address, vec![url("/x")]) };
            assert_eq!(probe_http(check).await, Outcome::SUCCESS);
            let expected =
                format!("{line}\r\nUser-Agent: KeepAliveClient\r\n{connection}Host: {address}\r\n\r\n");
            assert_eq!(requests.borrow_mut().pop(), Some(expected));
        }
    });
}

#[test]
fn the_host_of_an_ipv6_server_is_in_brackets() {
    block_on(async {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
        let address = listener.local_addr().expect("bound");
        let server = tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let request = read_request(&mut stream).await;
            stream.write_all(OK).await.expect("an answer");
            request
        });
        assert_eq!(probe_http(get(address, vec![url("/")])).await, Outcome::SUCCESS);
        let request = server.await.expect("answered");
        assert!(request.contains(&format!("Host: [::1]:{}\r\n", address.port())), "{request}");
    });
}

#[test]
fn the_nearest_virtual_host_counts() {
    block_on(async {
        let (address, requests) = recording(&[]).await;
        let own = HttpUrl { virtualhost: Some("url.example".into()), ..url("/") };
        let check =
            HttpCheck { virtualhost: Some("check.example".into()), ..get(address, vec![own, url("/")]) };
        assert_eq!(probe_http(check).await, Outcome::SUCCESS);
        let hosts: Vec<_> = requests
            .borrow()
            .iter()
            .filter_map(|request| request.lines().last().map(str::to_owned))
            .collect();
        assert!(requests.borrow()[0].contains("Host: url.example\r\n"), "{hosts:?}");
        assert!(requests.borrow()[1].contains("Host: check.example\r\n"), "{hosts:?}");
    });
}

#[test]
fn status_codes_are_judged_by_the_ranges() {
    block_on(async {
        assert_eq!(outcome_of(b"HTTP/1.1 204 No Content\r\n\r\n").await, Outcome::SUCCESS);
        assert_cause(&outcome_of(b"HTTP/1.1 503 Busy\r\n\r\n").await, Cause::Status);
        let address = answering(b"HTTP/1.1 503 Busy\r\n\r\n").await;
        let status = StatusRanges(vec![(200, 299), (500, 503)]);
        assert_eq!(probe_http(get(address, vec![HttpUrl { status, ..url("/") }])).await, Outcome::SUCCESS);
    });
}

#[test]
fn a_redirect_is_an_answer_and_nothing_to_follow() {
    block_on(async {
        let (address, requests) = recording(&[]).await;
        let moved = format!("HTTP/1.1 302 Found\r\nLocation: http://{address}/\r\n\r\n");
        let redirecting = answering(moved.leak().as_bytes()).await;
        assert_cause(&probe_http(get(redirecting, vec![url("/")])).await, Cause::Status);
        assert!(requests.borrow().is_empty());
    });
}

#[test]
fn digests_cover_the_body_as_far_as_its_length_says() {
    block_on(async {
        let hello = md5(b"hello");
        for answer in [
            OK,
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
            b"HTTP/1.0 200 OK\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            assert_eq!(outcome_with_digest(answer, hello).await, Outcome::SUCCESS);
        }
        let wrong = outcome_with_digest(OK, md5(b"other")).await;
        assert_cause(&wrong, Cause::Digest);
        let Outcome::Failure(failure) = wrong else { panic!() };
        assert_eq!(failure.detail, "/: digest 5d41402abc4b2a76b9719d911017c592", "says what would be right");
    });
}

#[test]
fn no_answer_is_a_failure() {
    block_on(async {
        assert_cause(&outcome_of(b"").await, Cause::NoData);
        let address = serve(|stream| async { drop(stream) }).await;
        let outcome = probe_http(get(address, vec![url("/")])).await;
        let Outcome::Failure(failure) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(failure.cause, Cause::NoData | Cause::Reset), "{failure}");
    });
}

#[test]
fn half_an_answer_is_a_failure_and_a_short_body_is_not() {
    block_on(async {
        assert_cause(&outcome_of(b"HTTP/1.0 200 OK\r\nContent-Le").await, Cause::Protocol);
        let short: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhello";
        assert_eq!(outcome_of(short).await, Outcome::SUCCESS);
        assert_eq!(outcome_with_digest(short, md5(b"hello")).await, Outcome::SUCCESS);
        assert_cause(&outcome_with_digest(short, md5(b"hello world")).await, Cause::Digest);
    });
}

#[test]
fn a_reset_in_the_body_is_a_failure() {
    block_on(async {
        let address = serve(|mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhello").await;
            reset(stream);
        })
        .await;
        assert_cause(&probe_http(get(address, vec![url("/")])).await, Cause::Reset);
    });
}

#[test]
fn a_reset_behind_a_whole_answer_does_not_matter() {
    block_on(async {
        let address = serve(|mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(OK).await;
            reset(stream);
        })
        .await;
        for _ in 0..200 {
            assert_eq!(probe_http(get(address, vec![url("/")])).await, Outcome::SUCCESS);
        }
    });
}

#[test]
fn garbage_is_a_failure() {
    block_on(async {
        for garbage in [
            &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n"[..],
            b"\x00\x01\x02\x03\xff\xfe\r\n\r\n\r\n",
            b"HTTP/1.0 abc OK\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: -5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
        ] {
            assert_cause(&outcome_of(garbage).await, Cause::Protocol);
        }
    });
}

#[test]
fn an_endless_head_is_cut_off() {
    block_on(async {
        let address = serve(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n").await;
            while stream.write_all(b"X-Filler: 0123456789012345678901234567890123456789\r\n").await.is_ok() {}
        })
        .await;
        assert_cause(&probe_http(get(address, vec![url("/")])).await, Cause::Protocol);
    });
}

/// The time for an answer is one for all of it, however busily it drips.
#[test]
fn an_answer_that_never_ends_costs_the_timeout() {
    block_on(async {
        let silent = serve(|mut stream| async move {
            read_request(&mut stream).await;
            std::future::pending().await
        })
        .await;
        let dripping = serve(|mut stream| async move {
            for byte in OK.iter().cycle() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        })
        .await;
        let endless = serve(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await;
            let filler = [b'x'; 4096];
            while stream.write_all(&filler).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for address in [silent, dripping, endless] {
            let started = Instant::now();
            let check = HttpCheck { target: target(address, SHORT), ..get(address, vec![url("/")]) };
            assert_cause(&probe_http(check).await, Cause::ResponseTimeout);
            assert_prompt(started, SHORT);
        }
    });
}

#[test]
fn all_urls_are_asked_for_and_a_failed_one_first() {
    block_on(async {
        let (address, requests) = recording(&["/b"]).await;
        let paths = |requests: &Rc<RefCell<Vec<String>>>| {
            let taken = std::mem::take(&mut *requests.borrow_mut());
            taken
                .iter()
                .filter_map(|request| request.split(' ').nth(1).map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let (probes, urls) = (probes(), vec![url("/a"), url("/b"), url("/c")]);
        let due = due(CheckKind::Http(Box::new(get(address, urls))));
        let outcome = probes.run(&due).await;
        assert_cause(&outcome, Cause::Status);
        assert_eq!(paths(&requests), ["/a", "/b"]);
        assert_cause(&probes.run(&due).await, Cause::Status);
        assert_eq!(paths(&requests), ["/b"]);
        let Outcome::Failure(failure) = outcome else { panic!() };
        assert_eq!(failure.detail, "/b: status 503");

        let (address, requests) = recording(&[]).await;
        let healed = get(address, vec![url("/a"), url("/b"), url("/c")]);
        let due = Due { check: super::due(CheckKind::Http(Box::new(healed))).check, ..due };
        assert_eq!(probes.run(&due).await, Outcome::SUCCESS);
        assert_eq!(paths(&requests), ["/b", "/c", "/a"]);
        assert_eq!(probes.run(&due).await, Outcome::SUCCESS);
        assert_eq!(paths(&requests), ["/a", "/b", "/c"]);
    });
}
