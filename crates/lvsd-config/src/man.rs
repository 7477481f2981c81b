//! The keyword section of lvsd.conf(5).
