//! YAML as a tree of texts with their lines. No value is guessed to be a number or a date: a tag such as `0012e34` or
//! `1e10` stays the text that it is.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{MAXIMUM_RULES_BYTES, RuleError, RuleProblem};

/// How deep lists and maps may lie in each other; the rules use five.
const MAXIMUM_DEPTH: usize = 32;

/// A value and the line it begins in.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing is written there, or `~` or `null` without quotes.
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// The one document in a file; nothing if it is empty.
pub(super) fn parse(bytes: &[u8]) -> Result<Node, RuleError> {
    if bytes.len() > MAXIMUM_RULES_BYTES {
        return Err(RuleProblem::TooLarge { bytes: bytes.len(), maximum: MAXIMUM_RULES_BYTES }.at(1));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let read = bytes.get(..error.valid_up_to()).unwrap_or_default();
        RuleProblem::NotUtf8.at(1 + read.iter().filter(|byte| **byte == b'\n').count())
    })?;
    let mut events = Events(Parser::new_from_str(text));
    let mut document = None;
    while let Some((event, span)) = events.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(..) if document.is_some() => {
                return Err(RuleProblem::NotUsed("a second document").at(span.start.line()));
            }
            Event::DocumentStart(..) => {}
            other => document = Some(events.node(other, &span, 0)?),
        }
    }
    Ok(document.unwrap_or(Node { line: 1, value: Value::Nothing }))
}

struct Events<'a>(Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, RuleError> {
        match self.0.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(RuleProblem::NotYaml(error.info()).at(error.marker().line())),
        }
    }

    /// The event that must come, since the parser ends each list and map it began.
    fn more(&mut self, line: usize) -> Result<(Event<'a>, Span), RuleError> {
        self.next()?.ok_or_else(|| RuleProblem::NotYaml("the file ends too early".to_owned()).at(line))
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, RuleError> {
        let line = span.start.line();
        if depth > MAXIMUM_DEPTH {
            return Err(RuleProblem::NotUsed("such deep nesting").at(line));
        }
        let value = match event {
            Event::Scalar(text, style, _, _) => match (style, text.as_ref()) {
                (ScalarStyle::Plain, "" | "~" | "null") => Value::Nothing,
                _ => Value::Text(text.into_owned()),
            },
            Event::SequenceStart(..) => Value::List(self.list(line, depth)?),
            Event::MappingStart(..) => Value::Map(self.map(line, depth)?),
            // A file that refers to itself has no use here, and expanding it has no bound.
            Event::Alias(_) => return Err(RuleProblem::NotUsed("an alias (*)").at(line)),
            other => return Err(RuleProblem::NotYaml(format!("unexpected {other:?}")).at(line)),
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, line: usize, depth: usize) -> Result<Vec<Node>, RuleError> {
        let mut nodes = Vec::new();
        loop {
            match self.more(line)? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, span) => nodes.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, line: usize, depth: usize) -> Result<Vec<(Node, Node)>, RuleError> {
        let mut pairs = Vec::new();
        loop {
            let key = match self.more(line)? {
                (Event::MappingEnd, _) => return Ok(pairs),
                (event, span) => self.node(event, &span, depth + 1)?,
            };
            let (event, span) = self.more(line)?;
            pairs.push((key, self.node(event, &span, depth + 1)?));
        }
    }
}
