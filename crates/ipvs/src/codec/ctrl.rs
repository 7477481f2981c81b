//! The one exchange with generic netlink's controller: which number has the family `IPVS`?
//!
//! The ecosystem's controller types refuse attributes they do not know, and a refused answer is an answer lost; this
//! reads the one attribute needed and keeps the others unread.

use netlink_packet_core::{DecodeError as CoreError, Emitable, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader};

use super::wire::{Wire, attributes, parse_attrs};

attributes! {
    /// Attributes of the controller.
    pub(crate) enum CtrlAttr {
        /// Number of a family
        FamilyId(u16) = 1, "CTRL_ATTR_FAMILY_ID";
        /// Name of a family
        FamilyName(String) = 2, "CTRL_ATTR_FAMILY_NAME";
    }
}

/// A question to the controller, or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ctrl(pub(crate) Vec<CtrlAttr>);

impl Ctrl {
    /// Asks for a family by its name.
    pub(crate) fn family_named(name: &str) -> Self {
        Self(vec![CtrlAttr::FamilyName(name.to_owned())])
    }

    /// The number in an answer.
    pub(crate) fn family_id(&self) -> Option<u16> {
        self.0.iter().find_map(|attr| match attr {
            CtrlAttr::FamilyId(id) => Some(*id),
            _ => None,
        })
    }
}

impl GenlFamily for Ctrl {
    fn family_name() -> &'static str {
        "nlctrl"
    }

    /// `GENL_ID_CTRL`, the only fixed number.
    fn family_id(&self) -> u16 {
        16
    }

    /// `CTRL_CMD_GETFAMILY`.
    fn command(&self) -> u8 {
        3
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Ctrl {
    fn buffer_len(&self) -> usize {
        Wire::len(&self.0)
    }

    fn emit(&self, out: &mut [u8]) {
        Wire::emit(&self.0, out);
    }
}

/// What cannot be read is an answer that says nothing.
impl ParseableParametrized<[u8], GenlHeader> for Ctrl {
    fn parse_with_param(attrs: &[u8], _: GenlHeader) -> Result<Self, CoreError> {
        Ok(Self(parse_attrs("a controller reply", attrs).unwrap_or_default()))
    }
}
