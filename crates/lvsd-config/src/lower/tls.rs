//! `SSL`.

use std::path::PathBuf;

use lvsd_model::{CheckKind, Password, TlsIdentity};

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// The block as far as it is written, with places.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsDraft {
    authorities: Option<(PathBuf, Span)>,
    certificate: Option<(PathBuf, Span)>,
    key: Option<(PathBuf, Span)>,
    password: Option<(Password, Span)>,
}

impl<'a> Lowering<'a> {
    /// The block; of several the last value counts.
    pub(super) fn ssl(&mut self, block: &'a Statement) {
        self.check_repeated(block.block());
        let mut draft = std::mem::take(&mut self.tls);
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            let Some(word) = self.word(statement, 0) else { continue };
            let at = statement.keyword;
            if statement.row.name == "password" {
                draft.password = Some((Password::new(word.text.to_owned()), at));
                continue;
            }
            self.places.add(Item::Certificate(word.text.to_owned()), word.span);
            let path = Some((PathBuf::from(word.text), at));
            match statement.row.name {
                "ca" => draft.authorities = path,
                "certificate" => draft.certificate = path,
                "key" => draft.key = path,
                other => debug_assert!(false, "{other} works, so it is lowered"),
            }
        }
        self.tls = draft;
    }

    /// Puts the parts together, once all checks are known.
    pub(super) fn finish_ssl(&mut self) {
        let TlsDraft { authorities, certificate, key, password } = std::mem::take(&mut self.tls);
        if let (Some((_, at)), false) = (&authorities, self.verifies()) {
            let message = "no SSL_GET has `tls_verify`: any certificate will do, and `ca` is for nothing";
            let help = "add `tls_verify` to the checks that are to look at certificates";
            self.report(Diagnostic::hint(Rule::NoEffect, *at, message).help(help));
        }
        self.config.lvs.tls.authorities = authorities.map(|(path, _)| path);
        let Some((certificate, _)) = certificate else {
            if let Some(at) = key.map(|(_, at)| at).or_else(|| password.as_ref().map(|(_, at)| *at)) {
                let message = "`SSL` has no certificate, so no check shows one";
                let help = "add `certificate /path`, a file in PEM";
                self.report(Diagnostic::tolerated(Rule::CertificateIncomplete, at, message).help(help));
            }
            return;
        };
        // A file may hold both.
        let key = key.map_or_else(|| certificate.clone(), |(key, _)| key);
        let password = password.map(|(password, _)| password);
        self.config.lvs.tls.identity = Some(TlsIdentity { certificate, key, password });
    }

    fn verifies(&self) -> bool {
        let servers = self.config.lvs.services.iter().flat_map(|service| &service.real_servers);
        servers.flat_map(|server| &server.checks).any(|check| match &check.kind {
            CheckKind::Http(http) => http.tls.as_ref().is_some_and(|tls| tls.verify),
            _ => false,
        })
    }
}
