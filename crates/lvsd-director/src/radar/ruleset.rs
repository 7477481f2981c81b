//! Finds the rule that is most likely to drop adverts, in the text that `nft list ruleset` and `iptables-save` print.
//!
//! It is a guess, and told as one: rules are read one by one, not run. A rule that names multicast or VRRP and drops is the best
//! suspect, then one that drops all that is left, then the policy of a chain.

use lvsd_model::Family;

/// Which way the packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To this host.
    In,
    /// From this host.
    Out,
}

/// Who keeps a rule, and so has the command that changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Somebody who uses nft.
    Nft { family: String, table: String, chain: String },
    /// `iptables`, of either kind.
    Iptables,
    /// firewalld.
    Firewalld,
}

impl Owner {
    /// What most hosts with rules of nftables have.
    pub(super) fn usual_nft(direction: Direction) -> Self {
        let chain = match direction {
            Direction::In => "input",
            Direction::Out => "output",
        };
        Self::Nft { family: "inet".to_owned(), table: "filter".to_owned(), chain: chain.to_owned() }
    }
}

/// A rule that is likely to be the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    pub(super) owner: Owner,
    /// The table and chain that it is in.
    pub(super) place: String,
    /// As it is printed.
    pub(super) rule: String,
}

/// How likely a rule is to be the cause; the greater, the likelier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Suspicion {
    /// It drops packets of some kind that adverts may be of.
    Conditional,
    /// It is what becomes of the rest.
    Policy,
    /// It drops everything that comes to it.
    Everything,
    /// It names adverts, or multicast.
    Named,
}

#[derive(Debug)]
struct Chain {
    name: String,
    hooked: bool,
    policy_drops: bool,
    rules: Vec<String>,
}

#[derive(Debug)]
struct Table {
    family: String,
    name: String,
    chains: Vec<Chain>,
}

/// The suspect among the rules that `nft list ruleset` prints.
pub(super) fn in_nft(text: &str, direction: Direction, family: Family) -> Option<Suspect> {
    let hooks: &[&str] = match direction {
        Direction::In => &["ingress", "prerouting", "input"],
        Direction::Out => &["output", "postrouting", "egress"],
    };
    let of_family: &[&str] = match family {
        Family::V4 => &["ip", "inet", "netdev"],
        Family::V6 => &["ip6", "inet", "netdev"],
    };
    let tables = tables(text, hooks).into_iter().filter(|table| of_family.contains(&table.family.as_str()));
    best(tables.flat_map(|table| {
        let reached = reached(&table);
        let of_chain = |chain: &Chain| suspects(&table, chain);
        table
            .chains
            .iter()
            .filter(|chain| reached.contains(&chain.name))
            .flat_map(of_chain)
            .collect::<Vec<_>>()
    }))
}

/// Of those that are equally likely, the first.
fn best(suspects: impl Iterator<Item = (Suspicion, Suspect)>) -> Option<Suspect> {
    let likelier =
        |best: (Suspicion, Suspect), next: (Suspicion, Suspect)| if next.0 > best.0 { next } else { best };
    suspects.reduce(likelier).map(|(_, suspect)| suspect)
}

fn tables(text: &str, hooks: &[&str]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut depth = 0_usize;
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (depth, words.as_slice()) {
            (0, ["table", family, name, "{"]) => {
                let (family, name) = ((*family).to_owned(), (*name).to_owned());
                tables.push(Table { family, name, chains: Vec::new() });
            }
            (1, ["chain", name, "{"]) => {
                let chain =
                    Chain { name: (*name).to_owned(), hooked: false, policy_drops: false, rules: Vec::new() };
                if let Some(table) = tables.last_mut() {
                    table.chains.push(chain);
                }
            }
            (2, [_, ..]) if line != "}" => {
                let chain = tables.last_mut().and_then(|table| table.chains.last_mut());
                chain.into_iter().for_each(|chain| chain.take(line, &words, hooks));
            }
            _ => {}
        }
        let opened = line.ends_with('{');
        depth = if opened { depth + 1 } else { depth - usize::from(line == "}" && depth > 0) };
    }
    tables
}

impl Chain {
    fn take(&mut self, line: &str, words: &[&str], hooks: &[&str]) {
        match words {
            ["type", ..] => {
                let hook = words.iter().skip_while(|word| **word != "hook").nth(1);
                self.hooked = hook.is_some_and(|hook| hooks.contains(hook));
                self.policy_drops = line.contains("policy drop");
            }
            _ => self.rules.push(line.to_owned()),
        }
    }
}

