//! `SMTP_CHECK` against mail servers, patient and not.

use lvsd_model::SmtpCheck;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;

async fn check(address: SocketAddr, timeout: Duration) -> Outcome {
    let smtp = SmtpCheck { target: target(address, timeout), helo_name: "probe.example.org".into() };
    probe(CheckKind::Smtp(Box::new(smtp))).await
}

/// A server that says the first text at once, and one more after each line that it hears; after the last it closes.
async fn saying(texts: &'static [&'static str]) -> SocketAddr {
    serve(move |mut stream| async move {
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        for (index, text) in texts.iter().enumerate() {
            if index > 0 && !matches!(lines.next_line().await, Ok(Some(_))) {
                return;
            }
            let _ = writer.write_all(text.as_bytes()).await;
        }
    })
    .await
}

const GREETING: &str = "220 mx.example.org ESMTP\r\n";

#[test]
fn a_mail_server_that_says_its_lines_is_a_success() {
    block_on(async {
        for texts in [
            &[GREETING, "250 mx.example.org\r\n", "221 bye\r\n"],
            &["220-first\r\n220-second\r\n220 last\r\n", "250-mx\r\n250 HELP\r\n", "500 what?\r\n"],
            &["220\n", "250\n", "no reply at all, but a line\n"],
        ] {
            assert_eq!(check(saying(texts).await, LONG).await, Outcome::SUCCESS, "{texts:?}");
        }
    });
}

#[test]
fn the_server_hears_helo_and_quit() {
    block_on(async {
        let (seen, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |mut stream| {
            let seen = seen.clone();
            async move {
                let (reader, mut writer) = stream.split();
                let mut lines = BufReader::new(reader);
                let _ = writer.write_all(GREETING.as_bytes()).await;
                let mut line = String::new();
                while matches!(lines.read_line(&mut line).await, Ok(1..)) {
                    seen.send(std::mem::take(&mut line)).expect("the test waits");
                    let _ = writer.write_all(b"250 ok\r\n").await;
                }
            }
        })
        .await;
        assert_eq!(check(address, LONG).await, Outcome::SUCCESS);
        assert_eq!(heard.recv().await.as_deref(), Some("HELO probe.example.org\r\n"));
        assert_eq!(heard.recv().await.as_deref(), Some("QUIT\r\n"));
    });
}

#[test]
fn a_refusal_is_named_with_its_words() {
    block_on(async {
        let busy = saying(&["421 \x1b[2Jtoo busy\r\n"]).await;
        assert_failure(&check(busy, LONG).await, Cause::Status, "421 as greeting: 421 ?[2Jtoo busy");
        let closed = saying(&[GREETING, "550-go\r\n550 away\r\n"]).await;
        assert_failure(&check(closed, LONG).await, Cause::Status, "550 after HELO: 550 away");
        let other = saying(&["250 mx\r\n"]).await;
        assert_failure(&check(other, LONG).await, Cause::Status, "250 as greeting");
    });
}

#[test]
fn something_else_on_the_port_is_a_failure() {
    block_on(async {
        let ssh = saying(&["SSH-2.0-OpenSSH_9.2\r\n"]).await;
        assert_failure(&check(ssh, LONG).await, Cause::Protocol, "no SMTP reply as greeting: SSH-2.0");
        let garbage = saying(&["\0\u{1}\u{2}garbage without an end"]).await;
        assert_failure(&check(garbage, LONG).await, Cause::Protocol, "???garbage");
        assert_cause(&check(dead_port(), LONG).await, Cause::Refused);
    });
}

#[test]
fn a_server_that_hangs_up_is_a_failure() {
    block_on(async {
        let at_once = serve(|stream| async { drop(stream) }).await;
        assert_failure(&check(at_once, LONG).await, Cause::NoData, "closed, no reply as greeting");
        let at_helo = saying(&[GREETING, ""]).await;
        assert_failure(&check(at_helo, LONG).await, Cause::NoData, "no reply after HELO");
        let at_quit = saying(&[GREETING, "250 ok\r\n", ""]).await;
        assert_failure(&check(at_quit, LONG).await, Cause::NoData, "no reply after QUIT");
        let half_closed = serve(|mut stream| async move {
            let _ = stream.write_all(GREETING.as_bytes()).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        assert_failure(&check(half_closed, LONG).await, Cause::NoData, "no reply after HELO");
        let cut = serve(|mut stream| async move {
            let _ = stream.write_all(GREETING.as_bytes()).await;
            let _ = stream.read_u8().await;
            reset(stream);
        })
        .await;
        assert_cause(&check(cut, LONG).await, Cause::Reset);
    });
}

#[test]
fn slow_and_endless_servers_cost_no_more_than_the_timeout() {
    block_on(async {
        let started = Instant::now();
        let silent = saying(&["", ""]).await;
        assert_failure(&check(silent, SHORT).await, Cause::ResponseTimeout, "no reply as greeting");
        assert_prompt(started, SHORT);
        let started = Instant::now();
        let slow = serve(|mut stream| async move {
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            loop {
                beat.tick().await;
                if stream.write_all(b"2").await.is_err() {
                    return;
                }
            }
        })
        .await;
        assert_cause(&check(slow, SHORT).await, Cause::ResponseTimeout);
        assert_prompt(started, SHORT);
        for endless in ["220-and another thing\r\n", "2"] {
            let address = serve(move |mut stream| async move {
                while stream.write_all(endless.as_bytes()).await.is_ok() {}
            })
            .await;
            assert_failure(&check(address, LONG).await, Cause::Protocol, "endless talk");
        }
    });
}
