//! The characters of a line: comments, quotes, words, braces.

use nom::branch::alt;
use nom::bytes::complete::{take_while_m_n, take_while1};
use nom::character::complete::char;
use nom::combinator::{map, opt};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// A line without its comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uncommented {
    /// Where the comment starts, or the length of the line.
    pub(crate) end: usize,
    /// Where a double quote opens that nothing closes.
    pub(crate) open_quote: Option<usize>,
    /// Where the comment starts behind a backslash.
    pub(crate) escaped: bool,
}

/// What a backslash before `#` or `!` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backslash {
    /// It keeps the character from being a comment.
    Protects,
    /// Nothing.
    IsData,
}

/// Finds the comment of a line: `#` or `!` anywhere outside double quotes.
pub(crate) fn uncomment(line: &str, backslash: Backslash) -> Uncommented {
    let mut quote = None;
    let mut previous = 0;
    for (at, byte) in line.bytes().enumerate() {
        let escaped = previous == b'\\';
        match byte {
            b'"' => quote = if quote.is_some() { None } else { Some(at) },
            b'#' | b'!' if quote.is_none() && !(escaped && backslash == Backslash::Protects) => {
                return Uncommented { end: at, open_quote: None, escaped };
            }
            _ => {}
        }
        previous = byte;
    }
    Uncommented { end: line.len(), open_quote: quote, escaped: false }
}

/// Blank characters between words.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c' | '\n' | '\r' | '\x0b')
}

/// The same of a byte: none of them is part of a longer character.
fn is_blank_byte(byte: u8) -> bool {
    is_blank(char::from(byte))
}

/// The part of a text that is not blank at its ends.
pub(crate) fn trim(text: &str) -> Token {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|&byte| !is_blank_byte(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| !is_blank_byte(byte)).map_or(start, |last| last + 1);
    Token { start, end }
}

/// Whether a line is words and braces and nothing else, as most lines are: no comment, quote, parameter, definition,
/// condition or repetition, and no character that is to be remarked on.
pub(crate) fn is_plain(line: &str) -> bool {
    const IS_PLAIN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0u8;
        while byte < 0x80 {
            table[byte as usize] = !matches!(byte, 0 | b'"' | b'#' | b'!' | b'\\' | b'$' | b'@' | b'~');
            byte += 1;
        }
        table
    };
    line.bytes().fold(true, |plain, byte| plain & IS_PLAIN[usize::from(byte)])
}

/// A word of a line, by offsets without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Splits a line into words: at blanks, and around double quotes.
pub(crate) fn words(line: &str) -> impl Iterator<Item = Token> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (token, next) = word(line, at)?;
        at = next;
        Some(token)
    })
}

/// The word at or behind an offset, and where to look for the next one.
fn word(line: &str, from: usize) -> Option<(Token, usize)> {
    let bytes = line.as_bytes();
    let find = |from: usize, wanted: fn(u8) -> bool| {
        bytes.iter().skip(from).position(|&byte| wanted(byte)).map_or(bytes.len(), |offset| from + offset)
    };
    let start = find(from, |byte| !is_blank_byte(byte));
    let first = *bytes.get(start)?;
    if first == b'"' {
        let end = find(start + 1, |byte| byte == b'"');
        return Some((Token { start: start + 1, end }, (end + 1).min(bytes.len())));
    }
    // A template's placeholder is one word, whatever blanks are in it.
    let filler = (first == b'{').then(|| template(line.get(start..)?)).flatten();
    let end = match filler {
        Some(len) => start + len,
        None => find(start + 1, |byte| byte == b'"' || is_blank_byte(byte)),
    };
    Some((Token { start, end }, end))
}

/// The name at the start of a parameter or definition.
pub(crate) fn name(input: &str) -> IResult<&str, &str> {
    let (rest, _) =
        nom::combinator::peek(nom::character::complete::satisfy(|c| c == '_' || c.is_ascii_alphabetic()))
            .parse(input)?;
    take_while1(|c: char| c == '_' || c.is_ascii_alphanumeric())(rest)
}

/// `$NAME=`: the name, and the text after the sign.
pub(crate) fn definition(line: &str) -> Option<(&str, &str)> {
    let parsed: IResult<&str, &str> = preceded(char('$'), terminated(name, char('='))).parse(line);
    parsed.ok().map(|(rest, name)| (name, rest))
}

/// A use of a parameter at the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use<'a> {
    pub(crate) name: &'a str,
    /// Words after the name, within the braces.
    pub(crate) args: &'a str,
    /// Length of the whole use.
    pub(crate) len: usize,
    pub(crate) braces: Braces,
}

/// Whether a parameter stands in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Braces {
    /// `${NAME}`.
    Yes,
    /// `$NAME`.
    No,
}

/// Reads `$NAME` (before a blank, a comma, a parenthesis or the end) or `${NAME}`.
pub(crate) fn parameter(text: &str) -> Option<Use<'_>> {
    alt((braced, bare)).parse(text).ok().map(|(rest, found)| Use { len: text.len() - rest.len(), ..found })
}

