//! A commit's files, by path, without a checkout.

use std::sync::Mutex;

use git2::{ErrorCode, ObjectType, OdbLookupFlags, Oid, Repository, Tree};
use sha2::{Digest, Sha256};

use super::allowance::{Allowance, Spent};
use super::{Failure, Input, InputSet};
use crate::error::RenderProblem;

/// Symbolic links that are followed for one path, as Linux does.
const LINKS: usize = 40;
/// Bytes of a symbolic link's target.
const TARGET: u64 = 4096;
/// Bytes of a folder's listing: 500,000 names of common length.
const FOLDER: u64 = 32 << 20;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
    Link,
    Submodule,
}

/// A name in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) id: Oid,
}

/// Why the tree could not be read.
#[derive(Debug)]
pub(crate) enum TreeProblem {
    Damaged(String),
    /// A file is in a folder's listing, but not in the repository.
    Absent {
        file: String,
    },
    LinkEscapes {
        file: String,
        target: String,
    },
    TooManyLinks {
        file: String,
    },
    Spent(Spent),
}

impl From<Spent> for TreeProblem {
    fn from(spent: Spent) -> Self {
        Self::Spent(spent)
    }
}

/// One commit of one repository.
pub(crate) struct Snapshot<'r> {
    repository: &'r Repository,
    allowance: &'r Allowance<'r>,
    root: Oid,
}

/// The folder that a source names.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// As the source names it, without a slash at either end.
    pub(crate) path: String,
    /// Where it really is, symbolic links followed.
    pub(crate) real: String,
    /// Its id.
    pub(crate) id: Oid,
}

impl<'r> Snapshot<'r> {
    pub(crate) fn new(
        repository: &'r Repository,
        commit: &str,
        allowance: &'r Allowance<'r>,
    ) -> Result<Self, TreeProblem> {
        let id = Oid::from_str(commit).map_err(damaged)?;
        let root = crate::store::find_commit(repository, id).map_err(damaged)?.tree_id();
        Ok(Self { repository, allowance, root })
    }

    /// Renders that need much memory go one after the other, by this.
    pub(crate) fn turn(&self) -> &Mutex<()> {
        self.allowance.turn()
    }

    /// Asks whether the render may go on.
    pub(crate) fn go_on(&self) -> Result<(), TreeProblem> {
        Ok(self.allowance.go_on()?)
    }

    /// The names in a folder, in the order of their bytes.
    pub(crate) fn list(&self, folder: Oid) -> Result<Vec<Entry>, TreeProblem> {
        let tree = self.tree(folder)?;
        self.allowance.folder(tree.len())?;
        Ok(entries(&tree))
    }

    /// What is at a path, no link followed.
    pub(crate) fn at(&self, path: &str) -> Result<Option<(Kind, Oid)>, TreeProblem> {
        let mut found = (Kind::Folder, self.root);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if found.0 != Kind::Folder {
                return Ok(None);
            }
            let tree = self.tree(found.1)?;
            let Some(entry) = tree.get_name(name) else { return Ok(None) };
            found = (kind(entry.kind(), entry.filemode()), entry.id());
        }
        Ok(Some(found))
    }

    /// Follows links, in the middle of the path too. Gives the real path and what is there, and notes every
    /// link that was followed.
    pub(crate) fn follow(
        &self,
        path: &str,
        inputs: &mut InputSet,
    ) -> Result<(String, Option<(Kind, Oid)>), TreeProblem> {
        let mut rest: Vec<String> =
            path.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut real: Vec<String> = Vec::new();
        let mut found = (Kind::Folder, self.root);
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == "." {
                continue;
            }
            if name == ".." {
                if real.pop().is_none() {
                    return Err(TreeProblem::LinkEscapes { file: path.to_owned(), target: "..".to_owned() });
                }
                let above = real.join("/");
                found = self.at(&above)?.unwrap_or((Kind::Folder, self.root));
                continue;
            }
            let entry = match found.0 {
                Kind::Folder => {
                    let tree = self.tree(found.1)?;
                    tree.get_name(&name).map(|entry| (kind(entry.kind(), entry.filemode()), entry.id()))
                }
                Kind::File | Kind::Link | Kind::Submodule => None,
            };
            real.push(name);
            let Some(entry) = entry else {
                rest.reverse();
                real.extend(rest);
                return Ok((real.join("/"), None));
            };
            if entry.0 != Kind::Link {
                found = entry;
                continue;
            }
            let file = real.join("/");
            links += 1;
            if links > LINKS {
                return Err(TreeProblem::TooManyLinks { file: path.to_owned() });
            }
            inputs.note(file.clone(), Input::Blob(entry.1.to_string()));
            if self.size(entry.1, &file)? > TARGET {
                let target = format!("more than {TARGET} bytes");
                return Err(TreeProblem::LinkEscapes { file, target });
            }
            let target = self.target(entry.1)?;
            if target.starts_with('/') {
                return Err(TreeProblem::LinkEscapes { file, target });
            }
            real.pop();
            // From here on the target's names come first; one that climbs above the root is caught above.
            let climbs = depth_after(real.len(), &target).is_none();
            if climbs {
                return Err(TreeProblem::LinkEscapes { file, target });
            }
            rest.extend(target.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned));
        }
        Ok((real.join("/"), Some(found)))
    }

    /// The size of the file at `path`.
    pub(crate) fn size(&self, file: Oid, path: &str) -> Result<u64, TreeProblem> {
        let odb = self.repository.odb().map_err(damaged)?;
        if odb.exists_ext(file, OdbLookupFlags::NO_REFRESH) {
            return self.size_of(file, ObjectType::Blob);
        }
        Err(TreeProblem::Absent { file: path.to_owned() })
    }

    /// A file's content. Ask for its size first.
    pub(crate) fn read(&self, file: Oid) -> Result<git2::Blob<'r>, TreeProblem> {
        self.repository.find_blob(file).map_err(damaged)
    }

    /// True if an input is here what it was.
    pub(crate) fn holds(&self, path: &str, input: &Input) -> Result<bool, TreeProblem> {
        let found = self.at(path)?;
        Ok(match (input, found) {
            (Input::Absent, None) => true,
            (Input::Tree(id), Some((Kind::Folder, found)))
            | (Input::Blob(id), Some((Kind::File | Kind::Link, found))) => *id == found.to_string(),
            (Input::Listing(digest), Some((Kind::Folder, found))) => {
                *digest == listing_digest(&entries(&self.tree(found)?))
            }
            _ => false,
        })
    }

    /// An object's size, by its header alone: reading an object takes its whole size in memory.
    fn size_of(&self, id: Oid, wanted: ObjectType) -> Result<u64, TreeProblem> {
        let odb = self.repository.odb().map_err(damaged)?;
        let (size, kind) = odb.read_header(id).map_err(damaged)?;
        if kind != wanted {
            return Err(TreeProblem::Damaged(format!("object {id} is not a {wanted}")));
        }
        Ok(size as u64)
    }

    fn tree(&self, id: Oid) -> Result<Tree<'r>, TreeProblem> {
        self.go_on()?;
        if self.size_of(id, ObjectType::Tree)? > FOLDER {
            return Err(TreeProblem::Spent(Spent::Bound(RenderProblem::TooLarge {
                what: "the listing of a folder".to_owned(),
                limit: format!("{FOLDER} bytes"),
            })));
        }
        self.repository.find_tree(id).map_err(damaged)
    }

    fn target(&self, link: Oid) -> Result<String, TreeProblem> {
        Ok(String::from_utf8_lossy(self.read(link)?.content()).into_owned())
    }
}

