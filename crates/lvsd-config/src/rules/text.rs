//! Explanations: files, lines, characters, braces, the preprocessor.

use super::Rule;
use super::explain::Frame::{Instance, Service};
use super::explain::{Explanation, error, hint, warning};
use crate::diagnostic::Severity::{Error, Hint, Tolerated};

#[rustfmt::skip] // Examples are configurations, laid out as such.
pub(super) static EXPLANATIONS: &[Explanation] = &[
    warning(Rule::UnreadableFile,
        "The file is there and cannot be read: look at its owner and mode. With `includer` and the stricter variants, \
         and for the configuration itself, this is an error.",
        "include secret.conf  # <-", "include servers.conf").at(&[Tolerated, Error]),
    warning(Rule::SkippedFile,
        "Includes read regular files only, and no executable ones, as those are likely scripts that lie beside the \
         configuration. With `includer` and the stricter variants this is an error.",
        "include script.sh  # <-", "include servers.conf").at(&[Tolerated, Error]),
    warning(Rule::IncludeMissing,
        "What the file would say is missing. A pattern that matches nothing is a hint only, because directories for \
         drop-in files are often empty; the stricter variants of include make errors of both.",
        "include server.conf  # <-", "include servers.conf").at(&[Tolerated, Hint, Error]),
    error(Rule::IncludeCycle,
        "The file would be read for ever.",
        "include lvsd.conf  # <-", "include servers.conf"),
    error(Rule::IncludeLimit,
        "Includes may nest 32 deep, and a configuration may have 10,000 files and 256 MiB: more is a mistake of whatever \
         wrote them. (In the example each file includes the next.)",
        "include deep/1.conf", "include deep/39.conf"),
    warning(Rule::QuotedInclude,
        "File names of includes are not unquoted: keepalived looks for a file whose name has quotes in it and finds none. \
         lvsd leaves the quotes out.",
        "include \"servers.conf\"  # <-", "include servers.conf"),
    error(Rule::NulByte,
        "Text has no such byte; the file is damaged, or no text.",
        "router_id a<NUL>b  # <-", "# router_id a"),
    warning(Rule::NotUtf8,
        "The bytes are replaced, so the name that they are part of is another one. A byte order mark at the start of the \
         file is a hint: lvsd leaves it out, keepalived makes it part of the first word.",
        "global_defs {\n    router_id caf<byte E9>  # <-\n}", "global_defs {\n    router_id café\n}").at(&[Tolerated, Hint]),
    hint(Rule::LongLine,
        "keepalived reads 1023 bytes of a line and takes the rest as the next one. lvsd reads all of it.",
        "global_defs {\n    router_id <1100 letters>  # <-\n}", "global_defs {\n    router_id short\n}"),
    warning(Rule::UnmatchedQuote,
        "Everything up to the end of the line becomes one word, comments and braces included.",
        "global_defs {\n    router_id \"director one  # <-\n}", "global_defs {\n    router_id \"director one\"\n}"),
    warning(Rule::TypographicQuote,
        "Word processors and web pages turn `\"` into other characters. They quote nothing: what stands between them is \
         several words, and the quotes are part of them.",
        "global_defs {\n    router_id “director”  # <-\n}", "global_defs {\n    router_id \"director\"\n}"),
    warning(Rule::EscapedComment,
        "Only double quotes keep `#` and `!` from starting a comment.",
        "authentication {\n    auth_type PASS\n    auth_pass ab\\#cd  # <-\n}",
        "authentication {\n    auth_type PASS\n    auth_pass \"ab#cd\"\n}").within(Instance),
    hint(Rule::CommentInWord,
        "`#` and `!` start a comment anywhere, also in the middle of a word: a password or name is cut there.",
        "authentication {\n    auth_type PASS\n    auth_pass ab!cd  # <-\n}",
        "authentication {\n    auth_type PASS\n    auth_pass \"ab!cd\"\n}").within(Instance),
    error(Rule::TemplatePlaceholder,
        "The file came out of a template whose variable had no value. What the line would say is unknown.",
        "priority {{ priority }}  # <-", "priority 100").within(Instance),
    warning(Rule::UnexpectedBrace,
        "The brace is ignored; but the braces around it may pair otherwise than the indentation suggests.",
        "global_defs {\n    router_id director\n}\n}  # <-", "global_defs {\n    router_id director\n}"),
    warning(Rule::MissingBrace,
        "Without its brace a block ends somewhere else than it seems, and what follows belongs to the wrong one.",
        "vrrp_script check {  # <-\n    script \"/bin/true\"\n\nvrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    \
         virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}",
        "vrrp_script check {\n    script \"/bin/true\"\n}\nvrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    \
         virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}"),
    warning(Rule::MalformedDefinition,
        "A definition has no blank before its `=`.",
        "$NAME = 51  # <-", "$NAME=51"),
    warning(Rule::UndefinedParameter,
        "The text stays as it is written, dollar sign included. A definition must stand before its use.",
        "global_defs {\n    router_id $NODE  # <-\n}", "$NODE=director\nglobal_defs {\n    router_id $NODE\n}"),
    error(Rule::RecursiveDefinition,
        "It could be replaced for ever.",
        "$A=$B\n$B=$A\nglobal_defs {\n    router_id $A  # <-\n}", "$A=$B\n$B=director\nglobal_defs {\n    router_id $A\n}"),
    error(Rule::ExpansionLimit,
        "Definitions and repetitions may make 500,000 lines and 32 MiB, enough for the largest configurations known.",
        "~SEQ(a, 9999) ~SEQ(b, 9999) # $a $b  # <-", "~SEQ(a, 3) ~SEQ(b, 3) # $a $b"),
    warning(Rule::BadRepetition,
        "The line is skipped: the sequence has no end, or a value has no variable.",
        "~SEQ(a, 1, -1, 5) # $a  # <-", "~SEQ(a, 1, 1, 5) # $a"),
    warning(Rule::BadRegex,
        "The pattern cannot be compiled. It is left out, so the answer is not compared with it.",
        "real_server 10.0.0.2 80 {\n    HTTP_GET {\n        url {\n            path /\n            regex \"(ready\"  # <-\n        }\n    }\n}",
        "real_server 10.0.0.2 80 {\n    HTTP_GET {\n        url {\n            path /\n            regex \"(ready)\"\n        }\n    }\n}").within(Service),
];
