//! Where text came from: files, and lines that the preprocessor made out of them.

use std::sync::OnceLock;

/// A text of the [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// Text that no file holds: what definitions and repetitions expand to.
const EXPANSIONS: FileId = FileId(u32::MAX);

/// A range of bytes in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub(crate) file: FileId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// A part of this span, by offsets into its text.
    #[must_use]
    pub(crate) fn part(self, start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= self.len());
        let start = self.start + offset(start);
        Self { file: self.file, start, end: (self.start + offset(end)).min(self.end).max(start) }
    }

    /// From the start of this span to the end of a later one of the same text.
    #[must_use]
    pub(crate) fn to(self, other: Self) -> Self {
        debug_assert_eq!(self.file, other.file);
        Self { end: other.end.max(self.end), ..self }
    }

    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether nothing stands before it in its file.
    pub(crate) fn starts_its_text(self) -> bool {
        self.start == 0 && !self.is_expansion()
    }

    pub(crate) fn is_expansion(self) -> bool {
        self.file == EXPANSIONS
    }
}

/// The longest line that is shown whole, in bytes.
const EXCERPT: usize = 1000;

/// How much is shown before a place on a longer line.
const CLOSE: u32 = 60;

/// Offsets fit: no text is longer than [`SourceMap::MAX_TEXT`].
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[derive(Debug)]
struct SourceFile {
    name: String,
    text: String,
    /// Whether bytes that are no UTF-8 were replaced.
    replaced: bool,
    line_starts: OnceLock<Vec<u32>>,
}

/// A stretch of expanded text and where it was written.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    written: Span,
    via: Option<Span>,
    fidelity: Fidelity,
}

/// Whether a piece of expanded text is the written text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fidelity {
    /// Byte for byte.
    Verbatim,
    /// Computed from it.
    Computed,
}

/// A place in a file that a person can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Where it was written; always in a file.
    pub written: Span,
    /// The use of a definition that brought it to where it acts.
    pub via: Option<Span>,
}

/// Line and column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

/// All texts that a configuration was read from.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    expanded: String,
    pieces: Vec<Piece>,
}

impl SourceMap {
    /// The greatest size of one file or of all expansions together, in bytes.
    pub const MAX_TEXT: usize = 64 << 20;

    /// Adds a file; bytes that are no UTF-8 are replaced.
    pub(crate) fn add_file(&mut self, name: String, bytes: Vec<u8>) -> FileId {
        let (text, replaced) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        let id = FileId(offset(self.files.len()));
        self.files.push(SourceFile { name, text, replaced, line_starts: OnceLock::new() });
        id
    }

    /// How many files there are.
    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// How many bytes they have together.
    pub(crate) fn total_len(&self) -> usize {
        self.files.iter().map(|file| file.text.len()).sum()
    }

