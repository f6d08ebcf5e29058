//! Parser events into JSON values.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

use super::resolve::{Scalar, Tag, resolve};
use super::spending::{MAP, Spending, VALUE};
use super::{Document, Problem};

/// Reads the first document of a chunk; what follows it (after a line of `...`) is not read, as in Go.
pub(super) fn compose(
    text: &str,
    first_line: u32,
    depth: usize,
    spending: &mut Spending<'_>,
) -> Result<Document, Problem> {
    let mut composer = Composer {
        parser: Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false }),
        first_line,
        depth,
        spending,
        anchors: HashMap::new(),
        item_lines: Vec::new(),
        warnings: Vec::new(),
    };
    loop {
        let (event, span) = composer.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => {
                return Ok(Document {
                    value: Value::Null,
                    line: first_line,
                    item_lines: Vec::new(),
                    warnings: Vec::new(),
                });
            }
            event => {
                let line = composer.line(span.start);
                let node = composer.node(event, span, 0, Place::Root)?;
                let value = composer.json(node, span)?;
                // The rest of the document must be right too.
                composer.end()?;
                return Ok(Document {
                    value,
                    line,
                    item_lines: composer.item_lines,
                    warnings: composer.warnings,
                });
            }
        }
    }
}

/// A node before it is known whether it is a key.
#[derive(Clone)]
enum Node {
    Scalar(Scalar),
    Value(Value),
}

/// Where a node stands, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// The value of `items` in the root.
    Items,
    Inside,
}

struct Anchor {
    node: Node,
    weight: usize,
}

struct Composer<'t, 's, 'l> {
    parser: Parser<'t, StrInput<'t>>,
    first_line: u32,
    depth: usize,
    /// What aliases are written out at the cost of.
    spending: &'s mut Spending<'l>,
    anchors: HashMap<usize, Anchor>,
    item_lines: Vec<u32>,
    warnings: Vec<Problem>,
}

impl<'t> Composer<'t, '_, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next() {
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => {
                let line = self.line(*error.marker());
                Err(Problem { line, message: error.info() })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            let (event, _) = self.next()?;
            if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
                return Ok(());
            }
        }
    }

    fn line(&self, marker: Marker) -> u32 {
        let within = u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1);
        self.first_line.saturating_add(within - 1)
    }

    fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem { line: self.line(span.start), message: message.into() }
    }

    fn add(&mut self, weight: usize, span: Span) -> Result<(), Problem> {
        self.spending.take(weight).map_err(|message| self.problem(span, message))
    }

    fn json(&self, node: Node, span: Span) -> Result<Value, Problem> {
        match node {
            Node::Value(value) => Ok(value),
            Node::Scalar(scalar) => scalar.into_json().map_err(|message| self.problem(span, message)),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize, place: Place) -> Result<Node, Problem> {
        if depth > self.depth {
            return Err(self.problem(span, format!("it is nested deeper than {}", self.depth)));
        }
        let before = self.spending.spent();
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let Some(anchor) = self.anchors.get(&id) else {
                    return Err(self.problem(span, "an alias stands inside of its own anchor"));
                };
                let (node, weight) = (anchor.node.clone(), anchor.weight);
                self.add(weight, span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.add(VALUE + text.len(), span)?;
                let tag = tag.map_or(Tag::None, |tag| match tag.handle() {
                    "tag:yaml.org,2002:" => Tag::of_suffix(tag.suffix()),
                    _ if tag.suffix().is_empty() => Tag::Text,
                    _ => Tag::Other,
                });
                let scalar = resolve(&text, style == ScalarStyle::Plain, tag)
                    .map_err(|message| self.problem(span, message))?;
                (Node::Scalar(scalar), anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.add(VALUE, span)?;
                (Node::Value(self.list(depth, place)?), anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                self.add(VALUE + MAP, span)?;
                (Node::Value(self.map(depth, place)?), anchor)
            }
            _ => return Err(self.problem(span, "the document ends too early")),
        };
        if anchor != 0 {
            let weight = self.spending.spent() - before;
            // The anchor keeps a copy of its own.
            self.add(weight, span)?;
            self.anchors.insert(anchor, Anchor { node: node.clone(), weight });
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize, place: Place) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(items));
            }
            if place == Place::Items {
                let line = self.line(span.start);
                self.item_lines.push(line);
            }
            let node = self.node(event, span, depth + 1, Place::Inside)?;
            items.push(self.json(node, span)?);
        }
    }

    fn map(&mut self, depth: usize, place: Place) -> Result<Value, Problem> {
        let mut fields = Map::new();
        // Keys that a merge brought: writing them again is what merging is for.
        let mut merged: HashSet<String> = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Object(fields));
            }
            let merge = matches!(
                &event,
                Event::Scalar(text, ScalarStyle::Plain, _, tag)
                    if text == "<<" && tag.as_ref().is_none_or(|tag| tag.suffix() == "merge")
            );
            let key = self.node(event, span, depth + 1, Place::Inside)?;
            let (event, value_span) = self.next()?;
            if merge {
                let node = self.node(event, value_span, depth + 1, Place::Inside)?;
                self.merge(node, &mut fields, &mut merged, value_span)?;
                continue;
            }
            let Node::Scalar(key) = key else {
                return Err(self.problem(span, "a key is a list or a map"));
            };
            let key = key.into_key().map_err(|message| self.problem(span, message))?;
            let inside = match (place, key.as_str()) {
                (Place::Root, "items") => {
                    self.item_lines.clear();
                    Place::Items
                }
                _ => Place::Inside,
            };
            let node = self.node(event, value_span, depth + 1, inside)?;
            let value = self.json(node, value_span)?;
            if fields.contains_key(&key) && !merged.remove(&key) {
                let message = format!("`{key}` is written twice in the same map; the last one counts");
                let problem = self.problem(span, message);
                self.warnings.push(problem);
            }
            fields.insert(key, value);
        }
    }

    /// A merge counts where it stands: it overwrites what is above it, and is overwritten by what is below. Of
    /// several maps the first wins.
    fn merge(
        &self,
        node: Node,
        fields: &mut Map<String, Value>,
        merged: &mut HashSet<String>,
        span: Span,
    ) -> Result<(), Problem> {
        let wrong = || self.problem(span, "`<<` merges a map or a list of maps");
        let maps = match node {
            Node::Value(Value::Object(map)) => vec![map],
            Node::Value(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(map) => Ok(map),
                    _ => Err(wrong()),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(wrong()),
        };
        for map in maps.into_iter().rev() {
            for (key, value) in map {
                merged.insert(key.clone());
                fields.insert(key, value);
            }
        }
        Ok(())
    }
}
