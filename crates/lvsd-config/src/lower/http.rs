//! `HTTP_GET` and `SSL_GET`.

use lvsd_model::{Check, CheckKind, DigestMd5, HttpCheck, HttpUrl, HttpVersion, StatusRanges, TlsOptions};

use super::Lowering;
use super::check::{CheckContext, Common};
use super::regex::RegexDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::tree::Statement;

/// What only these checks have.
#[derive(Clone, Debug, Default)]
struct HttpDraft {
    version: HttpVersion,
    tls: TlsOptions,
    virtualhost: Option<String>,
    fast_recovery: bool,
    urls: Vec<HttpUrl>,
}

impl<'a> Lowering<'a> {
    pub(super) fn http_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        let mut draft = HttpDraft::default();
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            let known = self.http_setting(statement, &mut draft) || self.common(statement, &mut common);
            debug_assert!(known, "{} works, so it is lowered", statement.row.name);
        }
        let name = block.row.name;
        if draft.urls.is_empty() {
            let message = format!("{name} has no url; it is ignored, and the server counts as up without it");
            let help = "add `url { path / }`";
            self.report(Diagnostic::tolerated(Rule::CheckIncomplete, block.keyword, message).help(help));
            return None;
        }
        let secure = name == "SSL_GET";
        let target = self.target(block, &common, context);
        self.check_scheme(block, target.address.port());
        let http = HttpCheck {
            target,
            version: draft.version,
            tls: secure.then_some(draft.tls),
            virtualhost: draft.virtualhost.or_else(|| context.virtualhost.clone()),
            fast_recovery: draft.fast_recovery,
            urls: draft.urls,
        };
        Some(common.check(CheckKind::Http(Box::new(http)), context, 1, 3))
    }

    fn http_setting(&mut self, statement: &'a Statement, draft: &mut HttpDraft) -> bool {
        let word = self.word(statement, 0);
        match statement.row.name {
            "url" => {
                let path = format!("url {}", draft.urls.len() + 1);
                let mut close_notify = draft.tls.close_notify;
                let url = self.inside(path, |this| this.url(statement, &mut close_notify));
                draft.urls.extend(url);
                draft.tls.close_notify = close_notify;
            }
            "virtualhost" => draft.virtualhost = word.map(|word| word.text.to_owned()),
            "http_protocol" => {
                let versions = [
                    ("1.0", HttpVersion::V1_0),
                    ("1.0C", HttpVersion::V1_0Close),
                    ("1.0c", HttpVersion::V1_0Close),
                    ("1.1", HttpVersion::V1_1),
                ];
                draft.version = word.and_then(|word| self.choice(word, &versions)).unwrap_or(draft.version);
            }
            "enable_sni" => draft.tls.sni_from_virtualhost = self.boolean(statement).unwrap_or(false),
            "sni_name" => match word {
                Some(word) => draft.tls.sni = Some(word.text.to_owned()),
                None => draft.tls.sni_from_virtualhost = true,
            },
            "tls_compliant" => draft.tls.close_notify = self.boolean(statement).unwrap_or(false),
            "tls_verify" => draft.tls.verify = self.boolean(statement).unwrap_or(false),
            "fast_recovery" => draft.fast_recovery = self.boolean(statement).unwrap_or(false),
            _ => return false,
        }
        true
    }

    /// What the ports 80 and 443 are for is known to everybody.
    fn check_scheme(&mut self, block: &Statement, port: u16) {
        let (name, other, speaks) = match (block.row.name, port) {
            ("SSL_GET", 80) => ("SSL_GET", "HTTP_GET", "TLS"),
            ("HTTP_GET", 443) => ("HTTP_GET", "SSL_GET", "plain HTTP"),
            _ => return,
        };
        let message = format!("{name} speaks {speaks}, and servers expect something else on port {port}");
        let help = format!("is `{other}` meant, or another `connect_port`?");
        self.report(Diagnostic::hint(Rule::SchemePort, block.keyword, message).help(help));
    }

    fn check_path(&mut self, word: Word<'_>) {
        // An asterisk is a path of its own (RFC 9112 §3.2.4), and proxies take whole addresses.
        if word.text.starts_with(['/', '*']) || word.text.contains("://") {
            return;
        }
        let message = format!("the path `{}` does not begin with a slash", word.text);
        let help = format!("write `path /{}`", word.text);
        self.report(Diagnostic::hint(Rule::UrlPath, word.span, message).help(help));
    }

    fn url(&mut self, block: &'a Statement, close_notify: &mut bool) -> Option<HttpUrl> {
        let mut regex = RegexDraft::default();
        let (mut path, mut digest, mut status, mut virtualhost) = (None, None, None, None);
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            if self.regex_setting(statement, &mut regex) {
                continue;
            }
            if statement.row.name == "tls_compliant" {
                *close_notify = self.boolean(statement).unwrap_or(*close_notify);
                continue;
            }
            let Some(word) = self.word(statement, 0) else { continue };
            match statement.row.name {
                "path" => {
                    self.check_path(word);
                    path = Some(word.text.to_owned());
                }
                "digest" => digest = self.digest(word),
                "status_code" => status = self.status(statement),
                "virtualhost" => virtualhost = Some(word.text.to_owned()),
                other => debug_assert!(false, "{other} works, so it is lowered"),
            }
        }
        let Some(path) = path else {
            let message = "the url has no path; it is ignored";
            self.report(
                Diagnostic::tolerated(Rule::CheckIncomplete, block.keyword, message).help("add `path /`"),
            );
            return None;
        };
        let regex = self.regex_check(regex).map(Box::new);
        Some(HttpUrl { path, digest, status: status.unwrap_or_default(), virtualhost, regex })
    }

    fn digest(&mut self, word: Word<'_>) -> Option<DigestMd5> {
        let digits = word.text.as_bytes();
        let mut sum = [0u8; 16];
        let valid = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
        if !valid {
            let message = format!("`{}` is no MD5 sum; it is ignored", word.text);
            let help = "32 hexadecimal digits, as genhash prints them";
            self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
            return None;
        }
        for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
            let text = std::str::from_utf8(pair).unwrap_or_default();
            *byte = u8::from_str_radix(text, 16).unwrap_or(0);
        }
        Some(DigestMd5(sum))
    }

    /// `<n>` or `<n>-<m>`, any number of them.
    fn status(&mut self, statement: &Statement) -> Option<StatusRanges> {
        let mut ranges = Vec::new();
        for word in self.all_words(&statement.words) {
            let (low, high) = word.text.split_once('-').unwrap_or((word.text, word.text));
            let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=599).contains(code));
            match (code(low), code(high)) {
                (Some(low), Some(high)) if low <= high => ranges.push((low, high)),
                _ => {
                    let message =
                        format!("`{}` is no status code or range of them; it is ignored", word.text);
                    let help = "write codes from 100 to 599, as in `status_code 200 301-302`";
                    self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message).help(help));
                }
            }
        }
        (!ranges.is_empty()).then_some(StatusRanges(ranges))
    }
}
