//! What the keyword table says about each keyword is true: its example means something, and one beyond each of its limits
//! is told. The examples are what lvsd.conf(5) shows.

use std::path::Path;
use std::time::Duration;

use lvsd_config::keywords::grammar::Slot;
use lvsd_config::keywords::limits::{Limit, limits};
use lvsd_config::keywords::{Context, Row, SECTIONS, Shape, State};
use lvsd_config::{Diagnostic, Loaded, MemoryFiles, Options, Rule, load};

const ROOT: &str = "/etc/lvsd/lvsd.conf";

/// What the examples refer to: by its keyword at the root, so that an example of that one stands alone.
const AROUND: &[(&str, &str)] = &[
    ("global_defs", "global_defs {\nsmtp_server 192.0.2.25\nnotification_email {\nnoc@example.com\n}\n}"),
    ("vrrp_script", "vrrp_script chk_web {\nscript /bin/true\n}"),
    ("track_file", "track_file load {\nfile /run/load\n}"),
    ("vrrp_track_process", "vrrp_track_process proxy {\nprocess haproxy\n}"),
    ("bfd_instance", "bfd_instance uplink {\nneighbor_ip 192.0.2.253\n}"),
    ("", "vrrp_instance V1 {\ninterface eth5\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.91/24\n}\n}"),
    ("", "vrrp_instance V2 {\ninterface eth6\nvirtual_router_id 2\nvirtual_ipaddress {\n192.0.2.92/24\n}\n}"),
    (
        "",
        "virtual_server 192.0.2.93 443 {\nprotocol TCP\nreal_server 10.0.0.3 443 {\nSSL_GET {\ntls_verify\nurl {\npath /\n}\n}\n}\n}",
    ),
    ("track_group", "track_group statics {\ngroup {\nV1\n}\n}"),
];

const SERVICE: &str = "virtual_server 192.0.2.90 80";
const SERVER: &str = "real_server 10.0.0.1 8080";

/// The blocks around a context, the outermost first, and what its block needs beside the example.
fn place(context: Context, row: &Row) -> (Vec<String>, Vec<&'static str>) {
    let instance = ["interface eth7", "virtual_router_id 77", "virtual_ipaddress {\n192.0.2.77/24\n}"];
    let named = || vec![format!("{} example", context.path())];
    let check = || {
        let inner = context.path().trim_start_matches("virtual_server/real_server/");
        [SERVICE, SERVER].into_iter().chain(inner.split('/')).map(str::to_owned).collect()
    };
    let line = |within: &str, fixed: &str| match row.name {
        "track_group" | "autojoin" => vec![fixed.to_owned()],
        _ => vec!["vrrp_instance example".to_owned(), within.to_owned()],
    };
    match context {
        Context::Root | Context::Preprocessor => (Vec::new(), Vec::new()),
        Context::GlobalDefs => (
            named_as("global_defs"),
            vec!["smtp_server 192.0.2.25", "notification_email {\nnoc@example.com\n}"],
        ),
        Context::GarpGroup => (named_as("garp_group"), vec!["interface eth7"]),
        Context::LinkbeatInterfaces | Context::InterfaceDelays | Context::Ssl => {
            (named_as(context.path()), Vec::new())
        }
        Context::TrackGroup | Context::VirtualServerGroup => (named(), Vec::new()),
        Context::SyncGroup => (named(), vec!["group {\nV1\nV2\n}"]),
        Context::Instance => (named(), instance.to_vec()),
        Context::Authentication | Context::AuthHmac => {
            let (_, block) = context.path().split_once('/').expect("a block of an instance");
            let needs: &[&str] = match context {
                Context::Authentication => &["auth_type PASS", "auth_pass s3cret"],
                _ => &["key 1 file:/etc/lvsd/vrrp.key", "active_key 1"],
            };
            (vec!["vrrp_instance example".to_owned(), block.to_owned()], needs.to_vec())
        }
        Context::VrrpScript => (named(), vec!["script /bin/true", "interval 2"]),
        Context::TrackProcess => (named(), vec!["process haproxy"]),
        Context::TrackFile | Context::VrrpTrackFile => (named(), vec!["file /run/example"]),
        Context::BfdInstance => (named(), vec!["neighbor_ip 192.0.2.252"]),
        Context::VirtualServer => {
            let server = "real_server 10.0.0.1 80 {\nweight 10\nTCP_CHECK {\n}\n}";
            (named_as(SERVICE), vec!["protocol TCP", server])
        }
        Context::RealServer => (vec![SERVICE.to_owned(), SERVER.to_owned()], Vec::new()),
        Context::HttpGet | Context::SslGet => (check(), vec!["url {\npath /\n}"]),
        Context::HttpUrl | Context::SslUrl => (check(), vec!["path /"]),
        Context::MiscCheck => (check(), vec!["misc_path /bin/true"]),
        Context::FileCheck => (check(), vec!["track_file load"]),
        Context::BfdCheck => (check(), vec!["name uplink"]),
        Context::TcpCheck
        | Context::PingCheck
        | Context::UdpCheck
        | Context::SmtpCheck
        | Context::SmtpHost
        | Context::DnsCheck => (check(), Vec::new()),
        Context::AddressLine => (line("virtual_ipaddress", "static_ipaddress"), Vec::new()),
        Context::RouteLine => (line("virtual_routes", "static_routes"), Vec::new()),
        Context::RuleLine => (line("virtual_rules", "static_rules"), Vec::new()),
    }
}

