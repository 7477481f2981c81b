//! `PING_CHECK`, `UDP_CHECK`, `SMTP_CHECK` and `DNS_CHECK`.

use std::time::Duration;

use lvsd_model::{
    Check, CheckKind, CheckTiming, DnsCheck, DnsType, DomainName, FileCheck, PatternByte, ReplyCheck,
    SmtpCheck, Target, UdpCheck,
};

use super::Lowering;
use super::check::{CheckContext, Common};
use super::track::Kind;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::tree::Statement;

/// The most that fits into a datagram (RFC 768, IPv4 header without options).
const MAX_PAYLOAD: usize = 65_507;

/// The longest name in HELO (RFC 5321 §4.5.3.1.2).
const MAX_HELO_NAME: usize = 255;

/// The peer's, which mail servers' allow lists may know.
const HELO_NAME: &str = "smtpchecker.keepalived.org";

/// How often the file of a `FILE_CHECK` is read.
const FILE_INTERVAL: Duration = Duration::from_secs(1);

/// What only `UDP_CHECK` has.
#[derive(Clone, Debug, Default)]
struct UdpDraft<'a> {
    payload: Option<Vec<u8>>,
    pattern: Option<Vec<PatternByte>>,
    min: Option<(u16, Word<'a>)>,
    max: Option<(u16, Word<'a>)>,
}

impl<'a> Lowering<'a> {
    pub(super) fn ping_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        self.settings(block, &mut common, |_, _| false);
        let mut target = self.reach(&common, context);
        // Without the ports, which mean nothing, the pings of one address are one check.
        target.address.set_port(0);
        Some(common.check(CheckKind::Ping(target), context, 1, 1))
    }

    pub(super) fn udp_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        let mut draft = UdpDraft::default();
        self.settings(block, &mut common, |this, statement| this.udp_setting(statement, &mut draft));
        let target = self.target(block, &common, context);
        let reply = self.reply_check(&mut draft);
        let udp = UdpCheck { target, payload: draft.payload, reply };
        Some(common.check(CheckKind::Udp(Box::new(udp)), context, 1, 1))
    }

    pub(super) fn dns_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let mut common = Common::new(context);
        let (mut kind, mut name) = (DnsType::default(), DomainName::root());
        self.settings(block, &mut common, |this, statement| {
            let Some(word) = this.word(statement, 0) else { return false };
            match statement.row.name {
                "type" => kind = this.dns_type(word).unwrap_or(kind),
                "name" => name = this.domain_name(word).unwrap_or_else(DomainName::root),
                _ => return false,
            }
            true
        });
        let target = self.target(block, &common, context);
        let dns = DnsCheck { target, kind, name };
        Some(common.patient_check(CheckKind::Dns(Box::new(dns)), context, 3))
    }

    /// One check, or one for each `host`.
    pub(super) fn smtp_checks(&mut self, block: &'a Statement, context: &CheckContext) -> Vec<Check> {
        let mut common = Common::new(context);
        let (mut helo_name, mut hosts) = (HELO_NAME.to_owned(), Vec::new());
        self.settings(block, &mut common, |this, statement| {
            match statement.row.name {
                "helo_name" => helo_name = this.helo_name(statement).unwrap_or_else(|| HELO_NAME.to_owned()),
                "host" => hosts.push(statement),
                _ => return false,
            }
            true
        });
        let check = |common: &Common, target: Target| {
            let smtp = SmtpCheck { target, helo_name: helo_name.clone() };
            common.check(CheckKind::Smtp(Box::new(smtp)), context, 1, 1)
        };
        if hosts.is_empty() {
            return vec![check(&common, self.target(block, &common, context))];
        }
        let mut checks = Vec::with_capacity(hosts.len());
        for host in hosts {
            let mut own = common.clone();
            self.check_repeated(host.block());
            self.settings(host, &mut own, |_, _| false);
            checks.push(check(&own, self.target(host, &own, context)));
        }
        checks
    }

    pub(super) fn file_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let (mut name, mut own) = (None, None);
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "track_file" => name = self.word(statement, 0),
                _ => own = self.file_factor(statement).or(own),
            }
        }
        let Some(name) = name else {
            let message = "FILE_CHECK names no file; it is ignored, and the server counts as up without it";
            let help = "add `track_file <name>`";
            self.report(Diagnostic::tolerated(Rule::CheckIncomplete, block.keyword, message).help(help));
            return None;
        };
        let index = self.tracked.get(&(Kind::File, name.text)).map(|defined| defined.index);
        let Some(file) = index.and_then(|index| self.config.vrrp.files.get(index)) else {
            let message = format!("there is no track_file `{}`: the check is ignored", name.text);
            let help = format!("define `track_file {} {{ file /path }}`", name.text);
            self.report(Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).help(help));
            return None;
        };
        let default = i64::from(file.effect.weight) * if file.effect.reverse { -1 } else { 1 };
        let (name, path) = (file.name.clone(), file.path.clone());
        let file = FileCheck { name, path, base: context.weight, factor: own.unwrap_or(default) };
        let timing = CheckTiming {
            interval: FILE_INTERVAL,
            retry: 0,
            retry_delay: FILE_INTERVAL,
            warmup: Duration::ZERO,
        };
        let (alpha, log_all_failures) = (context.alpha, context.log_all_failures);
        Some(Check { kind: CheckKind::File(Box::new(file)), timing, alpha, log_all_failures })
    }

    fn file_factor(&mut self, statement: &Statement) -> Option<i64> {
        let factor = self.integer(statement, 0, -i64::from(i32::MAX)..=i64::from(i32::MAX))?;
        let signs = [("reverse", -1), ("noreverse", 1)];
        let sign = self.word(statement, 1).and_then(|word| self.choice(word, &signs)).unwrap_or(1);
        Some(factor * sign)
    }

    /// Reads a block of a check: `particular` what only this kind has, the rest what all have.
    fn settings(
        &mut self,
        block: &'a Statement,
        common: &mut Common,
        mut particular: impl FnMut(&mut Self, &'a Statement) -> bool,
    ) {
        for statement in block.block() {
            if self.accept(statement) {
                let known = particular(self, statement) || self.common(statement, common);
                debug_assert!(known, "{} works, so it is lowered", statement.row.name);
            }
        }
    }

    fn udp_setting(&mut self, statement: &'a Statement, draft: &mut UdpDraft<'a>) -> bool {
        let length = |this: &mut Self| {
            let length = this.integer(statement, 0, 0..=i64::from(u16::MAX))?;
            Some((u16::try_from(length).ok()?, this.word(statement, 0)?))
        };
        match statement.row.name {
            "payload" => draft.payload = self.payload(statement),
            "require_reply" => {
                draft.pattern = Some(self.hex(statement, Wildcards::Allowed).unwrap_or_default())
            }
            "min_reply_length" => draft.min = length(self),
            "max_reply_length" => draft.max = length(self),
            _ => return false,
        }
        true
    }

    fn reply_check(&mut self, draft: &mut UdpDraft<'_>) -> Option<ReplyCheck> {
        let Some(pattern) = draft.pattern.take() else {
            for (_, word) in draft.min.into_iter().chain(draft.max) {
                let message = "without require_reply the length of a reply does not matter";
                let diagnostic = Diagnostic::hint(Rule::NoEffect, word.span, message);
                self.report(diagnostic.help("add `require_reply`"));
            }
            return None;
        };
        let min_length = draft.min.map_or(0, |(length, _)| length);
        let max_length = draft.max.map_or(ReplyCheck::DEFAULT_MAX_LENGTH, |(length, _)| length);
        if let Some((_, word)) = draft.min.filter(|_| min_length > max_length) {
            let message = format!(
                "a reply of {min_length} bytes is longer than max_reply_length {max_length}: the check will always fail"
            );
            let help = format!("add `max_reply_length` with {min_length} or more");
            self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message).help(help));
        }
        Some(ReplyCheck { pattern, min_length, max_length })
    }

    fn payload(&mut self, statement: &Statement) -> Option<Vec<u8>> {
        let bytes = self.hex(statement, Wildcards::Refused)?;
        if bytes.len() > MAX_PAYLOAD {
            let message = format!("a datagram cannot hold {} bytes; the payload is ignored", bytes.len());
            let help = format!("at most {MAX_PAYLOAD} bytes");
            self.report(Diagnostic::tolerated(Rule::OutOfRange, statement.keyword, message).help(help));
            return None;
        }
        Some(bytes.into_iter().map(|byte| byte.value).collect())
    }

    /// Pairs of hexadecimal digits; a digit that stands alone is a byte of its own.
    fn hex(&mut self, statement: &Statement, wildcards: Wildcards) -> Option<Vec<PatternByte>> {
        let mut bytes = Vec::new();
        for word in self.all_words(&statement.words) {
            for group in word.text.split_ascii_whitespace() {
                for pair in group.as_bytes().chunks(2) {
                    let Some(byte) = pattern_byte(pair, wildcards) else {
                        self.no_hex(word, wildcards);
                        return None;
                    };
                    bytes.push(byte);
                }
            }
        }
        Some(bytes)
    }

    fn no_hex(&mut self, word: Word<'_>, wildcards: Wildcards) {
        let message = format!("`{}` is no hexadecimal string; all of it is ignored", word.text);
        let help = match wildcards {
            Wildcards::Allowed => "pairs of digits from 0 to f, or x for any, such as `require_reply 00 fx`",
            Wildcards::Refused => "pairs of digits from 0 to f, such as `payload 00 ff 7f`",
        };
        self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
    }

    fn dns_type(&mut self, word: Word<'_>) -> Option<DnsType> {
        let same = DnsType::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.text));
        same.map(|&(_, kind)| kind).or_else(|| self.choice(word, &DnsType::ALL))
    }

    fn domain_name(&mut self, word: Word<'_>) -> Option<DomainName> {
        let name = DomainName::new(word.text);
        if name.is_none() {
            let message = format!("`{}` is no name of the DNS; the root is asked for", word.text);
            let help = "labels of 1 to 63 bytes with dots between them, in all at most 253, or `.`";
            self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
        }
        name
    }

    fn helo_name(&mut self, statement: &Statement) -> Option<String> {
        let word = self.word(statement, 0)?;
        let sendable = (1..=MAX_HELO_NAME).contains(&word.text.len())
            && word.text.bytes().all(|byte| byte.is_ascii_graphic());
        if !sendable {
            let message = format!("`{}` cannot be sent in HELO; it is ignored", word.text);
            let help = "a host name, 1 to 255 ASCII characters without blanks";
            self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
        }
        sendable.then(|| word.text.to_owned())
    }
}

