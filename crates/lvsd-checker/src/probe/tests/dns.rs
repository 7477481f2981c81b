//! `DNS_CHECK` against servers of every temper.

use lvsd_model::{DnsCheck, DnsType, DomainName};

use super::datagrams::{answering_with, dead_udp_port};
use super::*;

fn dns(address: SocketAddr, timeout: Duration) -> DnsCheck {
    let name = DomainName::new("www.example.org").expect("a name");
    DnsCheck { target: target(address, timeout), kind: DnsType::Aaaa, name }
}

async fn ask(address: SocketAddr, timeout: Duration) -> Outcome {
    probe(CheckKind::Dns(Box::new(dns(address, timeout)))).await
}

/// The question as an answer with this code.
fn answer(question: &[u8], rcode: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    answer[3] = rcode;
    answer
}

#[test]
fn an_answer_without_an_error_is_a_success() {
    block_on(async {
        let address = answering_with(|question| vec![answer(question, 0)]).await;
        assert_eq!(ask(address, LONG).await, Outcome::SUCCESS);
    });
}

#[test]
fn the_question_is_as_rfc_1035_has_it() {
    block_on(async {
        let (seen, mut questions) = tokio::sync::mpsc::unbounded_channel();
        let address = answering_with(move |question| {
            seen.send(question.to_vec()).expect("the test waits");
            vec![answer(question, 0)]
        })
        .await;
        let root = DnsCheck { kind: DnsType::Soa, name: DomainName::root(), ..dns(address, LONG) };
        assert_eq!(ask(address, LONG).await, Outcome::SUCCESS);
        assert_eq!(probe(CheckKind::Dns(Box::new(root))).await, Outcome::SUCCESS);
        let head = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let named = questions.recv().await.expect("a question");
        assert_eq!(named[2..], [&head[..], b"\x03www\x07example\x03org\0", &[0, 28, 0, 1]].concat());
        let of_root = questions.recv().await.expect("a question");
        assert_eq!(of_root[2..], [&head[..], &[0, 0, 6, 0, 1]].concat());
        assert_ne!(named[..2], of_root[..2], "one time in 65536 the same id");
    });
}

#[test]
fn an_error_is_named() {
    block_on(async {
        for (rcode, name) in [(2, "rcode SERVFAIL"), (3, "rcode NXDOMAIN"), (5, "rcode REFUSED")] {
            let address = answering_with(move |question| vec![answer(question, rcode)]).await;
            assert_failure(&ask(address, LONG).await, Cause::Status, name);
        }
    });
}

#[test]
fn what_is_no_answer_is_a_failure() {
    block_on(async {
        assert_failure(&ask(dead_udp_port(), LONG).await, Cause::Refused, "ICMP port unreachable");
        let started = Instant::now();
        let silent = answering_with(|_| Vec::new()).await;
        assert_failure(&ask(silent, SHORT).await, Cause::ResponseTimeout, "no answer");
        assert_prompt(started, SHORT);
        let garbage = answering_with(|_| vec![b"hello".to_vec()]).await;
        assert_failure(&ask(garbage, LONG).await, Cause::Protocol, "5 bytes that are no DNS message");
        let echo = answering_with(|question| vec![question.to_vec()]).await;
        assert_failure(&ask(echo, LONG).await, Cause::Protocol, "the question came back");
    });
}

#[test]
fn answers_to_other_questions_are_overlooked_but_no_flood_of_them() {
    block_on(async {
        let other = |question: &[u8]| {
            let mut other = answer(question, 2);
            other[0] ^= 1;
            other
        };
        let late = answering_with(move |question| vec![other(question), answer(question, 0)]).await;
        assert_eq!(ask(late, LONG).await, Outcome::SUCCESS);
        let flood = answering_with(move |question| vec![other(question); 100]).await;
        assert_failure(&ask(flood, LONG).await, Cause::Protocol, "a flood");
    });
}
