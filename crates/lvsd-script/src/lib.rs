//! Runs administrators' scripts: user, security rules, process group, timeout.
