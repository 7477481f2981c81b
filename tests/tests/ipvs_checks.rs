//! Each kind of check takes its server out of the table when it fails, and brings it back.

use lvsd_e2e::{Make, Node, Service, Site, good, wait_table};
use lvsd_lab::{Host, Need, require, web};
use socket2::SockRef;
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often a server looks whether it is to end.
const BEAT: Duration = Duration::from_millis(50);

/// A small server of its own thread; it ends when this goes.
struct Small {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Small {
    /// Calls `serve`, which must come back every [`BEAT`], again and again.
    fn start(mut serve: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                serve();
            }
        });
        Self { stop, thread: Some(thread) }
    }

    /// Answers each datagram with what `answer` makes of it.
    fn datagrams(host: &Host, listen: &str, answer: fn(&[u8]) -> Vec<u8>) -> Self {
        let listen: SocketAddr = good(listen.parse());
        let socket = good(good(host.enter(|| UdpSocket::bind(listen))));
        good(socket.set_read_timeout(Some(BEAT)));
        Self::start(move || {
            let mut buffer = [0; 512];
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&answer(&buffer[..length]), from);
            }
        })
    }

    /// A mail server.
    fn mail(host: &Host, listen: &str) -> Self {
        let listen: SocketAddr = good(listen.parse());
        let listener = good(good(host.enter(|| TcpListener::bind(listen))));
        // Holds for accepting, too.
        good(SockRef::from(&listener).set_read_timeout(Some(BEAT)));
        Self::start(move || {
            if let Ok((stream, _)) = listener.accept() {
                let _ = greet(&stream);
            }
        })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn greet(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    for reply in ["220 mx.example.org\r\n", "250 mx.example.org\r\n", "221 bye\r\n"] {
        stream.write_all(reply.as_bytes())?;
        lines.read_line(&mut String::new())?;
    }
    Ok(())
}

/// The question as an answer without an error.
fn dns_answer(question: &[u8]) -> Vec<u8> {
    let mut answer = question.to_vec();
    if let Some(flags) = answer.get_mut(2) {
        *flags |= 0x80;
    }
    answer
}

fn pong(_: &[u8]) -> Vec<u8> {
    b"pong".to_vec()
}

const SERVERS: [(&str, &str); 5] = [
    ("10.0.0.12 80", "PING_CHECK { }"),
    ("10.0.0.11 25", "SMTP_CHECK { }"),
    ("10.0.0.11 53", "DNS_CHECK {\n   name www.example.org\n  }"),
    ("10.0.0.11 7", "UDP_CHECK {\n   require_reply 70 6f xx 67\n  }"),
    ("10.0.0.11 80", "HTTP_GET {\n   url {\n    path /\n    regex \"^ready\"\n   }\n  }"),
];

#[track_caller]
fn wait_without(director: &Node, missing: Option<&str>) {
    let mut lines = vec!["-A -t 10.0.0.100:80 -s rr".to_owned()];
    for (server, _) in SERVERS.iter().filter(|(server, _)| Some(*server) != missing) {
        lines.push(format!("-a -t 10.0.0.100:80 -r {} -m -w 1", server.replace(' ', ":")));
    }
    wait_table(&director.host, lines);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn each_kind_of_check_takes_its_server_out_and_brings_it_back() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let [director, real, pinged] =
        [("director", 1), ("real", 11), ("pinged", 12)].map(|(name, number)| site.node(name, number));
    let mail = || Small::mail(&real.host, "10.0.0.11:25");
    let dns = || Small::datagrams(&real.host, "10.0.0.11:53", dns_answer);
    let echo = || Small::datagrams(&real.host, "10.0.0.11:7", pong);
    let (mut mailing, mut naming, mut echoing) = (Some(mail()), Some(dns()), Some(echo()));
    let page = good(web::Server::on(&real.host, good("10.0.0.11:80".parse()), web::Answer::page("ready")));

    let service = Service::tcp("10.0.0.100 80", "NAT").line("connect_timeout 1");
    let service = SERVERS.iter().fold(service, |service, (server, check)| service.server(server, check));
    let daemon = director.start(Make::subject(), &service.to_string());
    wait_without(&director, None);

    mailing.take();
    wait_without(&director, Some("10.0.0.11 25"));
    mailing = Some(mail());
    wait_without(&director, None);

    naming.take();
    wait_without(&director, Some("10.0.0.11 53"));
    naming = Some(dns());
    wait_without(&director, None);

    echoing.take();
    wait_without(&director, Some("10.0.0.11 7"));
    echoing = Some(echo());
    wait_without(&director, None);

    page.answer(web::Answer::page("not ready"));
    wait_without(&director, Some("10.0.0.11 80"));
    page.answer(web::Answer::page("ready"));
    wait_without(&director, None);

    good(pinged.host.ip("address del 10.0.0.12/24 dev eth0"));
    wait_without(&director, Some("10.0.0.12 80"));
    good(pinged.host.add_address("10.0.0.12/24", "eth0"));
    wait_without(&director, None);
    drop((daemon, mailing, naming, echoing));
}
