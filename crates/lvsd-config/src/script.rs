//! The commands of quoted keywords: their words, and the words of the command itself.

/// One word of a line, with quotes of both kinds removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text.
    pub(crate) text: String,
    /// Where it stands, quotes included.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Whether any of it was quoted.
    pub(crate) quoting: Quoting,
}

/// Whether a word was protected by quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// No quotes.
    Bare,
    /// At least partly in quotes.
    Quoted,
}

/// What a backslash does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// It protects the next character and stays, for a second split.
    Kept,
    /// It is replaced by what it stands for.
    Replaced,
}

/// Splits text by shell-like rules: both quotes quote, quoted and unquoted parts join, backslash escapes.
pub(crate) fn split(text: &str, escapes: Escapes) -> Vec<Word> {
    let mut splitter = Splitter { text, at: 0, escapes };
    std::iter::from_fn(|| splitter.word()).collect()
}

struct Splitter<'a> {
    text: &'a str,
    at: usize,
    escapes: Escapes,
}

impl Splitter<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn word(&mut self) -> Option<Word> {
        while self.peek().is_some_and(crate::lex::is_blank) {
            self.take();
        }
        let start = self.at;
        let mut word = String::new();
        let mut quoting = Quoting::Bare;
        let mut quote = None;
        self.peek()?;
        while let Some(c) = self.peek() {
            if quote.is_none() && crate::lex::is_blank(c) {
                break;
            }
            self.take();
            match (c, quote) {
                ('\\', _) => self.escape(&mut word),
                ('"' | '\'', None) => {
                    quote = Some(c);
                    quoting = Quoting::Quoted;
                }
                (c, Some(open)) if c == open => quote = None,
                (c, _) => word.push(c),
            }
        }
        Some(Word { text: word, start, end: self.at, quoting })
    }

    fn escape(&mut self, word: &mut String) {
        if self.escapes == Escapes::Kept {
            word.push('\\');
            word.extend(self.take());
            return;
        }
        let Some(c) = self.take() else {
            word.push('\\');
            return;
        };
        let byte = match c {
            'a' => 0x07,
            'b' => 0x08,
            'E' => 0x1b,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '0'..='7' => {
                self.at -= 1;
                self.digits(8, 3)
            }
            'x' if self.peek().is_some_and(|c| c.is_ascii_hexdigit()) => self.digits(16, 2),
            'c' => match self.take() {
                Some(control) if control.is_ascii() => control as u8 & 0x1f,
                _ => return,
            },
            other => {
                word.push(other);
                return;
            }
        };
        // A program cannot be given a NUL in an argument.
        if byte != 0 {
            word.push(char::from(byte));
        }
    }

    fn digits(&mut self, radix: u32, most: usize) -> u8 {
        let mut value = 0u32;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            self.take();
            value = value * radix + digit;
        }
        (value & 0xff) as u8
    }
}

/// Words that only a shell understands.
const OPERATORS: &[&str] = &[
    "&&",
    "||",
    "|",
    ";",
    ">",
    "<",
    ">>",
    "2>",
    "2>&1",
    ">&2",
    "&",
    "&>",
    "<<<",
    "2>/dev/null",
    ">/dev/null",
    "&>/dev/null",
];

/// Words that only a shell understands as a program.
const BUILTINS: &[&str] = &["!", "[[", "if", "for", "while", "case", "until", "{", "("];

/// The first word of a command that needs a shell to mean anything.
pub(crate) fn shell_word(argv: &[Word]) -> Option<&Word> {
    let bare = |word: &&Word| word.quoting == Quoting::Bare;
    let program = argv.first().filter(bare).filter(|word| BUILTINS.contains(&word.text.as_str()));
    program.or_else(|| argv.iter().filter(bare).find(|word| is_operator(&word.text)))
}

fn is_operator(word: &str) -> bool {
    OPERATORS.contains(&word) || word.len() > 1 && word.ends_with(';') && !word.ends_with("\\;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str) -> Vec<String> {
        split(text, Escapes::Replaced).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_join_and_escapes_are_replaced() {
        assert_eq!(argv(r#"/bin/a 'b c'd "e f" g"#), ["/bin/a", "b cd", "e f", "g"]);
        assert_eq!(argv(r"a\tb \x41\x4a1 \101 \cA x\ y \\"), ["a\tb", "AJ1", "A", "\u{1}", "x y", "\\"]);
        assert_eq!(argv(r"nul\0here \"), ["nulhere", "\\"]);
        assert_eq!(argv("''"), [""]);
    }

    #[test]
    fn the_command_is_one_word_of_the_line() {
        let words = split(r#""/bin/a 'b c'" root group"#, Escapes::Kept);
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["/bin/a 'b c'", "root", "group"]);
        assert_eq!((words[0].start, words[0].end), (0, 14));
    }

    #[test]
    fn operators_need_a_shell_unless_quoted() {
        for (command, found) in [
            ("/bin/a && /bin/b", Some("&&")),
            ("/bin/a '&&' b", None),
            ("[[ -f /x ]]", Some("[[")),
            ("! /bin/a", Some("!")),
            ("/bin/a 2>&1", Some("2>&1")),
            ("/bin/a b&c", None),
        ] {
            let words = split(command, Escapes::Replaced);
            assert_eq!(shell_word(&words).map(|word| word.text.as_str()), found, "{command}");
        }
    }
}
