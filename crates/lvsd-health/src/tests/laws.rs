//! Laws that hold whatever happens, in whatever order.

use std::collections::HashMap;

use lvsd_model::SorryServer;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A small world, so that reloads meet what was there before.
fn any_server() -> impl Strategy<Value = RealServer> {
    let checks = vec((0_u8..3, any::<bool>()), 0..3);
    (0_u8..4, 0_u32..4, any::<bool>(), checks).prop_map(|(host, weigh, inhibit_on_failure, kinds)| {
        let at = format!("192.0.2.{host}:80");
        let check = |(kind, is_alpha): (u8, bool)| {
            let check = match kind {
                0 => tcp(&at),
                1 => tcp(&format!("192.0.2.{host}:443")),
                _ => misc(&format!("load-{host}")),
            };
            Check { alpha: is_alpha, ..check }
        };
        let checks = kinds.into_iter().map(check).collect();
        RealServer { weight: weight(weigh), inhibit_on_failure, checks, ..server(&at) }
    })
}

fn any_service() -> impl Strategy<Value = VirtualServer> {
    let sorry = proptest::option::of(any::<bool>());
    (0_u8..3, vec(any_server(), 1..5), 0_u32..5, 0_u32..3, sorry).prop_map(
        |(host, mut servers, quorum, hysteresis, sorry)| {
            servers.sort_by_key(|server| server.address);
            servers.dedup_by_key(|server| server.address);
            let sorry = sorry.map(|inhibit| SorryServer {
                address: address("192.0.2.9:80"),
                forward: Forward::Nat,
                inhibit,
            });
            VirtualServer { quorum, hysteresis, sorry, ..service(&format!("10.0.0.{host}:80"), servers) }
        },
    )
}

fn any_config() -> impl Strategy<Value = LvsConfig> {
    vec(any_service(), 0..4).prop_map(|mut services| {
        services.sort_by(|a, b| a.name.cmp(&b.name));
        services.dedup_by(|a, b| a.name == b.name);
        config(services)
    })
}

#[derive(Clone, Debug)]
enum Step {
    Reload(Box<LvsConfig>),
    /// One round of checks; the numbers decide the answers.
    Round(Vec<u8>),
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => any_config().prop_map(|config| Step::Reload(Box::new(config))),
        3 => vec(any::<u8>(), 1..9).prop_map(Step::Round),
    ];
    vec(step, 0..12)
}

fn outcome(number: u8) -> Outcome {
    match number % 8 {
        0..3 => refused(),
        3..6 => Outcome::SUCCESS,
        6 => weighs(u32::from(number / 8)),
        _ => Outcome::Skipped { reason: String::new() },
    }
}

/// Answers all that is due, and returns what was answered, by what the check does.
fn play_round(bench: &mut Bench, numbers: &[u8]) {
    bench.start();
    let mut numbers = numbers.iter().cycle();
    for (_, ids) in std::mem::take(&mut bench.running) {
        for id in ids {
            let number = *numbers.next().expect("never empty");
            bench.health.finish(bench.now, id, &outcome(number));
        }
    }
    bench.now = bench.now + Duration::from_secs(10);
}

/// Answers each check, twice so that no verdict is open, by its label: the same answers for everybody.
fn settle(bench: &mut Bench, answers: &HashMap<String, Outcome>) {
    for _ in 0..2 {
        bench.start();
        for (label, ids) in std::mem::take(&mut bench.running) {
            for id in ids {
                bench.health.finish(bench.now, id, answers.get(&label).unwrap_or(&Outcome::SUCCESS));
            }
        }
        bench.now = bench.now + Duration::from_secs(10);
    }
}