fn named_as(block: &str) -> Vec<String> {
    vec![block.to_owned()]
}

/// What the blocks around need, when the example is further in.
fn companions(block: &str) -> &'static [&'static str] {
    match block {
        "vrrp_instance example" => {
            &["interface eth7", "virtual_router_id 77", "virtual_ipaddress {\n192.0.2.77/24\n}"]
        }
        SERVICE => &["protocol TCP"],
        _ => &[],
    }
}

/// A whole configuration with the example in its place, and the lines that the example has there.
fn configuration(context: Context, row: &Row, example: &str) -> (String, std::ops::RangeInclusive<usize>) {
    let whole = matches!(context, Context::Root | Context::Preprocessor);
    let mut text = String::new();
    for (keyword, block) in AROUND {
        let given = whole
            && !keyword.is_empty()
            && example.lines().any(|line| line.split(' ').next() == Some(keyword));
        // The block of the example has what global_defs needs.
        let given = given || context == Context::GlobalDefs && *keyword == "global_defs";
        if !given {
            text += &format!("{block}\n");
        }
    }
    let (blocks, needs) = place(context, row);
    let has = |what: &str| {
        let word = what.split([' ', '\n']).next();
        example.lines().any(|line| line.split(' ').next() == word)
            || row.name == "no_virtual_ipaddress" && word == Some("virtual_ipaddress")
            || row.name == "neighbour_ip" && word == Some("neighbor_ip")
            || row.name == "interfaces" && word == Some("interface")
            || row.name == "vrf" && word == Some("interface")
    };
    for (depth, block) in blocks.iter().enumerate() {
        text += &format!("{block} {{\n");
        if depth + 1 < blocks.len() {
            for line in companions(block).iter().filter(|line| !line.starts_with(blocks[depth + 1].as_str()))
            {
                text += &format!("{line}\n");
            }
        }
    }
    for line in needs.iter().filter(|line| !has(line)) {
        text += &format!("{line}\n");
    }
    let first = text.lines().count() + 1;
    text += &format!("{example}\n");
    let last = text.lines().count();
    text += &"}\n".repeat(blocks.len());
    (text, first..=last)
}

fn read(text: &str) -> Loaded {
    let files = MemoryFiles::default()
        .with(ROOT, text)
        .with("/etc/lvsd/common.conf", "")
        .with("/etc/lvsd/services.conf", "")
        .with("/etc/lvsd/conf.d/more.conf", "")
        .with_private("/etc/lvsd/vrrp.key", "an example of a key of 32 bytes!");
    let environment = vec![("HOSTNAME".to_owned(), "lb1".to_owned())];
    load(&files, Path::new(ROOT), &Options { config_id: "lb1".to_owned(), environment, ..Options::default() })
}

/// What is said about some lines.
fn said(loaded: &Loaded, lines: &std::ops::RangeInclusive<usize>) -> Vec<Diagnostic> {
    let at = |diagnostic: &&Diagnostic| {
        loaded.sources.name(diagnostic.primary.span) == ROOT
            && lines.contains(&loaded.sources.line_column(diagnostic.primary.span).line)
    };
    loaded.diagnostics.iter().filter(at).cloned().collect()
}

/// Whether this is what the state of the row says, or that nothing uses what the example defines.
fn expected(row: &Row, diagnostic: &Diagnostic) -> bool {
    let about_row = diagnostic.message.contains(&format!("`{}`", row.name));
    match diagnostic.rule {
        Rule::NoEffectYet => row.state == State::Pending,
        Rule::NoEffect => matches!(row.state, State::NoEffect(_)) && about_row,
        Rule::DeprecatedKeyword => row.deprecated.is_some() && about_row,
        Rule::UnusedDefinition | Rule::UnusedGroup => true,
        _ => false,
    }
}

