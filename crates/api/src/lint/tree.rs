//! YAML with the place of every value.
//!
//! Plain scalars are read as the API server's clients read them, which is YAML 1.1: `yes` and `on` are booleans.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    /// A number with a fraction, an exponent, or beyond all bounds.
    Float,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A value and where it begins, both from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A field of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) value: Node,
}

/// Text that is not YAML.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) says: String,
}

impl Node {
    /// The field's value; none where this is no map, or has no such field, or only null there.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let entry = self.entries().iter().find(|entry| entry.name == name)?;
        (entry.value.value != Value::Null).then_some(&entry.value)
    }

    /// The value at the end of several fields.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The fields; none where this is no map.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none where this is no list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a field; the empty text where there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.get(name).and_then(Node::text).unwrap_or_default()
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) => "a number",
            Value::Float => "a number with a fraction",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }
}

/// More values than any manifest has; aliases that multiply end here.
const MAX_NODES: usize = 200_000;
/// Deeper than any manifest is; the reader is recursive.
const MAX_DEPTH: usize = 100;

/// The documents of a text that are not empty. What comes before broken YAML is given back beside the error.
pub(super) fn documents(text: &str) -> (Vec<Node>, Option<Broken>) {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, position: (1, 1) };
    let mut documents = Vec::new();
    loop {
        match reader.document() {
            Ok(Some(node)) if node.value == Value::Null => {}
            Ok(Some(node)) => documents.push(node),
            Ok(None) => return (documents, None),
            Err(broken) => return (documents, Some(broken)),
        }
    }
}

struct Reader<'a, P: Iterator<Item = EventResult<'a>>> {
    parser: P,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    position: (usize, usize),
}

type EventResult<'a> = Result<(Event<'a>, Span), serde_saphyr::granit_parser::ScanError>;