/// The last word of every check: all programs report a weight, so that no earlier one is left.
fn last_words(numbers: &[u8]) -> HashMap<String, Outcome> {
    let mut numbers = numbers.iter().cycle();
    let mut answers = HashMap::new();
    for host in 0..4 {
        for port in [80, 443] {
            let dead = numbers.next().is_some_and(|number| number % 2 == 0);
            answers.insert(format!("192.0.2.{host}:{port}"), if dead { refused() } else { Outcome::SUCCESS });
        }
        let load = numbers.next().map_or(0, |number| u32::from(number % 4));
        answers.insert(format!("load-{host}"), weighs(load));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The path does not matter: after any history, once every check has spoken under the last configuration, the table
    /// is what a fresh start with the same answers arrives at.
    #[test]
    fn the_desired_table_is_a_function_of_configuration_and_verdicts(
        first in any_config(),
        steps in any_steps(),
        mut last in any_config(),
        words in vec(any::<u8>(), 1..12),
    ) {
        // Hysteresis is the one thing that remembers, by intention.
        last.services.iter_mut().for_each(|service| service.hysteresis = 0);
        let mut bench = Bench::new(first);
        for step in steps {
            match step {
                Step::Reload(config) => bench.reload(*config),
                Step::Round(numbers) => play_round(&mut bench, &numbers),
            }
        }
        bench.reload(last.clone());
        settle(&mut bench, &last_words(&words));
        let mut fresh = Bench::new(last);
        settle(&mut fresh, &last_words(&words));
        prop_assert_eq!(bench.health.desired_table(), fresh.health.desired_table());
    }

    /// Who follows nothing but the changed keys always has the whole table, and events are never said twice.
    #[test]
    fn changed_keys_and_events_tell_the_whole_story(first in any_config(), steps in any_steps()) {
        let mut bench = Bench::new(first);
        let mut mirror = Table::new();
        let mut told: HashMap<String, Standing> = HashMap::new();
        for step in std::iter::once(None).chain(steps.into_iter().map(Some)) {
            match step {
                None => {}
                Some(Step::Reload(config)) => {
                    bench.reload(*config);
                    let names: Vec<_> =
                        bench.health.services().map(|view| format!("{} ", view.config().name)).collect();
                    told.retain(|subject, _| names.iter().any(|name| subject.starts_with(name)));
                }
                Some(Step::Round(numbers)) => play_round(&mut bench, &numbers),
            }
            for key in bench.health.take_changed() {
                match bench.health.desired(&key) {
                    Some(entry) => mirror.insert(entry),
                    None => mirror.remove(&key),
                };
            }
            prop_assert_eq!(&mirror, &bench.health.desired_table());
            follow_events(&mut bench, &mut told);
        }
    }

    /// A successor that finds its predecessor's table wants exactly that table.
    #[test]
    fn adopting_a_table_changes_nothing(configured in any_config(), rounds in vec(vec(any::<u8>(), 1..9), 1..6)) {
        let mut bench = Bench::new(configured.clone());
        rounds.iter().for_each(|numbers| play_round(&mut bench, numbers));
        let standing = bench.health.desired_table();
        let next = Bench::adopting(configured, &standing);
        for entry in standing.iter() {
            let adopted = next.health.desired(entry.key()).expect("configured");
            for dest in entry.dests().keys() {
                prop_assert!(adopted.dests().contains_key(dest), "{} left the table", dest);
            }
        }
    }

    /// No sequence of outcomes, early, late or for nobody, makes the schedule forget a check or run it twice.
    #[test]
    fn every_check_is_either_waiting_or_running(configured in any_config(), rounds in vec(vec(any::<u8>(), 1..9), 0..6)) {
        let mut bench = Bench::new(configured);
        for numbers in rounds {
            play_round(&mut bench, &numbers);
        }
        bench.start();
        let running: Vec<_> = bench.running.values().flatten().collect();
        let distinct: std::collections::BTreeSet<_> = running.iter().collect();
        prop_assert_eq!(running.len(), distinct.len());
        prop_assert_eq!(running.len(), bench.health.check_count());
    }
}

/// Each event must say something new, and afterwards events and views must agree.
fn follow_events(bench: &mut Bench, told: &mut HashMap<String, Standing>) {
    while let Some(event) = bench.health.poll_event() {
        let (subject, standing) = match event {
            Event::Server { service, server, standing, .. } => (format!("{service} {server}"), standing),
            Event::Quorum { service, standing, .. } => (format!("{service} quorum"), standing),
            Event::Service { .. } => continue,
        };
        let before = told.insert(subject.clone(), standing);
        assert_ne!(before, Some(standing), "{subject} told twice");
    }
    for view in bench.health.services() {
        let standing = |up| if up { Standing::Up } else { Standing::Down };
        let name = &view.config().name;
        let quorum = told.entry(format!("{name} quorum")).or_insert_with(|| standing(view.quorum_met()));
        assert_eq!(*quorum, standing(view.quorum_met()), "{name}");
        told.retain(|subject, _| {
            let server = subject.strip_prefix(&format!("{name} "));
            server.is_none_or(|server| {
                server == "quorum" || view.servers().any(|real| real.config.address.to_string() == server)
            })
        });
        for real in view.servers() {
            let subject = format!("{name} {}", real.config.address);
            if real.pending {
                assert!(!real.up, "{subject}");
                continue;
            }
            let known = told.entry(subject.clone()).or_insert_with(|| standing(real.up));
            assert_eq!(*known, standing(real.up), "{subject}");
        }
    }
}
