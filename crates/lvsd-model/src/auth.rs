//! How the routers of an instance know each other.

use std::fmt;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

/// `authentication` or `auth_hmac`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Auth {
    /// `auth_type PASS`, VRRPv2 only: eight bytes, zero padded (RFC 2338 §5.3.10). No protection: it is sent in clear.
    Pass([u8; 8]),
    /// `auth_type AH`, VRRPv2 over IPv4 only: the same password as key of an IP authentication header.
    Ah([u8; 8]),
    /// `auth_hmac`.
    Hmac(HmacAuth),
}

impl Auth {
    /// The same kind with every secret replaced by asterisks, for people to see.
    #[must_use]
    pub fn masked(&self) -> Self {
        const MASK: u8 = b'*';
        match self {
            Self::Pass(_) => Self::Pass([MASK; 8]),
            Self::Ah(_) => Self::Ah([MASK; 8]),
            Self::Hmac(auth) => {
                let keys = auth.keys.iter();
                // As long as the shortest: also the length is nobody's business.
                let keys =
                    keys.map(|key| HmacKey { id: key.id, secret: vec![MASK; HmacKey::MIN_LEN] }).collect();
                Self::Hmac(HmacAuth { keys, ..auth.clone() })
            }
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password must not reach a log.
        match self {
            Self::Pass(_) => f.write_str("Pass(********)"),
            Self::Ah(_) => f.write_str("Ah(********)"),
            Self::Hmac(auth) => auth.fmt(f),
        }
    }
}

/// The number of a key, 1 to 255.
pub type KeyId = NonZeroU8;

/// `auth_hmac`: a trailer with an HMAC-SHA256 behind every advert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HmacAuth {
    /// `key`: what others may sign with; ids are unique.
    pub keys: Vec<HmacKey>,
    /// `active_key`: what is signed with; one of the keys.
    pub active: KeyId,
    /// `time_window`: seconds by which clocks may differ, 1 to 300.
    pub window: u16,
    /// `anti_replay`.
    pub anti_replay: AntiReplay,
    /// `mode`.
    pub mode: HmacMode,
}

/// A key of `auth_hmac`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HmacKey {
    /// Its number.
    pub id: KeyId,
    secret: Vec<u8>,
}

impl HmacKey {
    /// Fewest bytes of a secret.
    pub const MIN_LEN: usize = 32;
    /// Most bytes of a secret.
    pub const MAX_LEN: usize = 64;

    /// A key; `None` when the secret has not from 32 to 64 bytes.
    #[must_use]
    pub fn new(id: KeyId, secret: Vec<u8>) -> Option<Self> {
        (Self::MIN_LEN..=Self::MAX_LEN).contains(&secret.len()).then_some(Self { id, secret })
    }

    /// What nobody else may know.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HmacKey({}, ********)", self.id)
    }
}

/// `anti_replay`: how the number of an advert follows the clock, and when a number heard is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AntiReplay {
    /// A clock that is set back by more than the window is followed.
    #[default]
    Time,
    /// Numbers only ever grow.
    Monotonic,
}

/// `mode` of `auth_hmac`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HmacMode {
    /// Adverts are signed, and only signed ones are believed.
    #[default]
    Enforce,
    /// Adverts are signed; those without a signature are believed too.
    Permissive,
    /// Adverts are not signed; those without a signature are believed too.
    ReceiveOnly,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let id = KeyId::new(5).expect("not 0");
        let key = HmacKey::new(id, b"0123456789abcdef0123456789abcdef".to_vec()).expect("32 bytes");
        let auth = HmacAuth {
            keys: vec![key],
            active: id,
            window: 5,
            anti_replay: AntiReplay::Time,
            mode: HmacMode::Enforce,
        };
        for auth in [Auth::Hmac(auth), Auth::Pass(*b"01234567"), Auth::Ah(*b"01234567")] {
            let text = format!("{auth:?}");
            assert!(
                text.contains("********") && !text.contains("01234") && !text.contains("48, 49"),
                "{text}"
            );
        }
    }

    #[test]
    fn secrets_have_from_32_to_64_bytes() {
        let id = KeyId::new(1).expect("not 0");
        for (length, fits) in [(31, false), (32, true), (64, true), (65, false)] {
            assert_eq!(HmacKey::new(id, vec![1; length]).is_some(), fits, "{length}");
        }
    }
}
