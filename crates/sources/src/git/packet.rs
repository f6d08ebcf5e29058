//! Packet lines: four hex digits of length, then the bytes. Lengths below four are marks.

use bytes::Bytes;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// Bytes, as they came; text has a line feed at its end.
    Data(Bytes),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of a response.
    ResponseEnd,
}

/// Longest packet that the protocol knows, with its length.
pub(crate) const LONGEST: usize = 65520;

/// Reads the length of a packet, itself included.
pub(crate) fn length(head: [u8; 4]) -> Option<usize> {
    let text = std::str::from_utf8(&head).ok()?;
    // from_str_radix would take a sign.
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    usize::from_str_radix(text, 16).ok()
}

/// The text of a packet, without the line feed.
pub(crate) fn text(data: &[u8]) -> &str {
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    std::str::from_utf8(data).unwrap_or("")
}

/// A message under construction.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Adds a line of text; the line feed is added too.
    pub(crate) fn line(&mut self, text: &str) -> &mut Self {
        let length = text.len() + 5;
        debug_assert!(length <= LONGEST, "lines are built from ids and names of bounded length");
        self.0.extend_from_slice(format!("{length:04x}").as_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
        self
    }

    /// Adds `0000`.
    pub(crate) fn flush(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0000");
        self
    }

    /// Adds `0001`.
    pub(crate) fn delimiter(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0001");
        self
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, length};

    #[test]
    fn a_line_counts_its_own_length() {
        let mut message = Message::default();
        message.line("version 2").flush().delimiter();
        assert_eq!(&message.into_bytes()[..], b"000eversion 2\n00000001");
    }

    #[test]
    fn a_length_that_is_no_hex_number_is_refused() {
        assert_eq!(length(*b"001e"), Some(30));
        assert_eq!(length(*b"+01e"), None);
        assert_eq!(length(*b"<htm"), None);
    }
}