/// Names of the chains that packets come to, by hooks and jumps.
fn reached(table: &Table) -> Vec<String> {
    let mut reached: Vec<String> =
        table.chains.iter().filter(|chain| chain.hooked).map(|chain| chain.name.clone()).collect();
    let mut next = 0;
    while let Some(name) = reached.get(next).cloned() {
        next += 1;
        let rules = table.chains.iter().filter(|chain| chain.name == name).flat_map(|chain| &chain.rules);
        for rule in rules {
            let words: Vec<&str> = rule.split_whitespace().collect();
            let target = words.iter().skip_while(|word| !matches!(**word, "jump" | "goto")).nth(1);
            if let Some(target) = target.filter(|target| !reached.iter().any(|one| one == **target)) {
                reached.push((*target).to_owned());
            }
        }
    }
    reached
}

fn suspects(table: &Table, chain: &Chain) -> Vec<(Suspicion, Suspect)> {
    let Table { family, name, .. } = table;
    let owner = match name.as_str() {
        "firewalld" => Owner::Firewalld,
        // The names that only iptables gives.
        "filter" | "raw" | "mangle"
            if family.starts_with("ip") && chain.name.chars().next().is_some_and(char::is_uppercase) =>
        {
            Owner::Iptables
        }
        _ => Owner::Nft { family: family.clone(), table: name.clone(), chain: chain.name.clone() },
    };
    let place = format!("table {family} {name}, chain {}", chain.name);
    let suspect = |rule: &str| Suspect { owner: owner.clone(), place: place.clone(), rule: rule.to_owned() };
    let rules = chain.rules.iter().filter_map(|rule| Some((suspicion(rule)?, suspect(rule))));
    let policy = (chain.hooked && chain.policy_drops).then(|| (Suspicion::Policy, suspect("policy drop")));
    rules.chain(policy).collect()
}

/// Words of nft and iptables that only packets of other protocols fit.
const OTHERS: [&str; 12] =
    ["tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "gre", "esp", "ipv6-icmp", "udplite", "igmp", "arp"];
/// What rules about adverts or multicast have in them.
const NAMES: [&str; 7] = ["224.0.0.", "ff02::", "multicast", "vrrp", "ff00::/8", " 112", "240.0.0.0/4"];

/// `None` for a rule that cannot be the cause.
fn suspicion(rule: &str) -> Option<Suspicion> {
    // How something is rejected says nothing of what is.
    let condition = rule.split("reject").next().unwrap_or(rule);
    let words: Vec<&str> = condition.split_whitespace().collect();
    let drops = rule.contains("reject") || words.last() == Some(&"drop");
    if !drops || words.iter().any(|word| OTHERS.contains(word)) {
        return None;
    }
    if NAMES.iter().any(|name| condition.contains(name)) {
        return Some(Suspicion::Named);
    }
    let statement = ["counter", "packets", "bytes", "log", "prefix", "level", "drop", "flags", "limit"];
    let idle = |word: &&str| {
        statement.contains(word) || word.starts_with('"') || word.chars().all(|c| c.is_ascii_digit())
    };
    Some(if words.iter().all(idle) { Suspicion::Everything } else { Suspicion::Conditional })
}

/// The suspect among the rules that `iptables-save` prints.
pub(super) fn in_iptables(text: &str, direction: Direction, family: Family) -> Option<Suspect> {
    let program = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let (chain, hooks): (&str, &[&str]) = match direction {
        Direction::In => ("INPUT", &["PREROUTING", "INPUT"]),
        Direction::Out => ("OUTPUT", &["OUTPUT", "POSTROUTING"]),
    };
    let suspect = |rule: &str| Suspect {
        owner: Owner::Iptables,
        place: format!("{program}, chain {chain}"),
        rule: rule.to_owned(),
    };
    let reached = iptables_chains(text, hooks);
    best(text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, "DROP", ..] if hooks.contains(&name.trim_start_matches(':')) => {
                Some((Suspicion::Policy, suspect(line)))
            }
            ["-A", chain, rest @ ..] if reached.iter().any(|one| one == chain) => {
                Some((iptables_suspicion(rest)?, suspect(line)))
            }
            _ => None,
        }
    }))
}

fn iptables_chains(text: &str, hooks: &[&str]) -> Vec<String> {
    let mut reached: Vec<String> = hooks.iter().map(|&hook| hook.to_owned()).collect();
    let mut next = 0;
    while let Some(name) = reached.get(next).cloned() {
        next += 1;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["-A", chain, .., "-j" | "-g", target] = words.as_slice()
                && *chain == name
                && !reached.iter().any(|one| one == target)
            {
                reached.push((*target).to_owned());
            }
        }
    }
    reached
}

