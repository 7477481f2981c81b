//! Statements that no process acts on yet: their values are read and checked by the notation of the keyword table.

use lvsd_model::{PlannedStatement, PlannedValue};

use super::Lowering;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::Shape;
use crate::keywords::grammar::{self, Slot};
use crate::rules::Rule;
use crate::tree::Statement;

impl<'a> Lowering<'a> {
    /// Takes a statement, with all that is in its block, into the model.
    pub(super) fn plan(&mut self, statement: &Statement) {
        let mut planned = self.planned(statement);
        planned.within.clone_from(&self.path);
        self.config.planned.push(planned);
    }

    fn planned(&mut self, statement: &Statement) -> PlannedStatement {
        let row = statement.row;
        let mut planned = PlannedStatement {
            within: Vec::new(),
            keyword: row.name.to_owned(),
            values: Vec::new(),
            lines: Vec::new(),
            block: Vec::new(),
        };
        if self.right_number_of_words(statement) {
            planned.values = self.planned_values(statement);
        }
        match row.shape {
            Shape::Block(_) => {
                self.check_repeated(statement.block());
                let inner = statement.block().iter();
                planned.block = inner.map(|inner| self.planned_inside(inner)).collect();
            }
            Shape::Lines(_) => planned.lines = self.planned_lines(statement),
            Shape::Words | Shape::Script => {}
        }
        planned
    }

    fn planned_inside(&mut self, statement: &Statement) -> PlannedStatement {
        self.remark_on_deprecation(statement);
        self.planned(statement)
    }

    fn planned_values(&mut self, statement: &Statement) -> Vec<PlannedValue> {
        let words = self.all_words(&statement.words);
        if statement.row.shape == Shape::Script {
            // The command's own rules are checked; who runs it is part of what is remembered.
            let _ = self.script(statement);
            return words.into_iter().map(|word| PlannedValue::Word(word.text.to_owned())).collect();
        }
        let slots = grammar::slots(statement.row.args);
        let mut slots = slots.iter().peekable();
        let mut values = Vec::new();
        for word in words {
            // An optional word that is not there: what is there is the next one.
            if let Some(Slot::Choice(choices)) = slots.peek()
                && slots.len() > 1
                && !choices.contains(&word.text)
            {
                slots.next();
            }
            let slot = if slots.len() > 1 { slots.next() } else { slots.peek().copied() };
            values.extend(match slot {
                Some(slot) if !statement.row.takes_block() => self.planned_value(word, slot),
                _ => Some(PlannedValue::Word(word.text.to_owned())),
            });
        }
        values
    }

    fn planned_value(&mut self, word: Word<'a>, slot: &Slot) -> Option<PlannedValue> {
        match slot {
            Slot::Number(range) => self.number_word(word, range.clone()).map(PlannedValue::Number),
            Slot::Seconds(range) => self.seconds_word(word, range.clone()).map(PlannedValue::Seconds),
            Slot::Truth => self.truth_word(word).map(PlannedValue::Truth),
            Slot::Address => self.address(word).map(PlannedValue::Address),
            Slot::Interface => self.interface(word).map(|name| PlannedValue::Word(name.as_str().to_owned())),
            Slot::Choice(words) => {
                let choices: Vec<_> = words.iter().map(|&word| (word, word)).collect();
                self.choice(word, &choices).map(|word| PlannedValue::Word(word.to_owned()))
            }
            Slot::Text(most) if word.text.len() > *most => {
                let message = format!("`{}` has more than {most} bytes; it is ignored", word.text);
                self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message));
                None
            }
            Slot::Text(_) => Some(PlannedValue::Word(word.text.to_owned())),
        }
    }

    fn planned_lines(&mut self, statement: &Statement) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            all.push(words.iter().map(|word| word.text.to_owned()).collect());
        }
        all
    }
}
