//! VRRP v2/v3 wire format and election engine. Pure.
