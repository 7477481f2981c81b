//! What to do about adverts that a firewall eats: finds the rule, and writes the command that lets them pass.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lvsd_ipc::Advice;
use lvsd_model::Family;
use lvsd_net::read_sysctl;
use lvsd_vrrp::radar::{Finding, What};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::ruleset::{self, Direction, Owner, Suspect};

/// How long a program may take to print the rules.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest text of rules that is looked at; a longer one has too much in it to guess.
const MAX_RULES: u64 = 4 << 20;
/// How long rules are believed to be the same.
const FRESH: Duration = Duration::from_secs(5);
/// Where the programs are, as root's own path has it.
const DIRECTORIES: [&str; 6] =
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/// The rules of this host, as their own programs print them.
#[derive(Debug, Default)]
struct Rules {
    nft: String,
    /// For rules of the older kind, which nft does not show.
    iptables: String,
    ip6tables: String,
}

/// Reads the rules when they are needed.
#[derive(Debug, Default)]
pub(super) struct Adviser {
    rules: Rules,
    read: Option<Instant>,
}

/// The packets that are to pass.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    pub(super) direction: Direction,
    pub(super) family: Family,
    pub(super) interface: String,
    pub(super) protocol: u8,
    /// The group, or the address of ours.
    pub(super) destination: Option<IpAddr>,
    /// The neighbour.
    pub(super) source: Option<IpAddr>,
}

impl Adviser {
    /// What is to be done about a finding, if that can be said.
    pub(super) async fn advise(&mut self, finding: &Finding) -> Option<Advice> {
        let passage = Passage::of(finding)?;
        if self.read.is_none_or(|at| at.elapsed() >= FRESH) {
            self.rules = Rules::read().await;
            self.read = Some(Instant::now());
        }
        let older = match passage.family {
            Family::V4 => &self.rules.iptables,
            Family::V6 => &self.rules.ip6tables,
        };
        let suspect = ruleset::in_nft(&self.rules.nft, passage.direction, passage.family)
            .or_else(|| ruleset::in_iptables(older, passage.direction, passage.family));
        let mut advice = advice(&passage, suspect);
        advice.commands.extend(reverse_path(&passage, &read_sysctl_number));
        Some(advice)
    }
}

impl Passage {
    fn of(finding: &Finding) -> Option<Self> {
        let Finding { family, source, .. } = *finding;
        let interface = finding.interface.to_string();
        match &finding.what {
            What::Swallowed { destination, ah, .. } => Some(Self {
                direction: Direction::In,
                family,
                interface,
                protocol: if *ah { 51 } else { 112 },
                destination: Some(*destination),
                source,
            }),
            // What the kernel refuses for another reason has nothing to do with rules.
            What::NotLeaving { error: Some(_), refused: false, .. } => None,
            What::NotLeaving { destination, .. } => Some(Self {
                direction: Direction::Out,
                family,
                interface,
                protocol: 112,
                destination: *destination,
                source: None,
            }),
            _ => None,
        }
    }
}

impl Rules {
    async fn read() -> Self {
        Self {
            nft: print(&["nft", "list", "ruleset"]).await,
            iptables: print(&["iptables-legacy-save"]).await,
            ip6tables: print(&["ip6tables-legacy-save"]).await,
        }
    }
}

