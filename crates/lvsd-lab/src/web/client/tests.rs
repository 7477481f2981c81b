use super::*;
use crate::web::{Answer, Server, UdpEcho};

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn of(server: &Server) -> Client {
    Client::new(Target::Http { address: server.address(), path: "/".to_owned() })
}

#[test]
fn urls_are_read() {
    let http =
        |address: &str, path: &str| Target::Http { address: address.parse().unwrap(), path: path.to_owned() };
    assert_eq!("http://10.0.0.1".parse::<Target>().unwrap(), http("10.0.0.1:80", "/"));
    assert_eq!("http://10.0.0.1:81/a/b".parse::<Target>().unwrap(), http("10.0.0.1:81", "/a/b"));
    assert_eq!("http://[fd00::1]/".parse::<Target>().unwrap(), http("[fd00::1]:80", "/"));
    let udp = Target::Udp { address: "10.0.0.1:53".parse().unwrap() };
    assert_eq!("udp://10.0.0.1:53".parse::<Target>().unwrap(), udp);
    for wrong in ["", "10.0.0.1", "https://10.0.0.1/", "http://name/", "udp://10.0.0.1"] {
        assert!(wrong.parse::<Target>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_report_tells_who_answered_and_what_failed() {
    let server = Server::here(loopback(), Answer::page("server 1")).unwrap();
    let mut pauses = 0;
    let report = of(&server).repeat(3, |_| {
        pauses += 1;
        let body = if pauses == 1 { "server 2" } else { "" };
        let status = if pauses == 1 { 200 } else { 503 };
        server.answer(Answer::Page { status, body: body.to_owned() });
        Next::Request
    });
    assert_eq!((report.sent, report.failed, server.served()), (3, 1, 3));
    assert_eq!(report.answers, BTreeMap::from([("server 1".to_owned(), 1), ("server 2".to_owned(), 1)]));
    assert_eq!(report.failures, BTreeMap::from([("status 503".to_owned(), 1)]));
}

#[test]
fn a_client_that_is_told_to_stop_has_sent_no_more() {
    let server = Server::here(loopback(), Answer::page("x")).unwrap();
    assert_eq!(of(&server).repeat(u64::MAX, |_| Next::Stop).sent, 1);
}

#[test]
fn a_hanging_server_times_out_and_a_dropped_one_refuses() {
    let server = Server::here(loopback(), Answer::Hang).unwrap();
    let client = Client { timeout: Duration::from_millis(50), ..of(&server) };
    assert_eq!(client.fetch().unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(server);
    assert_eq!(client.fetch().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_answer_cut_short_is_a_failure() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    assert_eq!(body_of(cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(body_of("HTTP/1.1 200").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap(), "hello");
}

#[test]
fn a_udp_server_answers_with_its_name() {
    let server = UdpEcho::here(loopback(), "server 3").unwrap();
    let client = Client::new(Target::Udp { address: server.address() });
    assert_eq!(client.fetch().unwrap(), "server 3");
}

#[test]
fn a_report_survives_json() {
    let report = Report { sent: 2, longest_gap_us: 7, ..Report::default() };
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}
