//! `regex` of a url.

use lvsd_model::{RegexCheck, Wanted};

use super::*;

fn regex(pattern: &str) -> RegexCheck {
    RegexCheck { pattern: pattern.into(), wanted: Wanted::Match, min_offset: 0, max_offset: None }
}

async fn search(address: SocketAddr, regex: RegexCheck) -> Outcome {
    probe_http(get(address, vec![HttpUrl { regex: Some(Box::new(regex)), ..url("/") }])).await
}

const HELLO: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nhello world, hello all\xff\n";

#[test]
fn the_body_is_searched() {
    block_on(async {
        let address = answering(HELLO).await;
        for pattern in ["hello", "^hello", "(?i)WORLD", "hello (?=all)", r"(hello).*\1", r"(?s)all.\n$"] {
            assert_eq!(search(address, regex(pattern)).await, Outcome::SUCCESS, "{pattern}");
        }
        let missing = search(address, regex("^world")).await;
        assert_failure(&missing, Cause::Content, "/: the regex does not match");
    });
}

#[test]
fn a_match_can_be_bad_news() {
    block_on(async {
        let address = answering(HELLO).await;
        let unwanted = |pattern| RegexCheck { wanted: Wanted::NoMatch, ..regex(pattern) };
        assert_eq!(search(address, unwanted("goodbye")).await, Outcome::SUCCESS);
        let found = search(address, unwanted("world")).await;
        assert_failure(&found, Cause::Content, "the regex matches at byte 6");
    });
}

#[test]
fn a_match_must_start_between_the_offsets() {
    block_on(async {
        let address = answering(HELLO).await;
        for (min_offset, max_offset, good) in [
            (0, Some(0), true),
            (1, None, true),
            (1, Some(12), false),
            (1, Some(13), true),
            (13, Some(13), true),
            (14, None, false),
            (4_000_000, None, false),
        ] {
            let outcome = search(address, RegexCheck { min_offset, max_offset, ..regex("hello") }).await;
            assert_eq!(outcome == Outcome::SUCCESS, good, "{min_offset} {max_offset:?} {outcome:?}");
        }
    });
}

#[test]
fn a_pattern_that_never_comes_to_an_end_gives_up() {
    block_on(async {
        let address =
            answering(b"HTTP/1.0 200 OK\r\n\r\nababababababababababababababababababababababababababababcd")
                .await;
        let outcome = search(address, regex("(a|b|ab)*c(?!d)")).await;
        assert_failure(&outcome, Cause::Content, "the regex gives up");
    });
}

#[test]
fn no_more_of_a_body_is_searched_than_the_limit() {
    block_on(async {
        let address = serve(|mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await;
            for _ in 0..40 {
                let _ = stream.write_all(&[b'.'; 64 * 1024]).await;
            }
            let _ = stream.write_all(b"end").await;
        })
        .await;
        assert_eq!(search(address, regex(r"\.\.")).await, Outcome::SUCCESS);
        assert_failure(&search(address, regex("end")).await, Cause::Content, "does not match");
    });
}
