//! The rules of the election, one test each, with exact times.

#[path = "../support/mod.rs"]
mod support;

mod announce;
mod backup;
mod group;
mod inquiry;
mod leave;
mod master;
mod reload;
mod resign;
mod resume;
mod start;
mod tracking;
mod vmac;
mod watched;
mod why;
