//! YAML as Argo CD's libraries read it.
//!
//! ```text
//! bytes ─ text ─► UTF-8 ─ split ─► chunks at lines of `---` ─ compose ─► JSON values with their lines
//! ```
//! The reference is `k8s.io/apimachinery/pkg/util/yaml` over `sigs.k8s.io/yaml` over `go.yaml.in/yaml/v2`:
//! YAML 1.1 booleans and numbers, merge keys where they stand, the last of two equal keys, one document per
//! chunk, JSON where a file begins with a brace. `tests/go-yaml` makes the goldens with those libraries. The
//! parser below is `granit-parser`, which reports positions and limits nesting.

mod compose;
mod encoding;
mod resolve;
mod spending;

use serde_json::Value;

pub(crate) use spending::Spending;

/// Bounds of one file.
#[derive(Clone, Copy, Debug)]
pub struct YamlLimits {
    /// Nesting of lists and maps.
    pub depth: usize,
    /// Bytes of memory that its documents may take, about, once aliases are written out. Stops documents that grow
    /// without end.
    pub expanded_bytes: usize,
}

impl Default for YamlLimits {
    fn default() -> Self {
        Self { depth: 100, expanded_bytes: 16 << 20 }
    }
}

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its content; `null` for an empty one.
    pub value: Value,
    /// Line of its first content, from 1.
    pub line: u32,
    /// For a map with the list `items`: the line of each.
    pub item_lines: Vec<u32>,
    /// Things that are read, but perhaps not as meant.
    pub warnings: Vec<Problem>,
}

/// Something wrong at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; 0 if unknown.
    pub line: u32,
    /// What.
    pub message: String,
}

/// All documents of a file in their order; a broken one does not hide the others.
pub fn documents(bytes: &[u8], limits: YamlLimits) -> Vec<Result<Document, Problem>> {
    documents_within(bytes, limits.depth, &mut Spending::alone(limits.expanded_bytes))
}

/// The same for one file of several, which share what they may take.
pub(crate) fn documents_within(
    bytes: &[u8],
    depth: usize,
    spending: &mut Spending<'_>,
) -> Vec<Result<Document, Problem>> {
    let text = match encoding::text(bytes) {
        Ok(text) => text,
        Err(problem) => return vec![Err(problem)],
    };
    if text.trim_start().starts_with('{') {
        let before = spending.spent();
        match json_stream(&text, spending) {
            Ok(Some(documents)) => return documents.into_iter().map(Ok).collect(),
            Ok(None) => spending.give_back_to(before),
            Err(problem) => return vec![Err(problem)],
        }
    }
    split(&text)
        .into_iter()
        .map(|chunk| chunk.and_then(|chunk| compose::compose(&chunk.text, chunk.line, depth, spending)))
        .collect()
}

/// The one document of a JSON file.
pub(crate) fn json(bytes: &[u8], spending: &mut Spending<'_>) -> Result<Document, Problem> {
    let text = encoding::text(bytes)?;
    pay_for_json(&text, spending)?;
    let mut stream = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let value = match stream.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(of_json(&error)),
        None => return Err(Problem { line: 1, message: "the file is empty".to_owned() }),
    };
    let end = stream.byte_offset();
    let mut lines = Lines::new(&text);
    if !text[end..].trim().is_empty() {
        let line = lines.of_content_at(end);
        return Err(Problem { line, message: "a JSON file holds a single object".to_owned() });
    }
    Ok(json_document(value, lines.of_content_at(0)))
}

/// A series of JSON objects; `None` where it is not, and may be YAML.
fn json_stream(text: &str, spending: &mut Spending<'_>) -> Result<Option<Vec<Document>>, Problem> {
    pay_for_json(text, spending)?;
    let mut documents = Vec::new();
    let mut lines = Lines::new(text);
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            Some(Ok(value)) => documents.push(json_document(value, lines.of_content_at(start))),
            Some(Err(_)) => return Ok(None),
            None => return Ok(Some(documents)),
        }
    }
}

