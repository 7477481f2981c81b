//! A large IPVS table: how long until it stands, until one weight changed by a reload is in the kernel, and until it is
//! gone after SIGTERM. No checks are configured, so every server is up at once and the table is all there is to do.
//!
//! The kernel is asked cheaply, and the same for both makes: for the destinations of a few services, every other
//! millisecond; only when these are complete is the whole table counted.

use super::{
    Make, Programs, RIVAL,
    report::{self, Row, Target},
    stats::{Samples, median},
};
use crate::{Failure, setup};
use ipvs::{Client, IpvsError, Protocol, ServiceKey};
use lvsd_lab::{Director, Guest, Host, Process, quote, setup::Part, until};
use nix::{sys::signal::Signal, unistd::geteuid};
use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Beyond this something does not happen.
const SOON: Duration = Duration::from_secs(30);
/// From one question to the kernel to the next.
const PAUSE: Duration = Duration::from_millis(2);
/// A process that uses no time for so long has nothing left to do.
const QUIET: Duration = Duration::from_millis(400);
/// How many services are asked for before the whole table is counted.
const PROBES: usize = 5;
/// Lines of a log that are shown after a failure.
const TAIL: usize = 6;
/// All rounds, and the boot.
const LIMIT: Duration = Duration::from_secs(1500);

/// How large, and how long to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Virtual services.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u16).range(1..))]
    services: u16,
    /// Real servers of each.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    servers: u16,
    /// Rounds; in each, each make is started, reloaded and stopped.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The kernel has IPVS and everything is built: measure.
    #[arg(long, hide = true)]
    on_stage: bool,
}

