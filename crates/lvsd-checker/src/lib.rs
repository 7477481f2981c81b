//! The health-check process: probes, lvsd-health, IPVS reconciliation.
