//! lvsd.conf: text to tree with spans to typed model, with diagnostics.
