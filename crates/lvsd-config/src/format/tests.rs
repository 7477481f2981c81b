use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{Loaded, Severity, load};

fn read(text: &str, identity: &str) -> Loaded {
    let files = MemoryFiles::default()
        .with("/etc/lvsd.conf", text)
        .with("/etc/part.conf", "weight 3\nvirtual_ipaddress {\n10.0.0.9\n}\n");
    let options = Options { config_id: identity.to_owned(), ..Options::default() };
    load(&files, Path::new("/etc/lvsd.conf"), &options)
}

/// Everything that must hold for any text; false when it is left as it is.
fn holds(text: &str) -> bool {
    let Ok(made) = format(text) else { return false };
    assert_eq!(format(&made).as_deref(), Ok(&*made), "laid out again:\n{text}");
    for identity in ["", "one", "two"] {
        let (before, after) = (read(text, identity), read(&made, identity));
        let errors = |loaded: &Loaded| loaded.diagnostics.count(Severity::Error);
        assert_eq!(errors(&before), errors(&after), "errors of\n{text}\nand of\n{made}");
        assert!(before.config == after.config, "another meaning:\n{text}\n{made}");
    }
    let comments = |text: &str| {
        let found = text.lines().filter_map(|raw| Line::read(raw).comment.map(str::to_owned));
        let mut found: Vec<_> = found.map(|comment| comment.trim_end().to_owned()).collect();
        found.sort();
        found
    };
    assert_eq!(comments(text), comments(&made), "a comment is gone");
    true
}

fn laid_out(text: &str) -> String {
    assert!(holds(text), "left as it is:\n{text}");
    format(text).unwrap_or_default()
}

#[test]
fn both_styles_of_braces_become_one() {
    let wanted = "\
# head
vrrp_instance V { # the instance
    # inside
    interface eth0
    virtual_router_id 51
    authentication {
        auth_type PASS
        auth_pass \"a  b\" # secret
    }
    virtual_ipaddress {
        10.0.0.1/24 dev eth0
    }

    garp_master_repeat 3
} # end
";
    let written = "


# head
vrrp_instance   V # the instance
# inside
{
\tinterface\teth0
  virtual_router_id 51
authentication { auth_type PASS
auth_pass   \"a  b\" # secret
}
     virtual_ipaddress
     {
10.0.0.1/24    dev   eth0 }


     garp_master_repeat 3

} # end

";
    assert_eq!(laid_out(written), wanted);
    assert_eq!(laid_out(wanted), wanted);
}

#[test]
fn what_the_preprocessor_reads_stays_as_it_is_written() {
    let text = "\
$VIP=10.0.0.1
$BLOCK=virtual_ipaddress { \\
   $VIP   dev eth0 \\
      }
  include   part.conf
vrrp_instance V {
    @one   interface  eth0
    @two   interface  eth1
    @^one  priority   50
    virtual_router_id 7
    $BLOCK
    include    part.conf # the rest
}
~SEQ(i, 1, 3)   vrrp_instance   W$i { interface eth2   virtual_router_id ${i} }
";
    assert_eq!(laid_out(text), text.replace("  include   part", "include   part"));
}

#[test]
fn blocks_that_only_one_identity_opens_are_indented_once() {
    let text = "@one vrrp_instance A {\n@two vrrp_instance B {\ninterface eth0\nvirtual_router_id 7\n}\nglobal_defs { router_id x }\n";
    let wanted = "@one vrrp_instance A {\n@two vrrp_instance B {\n    interface eth0\n    virtual_router_id 7\n}\nglobal_defs {\n    router_id x\n}\n";
    assert_eq!(laid_out(text), wanted);
}

#[test]
fn commands_and_placeholders_keep_their_blanks() {
    let text = "vrrp_script s {\n    script \"/bin/test  -f   /x\"\n    interval 2\n}\nvrrp_instance {{  name  }} {\n    interface {{ if }}\n}\n";
    assert_eq!(laid_out(text), text);
}

#[test]
fn definitions_of_one_line_do_not_keep_a_block_together() {
    let text =
        "$IP=10.0.0.1\nvirtual_server $IP 80 { protocol TCP }\nvirtual_server $OTHER 80 { protocol TCP }\n";
    let wanted = "$IP=10.0.0.1\nvirtual_server $IP 80 {\n    protocol TCP\n}\nvirtual_server $OTHER 80 { protocol TCP }\n";
    assert_eq!(laid_out(text), wanted);
}

#[test]
fn mistakes_stay_where_they_are() {
    for text in [
        "}\n}\nglobal_defs {\n    router_id a\n",
        "vrrp_instance A {\n    interface eth0\nvrrp_instance B {\n    interface eth1\n}\n",
        "no_such thing\n{\n  a { b } }\n",
        "router_id \"open\nglobal_defs\n{\n}\n",
        "virtual_ipaddress\n",
        "global_defs # one\n# two\n{ # three\n router_id a } # four\n",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn the_fixtures_mean_the_same_laid_out() {
    let mut files = 0;
    let mut directories = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/resources"))];
    // A collection of files of others, when somebody has one.
    directories.extend(std::env::var_os("LVSD_CORPUS").map(PathBuf::from));
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("the fixtures").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "conf")
                && let Ok(text) = std::fs::read_to_string(&path)
                // Half a million lines take their time here.
                && !read(&text, "").diagnostics.iter().any(|one| one.rule == crate::Rule::ExpansionLimit)
            {
                files += 1;
                assert!(holds(&text), "{} is left as it is", path.display());
            }
        }
    }
    assert!(files > 10, "{files}");
}

const PARTS: &[&str] = &[
    "vrrp_instance V {",
    "vrrp_instance V",
    "{",
    "}",
    "{ }",
    "interface eth0",
    "virtual_router_id 7",
    "virtual_ipaddress",
    "10.0.0.1/24 dev eth0",
    "10.0.0.2",
    "global_defs",
    "router_id x",
    "# comment",
    "!x",
    "",
    "  ",
    "\t",
    " ",
    "\n",
    "\n",
    "\n",
    "\n",
    "$A=1",
    "$A=x \\",
    "$A",
    "${A}",
    "$B=virtual_ipaddress { 10.0.0.3 }",
    "$B",
    "@one ",
    "@^one ",
    "@two ",
    "\"",
    "\"a  b\"",
    "include part.conf",
    "~SEQ(i, 1, 2) ",
    "$i",
    "\\",
    "unknown",
    "priority 100",
    "track_script {",
    "notify_master \"/bin/x  y\"",
    "virtual_server 10.0.0.1 80 {",
    "real_server 10.1.0.1 80 {",
    "weight  2",
    "TCP_CHECK { }",
    "{{ x }}",
    "vrrp_sync_group G { group { V } }",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_text_means_the_same_laid_out(parts in proptest::collection::vec(0..PARTS.len(), 0..40)) {
        let text: String = parts.iter().filter_map(|&part| PARTS.get(part).copied()).collect();
        holds(&text);
    }
}
