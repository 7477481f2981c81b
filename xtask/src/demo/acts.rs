//! The acts, in order. Each returns an error only if it makes no sense to go on.

use super::{
    judge::{Act, Allowed, Move, ms, shares, spread, together, with_weight},
    play::Show,
    stage::{DIRECT, Machine, NAT, RealServer, Service, Stage},
    stream::Stream,
};
use crate::Failure;
use lvsd_lab::{
    Capture, Frame, LabError, until,
    web::{Client, Next, Report},
};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    thread,
    time::{Duration, Instant, SystemTime},
};

type Played = Result<(), Failure>;

/// All of them.
pub(super) const ALL: [fn(&mut Show) -> Played; 11] = [
    election,
    direct_routing,
    nat,
    server_dies,
    server_returns,
    sorry_server,
    servers_return,
    master_killed,
    master_returns,
    power_failure,
    reload,
];

/// Beyond this something does not happen. The guest is slow.
const SOON: Duration = Duration::from_secs(30);
/// How long the kernel's counters may lag behind.
const COUNTED: Duration = Duration::from_secs(10);
/// How long a request may take where it should be answered, a retransmission included.
const PATIENCE: Duration = Duration::from_secs(3);
/// What a request takes at least: SYN, ACK, the request, FIN.
const PACKETS: u64 = 4;
/// From one request of a stream to the next.
const BEAT: Duration = Duration::from_millis(20);
/// How long a stream goes on after what it watches is over.
const AFTERMATH: Duration = Duration::from_millis(500);
fn election(show: &mut Show) -> Played {
    show.screen.title("Election");
    let start = Instant::now();
    for machine in &mut show.stage.directors {
        machine.start()?;
    }
    let [a, b] = &show.stage.directors;
    wait("director-a to hold both virtual addresses", || a.is_master())?;
    let elected = start.elapsed();
    show.screen.say(&format!("director-a (priority 150) is master after {}", ms(elected)));
    wait_tables(&show.stage, &all(&show.stage.servers))?;
    show.screen.say("the table in both directors' kernels:");
    for line in a.host.check("ipvsadm -Ln")?.lines() {
        show.screen.say(&format!("  {line}"));
    }
    let alone = if b.is_backup() { Ok(()) } else { Err("director-b holds addresses too".to_owned()) };
    show.close(Act::silent("election", format!("master after {}", ms(elected))).and(alone));
    Ok(())
}

fn direct_routing(show: &mut Show) -> Played {
    show.screen.title("Requests by direct routing: the servers answer the client themselves");
    spread_act(show, "spread by direct routing", DIRECT)
}

fn nat(show: &mut Show) -> Played {
    show.screen.title("Requests by NAT: the answers come back through the director");
    spread_act(show, "spread by NAT", NAT)
}

fn spread_act(show: &mut Show, title: &str, service: Service) -> Played {
    let report = burst(&show.stage, service, 60)?;
    let judgement = spread(&report.answers, &show.stage.even());
    show.close(Act::flawless(title, &report, shares(&report.answers)).and(judgement));
    Ok(())
}

fn server_dies(show: &mut Show) -> Played {
    show.screen.title("real-2 dies");
    let stream = stream(&show.stage)?;
    let death = Instant::now();
    second(&mut show.stage)?.die();
    let left: Vec<_> = show.stage.servers.iter().filter(|server| server.host.name() != "real-2").collect();
    wait_tables(&show.stage, &destinations(&left))?;
    let note = format!("left the tables after {}", ms(death.elapsed()));
    let names: Vec<_> = left.iter().map(|server| (server.host.name(), 1)).collect();
    let (noticed, report) = (stream.stop(), both(&show.stage, 30)?);
    let judgement = spread(&report.answers, &names);
    show.close(Act::watched("real-2 dies", &noticed, Allowed::Any, note));
    show.close(Act::flawless("  without it", &report, shares(&report.answers)).and(judgement));
    Ok(())
}

fn server_returns(show: &mut Show) -> Played {
    show.screen.title("real-2 comes back");
    let stream = stream(&show.stage)?;
    let birth = Instant::now();
    second(&mut show.stage)?.serve()?;
    wait_tables(&show.stage, &all(&show.stage.servers))?;
    let note = format!("rejoined after {}", ms(birth.elapsed()));
    show.close(Act::watched("real-2 returns", &stream.stop(), Allowed::None, note));
    even_act(show, "  with it")
}

fn sorry_server(show: &mut Show) -> Played {
    show.screen.title("All real servers die");
    let stream = stream(&show.stage)?;
    let death = Instant::now();
    show.stage.servers.iter_mut().for_each(RealServer::die);
    wait_tables(&show.stage, &destinations(&[&show.stage.sorry]))?;
    let note = format!("sorry server after {}", ms(death.elapsed()));
    show.close(Act::watched("all real servers die", &stream.stop(), Allowed::Any, note));
    let report = both(&show.stage, 20)?;
    let judgement = spread(&report.answers, &[("sorry", 1)]);
    show.close(Act::flawless("  sorry server", &report, shares(&report.answers)).and(judgement));
    Ok(())
}

