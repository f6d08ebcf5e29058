//! Tables as kubectl and argocd print them: upper-case headers, columns two spaces apart, no lines.

use std::io::{self, Write};

use bridgehead_api::Time;
use comfy_table::{ContentArrangement, Table, presets};

/// Width of the names in front of single values.
pub(crate) const FIELD_WIDTH: usize = 20;

/// Writes a table. Rows have as many cells as there are headers.
pub(crate) fn write<const N: usize>(
    out: &mut dyn Write,
    headers: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> io::Result<()> {
    write_rows(out, &headers, rows.into_iter().map(Vec::from))
}

/// The same where the number of columns is known at run time only.
pub(crate) fn write_rows(
    out: &mut dyn Write,
    headers: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| one_line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A name and its value, as in `Health Status:      Healthy`.
pub(crate) fn field(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{}", format!("{name:<FIELD_WIDTH$}{value}").trim_end())
}

/// A time as argocd prints it.
pub(crate) fn time(time: Option<Time>) -> String {
    time.map_or_else(
        || "<nil>".to_owned(),
        |time| time.timestamp().strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
    )
}

/// A row stays a row, whatever a message holds. White space in front is a tree's.
fn one_line(text: &str) -> String {
    let parts = text.split(['\r', '\n', '\t']).map(str::trim_end).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_two_spaces_apart_and_lines_end_with_their_text() {
        let mut bytes = Vec::new();
        let rows = [
            ["a".to_owned(), String::new(), "two\nlines".to_owned()],
            ["longer".to_owned(), "x".to_owned(), String::new()],
        ];
        super::write(&mut bytes, ["NAME", "KIND", "MESSAGE"], rows).expect("a vector takes everything");
        assert_eq!(
            String::from_utf8(bytes).expect("text"),
            "NAME    KIND  MESSAGE\na             two lines\nlonger  x\n"
        );
    }
}