/// What a program prints; nothing when there is none, or it takes too long.
async fn print(words: &[&str]) -> String {
    let Some((program, arguments)) = words.split_first().and_then(|(name, rest)| Some((find(name)?, rest)))
    else {
        return String::new();
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.kill_on_drop(true).spawn() else { return String::new() };
    let Some(output) = child.stdout.take() else { return String::new() };
    let mut text = Vec::new();
    let printed = timeout(PATIENCE, output.take(MAX_RULES).read_to_end(&mut text)).await;
    if printed.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn find(name: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|directory| PathBuf::from(directory).join(name)).find(|path| path.is_file())
}

/// The rule, and the command in the language of whoever owns it; all three languages when nobody is known to.
pub(super) fn advice(passage: &Passage, suspect: Option<Suspect>) -> Advice {
    let Some(Suspect { owner, place, rule }) = suspect else {
        let all = [Owner::usual_nft(passage.direction), Owner::Iptables, Owner::Firewalld];
        return Advice { rule: None, commands: all.iter().map(|owner| command(passage, owner)).collect() };
    };
    let rule = format!("{place}: {rule}");
    Advice { rule: Some(rule), commands: vec![command(passage, &owner)] }
}

fn command(passage: &Passage, owner: &Owner) -> String {
    match owner {
        Owner::Nft { family, table, chain } => {
            format!("nft insert rule {family} {table} {chain} {} accept", nft_match(passage))
        }
        Owner::Iptables => iptables(passage),
        Owner::Firewalld => firewalld(passage),
    }
}

fn nft_match(passage: &Passage) -> String {
    let Passage { direction, family, interface, protocol, destination, source } = passage;
    let (ip, next) = match family {
        Family::V4 => ("ip", "protocol"),
        Family::V6 => ("ip6", "nexthdr"),
    };
    let name = match direction {
        Direction::In => "iifname",
        Direction::Out => "oifname",
    };
    let address = match (destination, source) {
        (Some(group), _) if group.is_multicast() => format!(" {ip} daddr {group}"),
        (_, Some(source)) => format!(" {ip} saddr {source}"),
        (Some(peer), None) => format!(" {ip} daddr {peer}"),
        (None, None) => String::new(),
    };
    format!("{name} \"{interface}\"{address} {ip} {next} {protocol}")
}

fn iptables(passage: &Passage) -> String {
    let Passage { direction, family, interface, protocol, destination, source } = passage;
    let program = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let (chain, by) = match direction {
        Direction::In => ("INPUT", "-i"),
        Direction::Out => ("OUTPUT", "-o"),
    };
    let address = match (destination, source) {
        (Some(group), _) if group.is_multicast() => format!(" -d {group}"),
        (_, Some(source)) => format!(" -s {source}"),
        (Some(peer), None) => format!(" -d {peer}"),
        (None, None) => String::new(),
    };
    format!("{program} -I {chain} {by} {interface} -p {protocol}{address} -j ACCEPT")
}

fn firewalld(passage: &Passage) -> String {
    let Passage { direction, family, interface, protocol, .. } = passage;
    let name = if *protocol == 51 { "ah" } else { "vrrp" };
    match direction {
        Direction::In => {
            let zone = format!("--zone=\"$(firewall-cmd --get-zone-of-interface={interface})\"");
            format!("firewall-cmd --permanent {zone} --add-protocol={name} && firewall-cmd --reload")
        }
        Direction::Out => {
            let family = match family {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            };
            format!(
                "firewall-cmd --permanent --direct --add-rule {family} filter OUTPUT 0 -p {protocol} -j ACCEPT && \
                 firewall-cmd --reload"
            )
        }
    }
}

/// A sender that the host would not answer by the same interface is dropped by the strict reverse path filter, and no rule shows it.
fn reverse_path(passage: &Passage, sysctl: &dyn Fn(&str) -> Option<i32>) -> Option<String> {
    if (passage.direction, passage.family) != (Direction::In, Family::V4) {
        return None;
    }
    let of = |name: &str| sysctl(&format!("net/ipv4/conf/{name}/rp_filter"));
    let strict = of("all").max(of(&passage.interface)) == Some(1);
    strict.then(|| format!("sysctl -w net.ipv4.conf.{}.rp_filter=2", passage.interface))
}

fn read_sysctl_number(path: &str) -> Option<i32> {
    read_sysctl(path).ok()??.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(direction: Direction, destination: &str, source: Option<&str>) -> Passage {
        let destination: IpAddr = destination.parse().expect("an address");
        Passage {
            direction,
            family: Family::of(destination),
            interface: "eth0".to_owned(),
            protocol: 112,
            destination: Some(destination),
            source: source.map(|source| source.parse().expect("an address")),
        }
    }

    #[test]
    fn commands_speak_the_language_of_the_rules_owner() {
        let inward = passage(Direction::In, "224.0.0.18", Some("10.0.0.2"));
        let nft = Owner::Nft { family: "inet".into(), table: "filter".into(), chain: "input".into() };
        assert_eq!(
            command(&inward, &nft),
            "nft insert rule inet filter input iifname \"eth0\" ip daddr 224.0.0.18 ip protocol 112 accept"
        );
        assert_eq!(
            command(&inward, &Owner::Iptables),
            "iptables -I INPUT -i eth0 -p 112 -d 224.0.0.18 -j ACCEPT"
        );
        assert!(command(&inward, &Owner::Firewalld).contains("--add-protocol=vrrp"));
        let unicast = passage(Direction::In, "10.0.0.1", Some("10.0.0.2"));
        assert_eq!(
            command(&unicast, &Owner::Iptables),
            "iptables -I INPUT -i eth0 -p 112 -s 10.0.0.2 -j ACCEPT"
        );
        let outward = passage(Direction::Out, "ff02::12", None);
        assert_eq!(
            command(&outward, &Owner::Iptables),
            "ip6tables -I OUTPUT -o eth0 -p 112 -d ff02::12 -j ACCEPT"
        );
    }

    #[test]
    fn without_a_suspect_all_languages_are_spoken() {
        let Advice { rule, commands } = advice(&passage(Direction::In, "224.0.0.18", Some("10.0.0.2")), None);
        assert_eq!(rule, None);
        let programs: Vec<&str> = commands.iter().filter_map(|command| command.split(' ').next()).collect();
        assert_eq!(programs, ["nft", "iptables", "firewall-cmd"]);
    }

    #[test]
    fn the_strict_reverse_path_filter_is_named() {
        let inward = passage(Direction::In, "224.0.0.18", Some("10.0.0.2"));
        let strict = |path: &str| Some(i32::from(path.contains("/eth0/")));
        assert_eq!(
            reverse_path(&inward, &strict).as_deref(),
            Some("sysctl -w net.ipv4.conf.eth0.rp_filter=2")
        );
        let loose = |path: &str| Some(if path.contains("/all/") { 2 } else { 1 });
        assert_eq!(reverse_path(&inward, &loose), None);
    }
}