fn servers_return(show: &mut Show) -> Played {
    show.screen.title("They come back, and the sorry server leaves");
    let stream = stream(&show.stage)?;
    let birth = Instant::now();
    show.stage.servers.iter_mut().try_for_each(RealServer::serve)?;
    // A request to the sorry server that is under way when it leaves the table is lost.
    let from = SystemTime::now();
    wait_gone(&show.stage.directors[0], &show.stage.sorry)?;
    let moved = Move { from, to: SystemTime::now() };
    let note = format!("sorry server gone after {}", ms(birth.elapsed()));
    wait_tables(&show.stage, &all(&show.stage.servers))?;
    show.close(Act::watched("all return", &stream.stop(), Allowed::UnderWay(moved), note));
    even_act(show, "  with all")
}

fn master_killed(show: &mut Show) -> Played {
    show.screen.title("The master is killed: kill -9 of its whole family");
    let seen = show.stage.client.capture("eth0")?;
    let stream = stream(&show.stage)?;
    let killed = show.stage.directors[0].kill();
    show.screen.say("its kernel goes on forwarding by the table it has, and still answers to the addresses");
    let moved = wait_moved(&seen, &show.stage.directors[1], killed)?;
    wait("director-b to hold both virtual addresses", || show.stage.directors[1].is_master())?;
    thread::sleep(AFTERMATH);
    let stream = stream.stop();
    let note =
        format!("fail-over {}, longest gap {}", after(killed, moved)?, ms(stream.report.longest_gap()));
    show.close(Act::watched("master killed", &stream, Allowed::UnderWay(moved), note));
    through_act(show, "  through director-b")
}

fn master_returns(show: &mut Show) -> Played {
    show.screen.title("The old master comes back: it drops what it still held, and preempts");
    let report = return_of_master(show)?;
    show.close(report);
    even_act(show, "  through director-a")
}

/// Starts director-a again and waits until it is the master; the requests meanwhile.
fn return_of_master(show: &mut Show) -> Result<Act, Failure> {
    let seen = show.stage.client.capture("eth0")?;
    let stream = stream(&show.stage)?;
    let started = show.stage.directors[0].start()?;
    let moved = wait_moved(&seen, &show.stage.directors[0], started)?;
    let [a, b] = &show.stage.directors;
    wait("director-a to hold the addresses alone", || a.is_master() && b.is_backup())?;
    thread::sleep(AFTERMATH);
    let stream = stream.stop();
    let note =
        format!("master after {}, longest gap {}", after(started, moved)?, ms(stream.report.longest_gap()));
    Ok(Act::watched("old master returns", &stream, Allowed::UnderWay(moved), note))
}

fn power_failure(show: &mut Show) -> Played {
    show.screen
        .title("The master's machine loses its power: nothing is forwarded until the other takes over");
    let seen = show.stage.client.capture("eth0")?;
    let stream = stream(&show.stage)?;
    let failed = SystemTime::now();
    let a = &mut show.stage.directors[0];
    a.link.cut()?;
    a.kill();
    let moved = wait_moved(&seen, &show.stage.directors[1], failed)?;
    wait("director-b to hold both virtual addresses", || show.stage.directors[1].is_master())?;
    thread::sleep(AFTERMATH);
    let stream = stream.stop();
    let note =
        format!("fail-over {}, no answer for {}", after(failed, moved)?, ms(stream.report.longest_gap()));
    show.close(Act::watched("master loses power", &stream, Allowed::Any, note));
    through_act(show, "  through director-b")?;
    show.screen.say("the machine is repaired");
    show.stage.repair()?;
    let act = return_of_master(show)?;
    show.close(act);
    Ok(())
}

fn reload(show: &mut Show) -> Played {
    show.screen.title("A reload that changes a weight: real-1 of the direct service has 3 now");
    let stream = stream(&show.stage)?;
    let start = Instant::now();
    let destination = show.stage.servers.first().map(RealServer::destination).unwrap_or_default();
    for machine in &mut show.stage.directors {
        let config = with_weight(&machine.config, "10.77.0.11", 3).ok_or("no weight to change")?;
        machine.reload(config)?;
    }
    let a = &show.stage.directors[0];
    wait("the new weight", || a.servers(DIRECT).get(&destination) == Some(&3))?;
    let note = format!("in the kernel after {}", ms(start.elapsed()));
    thread::sleep(AFTERMATH);
    show.close(Act::watched("reload of a weight", &stream.stop(), Allowed::None, note));
    let report = burst(&show.stage, DIRECT, 50)?;
    let weights = [("real-1", 3), ("real-2", 1), ("real-3", 1)];
    let judgement = spread(&report.answers, &weights);
    show.close(Act::flawless("  spread by weight", &report, shares(&report.answers)).and(judgement));
    Ok(())
}