fn iptables_suspicion(words: &[&str]) -> Option<Suspicion> {
    let target = words.iter().position(|word| *word == "-j")?;
    let (condition, verdict) = words.split_at(target);
    if !matches!(verdict.get(1), Some(&("DROP" | "REJECT"))) {
        return None;
    }
    let protocol = condition.iter().skip_while(|word| **word != "-p").nth(1);
    if protocol.is_some_and(|protocol| OTHERS.contains(protocol)) {
        return None;
    }
    let text = condition.join(" ");
    Some(if NAMES.iter().any(|name| text.contains(name)) {
        Suspicion::Named
    } else if condition.is_empty() {
        Suspicion::Everything
    } else {
        Suspicion::Conditional
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nft(rules: &str, family: Family) -> Option<Suspect> {
        in_nft(rules, Direction::In, family)
    }

    const REJECTS: &str = r#"
table inet filter {
	set allowed {
		type ipv4_addr
		elements = { 10.0.0.1,
			     10.0.0.2 }
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		iif "lo" accept
		ct state invalid drop
		tcp dport 22 accept
		tcp dport 25 drop
		counter packets 5 bytes 300 reject with icmp host-prohibited
	}

	chain output {
		type filter hook output priority filter; policy drop;
	}
}
"#;

    #[test]
    fn a_rule_that_rejects_all_that_is_left_is_found() {
        let suspect = nft(REJECTS, Family::V4).expect("a suspect");
        assert_eq!(suspect.rule, "counter packets 5 bytes 300 reject with icmp host-prohibited");
        assert_eq!(suspect.place, "table inet filter, chain input");
        let chain =
            |name: &str| Owner::Nft { family: "inet".into(), table: "filter".into(), chain: name.into() };
        assert_eq!(suspect.owner, chain("input"));
        let outward = in_nft(REJECTS, Direction::Out, Family::V6).expect("a suspect");
        assert_eq!((outward.rule.as_str(), outward.owner), ("policy drop", chain("output")));
    }

    #[test]
    fn a_rule_that_names_multicast_comes_first_wherever_it_is() {
        let rules = "table ip firewall {\n chain in {\n type filter hook input priority 0; policy drop;\n jump more\n \
                     drop\n }\n chain more {\n ip daddr 224.0.0.0/8 drop\n }\n chain unused {\n ip daddr 224.0.0.18 drop\n \
                     }\n}\n";
        let suspect = nft(rules, Family::V4).expect("a suspect");
        assert_eq!(
            (suspect.rule.as_str(), suspect.place.as_str()),
            ("ip daddr 224.0.0.0/8 drop", "table ip firewall, chain more")
        );
        assert_eq!(nft(rules, Family::V6), None, "of the other family");
    }

    #[test]
    fn the_owner_is_told_by_the_tables() {
        let rules = |table: &str, chain: &str| {
            format!(
                "table {table} {{\n chain {chain} {{\n type filter hook input priority filter; policy accept;\n drop\n }}\n}}\n"
            )
        };
        let owner =
            |table: &str, chain: &str| nft(&rules(table, chain), Family::V4).map(|suspect| suspect.owner);
        assert_eq!(owner("inet firewalld", "filter_INPUT"), Some(Owner::Firewalld));
        assert_eq!(owner("ip filter", "INPUT"), Some(Owner::Iptables));
        assert!(matches!(owner("inet filter", "input"), Some(Owner::Nft { .. })));
    }

    #[test]
    fn rules_without_a_suspect_have_none() {
        let rules = "table inet f {\n chain input {\n type filter hook input priority 0; policy accept;\n tcp dport 23 drop\n \
                     ip protocol udp udp dport 1 reject with icmp port-unreachable\n accept\n }\n}";
        assert_eq!(nft(rules, Family::V4), None);
        assert_eq!(nft("", Family::V4), None);
        for rubbish in ["}}}}", "table\nchain {\n{{{\n}", "table a b {\nchain c {\ntype"] {
            assert_eq!(nft(rubbish, Family::V4), None, "{rubbish}");
        }
    }

    #[test]
    fn the_older_kind_is_understood_too() {
        let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n\
                     -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j mine\n-A mine -p tcp -j DROP\n\
                     -A mine -d 224.0.0.0/4 -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";
        let suspect = in_iptables(rules, Direction::In, Family::V4).expect("a suspect");
        assert!(suspect.rule.contains("224.0.0.0/4"), "{}", suspect.rule);
        let policy = rules.replace("-A mine -d", "-A mime -d");
        let suspect = in_iptables(&policy, Direction::In, Family::V4).expect("a suspect");
        assert_eq!(suspect.rule, ":INPUT DROP [0:0]");
        assert_eq!(in_iptables(rules, Direction::Out, Family::V4), None);
    }
}
