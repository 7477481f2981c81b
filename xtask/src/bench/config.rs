//! A large configuration, checked by `-t`: processor time, wall time and memory of both makes. The file has the shape of a
//! published one: 2,277 services with 37,205 servers, each with a check, on 237,000 lines.

use super::{
    Make, Programs, RIVAL,
    report::{self, Row, Target},
    stats::{Samples, median},
};
use crate::{Failure, setup};
use lvsd_lab::{Program, setup::Part};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike as _,
    },
    unistd::geteuid,
};
use std::{
    env,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Virtual services.
const SERVICES: u32 = 2277;
/// Real servers of all of them.
const SERVERS: u32 = 37_205;

/// How long to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; in each, each make checks the configuration once.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Check this file once, and tell what that took.
    #[arg(long, hide = true)]
    once: Option<PathBuf>,
    /// With the peer.
    #[arg(long, hide = true)]
    rival: bool,
}

pub(super) fn run(options: &Options) -> Result<ExitCode, Failure> {
    if let Some(file) = &options.once {
        let make = if options.rival { Make::Keepalived } else { Make::Lvsd };
        println!("{}", Cost::of(make, file)?.to_line());
        return Ok(ExitCode::SUCCESS);
    }
    if !geteuid().is_root() {
        return Err("the peer runs in a root of its own: run this as root".into());
    }
    setup(&[Part::Tools, Part::Rival(RIVAL)])?;
    let programs = Programs::build()?;
    let home = tempfile::tempdir()?;
    let file = home.path().join("large.conf");
    let text = large();
    fs::write(&file, &text)?;
    println!(
        "-t of {SERVICES} services with {SERVERS} servers: {} lines, {:.1} MB; {} rounds",
        text.lines().count(),
        text.len() as f64 / 1e6,
        options.rounds
    );
    let mut figures = Figures::default();
    for round in 0..usize::try_from(options.rounds)? {
        for make in Make::in_turn(round) {
            figures.add(make, Cost::measured(make, &programs, &file)?);
        }
    }
    report::print(&figures.rows());
    Ok(ExitCode::SUCCESS)
}

/// What one check took.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    /// Processor time of user and system, in milliseconds.
    cpu: f64,
    /// Time on the clock, in milliseconds.
    wall: f64,
    /// The most memory in use at once, in MiB.
    memory: f64,
}

impl Cost {
    /// Measured in a process of its own, whose only child is the program: the kernel tells the resources of all ended
    /// children together.
    fn measured(make: Make, programs: &Programs, file: &Path) -> Result<Self, Failure> {
        let rival = (make == Make::Keepalived).then_some("--rival");
        let this = Program::new(env::current_exe()?).args(["bench", "config", "--once"]).arg(file);
        let line = this.args(rival).env("LVSD_BIN", &programs.lvsd).check()?;
        Self::from_line(&line).ok_or_else(|| format!("no figures: {line}").into())
    }

    fn of(make: Make, file: &Path) -> Result<Self, Failure> {
        let program = match make {
            // By the same way as the peer.
            Make::Lvsd => Program::new("chroot").arg("/").arg(Programs::build()?.lvsd),
            Make::Keepalived => {
                RIVAL.program("keepalived", file.parent().unwrap_or_else(|| Path::new("/")))?
            }
        };
        let begin = Instant::now();
        program.args(["-t", "-f"]).arg(file).check()?;
        let wall = begin.elapsed().as_secs_f64() * 1e3;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e3;
        Ok(Self { cpu, wall, memory: usage.max_rss() as f64 / 1024.0 })
    }

    fn to_line(self) -> String {
        format!("{} {} {}", self.cpu, self.wall, self.memory)
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse().ok());
        Some(Self { cpu: numbers.next()?, wall: numbers.next()?, memory: numbers.next()? })
    }
}

#[derive(Debug, Default)]
struct Figures {
    cpu: Samples,
    wall: Samples,
    memory: Samples,
}

impl Figures {
    fn add(&mut self, make: Make, Cost { cpu, wall, memory }: Cost) {
        self.cpu.add(make, cpu);
        self.wall.add(make, wall);
        self.memory.add(make, memory);
    }

    fn rows(&self) -> Vec<Row> {
        let row = |what: &str, samples: &Samples, target| {
            let [lvsd, keepalived] = Make::BOTH.map(|make| median(samples.of(make)));
            Row { what: what.to_owned(), lvsd, keepalived, target: Target::Ratio(target) }
        };
        vec![
            row("processor time, user and system, ms", &self.cpu, 0.5),
            row("time on the clock, ms", &self.wall, 0.5),
            row("most memory at once, MiB", &self.memory, 2.0),
        ]
    }
}

/// The configuration, always the same.
fn large() -> String {
    let mut text = String::new();
    let mut number = 0;
    for service in 0..SERVICES {
        let address = Ipv4Addr::from(0x0a01_0000 + service);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "virtual_server {address} 80 {{\n  delay_loop 10\n  lvs_sched wlc\n  lvs_method DR\n  protocol TCP"
        );
        // The first ones have one more, so that the sum is right.
        for _ in 0..SERVERS / SERVICES + u32::from(service < SERVERS % SERVICES) {
            let address = Ipv4Addr::from(0x0a10_0000 + number);
            let _ = writeln!(
                text,
                "  real_server {address} 80 {{\n    weight 1\n    TCP_CHECK {{\n      connect_timeout 3\n    }}\n  }}"
            );
            number += 1;
        }
        text.push_str("}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_shape_of_the_published_one() {
        let text = large();
        let count = |word: &str| text.lines().filter(|line| line.trim_start().starts_with(word)).count();
        assert_eq!(
            (count("virtual_server "), count("real_server "), count("TCP_CHECK ")),
            (2277, 37_205, 37_205)
        );
        assert_eq!(text.lines().count() / 1000, 236);
        assert_eq!(text.len() / 100_000, 37);
    }

    #[test]
    fn figures_survive_the_way_between_processes() {
        let cost = Cost { cpu: 61.25, wall: 70.5, memory: 40.0 };
        assert_eq!(Cost::from_line(&cost.to_line()), Some(cost));
        assert_eq!(Cost::from_line("61.25 x"), None);
    }
}