/// Both ways evenly over all servers.
fn even_act(show: &mut Show, title: &str) -> Played {
    let report = both(&show.stage, 30)?;
    let judgement = spread(&report.answers, &show.stage.even());
    show.close(Act::flawless(title, &report, shares(&report.answers)).and(judgement));
    Ok(())
}

/// Like [`even_act`], and it is director-b that they go through.
fn through_act(show: &mut Show, title: &str) -> Played {
    let before = forwarded(&show.stage.directors[1])?;
    even_act(show, title)?;
    // The kernel adds up its counters every two seconds.
    let mut through = 0;
    let all = until(COUNTED, "", || {
        through = forwarded(&show.stage.directors[1]).unwrap_or(0).saturating_sub(before);
        through >= 60 * PACKETS
    });
    if all.is_err() {
        let wrong = format!("only {through} packets of 60 requests went through director-b");
        show.close(Act::silent(title, String::new()).and(Err(wrong)));
    }
    Ok(())
}

/// The packets of clients that a director has forwarded. Not the connections that it has scheduled: one from a port that was
/// used a moment ago goes where that one went, and is not counted anew.
fn forwarded(machine: &Machine) -> Result<u64, Failure> {
    let text = machine.host.check("ipvsadm -Ln --stats --exact")?;
    let services = text.lines().filter(|line| line.starts_with("TCP"));
    Ok(services.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum())
}

/// Requests to both services in turn, until it is stopped.
fn stream(stage: &Stage) -> Result<Stream, Failure> {
    let clients = [DIRECT, NAT].map(client);
    Stream::start(&stage.client, clients.into_iter().collect::<Result<_, _>>()?, BEAT)
}

/// So many requests, one after the other.
fn burst(stage: &Stage, service: Service, count: u64) -> Result<Report, LabError> {
    let client = client(service)?;
    stage.client.enter(|| client.repeat(count, |_| Next::Request))
}

/// So many to each service.
fn both(stage: &Stage, count: u64) -> Result<Report, LabError> {
    Ok(together([burst(stage, DIRECT, count)?, burst(stage, NAT, count)?]))
}

fn client(service: Service) -> Result<Client, LabError> {
    Ok(Client { interval: Duration::ZERO, timeout: PATIENCE, ..Client::new(service.url.parse()?) })
}

/// Waits until a director announces both virtual addresses, after that moment: the traffic moves with them.
fn wait_moved(seen: &Capture, to: &Machine, since: SystemTime) -> Result<Move, Failure> {
    let announced = |vip| {
        let frame =
            |frame: &Frame| frame.bytes.get(6..12) == Some(&to.mac) && frame.announces(IpAddr::V4(vip));
        seen.wait_after(since, SOON, &format!("{} to announce {vip}", to.name()), frame)
    };
    let (direct, nat) = (announced(DIRECT.vip)?.at, announced(NAT.vip)?.at);
    Ok(Move { from: direct.min(nat), to: direct.max(nat) })
}

/// From a moment to the end of a move, in words.
fn after(since: SystemTime, moved: Move) -> Result<String, Failure> {
    Ok(ms(moved.to.duration_since(since)?))
}

fn second(stage: &mut Stage) -> Result<&mut RealServer, Failure> {
    let server = stage.servers.iter_mut().find(|server| server.host.name() == "real-2");
    server.ok_or_else(|| "there is no real-2".into())
}

fn all(servers: &[RealServer]) -> BTreeMap<String, u64> {
    destinations(&servers.iter().collect::<Vec<_>>())
}

fn destinations(servers: &[&RealServer]) -> BTreeMap<String, u64> {
    servers.iter().map(|server| (server.destination(), 1)).collect()
}

/// Waits until both services of both directors have exactly these servers.
fn wait_tables(stage: &Stage, servers: &BTreeMap<String, u64>) -> Played {
    for machine in &stage.directors {
        for service in [DIRECT, NAT] {
            let names: Vec<_> = servers.keys().map(String::as_str).collect();
            let what = format!("{} of {} to have {}", service.name, machine.name(), names.join(", "));
            wait(&what, || machine.servers(service) == *servers)?;
        }
    }
    Ok(())
}

/// Waits until a server is in none of a director's services.
fn wait_gone(machine: &Machine, server: &RealServer) -> Played {
    let gone = |service| !machine.servers(service).contains_key(&server.destination());
    let what = format!("{} to leave the tables of {}", server.host.name(), machine.name());
    wait(&what, || [DIRECT, NAT].into_iter().all(gone))
}

fn wait(what: &str, condition: impl FnMut() -> bool) -> Played {
    Ok(until(SOON, what, condition)?)
}
