//! BFD sessions: with BIRD, with keepalived and with ourselves, and what follows from them.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good};
use lvsd_lab::{Bird, BirdSession, Host, Lan, Need, Program, Rival, built, require, until, until_some};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::IpAddr;

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// A configuration: sessions, and a router with these trackers.
fn config(sessions: &str, router: Router) -> String {
    format!("{}{sessions}{router}", Router::SCRIPTS)
}

/// What lvsctl says of a director.
fn status(director: &Running) -> Option<Value> {
    let socket = director.home().join("run/control.sock");
    let asked =
        Program::new(good(built("lvsctl"))).args(["status", "--format", "json", "--socket"]).arg(socket);
    serde_json::from_str(&asked.check().ok()?).ok()
}

/// The session of a director, when it fulfils something.
fn session(director: &Running, name: &str, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let status = status(director)?;
    let sessions = status["sessions"].as_array()?;
    sessions.iter().find(|session| session["name"] == name && wanted(session)).cloned()
}

#[track_caller]
fn wait_session(director: &Running, name: &str, state: &str) -> Value {
    let found = until_some(SOON, state, || session(director, name, |session| session["state"] == state));
    match found {
        Ok(session) => session,
        Err(error) => panic!("{error}: {:?}", status(director).map(|status| status["sessions"].clone())),
    }
}

/// Why an instance is as it is, in words.
fn why(director: &Running) -> String {
    let socket = director.home().join("run/control.sock");
    let asked = Program::new(good(built("lvsctl"))).args(["why", "lab", "--socket"]).arg(socket);
    good(asked.check())
}

/// BIRD with direct sessions to these neighbours, once each 50 ms.
fn bird_with(neighbors: &[&str]) -> String {
    let lines: String = neighbors.iter().map(|it| format!(" neighbor {it} dev \"eth0\";\n")).collect();
    format!(
        "router id 10.0.0.254;\nprotocol device {{}}\nprotocol bfd {{\n interface \"*\" {{ min rx interval 50 ms; \
         min tx interval 50 ms; idle tx interval 1 s; multiplier 3; }};\n{lines}}}\n"
    )
}

#[track_caller]
fn wait_bird(bird: &Bird, neighbor: &str, state: &str) -> BirdSession {
    let found = until_some(SOON, state, || bird.session(neighbor).filter(|session| session.state == state));
    match found {
        Ok(session) => session,
        Err(error) => panic!("{error}: {:?}", bird.ask("show bfd sessions")),
    }
}

/// A pair of which the better one has a session with the router, and a router.
fn pair_and_router(sessions: &str, track: &str) -> (Site, [Node; 2], Node, [Running; 2], Bird) {
    let (site, [better, other]) = Site::with_pair();
    let router = site.node("router", 254);
    let bird = good(Bird::start(&router.host, &bird_with(&["10.0.0.1", "fd00::1"])));
    let text = config(sessions, Router::usual(150).line(track));
    let first = better.start(Make::subject(), &text);
    good(until(SOON, "the better one to lead", || better.holds(vip())));
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    (site, [better, other], router, [first, second], bird)
}

const V4: &str = "bfd_instance router {\n neighbor_ip 10.0.0.254\n min_rx 50\n min_tx 50\n multiplier 3\n}\n";

