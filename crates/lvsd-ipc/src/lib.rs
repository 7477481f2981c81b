//! Messages and frames between the supervisor and its children.
