//! What a configuration says and no process acts on yet.
//!
//! Every keyword whose row of the table is pending comes here with its values read and checked, so that nothing of a
//! configuration is lost. When its machinery is built, a keyword moves to a field of its own.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One value behind a keyword.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PlannedValue {
    /// A whole number within the range of the keyword.
    Number(i64),
    /// A time.
    Seconds(Duration),
    /// A truth value.
    Truth(bool),
    /// An address.
    Address(IpAddr),
    /// Anything else, without quotes.
    Word(String),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedStatement {
    /// The blocks around it, the outermost first, each as it is called in the file; empty at the root level.
    pub within: Vec<String>,
    /// Its keyword.
    pub keyword: String,
    /// The values behind it; those that are wrong are left out.
    pub values: Vec<PlannedValue>,
    /// The lines of its list, word by word.
    pub lines: Vec<Vec<String>>,
    /// The statements of its block.
    pub block: Vec<Self>,
}
