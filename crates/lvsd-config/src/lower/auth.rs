//! `authentication` and `auth_hmac` of an instance.

use std::path::Path;

use lvsd_model::{
    AdvertInterval, AntiReplay, Auth, HmacAuth, HmacKey, HmacMode, InitialState, KeyId, Version,
};

use super::Lowering;
use super::common::small;
use super::instance::{At, Draft};
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// `auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthType {
    Pass,
    Ah,
}

/// `authentication` as written.
#[derive(Clone, Debug, Default)]
pub(super) struct AuthDraft {
    pub(super) kind: At<AuthType>,
    pub(super) password: At<String>,
    pub(super) block: Option<Span>,
}

/// `auth_hmac` as written.
#[derive(Clone, Debug, Default)]
pub(super) struct HmacDraft {
    pub(super) block: Option<Span>,
    pub(super) keys: Vec<(HmacKey, Span)>,
    /// There is a key that cannot be used.
    pub(super) wrong_keys: bool,
    pub(super) active: At<KeyId>,
    pub(super) window: Option<u16>,
    pub(super) anti_replay: AntiReplay,
    pub(super) mode: At<HmacMode>,
}

impl<'a> Lowering<'a> {
    pub(super) fn authentication(&mut self, block: &'a Statement, draft: &mut AuthDraft) {
        draft.block = Some(block.keyword);
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            let Some(word) = self.word(statement, 0) else { continue };
            match statement.row.name {
                "auth_type" => {
                    let types = [("PASS", AuthType::Pass), ("AH", AuthType::Ah)];
                    draft.kind = self.choice(word, &types).map(|kind| (kind, word.span));
                }
                _ => draft.password = Some((word.text.to_owned(), word.span)),
            }
        }
    }

    pub(super) fn auth_hmac(&mut self, block: &'a Statement, draft: &mut HmacDraft) {
        draft.block = Some(block.keyword);
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            let Some(word) = self.word(statement, 0) else { continue };
            match statement.row.name {
                "key" => {
                    if let Some(value) = self.word(statement, 1) {
                        let before = draft.keys.len();
                        self.hmac_key(word, value, draft);
                        draft.wrong_keys |= draft.keys.len() == before;
                    }
                }
                "active_key" => {
                    draft.active = self.key_id(word).map(|id| (id, word.span));
                    draft.wrong_keys |= draft.active.is_none();
                }
                "time_window" => {
                    let window = self.integer(statement, 0, 1..=300);
                    draft.window = window.and_then(|seconds| u16::try_from(seconds).ok());
                }
                "anti_replay" => {
                    let kinds = [("time", AntiReplay::Time), ("monotonic", AntiReplay::Monotonic)];
                    draft.anti_replay = self.choice(word, &kinds).unwrap_or(draft.anti_replay);
                }
                _ => {
                    let modes = [
                        ("enforce", HmacMode::Enforce),
                        ("permissive", HmacMode::Permissive),
                        ("receive-only", HmacMode::ReceiveOnly),
                    ];
                    draft.mode = self.choice(word, &modes).map(|mode| (mode, word.span)).or(draft.mode);
                }
            }
        }
    }

    /// 1 to 255, or an error: another key than meant is no key.
    fn key_id(&mut self, word: Word<'_>) -> Option<KeyId> {
        let id = self.strict_number_word(word, 1..=255).map(small).and_then(KeyId::new);
        if id.is_none() {
            let message = format!("`{}` is no key id", word.text);
            self.report(Diagnostic::error(Rule::HmacKey, word.span, message).help("a number from 1 to 255"));
        }
        id
    }

    fn hmac_key(&mut self, id: Word<'_>, value: Word<'_>, draft: &mut HmacDraft) {
        let Some(number) = self.key_id(id) else { return };
        if let Some((_, before)) = draft.keys.iter().find(|(key, _)| key.id == number) {
            let message = format!("there are two keys {number}");
            let diagnostic = Diagnostic::error(Rule::HmacKey, id.span, message);
            self.report(diagnostic.also(*before, "the first one"));
            return;
        }
        // The diagnostics point to the id: whoever reads a log must not read a key.
        let secret = match self.secret(value) {
            Ok(secret) => secret,
            Err(message) => {
                self.report(Diagnostic::error(Rule::HmacKey, id.span, message));
                return;
            }
        };
        let length = secret.len();
        match HmacKey::new(number, secret) {
            Some(key) => draft.keys.push((key, id.span)),
            None => {
                let message = format!("key {number} has {length} bytes");
                let help = "from 32 to 64 bytes, for example `hex:` and what `openssl rand -hex 32` prints";
                self.report(Diagnostic::error(Rule::HmacKey, id.span, message).help(help));
            }
        }
    }

    /// The bytes of a key: as written, `hex:` and digits, or `file:` and a path of a file with either in it.
    fn secret(&self, value: Word<'_>) -> Result<Vec<u8>, String> {
        let Some(path) = value.text.strip_prefix("file:") else {
            return bytes(value.text.as_bytes());
        };
        let unreadable = |error: std::io::Error| format!("the key file `{path}` cannot be read: {error}");
        let file = Path::new(path);
        if !self.files.is_private(file).map_err(unreadable)? {
            return Err(format!(
                "the key file `{path}` can be read or written by others; only its owner may (`chmod 600`)"
            ));
        }
        let content = self.files.read(file).map_err(unreadable)?;
        let content = content.strip_suffix(b"\n").unwrap_or(&content);
        bytes(content.strip_suffix(b"\r").unwrap_or(content))
    }

    pub(super) fn auth(&mut self, draft: &Draft, version: Version, interval: AdvertInterval) -> Option<Auth> {
        let Some(block) = draft.hmac.block else { return self.legacy_auth(draft, version) };
        if let Some(legacy) = draft.auth.block {
            let message = "auth_hmac takes the place of authentication; the block is ignored";
            let diagnostic = Diagnostic::tolerated(Rule::AuthTwice, legacy, message);
            self.report(diagnostic.also(block, "auth_hmac").help("delete it"));
        }
        self.hmac(&draft.hmac, block, interval).map(Auth::Hmac)
    }

    fn hmac(&mut self, draft: &HmacDraft, block: Span, interval: AdvertInterval) -> Option<HmacAuth> {
        let active = draft.active.filter(|(id, _)| draft.keys.iter().any(|(key, _)| key.id == *id));
        let Some((active, _)) = active else {
            // Keys that are wrong were named already.
            if !draft.wrong_keys {
                self.incomplete_hmac(draft, block);
            }
            return None;
        };
        // Whole seconds, rounded up.
        let three = interval.duration().saturating_mul(3).as_secs_f64().ceil().clamp(5.0, 300.0);
        Some(HmacAuth {
            keys: draft.keys.iter().map(|(key, _)| key.clone()).collect(),
            active,
            window: draft.window.unwrap_or(three as u16),
            anti_replay: draft.anti_replay,
            mode: draft.mode.map_or(HmacMode::Enforce, |(mode, _)| mode),
        })
    }

    fn incomplete_hmac(&mut self, draft: &HmacDraft, block: Span) {
        let (span, message, help) = match draft.active {
            _ if draft.keys.is_empty() => {
                let help = "add `key <id> <32 to 64 bytes>`, the same on all routers of the instance";
                (block, "auth_hmac has no key".to_owned(), help)
            }
            None => (block, "auth_hmac has no active_key".to_owned(), "add `active_key <id>`"),
            Some((active, span)) => (span, format!("there is no key {active}"), "name one of the keys"),
        };
        self.report(Diagnostic::error(Rule::HmacIncomplete, span, message).help(help));
    }

    fn legacy_auth(&mut self, draft: &Draft, version: Version) -> Option<Auth> {
        let block = draft.auth.block?;
        if version == Version::V3 {
            let message = "VRRPv3 has no authentication; the block is ignored";
            let help = "delete it; auth_hmac protects adverts of both versions";
            self.report(Diagnostic::tolerated(Rule::AuthVersion, block, message).help(help));
            return None;
        }
        let (Some((kind, _)), Some((password, span))) = (draft.auth.kind, &draft.auth.password) else {
            let message = "authentication needs a type and a password; the block is ignored";
            let help = "write `auth_type PASS` and `auth_pass <up to 8 characters>`";
            self.report(Diagnostic::tolerated(Rule::AuthIncomplete, block, message).help(help));
            return None;
        };
        if kind == AuthType::Ah
            && let Some((InitialState::Master, state)) = draft.state
            && draft.priority.is_some_and(|(priority, _)| !priority.is_owner())
        {
            let message = "with `auth_type AH` the instance starts as BACKUP";
            self.report(
                Diagnostic::hint(Rule::AuthInitialState, state, message).help("write `state BACKUP`"),
            );
        }
        let padded = self.password(password, *span)?;
        Some(match kind {
            AuthType::Pass => Auth::Pass(padded),
            AuthType::Ah => Auth::Ah(padded),
        })
    }

    /// Eight bytes, zero padded.
    fn password(&mut self, password: &str, span: Span) -> Option<[u8; 8]> {
        let bytes = password.as_bytes();
        if bytes.is_empty() {
            let message = "the password is empty; the block is ignored";
            self.report(Diagnostic::tolerated(Rule::AuthIncomplete, span, message));
            return None;
        }
        if bytes.len() > 8 {
            let message = "a VRRP password has eight bytes; the rest is cut off";
            let shown: String = password
                .chars()
                .scan(0, |len, c| {
                    *len += c.len_utf8();
                    (*len <= 8).then_some(c)
                })
                .collect();
            let help = format!("`auth_pass {shown}` is the same");
            self.report(Diagnostic::tolerated(Rule::PasswordTooLong, span, message).help(help));
        }
        let mut padded = [0; 8];
        for (to, from) in padded.iter_mut().zip(bytes) {
            *to = *from;
        }
        Some(padded)
    }
}

/// Bytes as they are, or the hexadecimal digits behind `hex:`.
fn bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    let Some(digits) = text.strip_prefix(b"hex:") else { return Ok(text.to_vec()) };
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| "the key is no even number of hexadecimal digits".to_owned())
}
