//! The files of `SSL`: certificates, their key, and authorities.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use lvsd_model::{Password, TlsIdentity};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// More than any bundle of authorities has.
const MAX_FILE: u64 = 4 << 20;

/// How an encrypted key begins and ends (RFC 7468 §11).
const BEGIN_ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END_ENCRYPTED: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// The certificates of a file as authorities.
pub(super) fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        let unfit =
            |error| format!("{} has a certificate that cannot be an authority: {error}", file.display());
        roots.add(certificate).map_err(unfit)?;
    }
    Ok(roots)
}

/// The certificate, those behind it, and the key.
pub(super) fn load(
    identity: &TlsIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain = certificates(&identity.certificate)?;
    Ok((chain, key(&identity.key, identity.password.as_ref())?))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| format!("{} is no file in PEM: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{} has no certificate in PEM", file.display()));
    }
    Ok(found)
}

fn key(file: &Path, password: Option<&Password>) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(file)?;
    if let Some(key) = encrypted(&text) {
        return decrypt(key, password).map_err(|what| format!("{}: {what}", file.display()));
    }
    let no_key = |error| match std::str::from_utf8(&text) {
        Ok(text) if text.contains("ENCRYPTED") => format!(
            "{} is encrypted in the old way of OpenSSL; `openssl pkcs8 -topk8` makes a key of it that can be read",
            file.display()
        ),
        _ => format!("{} has no private key in PEM: {error}", file.display()),
    };
    PrivateKeyDer::from_pem_slice(&text).map_err(no_key)
}

/// The part of a file that is an encrypted key.
fn encrypted(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let start = text.find(BEGIN_ENCRYPTED)?;
    let end = start + text.get(start..)?.find(END_ENCRYPTED)? + END_ENCRYPTED.len();
    text.get(start..end)
}

fn decrypt(pem: &str, password: Option<&Password>) -> Result<PrivateKeyDer<'static>, String> {
    let password = password.ok_or("the key is encrypted, and `SSL` has no password")?;
    let unreadable = |error: &dyn std::fmt::Display| format!("the key cannot be decrypted: {error}");
    let (_, document) = SecretDocument::from_pem(pem).map_err(|error| unreadable(&error))?;
    let key =
        EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|error| unreadable(&error))?;
    let plain = key.decrypt(password.reveal()).map_err(|error| unreadable(&error))?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let opened = File::open(file).and_then(|opened| opened.take(MAX_FILE).read_to_end(&mut text));
    opened.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Ok(text)
}
