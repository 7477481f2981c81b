//! Rows of the check blocks.

use super::{Context, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static HTTP_GET: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::One, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::One, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::One, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::One, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 3", Tier::One, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("nb_get_retry", "<uint>", "1", Tier::One, "Older name of retry").works().deprecated("retry")
        .example("nb_get_retry 3"),
    row("virtualhost", "<str>", "real or virtual server value", Tier::One, "HTTP Host for all URLs").works()
        .example("virtualhost www.example.com"),
    row("http_protocol", "1.0 | 1.0C | 1.0c | 1.1", "1.0", Tier::Two, "Protocol version; C adds Connection: close").works()
        .example("http_protocol 1.1"),
    row("enable_sni", "[BOOL]", "false", Tier::One, "Send SNI taken from virtualhost").takes(0, 1).works()
        .example("enable_sni"),
    row("sni_name", "[<name>]", "unset", Tier::Three, "Explicit SNI").takes(0, 1).works()
        .example("sni_name www.example.com"),
    row("fast_recovery", "[BOOL]", "false", Tier::Three, "No delay between URLs on start or recovery").takes(0, 1).works()
        .example("fast_recovery"),
    row("url", "{ block }", "mandatory", Tier::One, "One URL to check; repeatable").block(Context::HttpUrl, 0, 0).works()
        .example("url {\n    path /health\n    status_code 200\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static HTTP_URL: &[Row] = &[
    row("path", "<str>", "mandatory", Tier::One, "Request path").works()
        .example("path /health"),
    row("digest", "<32 hex digits>", "none", Tier::One, "Expected MD5 of body, from genhash").works()
        .example("digest 640205b7b0fc66c1ea91c463fac6334d"),
    row("status_code", "<n 100..599 | n-m> ...", "200-299", Tier::One, "Accepted HTTP codes, 100..599").takes(1, 255).works()
        .example("status_code 200 301-302"),
    row("virtualhost", "<str>", "checker value", Tier::Two, "HTTP Host for this URL").works()
        .example("virtualhost www.example.com"),
    row("regex", "<quoted PCRE2 pattern>", "none", Tier::Two, "Pattern the body must match, in its first MiB").works()
        .example("regex \"status: *ok\""),
    row("regex_no_match", "none", "off", Tier::Three, "Success when pattern does not match").takes(0, 0).works()
        .example("regex \"maintenance\"\nregex_no_match"),
    row("regex_options", "<option name> ...", "none", Tier::Three, "PCRE2 compile options: caseless, multiline, dotall, extended, and those that change nothing here").takes(1, 255).works()
        .example("regex \"status: *ok\"\nregex_options caseless multiline"),
    row("regex_min_offset", "<uint>", "0", Tier::Three, "First body offset searched").works()
        .example("regex \"status: *ok\"\nregex_min_offset 100"),
    row("regex_max_offset", "<uint>", "unlimited", Tier::Three, "Last body offset where match may start").works()
        .example("regex \"status: *ok\"\nregex_max_offset 4096"),
    row("regex_stack", "<start bytes> <max bytes>", "PCRE2 default", Tier::Three, "JIT stack sizes").takes(2, 2).no_effect("the matcher of lvsd has its own limits")
        .example("regex_stack 16384 65536"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SSL_GET: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::One, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::One, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::One, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::One, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 3", Tier::One, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("nb_get_retry", "<uint>", "1", Tier::One, "Older name of retry").works().deprecated("retry")
        .example("nb_get_retry 3"),
    row("virtualhost", "<str>", "real or virtual server value", Tier::One, "HTTP Host for all URLs").works()
        .example("virtualhost www.example.com"),
    row("http_protocol", "1.0 | 1.0C | 1.0c | 1.1", "1.0", Tier::Two, "Protocol version; C adds Connection: close").works()
        .example("http_protocol 1.1"),
    row("enable_sni", "[BOOL]", "false", Tier::One, "Send SNI taken from virtualhost").takes(0, 1).works()
        .example("enable_sni"),
    row("sni_name", "[<name>]", "unset", Tier::Three, "Explicit SNI").takes(0, 1).works()
        .example("sni_name www.example.com"),
    row("fast_recovery", "[BOOL]", "false", Tier::Three, "No delay between URLs on start or recovery").takes(0, 1).works()
        .example("fast_recovery"),
    row("url", "{ block }", "mandatory", Tier::One, "One URL to check; repeatable").block(Context::SslUrl, 0, 0).works()
        .example("url {\n    path /health\n    status_code 200\n}"),
    row("tls_compliant", "[BOOL]", "false", Tier::Three, "Send close_notify on shutdown (SSL_GET only)").takes(0, 1).works()
        .example("tls_compliant"),
    row("tls_verify", "[BOOL]", "false", Tier::One, "The certificate must be valid for the name, by the system's roots or the authorities of SSL; only in lvsd").takes(0, 1).works()
        .example("tls_verify"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SSL_URL: &[Row] = &[
    row("path", "<str>", "mandatory", Tier::One, "Request path").works()
        .example("path /health"),
    row("digest", "<32 hex digits>", "none", Tier::One, "Expected MD5 of body, from genhash").works()
        .example("digest 640205b7b0fc66c1ea91c463fac6334d"),
    row("status_code", "<n 100..599 | n-m> ...", "200-299", Tier::One, "Accepted HTTP codes, 100..599").takes(1, 255).works()
        .example("status_code 200 301-302"),
    row("virtualhost", "<str>", "checker value", Tier::Two, "HTTP Host for this URL").works()
        .example("virtualhost www.example.com"),
    row("regex", "<quoted PCRE2 pattern>", "none", Tier::Two, "Pattern the body must match, in its first MiB").works()
        .example("regex \"status: *ok\""),
    row("regex_no_match", "none", "off", Tier::Three, "Success when pattern does not match").takes(0, 0).works()
        .example("regex \"maintenance\"\nregex_no_match"),
    row("regex_options", "<option name> ...", "none", Tier::Three, "PCRE2 compile options: caseless, multiline, dotall, extended, and those that change nothing here").takes(1, 255).works()
        .example("regex \"status: *ok\"\nregex_options caseless multiline"),
    row("regex_min_offset", "<uint>", "0", Tier::Three, "First body offset searched").works()
        .example("regex \"status: *ok\"\nregex_min_offset 100"),
    row("regex_max_offset", "<uint>", "unlimited", Tier::Three, "Last body offset where match may start").works()
        .example("regex \"status: *ok\"\nregex_max_offset 4096"),
    row("regex_stack", "<start bytes> <max bytes>", "PCRE2 default", Tier::Three, "JIT stack sizes").takes(2, 2).no_effect("the matcher of lvsd has its own limits")
        .example("regex_stack 16384 65536"),
    row("tls_compliant", "[BOOL]", "false", Tier::Three, "Send close_notify on shutdown (SSL_GET only)").takes(0, 1).works()
        .example("tls_compliant"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static TCP_CHECK: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::One, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::One, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::One, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::One, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::One, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static PING_CHECK: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::Two, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::Two, "Port to connect to").no_effect("an echo request has no port")
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").no_effect("an echo request has no port")
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::Two, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::Two, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::Two, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static UDP_CHECK: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::Two, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::Two, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::Two, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::Two, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::Two, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("payload", "<hex string>", "a text of 32 bytes", Tier::Two, "Datagram content to send, such as 00 ff 7f").takes(1, 255).works()
        .example("payload 00 ff 7f"),
    row("require_reply", "[<hex string with x wildcards>]", "not required", Tier::Two, "A reply is needed, matching as far as both go; x stands for any digit").takes(0, 255).works()
        .example("require_reply 80 xx"),
    row("min_reply_length", "<int 0..65535>", "0", Tier::Three, "Shortest acceptable reply").works()
        .example("require_reply\nmin_reply_length 4"),
    row("max_reply_length", "<int 0..65535>", "255", Tier::Three, "Longest acceptable reply").works()
        .example("require_reply\nmax_reply_length 512"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SMTP_CHECK: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::Two, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::Two, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::Two, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::Two, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::Two, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("helo_name", "<str>", "smtpchecker.keepalived.org", Tier::Two, "Name sent in HELO").works()
        .example("helo_name lb1.example.com"),
    row("host", "{ block }", "", Tier::Three, "A host to check, with settings of its own in place of those around it; repeatable").block(Context::SmtpHost, 0, 0).works().deprecated("connect_ip")
        .example("host {\n    connect_ip 10.0.0.1\n    connect_port 587\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SMTP_HOST: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::Three, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::Three, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Three, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::Three, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 1", Tier::Three, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::Three, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Three, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Three, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Three, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static DNS_CHECK: &[Row] = &[
    row("connect_ip", "<ip>", "real server address", Tier::Two, "Address to connect to").works()
        .example("connect_ip 10.0.0.1"),
    row("connect_port", "<port 1..65535>", "real server port", Tier::Two, "Port to connect to").works()
        .example("connect_port 8080"),
    row("bindto", "<ip>", "unset", Tier::Two, "Local source address").works()
        .example("bindto 10.0.0.254"),
    row("bind_port", "<port 1..65535>", "unset", Tier::Three, "Local source port").works()
        .example("bind_port 2000"),
    row("bind_if", "<ifname>", "unset", Tier::Three, "Interface to bind to; needed for link local").works()
        .example("bind_if eth1"),
    row("connect_timeout", "<decimal s, min 0.000001>", "real or virtual server value, else 5", Tier::Two, "Connection and reply timeout").works()
        .example("connect_timeout 3"),
    row("fwmark", "<uint>", "0", Tier::Three, "Firewall mark on outgoing checker packets").works()
        .example("fwmark 7"),
    row("retry", "<uint 0..>", "real or virtual server value, else 3", Tier::Two, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("type", "A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY", "SOA", Tier::Two, "Query type").works()
        .example("type A"),
    row("name", "<domain>", "root", Tier::Two, "Query name").works()
        .example("name www.example.com"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static MISC_CHECK: &[Row] = &[
    row("retry", "<uint 0..>", "real or virtual server value, else 0", Tier::One, "Extra attempts before declaring failure").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "real or virtual server value, else 1", Tier::One, "Delay between those attempts").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "real or virtual server value, else delay_loop", Tier::Two, "Maximum random delay of first check").works()
        .example("warmup 5"),
    row("delay_loop", "<decimal s, min 0.000001>", "real or virtual server value, else 60", Tier::Two, "Interval between checks").works()
        .example("delay_loop 10"),
    row("alpha", "[BOOL]", "real server value", Tier::Two, "Down until first success").takes(0, 1).works()
        .example("alpha"),
    row("log_all_failures", "[BOOL]", "checker_log_all_failures", Tier::Three, "Log each failed attempt").takes(0, 1).works()
        .example("log_all_failures"),
    row("misc_path", "<script>", "mandatory", Tier::One, "Program to run").script().works()
        .example("misc_path \"/etc/lvsd/check.sh 10.0.0.1\""),
    row("misc_timeout", "<int s>", "checker delay_loop", Tier::One, "Kill program after this time").works()
        .example("misc_timeout 5"),
    row("misc_dynamic", "none", "off", Tier::Two, "Exit codes 2..255 set the weight to code minus 2").takes(0, 0).works()
        .example("misc_dynamic"),
    row("user", "<user> [<group>]", "script_user", Tier::Two, "User running the program").takes(1, 2).works()
        .example("user nobody nogroup"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static FILE_CHECK: &[Row] = &[
    row("track_file", "<name>", "mandatory", Tier::Three, "track_file block whose value is used").works()
        .example("track_file load"),
    row("weight", "<-2147483647..2147483647> [reverse|noreverse]", "track_file weight", Tier::Three, "What the number is multiplied with before it is added to the weight; with 0 any number but 0 is a failure").takes(1, 2).works()
        .example("weight -1"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static BFD_CHECK: &[Row] = &[
    row("name", "<bfd instance>", "mandatory", Tier::Three, "BFD session deciding server state").works()
        .example("name uplink"),
    row("alpha", "[BOOL]", "real_server value", Tier::Three, "Start down until session up").takes(0, 1).works()
        .example("alpha"),
];