#[test]
fn every_row_has_an_example_that_means_what_it_says() {
    let mut failures = Vec::new();
    for section in SECTIONS {
        for row in section.rows {
            let mut fail =
                |what: String| failures.push(format!("{} {}: {what}", section.context.path(), row.name));
            let keyword = row.name.trim_end_matches(['>', '=']).trim_start_matches('<');
            let placeholder = row.name.contains('<') || row.name == "$NAME=";
            if !placeholder && !row.example.contains(keyword.trim_end_matches('}')) {
                fail(format!("its example does not use it: {:?}", row.example));
                continue;
            }
            let (text, lines) = configuration(section.context, row, row.example);
            let loaded = read(&text);
            for diagnostic in said(&loaded, &lines).iter().filter(|it| !expected(row, it)) {
                fail(format!("{}: {}", diagnostic.rule.id(), diagnostic.message));
            }
            if loaded.config.is_none() {
                fail(format!("refused in\n{text}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Words that break a limit.
fn beyond(limit: &Limit) -> Vec<String> {
    let decimal = |time: Duration| format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    match &limit.slot {
        Slot::Number(range) => vec![(range.start() - 1).to_string(), (range.end() + 1).to_string()],
        Slot::Seconds(range) => {
            let below = range.start().checked_sub(Duration::from_micros(1));
            vec![
                below.map_or_else(|| "-1".to_owned(), decimal),
                decimal(*range.end() + Duration::from_secs(1)),
            ]
        }
        Slot::Choice(_) => vec!["nonsense".to_owned()],
        Slot::Text(most) => vec!["x".repeat(most + 1)],
        Slot::Truth | Slot::Address | Slot::Interface => Vec::new(),
    }
}

/// The place in an example of the word that a limit is about: behind the word that it names, else the next number behind
/// the keyword that no limit before was about.
fn place_of(row: &Row, example: &str, limit: &Limit, before: usize) -> Option<std::ops::Range<usize>> {
    let at = |word: &str| word.as_ptr() as usize - example.as_ptr() as usize;
    let words: Vec<&str> = example.split_ascii_whitespace().collect();
    let keyword = words.iter().position(|word| *word == row.name).map_or(0, |place| place + 1);
    // The words of the keyword itself, not those of what follows on the line; a placeholder is the line.
    let own = if keyword == 0 { words.len() } else { usize::from(row.max_words).max(2) };
    let behind = &words[keyword..words.len().min(keyword + own)];
    let number = |word: &&&str| word.trim_start_matches('-').parse::<f64>().is_ok();
    let found = match (limit.word, &limit.slot) {
        (Some("each"), _) => behind.first(),
        (Some(name), _) => words.iter().skip_while(|word| **word != name).nth(1),
        (None, Slot::Number(_) | Slot::Seconds(_)) => behind.iter().filter(number).nth(before),
        (None, _) => behind.first(),
    }?;
    Some(at(found)..at(found) + found.len())
}

/// Other uses of keywords, where the example in the manual leaves out the word that a limit is about.
const OTHER_USES: &[(&str, &str)] = &[
    ("virtual_server", "virtual_server fwmark 7 {\n    real_server 10.0.0.1 80 {\n    }\n}"),
    ("metrics_listen", "metrics_listen 9165"),
    ("use_vmac", "use_vmac name vrrp.51 group 5"),
    ("use_ipvlan", "use_ipvlan 192.0.2.3/24 group 5"),
    ("scope", "192.0.2.10/24 scope 253"),
    ("ipproto", "ipproto 6 table 100 preference 1000"),
    ("persistence_granularity", "persistence_timeout 360\npersistence_granularity 64"),
    ("sorry_server_lvs_method", "sorry_server 10.0.0.9 80\nsorry_server_lvs_method TUN type gue port 6080"),
];

/// Limits that no line can break.
const UNBREAKABLE: &[(&str, &str)] = &[("key", "how long a key is that stands in a file")];

/// What is said about nothing though a limit is broken, and limits that nobody can break.
fn unbroken(context: Context, row: &Row, tried: &mut usize) -> Vec<String> {
    let mut failures = Vec::new();
    let mut numbers = 0;
    for limit in limits(row.args) {
        let other = OTHER_USES.iter().filter(|(name, _)| *name == row.name).map(|(_, other)| *other);
        let found = std::iter::once(row.example)
            .chain(other)
            .find_map(|example| Some((example, place_of(row, example, &limit, numbers)?)));
        numbers += usize::from(limit.word.is_none());
        let Some((example, place)) = found else {
            if !UNBREAKABLE.iter().any(|(name, _)| *name == row.name) {
                failures.push(format!("{} {}: no word for {limit}", context.path(), row.name));
            }
            continue;
        };
        for word in beyond(&limit) {
            *tried += 1;
            let mut example = example.to_owned();
            example.replace_range(place.clone(), &word);
            let (text, lines) = configuration(context, row, &example);
            if said(&read(&text), &lines).iter().all(|it| expected(row, it)) {
                failures.push(format!("{} {}: {word} in {example}", context.path(), row.name));
            }
        }
    }
    failures
}

#[test]
fn one_beyond_each_limit_is_told() {
    let mut failures = Vec::new();
    let mut tried = 0;
    // What the preprocessor takes is tested with it.
    for section in SECTIONS.iter().filter(|section| section.context != Context::Preprocessor) {
        // Of what lvsd does not act on yet, only the words of statements are looked at.
        let acted_on = |row: &&Row| {
            row.state == State::Works
                || row.state == State::Pending && row.shape == Shape::Words && !row.name.starts_with('<')
        };
        for row in section.rows.iter().filter(acted_on) {
            failures.extend(unbroken(section.context, row, &mut tried));
        }
    }
    assert!(tried > 400, "{tried}");
    assert!(failures.is_empty(), "nothing is said about\n{}", failures.join("\n"));
}