#[test]
#[ignore = "needs root and namespaces"]
fn a_lost_router_costs_the_weight_of_its_session() {
    require!(Need::Root, Need::Bird);
    let track = "track_bfd {\n router weight -60\n }";
    let (site, [better, other], router, [first, second], mut bird) = pair_and_router(V4, track);
    let up = wait_session(&first, "router", "Up");
    assert_eq!((&up["up"], &up["remote"]["detection_time"]), (&true.into(), &0.15.into()));
    // Both sides agree on the pace.
    let seen = wait_bird(&bird, "10.0.0.1", "Up");
    assert_eq!((seen.interval.as_str(), seen.timeout.as_str()), ("0.050", "0.150"));

    bird.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    first.wait_note("INSTANCE lab BACKUP 90");
    site.alone(&other, &[&better], vip());
    let down = wait_session(&first, "router", "Down");
    assert_eq!(down["diagnostic"], "control detection time expired");
    let reasons = why(&first);
    assert!(reasons.contains("bfd router"), "{reasons}");

    good(bird.again(&router.host));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_session_without_weight_is_a_fault_over_ipv6_too() {
    require!(Need::Root, Need::Bird);
    let sessions = "bfd_instance router {\n source_ip fd00::1\n neighbor_ip fd00::254\n multiplier 4\n}\n";
    let track = "track_bfd {\n router\n }";
    let (site, [better, other], router, [first, second], mut bird) = pair_and_router(sessions, track);
    wait_session(&first, "router", "Up");
    wait_bird(&bird, "fd00::1", "Up");
    bird.kill();
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    good(bird.again(&router.host));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_neighbour_behind_a_router_has_a_multihop_session() {
    require!(Need::Root, Need::Bird);
    let site = Site::new();
    let node = site.node("node", 1);
    let between = site.node("between", 253);
    let far_lan = good(Lan::new("far"));
    good(far_lan.plug(&between.host, "eth1", &["10.9.0.253/24"]));
    good(between.host.forward());
    let far = good(Host::new("far"));
    good(far_lan.plug(&far, "eth0", &["10.9.0.1/24"]));
    good(far.gateway([10, 9, 0, 253].into()));
    good(node.host.ip("route add 10.9.0.0/24 via 10.0.0.253"));
    let bird = "router id 10.9.0.1;\nprotocol device {}\nprotocol bfd {\n multihop { interval 50 ms; multiplier 3; };\n \
         neighbor 10.0.0.1 local 10.9.0.1 multihop on;\n}\n";
    let mut bird = good(Bird::start(&far, bird));
    // BIRD sends such packets with a TTL of 64.
    let sessions =
        "bfd_instance far {\n neighbor_ip 10.9.0.1\n multihop\n ttl 64\n max_hops 1\n weight 50\n}\n";
    let text = config(sessions, Router::usual(150).line("track_bfd {\n far\n }"));
    let director = node.start(Make::subject(), &text);
    let up = wait_session(&director, "far", "Up");
    assert_eq!(up["multihop"], true);
    wait_bird(&bird, "10.0.0.1", "Up");
    site.wait_advert(std::time::UNIX_EPOCH, &node, "what it earned", |advert| advert.priority == 200);
    // One hop more than it may have come: as if it were not heard.
    director.give(&text.replace("max_hops 1", "max_hops 0"));
    wait_session(&director, "far", "Down");
    // Without a limit, from however far.
    director.give(&text.replace(" ttl 64\n max_hops 1\n", ""));
    wait_session(&director, "far", "Up");
    bird.kill();
    site.wait_advert(std::time::SystemTime::now(), &node, "what it lost", |advert| advert.priority == 150);
}

/// Two directors that watch each other.
fn each_other(node: u8, peer: u8, priority: u8, more: &str) -> String {
    let sessions =
        format!("bfd_instance peer {{\n neighbor_ip 10.0.0.{peer}\n source_ip 10.0.0.{node}\n {more}\n}}\n");
    config(&sessions, Router::usual(priority).line("track_bfd {\n peer weight -20\n }"))
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_bfd_process_is_replaced_before_anybody_draws_conclusions_here() {
    require!(Need::Root);
    let (_site, [better, other]) = Site::with_pair();
    let first = better.start(Make::Lvsd, &each_other(1, 2, 150, ""));
    let second = other.start(Make::Lvsd, &each_other(2, 1, 100, "passive"));
    wait_session(&first, "peer", "Up");
    wait_session(&second, "peer", "Up");
    first.wait_note("INSTANCE lab MASTER 150");
    let before = first.child("run/bfd.pid");
    first.signal("run/bfd.pid", Signal::SIGKILL);
    good(until(SOON, "another process", || first.pid("run/bfd.pid").is_ok_and(|pid| pid != before)));
    // The one that was not killed sees the session go, as it must, and come back.
    wait_session(&first, "peer", "Up");
    wait_session(&second, "peer", "Up");
    let status = status(&first).expect("an answer");
    assert_eq!(
        (&status["instances"][0]["priority"], &status["instances"][0]["state"]),
        (&150.into(), &"MASTER".into())
    );
    let drops = first.notes().iter().filter(|note| note.contains(" 130")).count();
    assert_eq!(drops, 0, "{:?}", first.notes());
    // A reload that changes something else leaves the session alone.
    let discriminator =
        |director: &Running| session(director, "peer", |_| true).expect("a session")["in_state"].as_f64();
    let age = discriminator(&first);
    first.give(&each_other(1, 2, 151, ""));
    good(until(SOON, "the reload", || status_generation(&first) == Some(2)));
    assert!(discriminator(&first) > age);
    assert!(session(&first, "peer", |session| session["state"] == "Up").is_some());
}

fn status_generation(director: &Running) -> Option<u64> {
    status(director)?["configuration"]["generation"].as_u64()
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stopped_daemon_says_goodbye_and_a_killed_one_does_not() {
    require!(Need::Root);
    let (_site, [better, other]) = Site::with_pair();
    let first = better.start(Make::Lvsd, &each_other(1, 2, 150, ""));
    let mut second = other.start(Make::Lvsd, &each_other(2, 1, 100, ""));
    wait_session(&first, "peer", "Up");
    wait_session(&second, "peer", "Up");
    second.finish();
    let down = wait_session(&first, "peer", "Down");
    assert_eq!((&down["up"], &down["diagnostic"]), (&true.into(), &"neighbor signaled session down".into()));
    let mut second = second.again(&other.host, &[], &each_other(2, 1, 100, ""));
    wait_session(&first, "peer", "Up");
    second.kill();
    let silent =
        |session: &Value| session["up"] == false && session["diagnostic"] == "control detection time expired";
    good(until(SOON, "the loss", || session(&first, "peer", silent).is_some()));
    good(until(SOON, "the weight", || {
        status(&first).is_some_and(|status| status["instances"][0]["priority"] == 130)
    }));
}

/// Keepalived at the other end, whichever of the two begins.
fn with_keepalived(ours: &str, theirs: &str) {
    let rival = Rival::V2_3_3;
    require!(Need::Root, Need::Rival(rival));
    let (site, [better, other]) = Site::with_pair();
    let second = other.start(Make::Keepalived(rival), &each_other(2, 1, 100, theirs));
    let mut first = better.start(Make::Lvsd, &each_other(1, 2, 150, ours));
    wait_session(&first, "peer", "Up");
    site.alone(&better, &[&other], vip());
    // What each takes from the other's death.
    first.kill();
    second.wait_note("INSTANCE lab MASTER 80");
    drop(second);
    let mut first = first.again(&better.host, &[], &each_other(1, 2, 150, ours));
    let second = other.start(Make::Keepalived(rival), &each_other(2, 1, 100, theirs));
    wait_session(&first, "peer", "Up");
    drop(second);
    good(until(SOON, "the weight", || {
        status(&first).is_some_and(|status| status["instances"][0]["priority"] == 130)
    }));
    first.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn keepalived_is_a_good_neighbour() {
    with_keepalived("", "");
}

#[test]
#[ignore = "needs root and namespaces"]
fn keepalived_may_wait_for_us() {
    with_keepalived("", "passive");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_real_server_follows_its_session() {
    require!(Need::Root, Need::Bird);
    let site = Site::new();
    let (node, router) = (site.node("node", 1), site.node("server", 254));
    let text = format!(
        "{V4}virtual_server 10.0.0.99 80 {{\n lvs_sched rr\n lvs_method DR\n protocol TCP\n real_server 10.0.0.254 80 {{\n \
         BFD_CHECK {{\n name router\n alpha\n }}\n }}\n}}\n"
    );
    let director = node.start(Make::Lvsd, &text);
    let server = |up: bool| {
        let text = format!("the server to be {}", if up { "up" } else { "down" });
        let found = until_some(SOON, &text, || {
            let status = status(&director)?;
            let server = status["services"][0]["servers"][0].clone();
            (server["up"] == up && (up || server["checks"][0]["ok"] == false)).then_some(server)
        });
        good(found)
    };
    // Nobody is there: after the time that a session takes, that is a result.
    assert_eq!(server(false)["checks"][0]["failure"], "session_down: the BFD session router is down");
    let mut bird = good(Bird::start(&router.host, &bird_with(&["10.0.0.1"])));
    assert_eq!(server(true)["checks"][0]["kind"], "BFD_CHECK");
    bird.kill();
    server(false);
}
