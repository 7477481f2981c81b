//! Schedule, judge and pools of health checks, ending in a desired IPVS table. Pure.
