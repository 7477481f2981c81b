//! What `-t` says about a configuration, beside Debian's keepalived: of every kind of mistake that lvsd knows, and of files
//! with the traits of those that people have. Where the two disagree, the reason stands here.

use lvsd_config::{Explanation, Found, explanations};
use lvsd_lab::{Host, LabError, Lan, Need, Output, Rival, built, require};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wild-like");
const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/wild");

/// Kinds of mistake that only one of the two objects to, and why that is so.
const DIFFERENCES: &[(&str, &str)] = &[
    ("auth-initial-state", "it works as written, so it is a hint of ours"),
    ("bad-mail-address", "keepalived gives any text to the mail server"),
    ("bad-route", "keepalived leaves it to the kernel to refuse the route"),
    (
        "escaped-comment",
        "keepalived's parent takes the character, its children a comment, and neither says so",
    ),
    ("certificate-incomplete", "keepalived shows servers no certificate then, and does not say so"),
    ("expansion-limit", "keepalived expands until it has run out of time or memory"),
    ("extra-word", "keepalived ignores further words in silence"),
    ("fifo-without-path", "keepalived ignores a FIFO without a path in silence"),
    ("include-limit", "a plain include that fails is only logged by keepalived"),
    ("include-missing", "a plain include that fails is only logged by keepalived"),
    ("mail-incomplete", "keepalived sends no mail then, and does not say so"),
    ("long-line", "keepalived reads 1023 bytes of a line, lvsd all"),
    ("network-address", "keepalived sets any address"),
    ("not-utf8", "keepalived takes any bytes"),
    ("own-peer", "keepalived sends adverts to itself"),
    ("quoted-include", "a plain include that fails is only logged by keepalived"),
    ("recursive-definition", "keepalived replaces it for ever"),
    ("redundant-tracker", "it works as written, so it is a hint of ours"),
    ("script-user-words", "keepalived takes any word for a user"),
    ("shared-address", "keepalived does not compare instances by their addresses"),
    ("skipped-file", "a plain include that fails is only logged by keepalived"),
    ("typographic-quote", "for keepalived it is a character like any other"),
    ("undefined-parameter", "keepalived leaves the text as it is, in silence"),
    ("unreadable-file", "a plain include that fails is only logged by keepalived"),
    ("vip-is-source", "keepalived does not compare the source with the virtual addresses"),
];

/// Keeps rules about scripts out of the comparison: without these lines keepalived objects to every script.
const PREFIX: &str = "global_defs {\n    enable_script_security\n    script_user root\n}\n";

/// How a check ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing is left out.
    Clean,
    Objects,
    /// It does not end.
    Hangs,
}

/// How long a check of a few lines may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn verdict(checked: Result<Output, LabError>) -> Verdict {
    match checked {
        Ok(output) if output.status.success() => Verdict::Clean,
        Ok(_) => Verdict::Objects,
        Err(LabError::Deadline { .. }) => Verdict::Hangs,
        Err(error) => panic!("{error}"),
    }
}

struct Judges<'a> {
    host: &'a Host,
    home: &'a Path,
}

impl Judges<'_> {
    /// What lvsd and what keepalived say.
    fn ask(&self, text: &[u8]) -> (Verdict, Verdict) {
        let file = self.home.join("lvsd.conf");
        fs::write(&file, text).unwrap();
        let words = ["-t".as_ref(), "-f".as_ref(), file.as_os_str()];
        let ours = self.host.program(built("lvsd").unwrap()).args(words).limit(PATIENCE).run();
        let rival = Rival::V2_3_3.program("keepalived", self.home).unwrap();
        let theirs = rival.within(self.host.namespace()).args(words).limit(PATIENCE).run();
        (verdict(ours), verdict(theirs))
    }
}

