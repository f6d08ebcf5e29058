//! A body cut into lines.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The API server takes objects of 3 MiB at most, etcd of 1.5 MiB; JSON is not twice as long.
pub(super) const LONGEST_LINE: usize = 8 << 20;

/// The beginning of a line whose end has not come.
#[derive(Default)]
pub(super) struct Lines {
    rest: BytesMut,
}

/// A line longer than any object can be.
#[derive(Debug)]
pub(super) struct TooLong;

impl Lines {
    /// Takes a piece of the body and gives the lines that it completes. A line that lies within the
    /// piece is not copied.
    pub(super) fn push(&mut self, mut piece: Bytes, lines: &mut Vec<Bytes>) -> Result<(), TooLong> {
        while let Some(end) = memchr(b'\n', &piece) {
            let line = piece.split_to(end);
            let _newline = piece.split_to(1);
            if self.rest.is_empty() {
                add(line, lines);
            } else {
                self.rest.extend_from_slice(&line);
                add(self.rest.split().freeze(), lines);
            }
        }
        if self.rest.len() + piece.len() > LONGEST_LINE {
            return Err(TooLong);
        }
        self.rest.extend_from_slice(&piece);
        Ok(())
    }
}

fn add(line: Bytes, lines: &mut Vec<Bytes>) {
    if !line.is_empty() {
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_the_body_was_cut() {
        let body = b"one\ntwo\n\nthree\nfour";
        for width in 1..body.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in body.chunks(width) {
                lines.push(Bytes::copy_from_slice(piece), &mut found).unwrap();
            }
            assert_eq!(found, [&b"one"[..], b"two", b"three"], "pieces of {width}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let piece = Bytes::from(vec![b'x'; LONGEST_LINE]);
        assert!(lines.push(piece.clone(), &mut found).is_ok());
        assert!(lines.push(piece, &mut found).is_err());
    }
}