impl<'a, P: Iterator<Item = EventResult<'a>>> Reader<'a, P> {
    fn next(&mut self) -> Result<Option<Event<'a>>, Broken> {
        loop {
            match self.parser.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    self.position = (span.start.line(), span.start.col() + 1);
                    return Ok(Some(event));
                }
                Some(Err(error)) => {
                    let says = error.info().lines().next().unwrap_or("broken YAML").to_owned();
                    return Err(Broken {
                        line: error.marker().line(),
                        column: error.marker().col() + 1,
                        says,
                    });
                }
            }
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Broken> {
        loop {
            match self.next()? {
                None | Some(Event::StreamEnd) => return Ok(None),
                Some(Event::DocumentStart(..)) => {
                    self.anchors.clear();
                    let event = self.next()?;
                    return self.node(event, 0).map(Some);
                }
                Some(_) => {}
            }
        }
    }

    fn node(&mut self, event: Option<Event<'a>>, depth: usize) -> Result<Node, Broken> {
        let (line, column) = self.position;
        self.count(1)?;
        if depth > MAX_DEPTH {
            return Err(self.broken("the document is nested too deeply"));
        }
        let (value, anchor) = match event {
            Some(Event::Scalar(text, style, anchor, tag)) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix() == "str");
                (if is_text { Value::Text(text.into_owned()) } else { plain(&text) }, anchor)
            }
            Some(Event::SequenceStart(_, anchor, _)) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Some(Event::SequenceEnd) => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                (Value::List(items), anchor)
            }
            Some(Event::MappingStart(_, anchor, _)) => (Value::Map(self.entries(depth)?), anchor),
            Some(Event::Alias(anchor)) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.broken("an alias stands inside of what it stands for"));
                };
                self.count(size(&node))?;
                return Ok(node);
            }
            // An empty document.
            _ => (Value::Null, 0),
        };
        let node = Node { value, line, column };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Broken> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (name, line, column) = match self.next()? {
                Some(Event::MappingEnd) => break,
                Some(Event::Scalar(text, ..)) => (text.into_owned(), self.position.0, self.position.1),
                _ => return Err(self.broken("the name of a field is a list, an object or an alias")),
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            if name == "<<" {
                match value.value {
                    Value::Map(others) => merged.extend(others),
                    Value::List(items) => {
                        merged.extend(items.into_iter().flat_map(|item| item.entries().to_vec()));
                    }
                    _ => return Err(self.broken("`<<` takes an object")),
                }
            } else {
                entries.push(Entry { name, line, column, value });
            }
        }
        for entry in merged {
            if !entries.iter().any(|own| own.name == entry.name) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn count(&mut self, nodes: usize) -> Result<(), Broken> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(self.broken("the document has too many values")) } else { Ok(()) }
    }

    fn broken(&self, says: &str) -> Broken {
        Broken { line: self.position.0, column: self.position.1, says: says.to_owned() }
    }
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    };
    below + 1
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => {
            return Value::Boolean(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off" | "OFF" => {
            return Value::Boolean(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => return Value::Float,
        _ => {}
    }
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (if digits.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, digits.as_str()),
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::Text(text.to_owned());
    }
    let integer = if let Some(hex) = unsigned.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()
    } else if let Some(binary) = unsigned.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()
    } else if let Some(octal) = unsigned.strip_prefix("0o") {
        i128::from_str_radix(octal, 8).ok()
    } else if unsigned.len() > 1
        && unsigned.starts_with('0')
        && unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
    {
        i128::from_str_radix(unsigned, 8).ok()
    } else {
        unsigned.parse().ok()
    };
    if let Some(integer) = integer {
        return Value::Integer(sign * integer);
    }
    // Rust reads `infinity` and the like as numbers; those begin with letters and are out already.
    if unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && unsigned.parse::<f64>().is_ok()
    {
        return Value::Float;
    }
    Value::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Value, documents, plain};

    #[test]
    fn plain_scalars_are_read_as_clients_of_kubernetes_read_them() {
        assert_eq!(plain("yes"), Value::Boolean(true));
        assert_eq!(plain("0x1F"), Value::Integer(31));
        assert_eq!(plain("010"), Value::Integer(8));
        assert_eq!(plain("1_000"), Value::Integer(1000));
        assert_eq!(plain("-5"), Value::Integer(-5));
        assert_eq!(plain("1.5"), Value::Float);
        assert_eq!(plain("1e3"), Value::Float);
        for text in ["1.2.3", "v1", "5s", "2026-10-01", "-", "infinity", "1-2"] {
            assert_eq!(plain(text), Value::Text(text.to_owned()));
        }
    }

    #[test]
    fn places_are_lines_and_columns_from_one() {
        let (documents, broken) = documents("# first\n---\na:\n  # inside\n  b: 1\n---\nc: 2\n");
        assert!(broken.is_none());
        let b = &documents[0].get("a").expect("a").entries()[0];
        assert_eq!((b.line, b.column, b.value.line, b.value.column), (5, 3, 5, 6));
        assert_eq!(documents[1].entries()[0].line, 7);
    }

    #[test]
    fn aliases_and_merges_are_followed_and_own_fields_win() {
        let (documents, broken) =
            documents("base: &base {a: 1, b: 2}\nall:\n  <<: *base\n  b: 3\nsame: *base\n");
        assert!(broken.is_none());
        assert_eq!(documents[0].at(&["all", "a"]).map(|node| &node.value), Some(&Value::Integer(1)));
        assert_eq!(documents[0].at(&["all", "b"]).map(|node| &node.value), Some(&Value::Integer(3)));
        assert_eq!(documents[0].at(&["same", "b"]).map(|node| &node.value), Some(&Value::Integer(2)));
    }

    #[test]
    fn aliases_that_multiply_are_stopped() {
        let levels = (1..10).map(|level| {
            let below = format!("*a{}", level - 1);
            format!("a{level}: &a{level} [{}]", vec![below; 10].join(", "))
        });
        let first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned();
        let text = std::iter::once(first).chain(levels).collect::<Vec<_>>().join("\n");
        assert!(documents(&text).1.expect("an error").says.contains("too many values"));
    }

    #[test]
    fn a_document_nested_without_end_is_stopped() {
        assert!(documents(&"[".repeat(5_000)).1.is_some());
    }

    #[test]
    fn documents_before_a_broken_one_are_kept() {
        let (documents, broken) = documents("a: 1\n---\nb: \"\\.\"\n");
        assert_eq!(documents.len(), 1);
        assert_eq!(broken.expect("an error").line, 3);
    }
}
