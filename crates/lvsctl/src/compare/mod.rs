//! `lvsctl compare`: what in the files of two nodes does not fit together.
//!
//! Nodes of a pair are never equal: priorities, interfaces and sources are each node's own. What is compared is what both
//! must agree on to understand each other's adverts, and what the one must have to take over from the other.

mod lvs;
#[cfg(test)]
mod tests;
mod vrrp;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;

use lvsd_model::Config;
use serde::Serialize;

use crate::cli::{Compare, Format};
use crate::{Failure, Status, reading};

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Difference {
    /// What kind it is; stable.
    id: &'static str,
    /// What it is about: an instance, a group, a virtual server.
    subject: String,
    /// What it leads to.
    message: String,
    /// What the first file says.
    a: Option<String>,
    /// What the second file says.
    b: Option<String>,
}

/// All that does not fit.
#[derive(Debug, Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, id: &'static str, subject: &str, said: [Option<String>; 2], message: &str) {
        let [a, b] = said;
        let (subject, message) = (subject.to_owned(), message.to_owned());
        self.0.push(Difference { id, subject, message, a, b });
    }

    /// Adds a difference when two values are not equal.
    fn unequal<T: PartialEq + Display>(
        &mut self,
        id: &'static str,
        subject: &str,
        said: [T; 2],
        message: &str,
    ) {
        let [a, b] = said;
        if a != b {
            self.add(id, subject, [Some(a.to_string()), Some(b.to_string())], message);
        }
    }

    /// Adds a difference for what only one of two sets has.
    fn sets(&mut self, id: &'static str, subject: &str, said: [BTreeSet<String>; 2], message: &str) {
        let [a, b] = &said;
        if a != b {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                let list: Vec<_> = one.difference(other).map(String::as_str).collect();
                (!list.is_empty()).then(|| list.join(", "))
            };
            self.add(id, subject, [only(a, b), only(b, a)], message);
        }
    }
}

/// Everything in two configurations that does not fit together.
fn differences(a: &Config, b: &Config) -> Vec<Difference> {
    let mut found = Differences::default();
    vrrp::compare(&a.vrrp, &b.vrrp, &mut found);
    lvs::compare(&a.lvs, &b.lvs, &mut found);
    found.0
}

/// Finds the partner of each of `a` in `b`: by the first key that finds one, nobody twice. The rest is left over.
fn pairs<'t, T>(
    a: &'t [T],
    b: &'t [T],
    keys: &[fn(&T, &T) -> bool],
) -> (Vec<(&'t T, &'t T)>, Vec<&'t T>, Vec<&'t T>) {
    let (mut left, mut right): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    let mut found = Vec::new();
    for same in keys {
        left.retain(|one| {
            let partner = right.iter().position(|other| same(one, other));
            partner.map(|at| found.push((*one, right.remove(at)))).is_none()
        });
    }
    (found, left, right)
}

pub(crate) fn print(wanted: &Compare, out: &mut impl Write) -> Result<Status, Failure> {
    let a = reading::configuration(&wanted.a, wanted.id_a.as_deref())?;
    let b = reading::configuration(&wanted.b, wanted.id_b.as_deref())?;
    let found = differences(&a, &b);
    match wanted.format {
        Format::Text => {
            let names = [&wanted.a, &wanted.b].map(|path| path.display().to_string());
            found.iter().try_for_each(|difference| write(difference, &names, out))?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &found)?;
            writeln!(out)?;
        }
    }
    Ok(if found.is_empty() { Status::GOOD } else { Status::OTHERWISE })
}

fn write(difference: &Difference, names: &[String; 2], out: &mut impl Write) -> std::io::Result<()> {
    let Difference { id, subject, message, a, b } = difference;
    writeln!(out, "{subject}: {message} [{id}]")?;
    for (name, said) in names.iter().zip([a, b]) {
        if let Some(said) = said {
            writeln!(out, "    {name}: {said}")?;
        }
    }
    Ok(())
}