    /// The names of the files, in the order of reading.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The texts of the files, in the order of reading.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.text.as_str()).collect()
    }

    /// The whole text of a file.
    pub(crate) fn whole(&self, file: FileId) -> Span {
        Span { file, start: 0, end: offset(self.buffer(file).len()) }
    }

    /// The text of a span.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.buffer(span.file).get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Whether a span's file held bytes that are no UTF-8.
    pub(crate) fn was_replaced(&self, file: FileId) -> bool {
        self.files.get(file.0 as usize).is_some_and(|file| file.replaced)
    }

    fn buffer(&self, file: FileId) -> &str {
        if file == EXPANSIONS {
            return &self.expanded;
        }
        self.files.get(file.0 as usize).map_or("", |file| file.text.as_str())
    }

    /// How much expanded text there is.
    pub(crate) fn expanded_len(&self) -> usize {
        self.expanded.len()
    }

    /// Starts a line of expanded text; [`Self::finish_expansion`] gives its span.
    pub(crate) fn start_expansion(&self) -> usize {
        self.expanded.len()
    }

    /// Appends text that was written elsewhere.
    pub(crate) fn push_written(&mut self, written: Span, via: Option<Span>) {
        let text = self.text(written).to_owned();
        self.push_piece(&text, written, via, Fidelity::Verbatim);
    }

    /// Appends text that was computed from what is written elsewhere.
    pub(crate) fn push_computed(&mut self, text: &str, written: Span, via: Option<Span>) {
        self.push_piece(text, written, via, Fidelity::Computed);
    }

    fn push_piece(&mut self, text: &str, written: Span, via: Option<Span>, fidelity: Fidelity) {
        if text.is_empty() {
            return;
        }
        self.pieces.push(Piece { start: offset(self.expanded.len()), written, via, fidelity });
        self.expanded.push_str(text);
    }

    /// The span of all text appended since `start`.
    pub(crate) fn finish_expansion(&mut self, start: usize) -> Span {
        let span = Span { file: EXPANSIONS, start: offset(start), end: offset(self.expanded.len()) };
        // A separator, so that no piece of the next line continues this one.
        self.expanded.push('\n');
        span
    }

    /// Where a span was written, in a file.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let mut place = Place { written: span, via: None };
        // Pieces point at older text only, so this ends.
        while place.written.is_expansion() {
            let Some((written, via)) = self.one_step(place.written) else {
                return Place { written: Span { file: FileId(0), start: 0, end: 0 }, via: None };
            };
            place = Place { written, via: place.via.or(via) };
        }
        let via = place.via.map(|via| if via.is_expansion() { self.place(via).written } else { via });
        Place { via: via.filter(|&via| via != place.written), ..place }
    }

    fn one_step(&self, span: Span) -> Option<(Span, Option<Span>)> {
        let first = self.piece_at(span.start)?;
        let last = self.piece_at(span.end.saturating_sub(1).max(span.start))?;
        let start = self.pieces.get(first)?;
        if first == last {
            return Some((within(start, span), start.via));
        }
        // Several pieces: the line where they were put together is the place.
        let end = self.pieces.get(last)?;
        let from = start.via.unwrap_or_else(|| within(start, span));
        let until = end.via.unwrap_or_else(|| within(end, span));
        let joined = if from.file == until.file && until.end >= from.start { from.to(until) } else { from };
        Some((joined, None))
    }

    fn piece_at(&self, at: u32) -> Option<usize> {
        self.pieces.partition_point(|piece| piece.start <= at).checked_sub(1)
    }

    /// The name of the file of a place.
    #[must_use]
    pub fn name(&self, span: Span) -> &str {
        let written = self.place(span).written;
        self.files.get(written.file.0 as usize).map_or("", |file| file.name.as_str())
    }

    /// Line and column of the start of a span, where it was written.
    #[must_use]
    pub fn line_column(&self, span: Span) -> LineColumn {
        let written = self.place(span).written;
        let (line, start) = self.line_start(written);
        let before =
            self.buffer(written.file).get(start as usize..written.start as usize).unwrap_or_default();
        // Beyond any line that a person would write a column is counted in bytes, to stay cheap.
        let column = if before.len() > EXCERPT { before.len() } else { before.chars().count() };
        LineColumn { line, column: column + 1 }
    }

    /// The whole line of a span, where it was written, without its end; of a monstrous line the part around the span.
    #[must_use]
    pub fn line(&self, span: Span) -> Span {
        let written = self.place(span).written;
        let (number, start) = self.line_start(written);
        let next = self.line_starts(written.file).get(number).map_or(u32::MAX, |&next| next - 1);
        let end = next.min(offset(self.buffer(written.file).len())).max(start);
        let line = Span { file: written.file, start, end };
        if line.len() <= EXCERPT {
            return line;
        }
        let near = |at: u32| self.boundary(written.file, at.clamp(start, end));
        let (from, until) = (written.start.saturating_sub(CLOSE), written.start.saturating_add(4 * CLOSE));
        Span { start: near(from), end: near(until), ..line }
    }

    /// The first character boundary at or after an offset.
    fn boundary(&self, file: FileId, at: u32) -> u32 {
        let text = self.buffer(file);
        (at..at + 4).find(|&at| text.is_char_boundary(at as usize)).unwrap_or(at)
    }

    fn line_starts(&self, file: FileId) -> &[u32] {
        self.files.get(file.0 as usize).map_or(&[], SourceFile::line_starts)
    }

    /// Number (from 1) and offset of the line that a span of a file starts on.
    fn line_start(&self, span: Span) -> (usize, u32) {
        let starts = self.line_starts(span.file);
        let line = starts.partition_point(|&start| start <= span.start).max(1);
        (line, starts.get(line - 1).copied().unwrap_or(0))
    }
}

impl SourceFile {
    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| offset(at + 1))).collect()
        })
    }
}

/// The part of a piece's source that a span of its expansion stands for.
fn within(piece: &Piece, span: Span) -> Span {
    if piece.fidelity == Fidelity::Computed {
        return piece.written;
    }
    let skip = span.start.saturating_sub(piece.start);
    let start = (piece.written.start + skip).min(piece.written.end);
    let end = (piece.written.start + span.end.saturating_sub(piece.start)).clamp(start, piece.written.end);
    Span { file: piece.written.file, start, end }
}
