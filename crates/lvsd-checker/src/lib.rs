//! The health-check process: probes, lvsd-health, IPVS reconciliation.
#![allow(dead_code)]
mod probe;