fn braced(input: &str) -> IResult<&str, Use<'_>> {
    let (input, _) = (char('$'), char('{')).parse(input)?;
    let (input, name) = name(input)?;
    let (input, args) =
        opt(preceded(take_while1(is_blank), take_while_m_n(0, LOOK_AHEAD, |c| c != '}'))).parse(input)?;
    map(char('}'), move |_| Use { name, args: args.unwrap_or_default(), len: 0, braces: Braces::Yes })
        .parse(input)
}

fn bare(input: &str) -> IResult<&str, Use<'_>> {
    let (rest, name) = preceded(char('$'), name).parse(input)?;
    if rest.chars().next().is_none_or(|c| is_blank(c) || matches!(c, ',' | ')')) {
        return Ok((rest, Use { name, args: "", len: 0, braces: Braces::No }));
    }
    Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify)))
}

/// A brace that structures the text, or a template's placeholder that was left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brace {
    Open(usize),
    Close(usize),
}

/// The first brace outside double quotes. `${NAME}` and `{{ name }}` are words: what is left of a parameter that
/// nobody defined or of a template that nobody filled in, and splitting there would only hide that.
pub(crate) fn brace(line: &str, opening: Opening) -> Option<Brace> {
    let bytes = line.as_bytes();
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => quoted = !quoted,
            b'{' | b'}' if quoted => {}
            b'{' => {
                if let Some(len) = placeholder(line, at) {
                    at += len;
                    continue;
                }
                if opening == Opening::Splits {
                    return Some(Brace::Open(at));
                }
            }
            b'}' => return Some(Brace::Close(at)),
            _ => {}
        }
        at += 1;
    }
    None
}

/// What an opening brace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It starts a block.
    Splits,
    /// It is an ordinary character, as on the lines of a list.
    IsData,
}

/// The length of a placeholder whose (last opening) brace is at an offset.
fn placeholder(line: &str, at: usize) -> Option<usize> {
    let rest = ahead(line.get(at..)?);
    if line.get(..at)?.ends_with('$') {
        return rest.find('}').map(|end| end + 1);
    }
    template(rest)
}

/// How far the end of a placeholder is looked for, in characters: a limit, so that no line takes quadratic time.
const LOOK_AHEAD: usize = 200;

/// The start of a text.
pub(crate) fn ahead(text: &str) -> &str {
    let end = text.char_indices().nth(LOOK_AHEAD).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// The length of a `{{ name }}` at the start of the text.
pub(crate) fn template(text: &str) -> Option<usize> {
    let inner = ahead(text).strip_prefix("{{")?;
    inner.find("}}").map(|end| end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<&str> {
        words(line).map(|token| &line[token.start..token.end]).collect()
    }

    #[test]
    fn words_split_at_blanks_and_quotes() {
        assert_eq!(split(r#"  a "b c"d  e"f""#), ["a", "b c", "d", "e", "f"]);
        assert_eq!(split(r#"a "" b"#), ["a", "", "b"]);
        assert_eq!(split(r#"a "open end"#), ["a", "open end"]);
        assert_eq!(split("it's 'one two'"), ["it's", "'one", "two'"]);
        assert_eq!(split("a {{ b }}/24 {{c"), ["a", "{{ b }}", "/24", "{{c"]);
    }

    #[test]
    fn comments_start_anywhere_outside_double_quotes() {
        for (line, end) in [("aa#bb", 2), ("a !x", 2), (r##""a#b" c"##, 7), ("'a#b'", 2), ("plain", 5)] {
            assert_eq!(uncomment(line, Backslash::IsData).end, end, "{line}");
        }
        assert!(uncomment(r"cc\#dd", Backslash::IsData).escaped);
        assert_eq!(uncomment(r#"a "b#"#, Backslash::IsData).open_quote, Some(2));
    }

    #[test]
    fn parameters_end_where_the_language_says() {
        assert_eq!(parameter("$A bar").map(|found| found.len), Some(2));
        assert_eq!(parameter("$Abar").map(|found| found.name), Some("Abar"));
        assert_eq!(parameter("$A/b"), None);
        assert_eq!(parameter("${A}b").map(|found| (found.name, found.len)), Some(("A", 4)));
        assert_eq!(parameter("${_RANDOM 1 5}").map(|found| found.args), Some("1 5"));
        assert_eq!(parameter("${A:-b}"), None);
    }

    #[test]
    fn braces_split_outside_quotes_and_placeholders() {
        assert_eq!(brace(r#"a "{" { b"#, Opening::Splits), Some(Brace::Open(6)));
        assert_eq!(brace("${A} }", Opening::Splits), Some(Brace::Close(5)));
        assert_eq!(brace("{{ A }} x", Opening::Splits), None);
        assert_eq!(brace("a { b }", Opening::IsData), Some(Brace::Close(6)));
    }
}
