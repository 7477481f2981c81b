//! The domain types that configuration, engines and processes share.
