//! Where in a configuration or state something is.

use std::fmt;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An attribute of an object, or a block.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list or tuple, from 0.
    Index(usize),
    /// Some element of a set: the protocol has no name for which.
    Element,
}

/// The way to a value from the resource, data source or provider block that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    steps: Vec<Step>,
}

impl Path {
    /// The whole block.
    pub fn root() -> Path {
        Path::default()
    }

    /// An attribute or block at the top.
    pub fn of(attribute: impl Into<String>) -> Path {
        Path::root().attribute(attribute)
    }

    /// An attribute in what this path leads to.
    #[must_use]
    pub fn attribute(&self, name: impl Into<String>) -> Path {
        self.with(Step::Attribute(name.into()))
    }

    /// An element of the map that this path leads to.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Path {
        self.with(Step::Key(key.into()))
    }

    /// An element of the list that this path leads to.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        self.with(Step::Index(index))
    }

    /// An element of the set that this path leads to.
    #[must_use]
    pub fn element(&self) -> Path {
        self.with(Step::Element)
    }

    /// One step further.
    #[must_use]
    pub fn with(&self, step: Step) -> Path {
        let mut steps = self.steps.clone();
        steps.push(step);
        Path { steps }
    }

    /// The steps, from the outermost.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether this is the whole block.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether this path leads to `other` or into it.
    pub fn starts_with(&self, other: &Path) -> bool {
        self.steps.starts_with(&other.steps)
    }
}

/// Dots between attributes: `spec.source[0].parameters["a"]`.
impl From<&str> for Path {
    /// Attributes divided by dots; keys and indices come by [`Path::key`] and [`Path::index`].
    fn from(attributes: &str) -> Path {
        attributes
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(Path::root(), |path, name| path.attribute(name))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => formatter.write_str(name)?,
                Step::Attribute(name) => write!(formatter, ".{name}")?,
                Step::Key(key) => write!(formatter, "[{key:?}]")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Element => formatter.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_terraform_writes_them() {
        let path = Path::of("spec").attribute("source").index(0).attribute("parameters").key("a b");
        assert_eq!(path.to_string(), r#"spec.source[0].parameters["a b"]"#);
        assert_eq!(Path::from("spec.source"), Path::of("spec").attribute("source"));
        assert_eq!(Path::root().to_string(), "");
    }
}
