//! Servers and clients of the laboratory as programs of their own, for namespaces and guests.
#![expect(clippy::print_stdout, reason = "reports are its output")]

use clap::{Parser, Subcommand};
use lvsd_lab::{
    LabError, Result,
    web::{Answer, Client, Next, Report, Server, Target, UdpEcho},
};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::SignalFd,
    },
};
use std::{net::SocketAddr, os::fd::AsFd as _, process::ExitCode, time::Duration};

/// Real servers and clients for trying a director.
#[derive(Debug, Parser)]
#[command(name = "lvsd-lab")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves one page over HTTP until SIGTERM.
    Http {
        /// Address and port.
        #[arg(long)]
        listen: SocketAddr,
        /// The page.
        #[arg(long, default_value = "server")]
        body: String,
        /// Status code of the answers.
        #[arg(long, default_value_t = 200)]
        status: u16,
        /// Accepts requests, never answers.
        #[arg(long)]
        hang: bool,
    },
    /// Sends UDP datagrams back, behind a name and a space, until SIGTERM.
    UdpEcho {
        /// Address and port.
        #[arg(long)]
        listen: SocketAddr,
        /// The name.
        #[arg(long, default_value = "server")]
        name: String,
    },
    /// Makes requests, one after the other, until their number is full or SIGTERM; fails if one of them did.
    Client {
        /// http://ADDRESS[:PORT]/PATH or udp://ADDRESS:PORT
        #[arg(long)]
        url: Target,
        /// How many; without end if not given.
        #[arg(long, default_value_t = u64::MAX)]
        count: u64,
        /// Milliseconds from the start of one to the start of the next.
        #[arg(long, default_value_t = 10)]
        interval: u64,
        /// Milliseconds that one may take.
        #[arg(long, default_value_t = 1000)]
        timeout: u64,
        /// Reports in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// SIGTERM and SIGINT as something to wait for.
struct Stop(SignalFd);

impl Stop {
    /// Must come before any thread, which would take the signals otherwise.
    fn new() -> Result<Self, Errno> {
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        signals.thread_block()?;
        SignalFd::new(&signals).map(Self)
    }

    /// Waits for a signal, for ever if no time is given.
    fn within(&self, pause: Option<Duration>) -> Next {
        let timeout =
            pause.map_or(PollTimeout::NONE, |pause| PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX));
        let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, timeout) == Ok(0) { Next::Request } else { Next::Stop }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            println!("lvsd-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let stop = Stop::new()
        .map_err(|errno| LabError::Io { what: "block signals".to_owned(), source: errno.into() })?;
    match command {
        Command::Http { listen, body, status, hang } => {
            let answer = if hang { Answer::Hang } else { Answer::Page { status, body } };
            let server = Server::here(listen, answer)?;
            println!("http on {}", server.address());
            stop.within(None);
        }
        Command::UdpEcho { listen, name } => {
            let server = UdpEcho::here(listen, &name)?;
            println!("udp on {}", server.address());
            stop.within(None);
        }
        Command::Client { url, count, interval, timeout, json } => {
            let [interval, timeout] = [interval, timeout].map(Duration::from_millis);
            let client = Client { target: url, interval, timeout };
            let report = client.repeat(count, |pause| stop.within(Some(pause)));
            print_report(&report, json);
            return Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_report(report: &Report, json: bool) {
    if json {
        let text = serde_json::to_string(report).expect("a report is maps of strings to numbers");
        println!("{text}");
        return;
    }
    println!("{} sent, {} failed, longest gap {:?}", report.sent, report.failed, report.longest_gap());
    for (what, count) in report.answers.iter().chain(&report.failures) {
        println!("{count:8} {what}");
    }
}