/// Whether a digit may be left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wildcards {
    Allowed,
    Refused,
}

/// One or two digits. One digit alone is the byte of that value; an x alone is any byte.
fn pattern_byte(digits: &[u8], wildcards: Wildcards) -> Option<PatternByte> {
    let nibble = |digit: u8| match digit {
        b'x' | b'X' if wildcards == Wildcards::Allowed => Some((0, 0)),
        _ => char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .map(|value| (value, 0xf)),
    };
    match *digits {
        [digit] => {
            let (value, mask) = nibble(digit)?;
            Some(PatternByte { value, mask: if mask == 0 { 0 } else { 0xff } })
        }
        [high, low] => {
            let ((high, high_mask), (low, low_mask)) = (nibble(high)?, nibble(low)?);
            Some(PatternByte { value: high << 4 | low, mask: high_mask << 4 | low_mask })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_bytes() {
        for (digits, value, mask) in [
            ("ff", 0xff, 0xff),
            ("0A", 0x0a, 0xff),
            ("7", 7, 0xff),
            ("x5", 5, 0x0f),
            ("aX", 0xa0, 0xf0),
            ("xx", 0, 0),
            ("x", 0, 0),
        ] {
            let expected = Some(PatternByte { value, mask });
            assert_eq!(pattern_byte(digits.as_bytes(), Wildcards::Allowed), expected, "{digits}");
        }
        for wrong in ["g0", "0g", "é", ""] {
            assert_eq!(pattern_byte(wrong.as_bytes(), Wildcards::Allowed), None, "{wrong}");
        }
        assert_eq!(pattern_byte(b"x0", Wildcards::Refused), None);
    }
}