fn entries(tree: &Tree<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = tree
        .iter()
        .map(|entry| Entry {
            name: String::from_utf8_lossy(entry.name_bytes()).into_owned(),
            kind: kind(entry.kind(), entry.filemode()),
            id: entry.id(),
        })
        .collect();
    // Git sorts folders as if their names ended with a slash.
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    entries
}

/// A digest of names and kinds, not of content.
pub(crate) fn listing_digest(entries: &[Entry]) -> String {
    let mut hash = Sha256::new();
    for entry in entries {
        hash.update(entry.name.as_bytes());
        hash.update([0, entry.kind as u8]);
    }
    hex::encode(&hash.finalize()[..20])
}

/// How deep below the root one is after these steps; `None` where they leave the repository.
fn depth_after(mut depth: usize, target: &str) -> Option<usize> {
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1)?,
            _ => depth += 1,
        }
    }
    Some(depth)
}

/// A source's path without `.`, empty names and slashes at the ends; `None` if it leaves the repository.
pub(crate) fn clean(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// Finds the folder, and says what there is where it should be.
pub(crate) fn folder(snapshot: &Snapshot<'_>, path: &str, inputs: &mut InputSet) -> Result<Folder, Failure> {
    let (real, found) = snapshot.follow(path, inputs)?;
    match found {
        Some((Kind::Folder, id)) => Ok(Folder { path: path.to_owned(), real, id }),
        Some((Kind::Submodule, _)) => Err(RenderProblem::Source {
            reason: format!("path `{path}` is a submodule, and this release does not fetch submodules"),
        }
        .into()),
        Some(_) => Err(RenderProblem::NotDirectory { path: path.to_owned() }.into()),
        None => {
            let nearest = nearest(snapshot, &real)?;
            Err(RenderProblem::PathMissing { path: path.to_owned(), nearest }.into())
        }
    }
}

fn nearest(snapshot: &Snapshot<'_>, path: &str) -> Result<Option<String>, TreeProblem> {
    let mut above = path;
    while let Some((shorter, _)) = above.rsplit_once('/') {
        if matches!(snapshot.at(shorter)?, Some((Kind::Folder, _))) {
            return Ok(Some(shorter.to_owned()));
        }
        above = shorter;
    }
    Ok(None)
}

fn kind(object: Option<ObjectType>, mode: i32) -> Kind {
    match (object, mode) {
        (Some(ObjectType::Tree), _) | (None, 0o040_000) => Kind::Folder,
        (_, 0o120_000) => Kind::Link,
        (Some(ObjectType::Commit), _) | (_, 0o160_000) => Kind::Submodule,
        _ => Kind::File,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn damaged(error: git2::Error) -> TreeProblem {
    let reason = match error.code() {
        ErrorCode::NotFound => "an object is missing",
        _ => "an object cannot be read",
    };
    TreeProblem::Damaged(format!("{reason}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_are_cleaned_and_kept_inside() {
        assert_eq!(clean("./a//b/"), Some("a/b".into()));
        assert_eq!(clean("a/../b"), Some("b".into()));
        assert_eq!(clean("."), Some(String::new()));
        assert_eq!(clean("a/../../b"), None);
        assert_eq!(clean("/a"), None);
    }
}
