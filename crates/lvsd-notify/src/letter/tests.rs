use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn policy() -> MailPolicy {
    let address = |text| MailAddress::new(text).expect("an address");
    MailPolicy {
        server: "127.0.0.1".to_owned(),
        port: 25,
        helo: None,
        timeout: Duration::from_secs(1),
        from: Some(address("lvs@example.com")),
        to: vec![address("a@example.com"), address("bob")],
        router_id: Some("LVS_A".to_owned()),
        faults: true,
    }
}

fn composed(letter: &Letter, policy: &MailPolicy) -> String {
    let sender = Sender::new(policy, "host.example", "root");
    let date = UNIX_EPOCH + Duration::from_secs(1_795_191_978);
    String::from_utf8(letter.compose(&sender, date)).expect("text")
}

#[test]
fn a_mail_looks_like_that_of_keepalived_2_3_3_but_for_its_mailer() {
    let letter = Letter::state(Subject::Instance("VI_2"), Word::Backup).expect("a mail");
    assert_eq!(
        composed(&letter, &policy()),
        "Date: Fri, 20 Nov 2026 16:26:18 +0000\r\n\
         From: lvs@example.com\r\n\
         Subject: [LVS_A] VRRP Instance VI_2 - Entering BACKUP state\r\n\
         X-Mailer: lvsd\r\n\
         To: a@example.com,\r\n bob\r\n\
         \r\n\
         => VRRP Instance is no longer owning VRRP VIPs <=\r\n"
    );
}

#[test]
fn every_state_has_keepaliveds_words() {
    let of = |subject, word| Letter::state(subject, word).map(|letter| (letter.subject, letter.body));
    let expect = |subject: &str, body: &str| Some((subject.to_owned(), body.to_owned()));
    let (instance, group) = (Subject::Instance("V"), Subject::Group("G"));
    let owning = "=> VRRP Instance is now owning VRRP VIPs <=";
    assert_eq!(of(instance, Word::Master), expect("VRRP Instance V - Entering MASTER state", owning));
    let fault = "=> VRRP Instance is no longer owning VRRP VIPs <=";
    assert_eq!(of(instance, Word::Fault), expect("VRRP Instance V - Entering FAULT state", fault));
    let deleted = expect("VRRP Instance V - Deleted", "=> VRRP Deleted at reload <=");
    assert_eq!(of(instance, Word::Deleted), deleted);
    let all = "=> All VRRP group instances are now in FAULT state <=";
    assert_eq!(of(group, Word::Fault), expect("VRRP Group G - Entering FAULT state", all));
    for silent in [Word::Stop, Word::MasterPriority, Word::BackupPriority, Word::MasterRxLowerPriority] {
        assert_eq!(of(instance, silent), None, "{silent:?}");
    }
}

#[test]
fn servers_and_quorums_have_keepaliveds_words() {
    let (server, service) = ("[127.0.0.1]:udp:8001", "[VG]:0");
    let up = Letter::server(server, service, Bearing::Up, Some("MISC_CHECK"), None);
    assert_eq!(up.subject, "Realserver [127.0.0.1]:udp:8001 of virtual server [VG]:0 - UP");
    assert_eq!(up.body, "=> MISC CHECK succeeded on service <=");
    let down = Letter::server(server, service, Bearing::Down, Some("HTTP_GET"), Some("status: /: 503"));
    assert_eq!(down.body, "=> HTTP CHECK failed on service <=\n\nstatus: /: 503");
    assert_eq!(
        Letter::server(server, service, Bearing::Up, None, None).body,
        "=> CHECK succeeded on service <="
    );
    let gained = Letter::quorum(service, Bearing::Up, 1, 0, 1);
    assert_eq!(gained.subject, "Virtualserver [VG]:0 - UP");
    assert_eq!(gained.body, "=> Gained quorum 1+0=1 <= 1 <=");
    assert_eq!(Letter::quorum(service, Bearing::Down, 3, 1, 0).body, "=> Lost quorum 3-1=2 > 0 <=");
}

#[test]
fn no_name_becomes_a_header() {
    let name = "x\r\nBcc: all@example.com\r\n\r\n.\r\n";
    let letter = Letter::state(Subject::Group(name), Word::Master).expect("a mail");
    let policy = MailPolicy { router_id: Some("a\nCc: b".to_owned()), ..policy() };
    let text = composed(&letter, &policy);
    let (head, _) = text.split_once("\r\n\r\n").expect("a body");
    let names: Vec<&str> =
        head.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    assert_eq!(names, ["Date", "From", "Subject", "X-Mailer", "To"], "{text}");
    let body = Letter { subject: String::new(), body: "a\r\n.\r\nb\rc\0".to_owned() };
    assert!(composed(&body, &policy).ends_with("\r\n\r\na\r\n.\r\nb?c?\r\n"));
}

#[test]
fn other_letters_than_ascii_are_encoded() {
    let letter = Letter::state(Subject::Instance("虚拟服务器一号主机房Ä"), Word::Master).expect("a mail");
    let text = composed(&letter, &policy());
    assert!(text.is_ascii());
    let subject: Vec<&str> = text.lines().filter(|line| line.contains("=?utf-8?Q?")).collect();
    assert!(subject.len() > 1, "{text}");
    for line in &subject {
        let word = line.trim_start_matches("Subject:").trim();
        assert!(word.len() <= ENCODED_WORD && word.ends_with("?="), "{line}");
    }
    assert!(text.contains("=E8=99=9A") && text.contains("=C3=84"), "{text}");
}

#[test]
fn what_the_policy_leaves_out_is_the_hosts() {
    let bare = MailPolicy { from: None, router_id: None, ..policy() };
    let sender = Sender::new(&bare, "lb1\n", "ro ot");
    assert_eq!((sender.from.as_str(), sender.helo.as_str()), ("root@lb1", "lb1"));
    assert_eq!(sender.router_id, "lb1");
    let helo = MailPolicy { helo: Some("a b\r\nRCPT".to_owned()), ..policy() };
    assert_eq!(Sender::new(&helo, "", "").helo, "abRCPT");
}
