//! The kinds of diagnostic: stable ids, each with what it is about.

pub(crate) mod explain;
mod lvs;
pub(crate) mod page;
mod routing;
mod text;
mod vrrp;
mod words;

macro_rules! rules {
    ($($variant:ident $id:literal $about:literal)*) => {
        /// A kind of diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "Rule::about says what each is")]
        pub enum Rule {
            $($variant,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name, in kebab case.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }

            /// What it is about, one line.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }
    };
}

rules! {
    UnreadableFile "unreadable-file" "A configuration file does not exist or cannot be read."
    SkippedFile "skipped-file" "A file is not read although its name matches: a directory, no regular file, or executable."
    IncludeMissing "include-missing" "An include names a file that does not exist, or a pattern that no file matches."
    IncludeCycle "include-cycle" "A file includes itself, directly or through others."
    IncludeLimit "include-limit" "Includes are nested too deeply, or there are too many files."
    QuotedInclude "quoted-include" "The file name of an include is in quotes, which keepalived takes as part of the name."
    NulByte "nul-byte" "A line contains a NUL byte."
    NotUtf8 "not-utf8" "A statement contains bytes that are not UTF-8."
    LongLine "long-line" "A line is longer than the 1023 bytes that keepalived reads; lvsd reads all of it."
    UnmatchedQuote "unmatched-quote" "A double quote is not closed on its line."
    TypographicQuote "typographic-quote" "A quote is a typographic one, which the language does not know."
    EscapedComment "escaped-comment" "A backslash before # or ! does not protect it from being a comment."
    CommentInWord "comment-in-word" "A comment starts in the middle of a word."
    TemplatePlaceholder "template-placeholder" "A template's placeholder was not filled in."
    UnexpectedBrace "unexpected-brace" "A brace has nothing to open or close."
    MissingBrace "missing-brace" "A block has no opening or no closing brace."
    MalformedDefinition "malformed-definition" "A line looks like a definition ($NAME=text) but is none."
    UndefinedParameter "undefined-parameter" "A parameter is used that no line before defines."
    RecursiveDefinition "recursive-definition" "A definition uses itself."
    ExpansionLimit "expansion-limit" "Definitions or repetitions expand to more text than lvsd accepts."
    BadRepetition "bad-repetition" "A ~SEQ, ~SEQx or ~LST cannot be understood."
    BadRegex "bad-regex" "A pattern is no valid regular expression."
    UnknownKeyword "unknown-keyword" "There is no such keyword."
    MisplacedKeyword "misplaced-keyword" "The keyword exists, but in another block."
    RemovedKeyword "removed-keyword" "An old or foreign version of the language had this keyword."
    DeprecatedKeyword "deprecated-keyword" "The keyword has a newer name."
    BadMailAddress "bad-mail-address" "A word is no mail address."
    MailIncomplete "mail-incomplete" "Mail is wanted, but there is no mail server or nobody to send it to."
    FifoWithoutPath "fifo-without-path" "A script is to read a FIFO that is not configured."
    MissingCompanion "missing-companion" "A setting does something only beside another one, which is not there."
    NoEffect "no-effect" "The keyword is accepted, but there is nothing for it to do in lvsd."
    NoEffectYet "no-effect-yet" "The keyword is accepted, but lvsd does not act on it yet."
    MissingArgument "missing-argument" "A keyword lacks a word that it needs."
    ExtraWord "extra-word" "There are more words than the keyword takes."
    SeveralStatements "several-statements" "Two statements stand on one line; only the first counts."
    BadNumber "bad-number" "A value is not a number."
    OutOfRange "out-of-range" "A number is outside its range."
    TrailingJunk "trailing-junk" "A number is followed by something that is no digit."
    BadBoolean "bad-boolean" "A truth value is not one of on, off, true, false, yes, no."
    BadValue "bad-value" "A word is none of those that the keyword takes."
    BadAddress "bad-address" "A word is no IP address."
    UnknownName "unknown-name" "A name stands for a number of routing, and this host has no such name."
    BadRoute "bad-route" "A route says too little, or what excludes each other."
    BadRule "bad-rule" "A policy rule says too little, or what excludes each other."
    MissingPreference "missing-preference" "A policy rule has no preference, so that its place follows from the order of lines."
    TrackedProtocol "tracked-protocol" "A route or rule with a protocol of its own cannot be told from those of others, so it is not tracked."
    BadName "bad-name" "A name cannot be that of an interface, or is too long."
    AliasInterface "alias-interface" "An alias such as eth0:1 is no interface."
    DuplicateName "duplicate-name" "Two blocks have the same name; the second is skipped."
    RepeatedKeyword "repeated-keyword" "A keyword that sets one value stands there twice; the last one counts."
    InterfaceTwice "interface-twice" "An interface stands twice where it can stand once; the first counts."
    DuplicateVrid "duplicate-vrid" "Two instances use the same virtual router id on an interface and address family."
    MissingVrid "missing-vrid" "An instance has no virtual_router_id."
    MissingInterface "missing-interface" "An instance has no interface."
    MissingAddresses "missing-addresses" "An instance has no virtual address."
    TooManyAddresses "too-many-addresses" "There are more addresses than fit."
    DuplicateAddress "duplicate-address" "An address stands twice in a list."
    SharedAddress "shared-address" "Two instances hold the same virtual address."
    NetworkAddress "network-address" "A virtual address is the address of its network, or its broadcast address."
    VipIsSource "vip-is-source" "Adverts come from a virtual address."
    OwnPeer "own-peer" "A unicast peer is the router itself, or a virtual address."
    FamilyMismatch "family-mismatch" "IPv4 and IPv6 are mixed where they cannot be."
    MasterWithoutPriority "master-without-priority" "`state MASTER` without a priority means priority 255, the address owner's."
    MasterNopreempt "master-nopreempt" "`state MASTER` cancels nopreempt and preempt_delay."
    NopreemptWeight "nopreempt-weight" "With nopreempt a weighted tracker never moves the addresses."
    PreemptConflict "preempt-conflict" "Preemption settings that cancel each other."
    OwnerTracking "owner-tracking" "Weighted trackers never change priority 255."
    WeightWithoutEffect "weight-without-effect" "The weight of a tracker cannot change the priority."
    RedundantTracker "redundant-tracker" "An instance tracks its own interface, which it does anyway."
    StrictMode "strict-mode" "Strict mode overrides a setting."
    RoundedInterval "rounded-interval" "An advert interval that the protocol version cannot express."
    AuthVersion "auth-version" "Authentication exists only in VRRPv2."
    AuthTwice "auth-twice" "An instance has both authentication and auth_hmac; the latter counts."
    AuthInitialState "auth-initial-state" "With auth_type AH an instance starts as BACKUP."
    HmacKey "hmac-key" "A key of auth_hmac cannot be used."
    HmacIncomplete "hmac-incomplete" "An auth_hmac block lacks keys, or the key to sign with."
    AuthIncomplete "auth-incomplete" "An authentication block lacks its type or password."
    PasswordTooLong "password-too-long" "A VRRP password has more than eight bytes; only eight are used."
    EmptyPeerList "empty-peer-list" "unicast_peer names nobody, so adverts are multicast."
    MissingScript "missing-script" "A vrrp_script or MISC_CHECK has no command."
    ShellOperator "shell-operator" "A command has a shell operator; keepalived would pass it to the program as an argument."
    ScriptUserWords "script-user-words" "Words after a command are the user and group that run it, not arguments."
    UnresolvedTracker "unresolved-tracker" "A tracker refers to something that does not exist; it is ignored."
    TrackerIncomplete "tracker-incomplete" "A track_file or vrrp_track_process block does not say what is tracked."
    SuspendedTracking "suspended-tracking" "A virtual server whose quorum is tracked has ha_suspend, which would leave it unknown."
    LateDefinition "late-definition" "Something is used before the line that defines it; keepalived ignores such a use."
    UnusedDefinition "unused-definition" "Something is defined and never used."
    DuplicateTracker "duplicate-tracker" "The same thing is tracked twice."
    DuplicateSession "duplicate-session" "Two BFD sessions have the same ends, so their packets cannot be told apart."
    GroupMemberMissing "group-member-missing" "A group names an instance that does not exist."
    GroupMemberTwice "group-member-twice" "An instance is in two sync groups; it stays in the first."
    GroupTooSmall "group-too-small" "A sync group has fewer than two members."
    GroupTracking "group-tracking" "Weighted trackers on members of a sync group are ignored."
    GroupMixed "group-mixed" "Members of a sync group have different priorities, intervals or preemption."
    NoRealServers "no-real-servers" "A virtual server has no real server; it is ignored."
    DuplicateRealServer "duplicate-real-server" "A real server stands twice in a virtual server; the second is ignored."
    DuplicateService "duplicate-service" "Two virtual servers stand for the same address and protocol."
    EmptyGroup "empty-group" "A virtual server group has no member."
    UnusedGroup "unused-group" "A virtual server group is used by no virtual server."
    MissingGroup "missing-group" "A virtual server names a group that does not exist."
    UnheldService "unheld-service" "No instance holds the address of a virtual server, while others hold those of the other ones."
    HostBits "host-bits" "A network is written with an address that is not its first."
    MissingProtocol "missing-protocol" "A virtual server has no protocol: lvsd takes TCP, keepalived UDP."
    ForcedPort "forced-port" "With DR and TUN a real server's port is always the service's."
    PortPersistence "port-persistence" "A service on every port needs persistence."
    PersistenceIncomplete "persistence-incomplete" "A persistence setting without persistence_timeout."
    QuorumTooHigh "quorum-too-high" "A quorum that the total weight cannot reach."
    HysteresisTooHigh "hysteresis-too-high" "A hysteresis that is not below the quorum."
    ThresholdOrder "threshold-order" "lthreshold is above uthreshold."
    FlagWithoutScheduler "flag-without-scheduler" "A scheduler flag that does not belong to the scheduler."
    OpsProtocol "ops-protocol" "One-packet scheduling is for UDP only."
    SorryIncomplete "sorry-incomplete" "A sorry_server setting without sorry_server."
    SorryIsServer "sorry-is-server" "The sorry server is one of the real servers."
    ServerIsService "server-is-service" "A real server is the address of a virtual server."
    NoWeight "no-weight" "All real servers have weight 0."
    CheckIncomplete "check-incomplete" "A check lacks what it needs and is ignored."
    CheckPort "check-port" "A check has no port to connect to."
    RedundantCheck "redundant-check" "Two checks of one real server are the same."
    UrlPath "url-path" "The path of a url does not begin with a slash."
    SchemePort "scheme-port" "HTTP to port 443, or TLS to port 80."
    SlowCheck "slow-check" "A check may take longer than the time between two of them."
    UnusableScript "unusable-script" "A script cannot run on this host: it is not there, its user does not exist, or script security forbids it."
    InsecureScript "insecure-script" "A script that root runs can be changed by others; enable_script_security would forbid it."
    VirtualLink "virtual-link" "A setting of a VMAC or ipvlan that cannot be, or that does not fit the rest."
    AbsentInterface "absent-interface" "An interface does not exist on this host now; what needs it waits for it."
    UnknownUser "unknown-user" "A user or group that scripts run as does not exist on this host."
    CertificateIncomplete "certificate-incomplete" "A key or password, and no certificate that it is for."
    UnreadableCertificate "unreadable-certificate" "A file of certificates or keys cannot be read."
}
