//! The place of a field, as people read it.

use std::fmt::Write as _;

/// A field's place while it is being looked at; built up and taken down by the walk.
#[derive(Debug, Default)]
pub(super) struct Path {
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Field(String),
    Index(usize),
    Key(String),
}

impl Path {
    pub(super) fn push_field(&mut self, name: &str) {
        self.segments.push(Segment::Field(name.to_owned()));
    }

    pub(super) fn push_index(&mut self, index: usize) {
        self.segments.push(Segment::Index(index));
    }

    pub(super) fn push_key(&mut self, key: String) {
        self.segments.push(Segment::Key(key));
    }

    pub(super) fn pop(&mut self) {
        self.segments.pop();
    }

    /// `spec.ports[port=80,protocol=TCP].name`; names with other than letters and digits in brackets.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            // Writing to a String cannot fail.
            let _ = match segment {
                Segment::Field(name) if is_plain(name) && text.is_empty() => write!(text, "{name}"),
                Segment::Field(name) if is_plain(name) => write!(text, ".{name}"),
                Segment::Field(name) => write!(text, "[{name:?}]"),
                Segment::Index(index) => write!(text, "[{index}]"),
                Segment::Key(key) => write!(text, "[{key}]"),
            };
        }
        text
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
