//! One log entry as lines of bounded length.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Bytes that the values of all fields of an entry take at most, escaped. Together with a part
/// of the message and the fixed keys, a line stays below the host's 64 KiB.
const FIELDS_LIMIT: usize = 24 << 10;

/// Bytes that one value takes at most, escaped.
const VALUE_LIMIT: usize = 8 << 10;

/// Bytes of message in one line, escaped. A longer message goes on in the next line.
const MESSAGE_LIMIT: usize = 24 << 10;

/// Lines that one entry makes at most: 1.5 MiB of message.
const PARTS_LIMIT: usize = 64;

/// Names of fields come from code; a longer one is cut.
const NAME_LIMIT: usize = 256;

/// What a host wants to know of one event.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) level: &'static str,
    pub(super) module: &'a str,
    pub(super) timestamp: Timestamp,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Gives the lines of an entry, each with its line feed, to `write`: one, unless the message is
/// long.
pub(super) fn write_entry(entry: &Entry<'_>, mut write: impl FnMut(&[u8])) {
    let parts = split(&entry.message);
    let fields = fields(&entry.fields);
    let count = parts.len();
    for (index, part) in parts.iter().enumerate() {
        let mut line = String::with_capacity(part.len() + fields.len() + 256);
        line.push('{');
        pair(&mut line, "@level", entry.level);
        line.push_str(",\"@message\":\"");
        line.push_str(part);
        line.push_str("\",");
        pair(&mut line, "@module", clip(entry.module, NAME_LIMIT).0);
        line.push(',');
        pair(&mut line, "@timestamp", &timestamp(entry.timestamp));
        if count > 1 {
            line.push(',');
            pair(&mut line, "part", &format!("{}/{count}", index + 1));
        }
        line.push_str(&fields);
        line.push_str("}\n");
        write(line.as_bytes());
    }
}

/// Six decimals, always: the host demotes anything else.
fn timestamp(timestamp: Timestamp) -> String {
    timestamp.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The message in escaped pieces, at least one.
fn split(message: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = message;
    loop {
        let (part, used) = escape(rest, MESSAGE_LIMIT);
        rest = &rest[used..];
        parts.push(part);
        if rest.is_empty() {
            return parts;
        }
        if parts.len() == PARTS_LIMIT {
            if let Some(last) = parts.last_mut() {
                last.push_str(&left_out(rest.len()));
            }
            return parts;
        }
    }
}

/// `,"key":"value"` for each field that fits.
fn fields(fields: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        let (mut value, used) = escape(value, VALUE_LIMIT);
        let rest = fields[index].1.len() - used;
        if rest > 0 {
            value.push_str(&left_out(rest));
        }
        if text.len() + value.len() + NAME_LIMIT > FIELDS_LIMIT {
            text.push(',');
            pair(&mut text, "fields_left_out", &(fields.len() - index).to_string());
            break;
        }
        text.push_str(",\"");
        text.push_str(&escape(name, NAME_LIMIT).0);
        text.push_str("\":\"");
        text.push_str(&value);
        text.push('"');
    }
    text
}

fn left_out(bytes: usize) -> String {
    format!("… [{bytes} more bytes]")
}

/// Adds `"key":"value"` with a key that needs no escape.
fn pair(line: &mut String, key: &str, value: &str) {
    line.push('"');
    line.push_str(key);
    line.push_str("\":\"");
    line.push_str(&escape(value, usize::MAX).0);
    line.push('"');
}

/// The longest prefix of `text` of at most `limit` bytes, and the bytes that it has.
fn clip(text: &str, limit: usize) -> (&str, usize) {
    let end = text.floor_char_boundary(limit);
    (&text[..end], end)
}

/// Escapes as much of `text` for a JSON string as fits into `limit` bytes. Returns it with the
/// number of bytes of `text` that it stands for: at least one character's, if there is any.
fn escape(text: &str, limit: usize) -> (String, usize) {
    let mut escaped = String::with_capacity(text.len().min(limit));
    for (index, character) in text.char_indices() {
        let before = escaped.len();
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a String never fails.
                let _ = write!(escaped, "\\u{:04x}", u32::from(control));
            }
            other => escaped.push(other),
        }
        if escaped.len() > limit && index > 0 {
            escaped.truncate(before);
            return (escaped, index);
        }
    }
    (escaped, text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn lines(message: &str, fields: Vec<(&'static str, String)>) -> Vec<String> {
        let entry = Entry {
            level: "info",
            module: "provider",
            timestamp: "2026-01-02T03:04:05.6Z".parse().unwrap(),
            message: message.to_owned(),
            fields,
        };
        let mut lines = Vec::new();
        write_entry(&entry, |line| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        });
        lines
    }

    fn value(line: &str) -> Value {
        assert!(line.len() < 64 << 10, "{} bytes", line.len());
        assert!(line.ends_with('\n'));
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_timestamp_has_six_decimals() {
        let line = value(&lines("", Vec::new())[0]);
        assert_eq!(line["@timestamp"], "2026-01-02T03:04:05.600000Z");
    }

    #[test]
    fn a_long_message_is_split_and_nothing_is_lost() {
        // Each character takes six bytes escaped.
        let message = "\u{1}\"ü\n".repeat(20_000);
        let lines = lines(&message, vec![("name", "v".repeat(100_000))]);
        assert!(lines.len() > 1);
        let mut whole = String::new();
        for (index, line) in lines.iter().enumerate() {
            let line = value(line);
            assert_eq!(line["part"], format!("{}/{}", index + 1, lines.len()));
            whole.push_str(line["@message"].as_str().unwrap());
        }
        assert_eq!(whole, message);
    }

    #[test]
    fn an_endless_message_ends() {
        let lines = lines(&"x".repeat(10 << 20), Vec::new());
        assert_eq!(lines.len(), PARTS_LIMIT);
        let last = value(&lines[PARTS_LIMIT - 1]);
        let text = last["@message"].as_str().unwrap();
        assert!(text.ends_with("more bytes]"), "{}", &text[text.len() - 40..]);
    }

    #[test]
    fn long_and_many_fields_are_cut_and_say_so() {
        let fields = vec![
            ("a", "\u{2}".repeat(50_000)),
            ("b", "b".repeat(50_000)),
            ("c", "c".repeat(50_000)),
            ("d", "d".to_owned()),
        ];
        let lines = lines("m", fields);
        assert_eq!(lines.len(), 1);
        let line = value(&lines[0]);
        assert!(line["a"].as_str().unwrap().ends_with("more bytes]"));
        assert!(line["fields_left_out"].is_string());
    }
}