pub(super) fn run(options: &Options) -> Result<ExitCode, Failure> {
    if options.on_stage {
        return measure(options);
    }
    if !geteuid().is_root() {
        return Err("this programs a kernel's IPVS: run it as root".into());
    }
    setup(&[Part::Tools, Part::Guest, Part::Rival(RIVAL)])?;
    let programs = Programs::build()?;
    let this = quote(&env::current_exe()?.display().to_string());
    let Options { services, servers, rounds, .. } = options;
    let script = format!(
        "exec {this} bench load --on-stage --services {services} --servers {servers} --rounds {rounds}"
    );
    let guest = Guest::new().limit(LIMIT).env("LVSD_BIN", programs.lvsd.display().to_string());
    let status = guest.run(&script, &mut |line| println!("{line}"))?;
    Ok(u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What is measured: times in milliseconds, memory in MiB.
#[derive(Debug, Default)]
struct Figures {
    start: Samples,
    weight: Samples,
    stop: Samples,
    memory: Samples,
    /// Stops that left something in the table, by make. They count with the time until the process was gone.
    unclean: [u32; 2],
}

fn measure(options: &Options) -> Result<ExitCode, Failure> {
    let size = Size { services: options.services, servers: options.servers };
    println!(
        "{} services of {} servers each, without checks, checker process only (-C); {} rounds",
        size.services, size.servers, options.rounds
    );
    let bench = Bench { programs: Programs::build()?, host: Host::new("director")?, size };
    let mut figures = Figures::default();
    for round in 0..usize::try_from(options.rounds)? {
        for make in Make::in_turn(round) {
            let line = match bench.round(make, &mut figures) {
                Ok(line) => line,
                Err(failure) => {
                    bench.host.check("ipvsadm -C")?;
                    format!("failed: {failure}")
                }
            };
            println!("{:3}  {make:16}  {line}", round + 1);
        }
    }
    report::print(&figures.rows(size));
    for make in Make::BOTH {
        let unclean = figures.unclean[make as usize];
        if unclean > 0 {
            println!("{make}: {unclean} stops left entries in the table; the times of these are too short");
        }
    }
    let is_measured = Make::BOTH.iter().all(|make| !figures.stop.of(*make).is_empty());
    Ok(if is_measured { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Figures {
    fn rows(&self, size: Size) -> Vec<Row> {
        let row = |what: &str, samples: &Samples, target| {
            let [lvsd, keepalived] = Make::BOTH.map(|make| median(samples.of(make)));
            Row { what: what.to_owned(), lvsd, keepalived, target }
        };
        let start = format!("start to {} services complete, ms", size.services);
        vec![
            row(&start, &self.start, Target::Ratio(0.7)),
            row("reload to one weight changed, ms", &self.weight, Target::Ratio(0.7)),
            row("SIGTERM to table empty and process gone, ms", &self.stop, Target::Ratio(0.7)),
            row("resident memory of all processes, MiB", &self.memory, Target::None),
        ]
    }
}

/// How large the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    services: u16,
    servers: u16,
}

impl Size {
    /// The address of a service; all have port 80.
    fn service(number: u16) -> Ipv4Addr {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 1, high, low)
    }

    /// The address of a server.
    fn server(self, service: u16, number: u16) -> Ipv4Addr {
        let [_, a, b, c] = (u32::from(service) * u32::from(self.servers) + u32::from(number)).to_be_bytes();
        Ipv4Addr::new(10, 16 + a, b, c)
    }

    /// The service of which one weight is changed: in the middle.
    fn changed(self) -> u16 {
        self.services / 2
    }

    /// Services that are asked for, the last ones of the file first.
    fn probes(self) -> Vec<u16> {
        let last = usize::from(self.services) - 1;
        let numbers = (0..PROBES).rev().filter_map(|part| u16::try_from(last * part / (PROBES - 1)).ok());
        let mut numbers: Vec<_> = numbers.collect();
        numbers.dedup();
        numbers
    }

    /// Lines of the kernel's own listing: services and servers.
    fn lines(self) -> usize {
        usize::from(self.services) * (1 + usize::from(self.servers))
    }

    /// The configuration, with this weight for one server of the service that is changed.
    fn config(self, weight: u8) -> String {
        let mut text = String::new();
        for service in 0..self.services {
            let address = Self::service(service);
            let _ = writeln!(
                text,
                "virtual_server {address} 80 {{\n    lvs_sched wrr\n    lvs_method NAT\n    protocol TCP"
            );
            for server in 0..self.servers {
                let is_changed = (service, server) == (self.changed(), self.servers - 1);
                let weight = if is_changed { weight } else { 1 };
                let address = self.server(service, server);
                let _ = writeln!(text, "    real_server {address} 80 {{\n        weight {weight}\n    }}");
            }
            text.push_str("}\n");
        }
        text
    }
}

/// Where it is measured.
#[derive(Debug)]
struct Bench {
    programs: Programs,
    host: Host,
    size: Size,
}

impl Bench {
    /// A start, a reload and a stop.
    fn round(&self, make: Make, figures: &mut Figures) -> Result<String, Failure> {
        let launch = self.programs.launch(make, &self.host)?.args(["-C"]);
        let config = self.size.config(1);
        let mut director = launch.start(&config)?;
        self.measured(make, &mut director, figures).map_err(|failure| {
            let log = director.log();
            let lines: Vec<_> = log.lines().collect();
            let last =
                lines.iter().skip(lines.len().saturating_sub(TAIL)).map(|line| format!("\n     {line}"));
            format!("{failure}; the end of its log:{}", last.collect::<String>()).into()
        })
    }

    fn measured(
        &self,
        make: Make,
        director: &mut Director,
        figures: &mut Figures,
    ) -> Result<String, Failure> {
        let begin = director.process().started();
        let start = self.wait(|kernel| kernel.is_complete(self.size))?.duration_since(begin);
        settle(director.process())?;
        let memory = resident_mib(director.process());

        let weight = self.reload(director)?;
        settle(director.process())?;

        let begin = Instant::now();
        director.process().signal(Signal::SIGTERM)?;
        wait_end(director.process())?;
        let stop = begin.elapsed();
        // Nobody is left to remove what is there now.
        let left = self.look(|kernel| kernel.lines())?;
        figures.start.add_time(make, start);
        figures.weight.add_time(make, weight);
        figures.stop.add_time(make, stop);
        figures.memory.add(make, memory);
        let mut line =
            format!("start {start:9.1?}  weight {weight:9.1?}  stop {stop:9.1?}  memory {memory:.1} MiB");
        if left > 0 {
            figures.unclean[make as usize] += 1;
            line += &format!("; it left {left} lines in the table");
            self.host.check("ipvsadm -C")?;
        }
        Ok(line)
    }

    fn reload(&self, director: &mut Director) -> Result<Duration, Failure> {
        fs::write(director.home().join("director.conf"), self.size.config(3))?;
        let begin = Instant::now();
        director.process().signal(Signal::SIGHUP)?;
        let changed = self.wait(|kernel| {
            let weights = kernel.weights(self.size.changed())?;
            Ok(weights.values().any(|weight| *weight == 3))
        })?;
        Ok(changed.duration_since(begin))
    }

    /// Looks at the kernel's table.
    fn look<T: Send>(&self, look: impl FnOnce(&Kernel) -> Result<T, Failure> + Send) -> Result<T, Failure> {
        self.host.enter(|| look(&Kernel::open()?))?
    }

    /// Waits until the kernel's table is as wanted; the moment when it was looked at.
    fn wait(
        &self,
        mut is_wanted: impl FnMut(&mut Kernel) -> Result<bool, Failure> + Send,
    ) -> Result<Instant, Failure> {
        self.host.enter(move || {
            let mut kernel = Kernel::open()?;
            let deadline = Instant::now() + SOON;
            loop {
                let moment = Instant::now();
                if is_wanted(&mut kernel)? {
                    return Ok(moment);
                }
                if moment > deadline {
                    let lines = kernel.lines()?;
                    return Err(format!("the table, of {lines} lines, is not what it should be").into());
                }
                thread::sleep(PAUSE);
            }
        })?
    }
}

/// The kernel's table, as seen from the namespace of the calling thread.
struct Kernel {
    runtime: tokio::runtime::Runtime,
    client: Client,
    /// Services seen complete.
    probed: Vec<u16>,
}

impl Kernel {
    fn open() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(Client::open())?;
        Ok(Self { runtime, client, probed: Vec::new() })
    }

    /// Weights of a service's servers, by address.
    fn weights(&mut self, service: u16) -> Result<BTreeMap<String, u32>, IpvsError> {
        let key =
            ServiceKey::Tuple { protocol: Protocol::Tcp, addr: Size::service(service).into(), port: 80 };
        // A service that is not there yet has no servers.
        let dests = self.runtime.block_on(self.client.dump_dests(&key)).unwrap_or_default();
        Ok(dests.into_iter().map(|(dest, _)| (format!("{:?}", dest.key), dest.weight.into())).collect())
    }

    /// Services and servers there are.
    fn lines(&self) -> Result<usize, Failure> {
        let text = fs::read_to_string("/proc/thread-self/net/ip_vs")?;
        Ok(text.lines().skip(3).count())
    }

    fn is_complete(&mut self, size: Size) -> Result<bool, Failure> {
        for number in size.probes() {
            if !self.probed.contains(&number) {
                if self.weights(number)?.len() < usize::from(size.servers) {
                    return Ok(false);
                }
                self.probed.push(number);
            }
        }
        Ok(self.lines()? == size.lines())
    }
}

/// Waits until the processes have nothing left to do.
fn settle(process: &Process) -> Result<(), Failure> {
    let mut last = (cpu_ticks(process), Instant::now());
    until(SOON, "the processes to come to rest", || {
        let now = cpu_ticks(process);
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() >= QUIET
    })?;
    Ok(())
}

fn wait_end(process: &mut Process) -> Result<(), Failure> {
    let deadline = Instant::now() + SOON;
    while !process.has_ended() {
        if Instant::now() > deadline {
            return Err("it does not end".into());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Processor time that the family has used.
fn cpu_ticks(process: &Process) -> u64 {
    let ticks = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc(5): after the name in parentheses, the 12th and 13th fields are user and system time.
        let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        Some(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>())
    };
    process.family().into_iter().filter_map(ticks).sum()
}

/// Memory that the family has in use, shared pages counted in every process.
fn resident_mib(process: &Process) -> f64 {
    let kib = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u32>().ok()
    };
    process.family().into_iter().filter_map(kib).map(f64::from).sum::<f64>() / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SIZE: Size = Size { services: 2000, servers: 4 };

    #[test]
    fn all_addresses_differ() {
        let services: BTreeSet<_> = (0..SIZE.services).map(Size::service).collect();
        let servers =
            (0..SIZE.services).flat_map(|service| (0..SIZE.servers).map(move |server| (service, server)));
        let servers: BTreeSet<_> = servers.map(|(service, server)| SIZE.server(service, server)).collect();
        assert_eq!((services.len(), servers.len()), (2000, 8000));
        assert!(services.is_disjoint(&servers));
    }

    #[test]
    fn a_reload_changes_one_line() {
        let [before, after] = [1, 3].map(|weight| SIZE.config(weight));
        let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
        assert_eq!(changed.collect::<Vec<_>>(), [("        weight 1", "        weight 3")]);
        assert_eq!(before.lines().count(), after.lines().count());
    }

    #[test]
    fn probes_are_spread_over_the_file_and_each_is_asked_once() {
        assert_eq!(SIZE.probes(), [1999, 1499, 999, 499, 0]);
        assert_eq!(Size { services: 1, servers: 1 }.probes(), [0]);
        assert_eq!(SIZE.lines(), 10_000);
    }
}
