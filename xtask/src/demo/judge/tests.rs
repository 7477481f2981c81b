use super::*;

fn answers(each: &[(&str, u64)]) -> BTreeMap<String, u64> {
    each.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn a_spread_follows_the_weights_within_one_answer_or_a_tenth() {
    let even = [("a", 1), ("b", 1), ("c", 1)];
    for good in [[20, 20, 20], [21, 20, 19], [22, 18, 20]] {
        let [a, b, c] = good;
        assert_eq!(spread(&answers(&[("a", a), ("b", b), ("c", c)]), &even), Ok(()), "{good:?}");
    }
    for bad in [[23, 20, 17], [60, 0, 0], [30, 30, 0]] {
        let [a, b, c] = bad;
        assert!(spread(&answers(&[("a", a), ("b", b), ("c", c)]), &even).is_err(), "{bad:?}");
    }
    let weighted = [("a", 3), ("b", 1), ("c", 1)];
    assert_eq!(spread(&answers(&[("a", 30), ("b", 10), ("c", 10)]), &weighted), Ok(()));
    assert!(spread(&answers(&[("a", 17), ("b", 17), ("c", 16)]), &weighted).is_err());
}

#[test]
fn a_spread_names_who_should_not_have_answered_and_who_did_not() {
    let wrong = spread(&answers(&[("a", 10), ("sorry", 1)]), &[("a", 1)]).unwrap_err();
    assert!(wrong.contains("answers from sorry"), "{wrong}");
    let wrong = spread(&answers(&[("a", 20)]), &[("a", 1), ("b", 1)]).unwrap_err();
    assert!(wrong.contains("share: a 20"), "{wrong}");
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(100) + Duration::from_millis(ms)
}

fn stream(failed: &[SystemTime]) -> Watched {
    let report = Report { sent: 50, failed: failed.len() as u64, ..Report::default() };
    Watched { report, failed: failed.to_vec() }
}

#[test]
fn an_act_is_good_if_only_those_failed_that_may() {
    let under_way = Allowed::UnderWay(Move { from: at(5000), to: at(5010) });
    for (allowed, failed, good) in [
        (Allowed::None, &[][..], true),
        (Allowed::None, &[at(5000)], false),
        (under_way, &[at(4900), at(4990), at(5000), at(5010)], true),
        (under_way, &[at(3000)], false),
        (under_way, &[at(5000), at(5200)], false),
        (Allowed::Any, &[at(0), at(9000)], true),
    ] {
        let act = Act::watched("act", &stream(failed), allowed, String::new());
        assert_eq!(act.is_good(), good, "{allowed:?} {failed:?}");
    }
    let act = Act::watched("act", &stream(&[]), Allowed::None, String::new());
    assert!(!act.and(Err("the table is wrong".to_owned())).is_good());
}

#[test]
fn an_act_without_requests_proves_nothing() {
    assert!(!Act::watched("idle", &Watched::default(), Allowed::Any, String::new()).is_good());
    assert!(!Act::flawless("idle", &Report::default(), String::new()).is_good());
}

#[test]
fn reports_add_up_and_keep_the_longest_gap() {
    let report = |sent, gap| Report {
        sent,
        failed: 1,
        answers: answers(&[("a", sent - 1)]),
        failures: answers(&[("timed out", 1)]),
        longest_gap_us: gap,
    };
    let sum = together([report(10, 5), report(20, 7), report(5, 1)]);
    assert_eq!((sum.sent, sum.failed, sum.longest_gap_us), (35, 3, 7));
    assert_eq!((sum.answers, sum.failures), (answers(&[("a", 32)]), answers(&[("timed out", 3)])));
}

#[test]
fn the_servers_of_a_service_are_read_from_a_saved_table() {
    let table = "-A -t 10.77.0.100:80 -s wrr
-a -t 10.77.0.100:80 -r 10.77.0.11:80 -g -w 3
-a -t 10.77.0.100:80 -r 10.77.0.12:80 -g -w 1
-A -t 10.77.0.101:8080 -s wrr
-a -t 10.77.0.101:8080 -r 10.77.0.13:80 -m -w 1
";
    let servers = servers_of(table, "10.77.0.100:80");
    assert_eq!(servers, answers(&[("10.77.0.11:80", 3), ("10.77.0.12:80", 1)]));
    assert_eq!(servers_of(table, "10.77.0.101:8080"), answers(&[("10.77.0.13:80", 1)]));
    assert_eq!(servers_of(table, "10.77.0.102:80"), BTreeMap::new());
}

#[test]
fn one_weight_is_changed_and_nothing_else() {
    let config = "real_server 10.0.0.1 80 {\n weight 1\n}\nreal_server 10.0.0.2 80 {\n weight 10\n}\n";
    let changed = "real_server 10.0.0.1 80 {\n weight 1\n}\nreal_server 10.0.0.2 80 {\n weight 3\n}\n";
    assert_eq!(with_weight(config, "10.0.0.2", 3).as_deref(), Some(changed));
    assert_eq!(with_weight(config, "10.0.0.3", 3), None);
    assert_eq!(with_weight("real_server 10.0.0.1 80 {", "10.0.0.1", 3), None);
}

#[test]
fn the_summary_has_a_line_per_act_and_names_the_bad_ones() {
    let report = Report { sent: 60, failed: 2, ..Report::default() };
    let acts = [
        Act::silent("election", "after 3600 ms".to_owned()),
        Act::flawless("direct routing", &report, String::new()),
    ];
    let lines = summary(&acts);
    assert_eq!(lines.len(), 3);
    assert!(lines[1].contains(" -  ") && lines[1].ends_with("ok      after 3600 ms"), "{}", lines[1]);
    let words: Vec<_> = lines[2].split_whitespace().collect();
    assert_eq!(words, ["direct", "routing", "60", "2", "none", "FAILED"]);
}
