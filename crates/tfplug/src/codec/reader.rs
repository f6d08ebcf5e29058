//! Reads msgpack from a slice: every length is checked against what is left.

use rmp::Marker;

use super::Problem;

/// The bytes not read yet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// The head of one msgpack value; lengths are those of what follows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head<'a> {
    Nil,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// Text, or bytes.
    Bytes(&'a [u8]),
    Array(usize),
    Map(usize),
    Extension(i8, &'a [u8]),
}

const TOO_SHORT: Problem = Problem::Damaged("they end too early");

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next head without reading it.
    pub(super) fn peek(&self) -> Result<Head<'a>, Problem> {
        Reader { rest: self.rest }.next()
    }

    /// The next head; what it counts comes next.
    pub(super) fn next(&mut self) -> Result<Head<'a>, Problem> {
        let marker = Marker::from_u8(self.take::<1>()?[0]);
        Ok(match marker {
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::FixPos(value) => Head::Unsigned(value.into()),
            Marker::FixNeg(value) => Head::Integer(value.into()),
            Marker::U8 => Head::Unsigned(u8::from_be_bytes(self.take()?).into()),
            Marker::U16 => Head::Unsigned(u16::from_be_bytes(self.take()?).into()),
            Marker::U32 => Head::Unsigned(u32::from_be_bytes(self.take()?).into()),
            Marker::U64 => Head::Unsigned(u64::from_be_bytes(self.take()?)),
            Marker::I8 => Head::Integer(i8::from_be_bytes(self.take()?).into()),
            Marker::I16 => Head::Integer(i16::from_be_bytes(self.take()?).into()),
            Marker::I32 => Head::Integer(i32::from_be_bytes(self.take()?).into()),
            Marker::I64 => Head::Integer(i64::from_be_bytes(self.take()?)),
            Marker::F32 => Head::Float(f32::from_be_bytes(self.take()?).into()),
            Marker::F64 => Head::Float(f64::from_be_bytes(self.take()?)),
            Marker::FixStr(length) => Head::Bytes(self.bytes(length.into())?),
            Marker::Str8 | Marker::Bin8 => self.length8().and_then(|n| self.bytes(n)).map(Head::Bytes)?,
            Marker::Str16 | Marker::Bin16 => self.length16().and_then(|n| self.bytes(n)).map(Head::Bytes)?,
            Marker::Str32 | Marker::Bin32 => self.length32().and_then(|n| self.bytes(n)).map(Head::Bytes)?,
            Marker::FixArray(length) => Head::Array(self.countable(length.into())?),
            Marker::Array16 => self.length16().and_then(|n| self.countable(n)).map(Head::Array)?,
            Marker::Array32 => self.length32().and_then(|n| self.countable(n)).map(Head::Array)?,
            Marker::FixMap(length) => Head::Map(self.countable(length.into())?),
            Marker::Map16 => self.length16().and_then(|n| self.countable(n)).map(Head::Map)?,
            Marker::Map32 => self.length32().and_then(|n| self.countable(n)).map(Head::Map)?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.length8().and_then(|n| self.extension(n))?,
            Marker::Ext16 => self.length16().and_then(|n| self.extension(n))?,
            Marker::Ext32 => self.length32().and_then(|n| self.extension(n))?,
            Marker::Reserved => return Err(Problem::Damaged("a reserved marker")),
        })
    }

    fn length8(&mut self) -> Result<usize, Problem> {
        Ok(u8::from_be_bytes(self.take()?).into())
    }

    fn length16(&mut self) -> Result<usize, Problem> {
        Ok(u16::from_be_bytes(self.take()?).into())
    }

    fn length32(&mut self) -> Result<usize, Problem> {
        usize::try_from(u32::from_be_bytes(self.take()?)).map_err(|_| TOO_SHORT)
    }

    /// A count of things that take at least a byte each.
    fn countable(&self, count: usize) -> Result<usize, Problem> {
        if count > self.rest.len() { Err(TOO_SHORT) } else { Ok(count) }
    }

    fn extension(&mut self, length: usize) -> Result<Head<'a>, Problem> {
        let kind = i8::from_be_bytes(self.take()?);
        Ok(Head::Extension(kind, self.bytes(length)?))
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

impl Head<'_> {
    /// What it is, in the words of an error message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Head::Nil => "null",
            Head::Bool(_) => "a bool",
            Head::Integer(_) | Head::Unsigned(_) | Head::Float(_) => "a number",
            Head::Bytes(_) => "a string",
            Head::Array(_) => "an array",
            Head::Map(_) => "a map",
            Head::Extension(..) => "an extension",
        }
    }
}