/// The parser cannot be stopped in the middle, so JSON is paid for before it is read.
fn pay_for_json(text: &str, spending: &mut Spending<'_>) -> Result<(), Problem> {
    spending.take(spending::weight_of_json(text)).map_err(|message| Problem { line: 1, message })
}

fn json_document(mut value: Value, line: u32) -> Document {
    resolve::go_numbers(&mut value);
    Document { value, line, item_lines: Vec::new(), warnings: Vec::new() }
}

/// Line numbers of places that come one after the other.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line of the first content at the offset or after it.
    fn of_content_at(&mut self, offset: usize) -> u32 {
        let rest = &self.text[offset..];
        let content = offset + (rest.len() - rest.trim_start().len());
        if content < self.offset {
            *self = Self::new(self.text);
        }
        let passed = line_feeds(&self.text.as_bytes()[self.offset..content]);
        self.line = self.line.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
        self.offset = content;
        self.line
    }
}

fn of_json(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    // The position is said apart.
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
    Problem { line: u32::try_from(error.line()).unwrap_or(0), message }
}

fn line_feeds(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// A part of a file between two lines of `---`.
struct Chunk {
    text: String,
    /// Line of the file that it begins at, from 1.
    line: u32,
}

/// Splits as apimachinery does: at every line that begins with `---`, whatever the YAML around it.
fn split(text: &str) -> Vec<Result<Chunk, Problem>> {
    let mut chunks = Vec::new();
    let mut current = Chunk { text: String::new(), line: 1 };
    for (number, line) in (1_u32..).zip(text.lines()) {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let shown: String = rest.chars().take(40).collect();
                chunks.push(Err(Problem {
                    line: number,
                    message: format!(
                        "a line of `---` ends a document and may hold nothing else, not `{shown}`"
                    ),
                }));
            }
            let next = Chunk { text: String::new(), line: number + 1 };
            let done = std::mem::replace(&mut current, next);
            if !done.text.is_empty() {
                chunks.push(Ok(done));
            }
            continue;
        }
        current.text.push_str(line);
        current.text.push('\n');
    }
    if !current.text.is_empty() {
        chunks.push(Ok(current));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::{Document, Problem, Spending, YamlLimits, documents};

    fn json(bytes: &[u8]) -> Result<Document, Problem> {
        super::json(bytes, &mut Spending::alone(YamlLimits::default().expanded_bytes))
    }

    fn read(text: &str) -> Vec<Result<(serde_json::Value, u32), (u32, String)>> {
        documents(text.as_bytes(), YamlLimits::default())
            .into_iter()
            .map(|outcome| match outcome {
                Ok(document) => Ok((document.value, document.line)),
                Err(problem) => Err((problem.line, problem.message)),
            })
            .collect()
    }

    #[test]
    fn every_document_knows_its_line_in_the_file() {
        let text = "# head\n\na: 1\n---\n\n---\n# nothing\n---\n\nb: 2\n";
        let lines: Vec<_> = read(text).into_iter().flatten().collect();
        assert_eq!(lines[0], (json!({"a": 1}), 3));
        assert_eq!(lines.last(), Some(&(json!({"b": 2}), 10)));
        assert!(lines[1..lines.len() - 1].iter().all(|(value, _)| value.is_null()));
    }

    #[test]
    fn a_broken_document_tells_its_line_and_hides_no_other() {
        let outcome = read("a: 1\n---\nb: [\nc: 2\n---\nd: 3\n");
        assert_eq!(outcome.len(), 3);
        let (line, message) = outcome[1].clone().expect_err("it is broken");
        assert!((3..=5).contains(&line), "{line}: {message}");
        assert_eq!(outcome[2], Ok((json!({"d": 3}), 6)));
    }

    #[test]
    fn items_of_a_list_know_their_lines() {
        let text = "kind: List\nitems:\n- a: 1\n-\n  b: 2\n- {c: 3}\n";
        let document = documents(text.as_bytes(), YamlLimits::default()).remove(0).expect("it is right");
        assert_eq!(document.item_lines, [3, 5, 6]);
    }

    #[test]
    fn a_document_that_grows_without_end_is_refused() {
        let mut text = String::from("a0: &a0 [xxxxxxxxxx, xxxxxxxxxx]\n");
        for level in 1..40 {
            let below = level - 1;
            let _ = writeln!(text, "a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}]");
        }
        let (_, message) = read(&text).remove(0).expect_err("it is too large");
        assert!(message.contains("aliases"), "{message}");
    }

    #[test]
    fn files_share_what_they_may_take() {
        let list = (0..500).map(|_| "*a").collect::<Vec<_>>().join(", ");
        let text = format!("a: &a {}\nb: [{list}]\n", "x".repeat(1000));
        let mut spending = Spending::alone(1_000_000);
        let first = super::documents_within(text.as_bytes(), 100, &mut spending).remove(0);
        assert!(first.is_ok(), "{first:?}");
        assert!(spending.spent() > 500_000, "aliases count as what they stand for");
        let second = super::documents_within(text.as_bytes(), 100, &mut spending).remove(0);
        assert!(second.is_err_and(|problem| problem.message.contains("aliases written out")));
    }

    #[test]
    fn json_is_paid_for_before_it_is_read() {
        let text = format!("{{\"a\": [{}1]}}", "{},".repeat(1000));
        assert!(super::json(text.as_bytes(), &mut Spending::alone(10_000)).is_err());
        // Braces and commas in text are text.
        let text = format!("{{\"a\": \"\\\"{}\"}}", "{},".repeat(1000));
        assert!(super::json(text.as_bytes(), &mut Spending::alone(10_000)).is_ok());
    }

    #[test]
    fn many_documents_of_json_cost_no_more_than_their_length() {
        // Counting the lines of each from the begin would be 10^11 bytes to look at.
        let text = "{\"a\": 1}\n".repeat(150_000);
        let read =
            documents(text.as_bytes(), YamlLimits { expanded_bytes: usize::MAX, ..YamlLimits::default() });
        let last = read.last().and_then(|document| document.as_ref().ok()).expect("it is read");
        assert_eq!((read.len(), last.line), (150_000, 150_000));
    }

    #[test]
    fn an_anchor_that_holds_itself_is_refused() {
        assert!(read("a: &a [*a]\n")[0].is_err());
    }

    #[test]
    fn nesting_beyond_the_bound_is_refused() {
        let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
        assert!(read(&deep)[0].is_err());
        let block = (0..101).fold(String::new(), |text, level| text + &"  ".repeat(level) + "a:\n");
        assert!(read(&format!("{block}{}b\n", "  ".repeat(101)))[0].is_err());
    }

    #[test]
    fn equal_keys_are_told() {
        let document = documents(b"a: 1\nb: 2\na: 3\n", YamlLimits::default()).remove(0).expect("it is read");
        assert_eq!(document.value, json!({"a": 3, "b": 2}));
        assert_eq!(document.warnings.len(), 1);
        assert_eq!(document.warnings[0].line, 3);
    }

    #[test]
    fn a_json_file_holds_one_object() {
        assert_eq!(json(b" {\"a\": 1.0}\n").map(|document| document.value), Ok(json!({"a": 1})));
        assert_eq!(json(b"{}\n{}").map_err(|problem| problem.line).err(), Some(2));
        assert!(json(b"").is_err());
        assert_eq!(json(b"{\n\"a\":\n}").map_err(|problem| problem.line).err(), Some(3));
    }

    #[test]
    fn utf_16_with_a_mark_is_read() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("a: ü\n".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(
            documents(&bytes, YamlLimits::default()).remove(0).map(|document| document.value),
            Ok(json!({"a": "ü"}))
        );
    }
}