/// A host with the interfaces of the examples.
fn on_a_host(work: impl FnOnce(&Judges<'_>)) {
    let lan = Lan::new("verdicts").unwrap();
    let host = Host::new("verdicts").unwrap();
    let _links: Vec<_> =
        ["eth0", "eth1"].into_iter().map(|name| lan.plug(&host, name, &[]).unwrap()).collect();
    let home = tempfile::tempdir_in("/run").unwrap();
    work(&Judges { host: &host, home: home.path() });
}

#[test]
#[ignore = "needs root, namespaces and the rival"]
fn verdicts_differ_for_a_reason_only() {
    require!(Need::Rival(Rival::V2_3_3));
    let (mut differences, mut compared) = (BTreeMap::new(), 0);
    on_a_host(|judges| {
        let in_text = |it: &&Explanation| it.found == Found::InText;
        for it in explanations().filter(in_text) {
            let with_prefix = |text: Vec<u8>| [PREFIX.as_bytes(), &text].concat();
            let (ours, theirs) = judges.ask(&with_prefix(it.wrong.bytes()));
            // What it objects to without the mistake, too, is something of this kernel (which may lack ip_vs) or of
            // keywords that it does not have.
            let comparable = judges.ask(&with_prefix(it.right.bytes())).1 == Verdict::Clean;
            compared += usize::from(comparable);
            if comparable && ours != theirs {
                differences.insert(it.rule.id(), (ours, theirs));
            }
        }
    });
    let reasons: BTreeMap<_, _> = DIFFERENCES.iter().copied().collect();
    let unexplained: Vec<_> = differences.iter().filter(|(id, _)| !reasons.contains_key(**id)).collect();
    let agreed: Vec<_> = reasons.keys().filter(|id| !differences.contains_key(**id)).collect();
    assert!(compared > 50, "only {compared} can be compared");
    assert!(unexplained.is_empty(), "(lvsd, keepalived), without a reason: {unexplained:#?}");
    assert!(agreed.is_empty(), "no difference any more: {agreed:?}");
}

#[test]
#[ignore = "needs root, namespaces and the rival"]
fn files_like_those_of_people_are_judged_alike() {
    require!(Need::Rival(Rival::V2_3_3));
    on_a_host(|judges| {
        for entry in fs::read_dir(OWN).unwrap() {
            let path = entry.unwrap().path();
            let (ours, theirs) = judges.ask(&fs::read(&path).unwrap());
            assert_eq!(ours, theirs, "(lvsd, keepalived) {}", path.display());
        }
    });
}

/// What keepalived counts as a mistake and lvsd as a state of the host.
const ABSENT: &str = "it names an interface that is not here; that may come, so it is a hint of ours";

/// Files of the field that only one of the two objects to, and why that is so.
const WILD: &[(&str, &str)] = &[
    ("18-wild.conf", "keepalived resolves the mail server as it reads, and there is nobody to ask here"),
    ("20-wild.conf", "a manual page: keepalived names 263 unknown words and is content"),
    ("24-wild.conf", ABSENT),
    ("33-wild.conf", ABSENT),
    ("40-maint.conf", ABSENT),
    ("43-maint.conf", ABSENT),
    (
        "44-maint.conf",
        "promote_secondaries with use_vmac: keepalived says that it is so anyway, and that counts",
    ),
    ("46-maint.conf", ABSENT),
    ("47-maint.conf", ABSENT),
    ("51-maint.conf", ABSENT),
    (
        "52-maint.conf",
        "keepalived takes any text for a digest, and says nothing about a port that DR cannot change",
    ),
];

#[test]
#[ignore = "needs root, namespaces and the rival"]
fn files_of_the_field_are_judged_alike_but_for_a_reason() {
    require!(Need::Rival(Rival::V2_3_3));
    let Ok(entries) = fs::read_dir(FOUND) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    paths.sort();
    let mut differences = BTreeMap::new();
    on_a_host(|judges| {
        for path in &paths {
            let verdicts = judges.ask(&fs::read(path).unwrap());
            if verdicts.0 != verdicts.1 {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                differences.insert(name, verdicts);
            }
        }
    });
    let reasons: BTreeMap<_, _> = WILD.iter().copied().collect();
    let unexplained: Vec<_> =
        differences.iter().filter(|(file, _)| !reasons.contains_key(file.as_str())).collect();
    let agreed: Vec<_> = reasons.keys().filter(|file| !differences.contains_key(**file)).collect();
    assert!(unexplained.is_empty(), "(lvsd, keepalived), without a reason: {unexplained:#?}");
    assert!(agreed.is_empty(), "no difference any more: {agreed:?}");
}
