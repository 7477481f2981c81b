use std::net::SocketAddr;

use lvsd_lab::{MailServer, Manner};
use lvsd_model::MailAddress;

use super::*;

/// How long a test waits for anything.
const SOON: Duration = Duration::from_secs(30);

fn server(manner: Manner) -> MailServer {
    MailServer::here(SocketAddr::from(([127, 0, 0, 1], 0)), manner).expect("a free port")
}

fn account(at: SocketAddr, to: &[&str], timeout: Duration) -> Arc<Account> {
    let address = |text: &&str| MailAddress::new(text).expect("an address");
    let policy = MailPolicy {
        server: at.ip().to_string(),
        port: at.port(),
        helo: Some("helo.example.com".to_owned()),
        timeout,
        from: MailAddress::new("lvs@example.com"),
        to: to.iter().map(address).collect(),
        router_id: Some("LVS_A".to_owned()),
        faults: true,
    };
    let sender = Sender::new(&policy, "host", "root");
    Arc::new(Account { policy, sender })
}

fn letter(subject: &str) -> Letter {
    Letter { subject: subject.to_owned(), body: ".\nbody\n..".to_owned() }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(SOON, future).await.expect("in time") })
}

#[test]
fn mails_arrive_in_order_whole_and_at_every_recipient() {
    let server = server(Manner::Takes);
    block_on(async {
        let mailer = Mailer::start();
        let account = account(server.address(), &["a@example.com", "bob"], SOON);
        for number in 0..3 {
            mailer.post(Arc::clone(&account), letter(&format!("number {number}")));
        }
        mailer.drained().await;
        assert_eq!(mailer.snapshot(), MailSnapshot { sent: 3, failed: 0, dropped: 0, waiting: 0 });
    });
    let mails = server.mails();
    let subjects: Vec<_> = mails.iter().filter_map(|mail| mail.header("Subject")).collect();
    assert_eq!(subjects, ["[LVS_A] number 0", "[LVS_A] number 1", "[LVS_A] number 2"]);
    let mail = mails.first().expect("a mail");
    assert_eq!((mail.helo.as_str(), mail.from.as_str()), ("helo.example.com", "lvs@example.com"));
    assert_eq!(mail.to, ["a@example.com", "bob"]);
    assert_eq!(mail.body(), [".", "body", ".."]);
}

#[test]
fn a_refused_recipient_does_not_cost_the_others_their_mail() {
    let server = server(Manner::Refuses("bob".to_owned()));
    block_on(async {
        let mailer = Mailer::start();
        mailer.post(account(server.address(), &["bob", "a@example.com"], SOON), letter("one"));
        mailer.post(account(server.address(), &["bob"], SOON), letter("none"));
        mailer.drained().await;
        assert_eq!(mailer.snapshot(), MailSnapshot { sent: 1, failed: 1, dropped: 0, waiting: 0 });
    });
    assert_eq!(server.connections(), 2, "a final refusal is not tried again");
    assert_eq!(server.mails().first().map(|mail| mail.to.clone()), Some(vec!["a@example.com".to_owned()]));
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = server(Manner::BusyFor(1));
    block_on(async {
        let mailer = Mailer::start();
        mailer.post(account(server.address(), &["a@example.com"], SOON), letter("late"));
        mailer.drained().await;
        assert_eq!(mailer.snapshot().sent, 1);
    });
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_black_hole_costs_its_own_mails_only_and_the_newest_wait() {
    let server = server(Manner::Silent);
    block_on(async {
        let mailer = Mailer::start();
        let account = account(server.address(), &["a@example.com"], SOON);
        // The task takes the first one, the others fill the queue; posting does not wait.
        mailer.post(Arc::clone(&account), letter("first"));
        while server.connections() == 0 {
            tokio::task::yield_now().await;
        }
        for number in 0..BACKLOG + 10 {
            mailer.post(Arc::clone(&account), letter(&number.to_string()));
        }
        let waiting = u64::try_from(BACKLOG).expect("small") + 1;
        assert_eq!(mailer.snapshot(), MailSnapshot { sent: 0, failed: 0, dropped: 10, waiting });
        let oldest = mailer.shared.queue().front().map(|mail| mail.letter.subject.clone());
        assert_eq!(oldest.as_deref(), Some("10"));
    });
}

#[test]
fn a_server_that_says_nothing_or_too_much_is_given_up() {
    for manner in [Manner::Silent, Manner::Chatters] {
        let server = server(manner.clone());
        block_on(async {
            let account = account(server.address(), &["a@example.com"], Duration::from_millis(300));
            let error = smtp::deliver(&account.policy, &account.sender, b"text").await.expect_err("no mail");
            assert!(!error.is_permanent(), "{manner:?}: {error}");
        });
    }
}

#[test]
fn nobody_at_the_port_is_an_error() {
    let address = server(Manner::Takes).address();
    block_on(async {
        let account = account(address, &["a@example.com"], SOON);
        let error = smtp::deliver(&account.policy, &account.sender, b"text").await.expect_err("no mail");
        assert!(matches!(error, MailError::Connect(_)), "{error}");
    });
}
