//! Files as text. A mark at the begin says which of Unicode's encodings it is.

use std::borrow::Cow;

use super::Problem;

pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or(0)]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => Ok(Cow::Owned(wide(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => Ok(Cow::Owned(wide(rest, u16::from_be_bytes))),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = u32::try_from(super::line_feeds(before) + 1).unwrap_or(u32::MAX);
            Err(Problem { line, message: "the file is not UTF-8 text".to_owned() })
        }
    }
}
