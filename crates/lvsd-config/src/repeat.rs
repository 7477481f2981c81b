//! `~SEQ`, `~SEQx` and `~LST`: a line once per value.

use crate::parameters::{Definition, Parameters};
use crate::source::{SourceMap, Span};

/// The values of one repetition.
enum Values {
    /// From, by, how many, as hexadecimal or not.
    Sequence { next: i64, step: i64, left: u64, radix: Radix },
    /// Tuples, in reverse.
    List(Vec<Vec<String>>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Radix {
    Decimal,
    Hex,
}

/// A repetition that is under way.
pub(crate) struct Repeat {
    names: Vec<String>,
    values: Values,
    header: Span,
    rest: Span,
    before: Vec<Option<Definition>>,
}

impl Repeat {
    /// The length of a header with its closing parenthesis, if the text starts with one.
    pub(crate) fn header_len(text: &str) -> Option<usize> {
        let known = ["~SEQ(", "~SEQx(", "~LST("].iter().any(|name| text.starts_with(name));
        known.then(|| text.find(')').map_or(text.len(), |end| end + 1))
    }

    /// Reads a header.
    pub(crate) fn parse(
        text: &str,
        header: Span,
        rest: Span,
        parameters: &mut Parameters,
    ) -> Result<Self, String> {
        let (name, inner) = text.split_once('(').ok_or("the opening parenthesis is missing")?;
        let inner = inner.trim_end().strip_suffix(')').ok_or("the closing parenthesis is missing")?;
        let args = arguments(inner);
        let (names, values) = match name {
            "~LST" => list(&args)?,
            "~SEQx" => sequence(&args, Radix::Hex)?,
            _ => sequence(&args, Radix::Decimal)?,
        };
        for name in &names {
            if !crate::lex::name(name).is_ok_and(|(rest, _)| rest.is_empty()) {
                return Err(format!("`{name}` is no name for a parameter"));
            }
        }
        let empty = Definition::Text(header.part(0, 0));
        let before = names.iter().map(|name| parameters.define(name.clone(), empty.clone())).collect();
        Ok(Self { names, values, header, rest, before })
    }

    /// Sets the parameters to the next values and gives the text to repeat; `None` at the end, with the parameters as
    /// they were before.
    pub(crate) fn advance(
        &mut self,
        parameters: &mut Parameters,
        sources: &mut SourceMap,
    ) -> Option<(Span, Option<Span>)> {
        let Some(values) = self.values.next() else {
            for (name, before) in self.names.iter().zip(self.before.drain(..)) {
                parameters.restore(name, before);
            }
            return None;
        };
        for (name, value) in self.names.iter().zip(values) {
            let start = sources.start_expansion();
            sources.push_computed(&value, self.header, None);
            let span = sources.finish_expansion(start);
            parameters.define(name.clone(), Definition::Text(span));
        }
        Some((self.rest, None))
    }
}

impl Values {
    fn next(&mut self) -> Option<Vec<String>> {
        match self {
            Self::List(tuples) => tuples.pop(),
            Self::Sequence { next, step, left, radix } => {
                *left = left.checked_sub(1)?;
                let value = *next;
                *next = next.saturating_add(*step);
                Some(vec![if *radix == Radix::Hex { format!("{value:x}") } else { value.to_string() }])
            }
        }
    }
}

/// Splits at commas that are not in braces.
fn arguments(text: &str) -> Vec<&str> {
    let mut depth = 0u32;
    let parts = text.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).collect()
}

fn sequence(args: &[&str], radix: Radix) -> Result<(Vec<String>, Values), String> {
    let (name, numbers) = args.split_first().ok_or("the variable is missing")?;
    let numbers = numbers.iter().map(|text| number(text)).collect::<Result<Vec<_>, _>>()?;
    let (start, step, end) = match *numbers.as_slice() {
        [end] => (if end < 0 { -1 } else { 1 }, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Err("one to three numbers are needed".to_owned()),
    };
    let step = step.unwrap_or(if end < start { -1 } else { 1 });
    if step == 0 || (end - start).signum() * step.signum() < 0 {
        return Err(format!("steps of {step} never lead from {start} to {end}"));
    }
    if radix == Radix::Hex && (start < 0 || end < 0) {
        return Err("hexadecimal sequences cannot be negative".to_owned());
    }
    let left = (end - start).unsigned_abs() / step.unsigned_abs() + 1;
    Ok((vec![(*name).to_owned()], Values::Sequence { next: start, step, left, radix }))
}

/// A number in decimal, `0x` hexadecimal or `0` octal.
fn number(text: &str) -> Result<i64, String> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        i32::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i32::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.map(|value| sign * i64::from(value)).map_err(|_| format!("`{text}` is no number"))
}

fn list(args: &[&str]) -> Result<(Vec<String>, Values), String> {
    let (names, values) = args.split_first().ok_or("the variable is missing")?;
    let names = tuple(names);
    let mut tuples = Vec::new();
    for value in values {
        let mut fields = if names.len() == 1 { vec![unbrace(value).to_owned()] } else { tuple(value) };
        if fields.len() > names.len() {
            return Err(format!("`{value}` has more values than there are variables"));
        }
        fields.resize(names.len(), String::new());
        tuples.push(fields);
    }
    tuples.reverse();
    Ok((names, Values::List(tuples)))
}

fn unbrace(text: &str) -> &str {
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text).trim()
}

fn tuple(text: &str) -> Vec<String> {
    unbrace(text).split(',').map(|field| field.trim().to_owned()).collect()
}
