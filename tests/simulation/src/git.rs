//! Repositories as values: commits on branches, and what each path renders to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bridgehead_api::CommitSha;
use bridgehead_engine::manifest::{Manifest, Origin};
use bridgehead_engine::source::RefAdvertisement;
use bridgehead_sources::{ManifestProblem, RenderProblem, Rendered, RepositoryProblem, SourceError, Step};
use serde_json::Value;

/// What a path holds at a commit.
#[derive(Clone, Debug)]
pub enum Folder {
    /// Manifests.
    Manifests(Vec<Value>),
    /// A file that is no YAML.
    Broken,
}

/// Every path of a commit.
pub type Tree = BTreeMap<String, Folder>;

/// One repository with one branch.
#[derive(Debug, Default)]
pub struct Git {
    commits: RefCell<Vec<Tree>>,
}

/// The branch that is pushed to.
pub const BRANCH: &str = "main";

impl Git {
    /// Adds a commit to the branch.
    pub fn commit(&self, tree: Tree) -> CommitSha {
        self.commits.borrow_mut().push(tree);
        self.head()
    }

    /// The newest commit.
    pub fn head(&self) -> CommitSha {
        sha(self.commits.borrow().len())
    }

    /// The manifests of a path at a commit; none where the path is absent or broken.
    pub fn manifests(&self, commit: &str, path: &str) -> Option<Vec<Value>> {
        let commits = self.commits.borrow();
        let number = (1..=commits.len()).find(|number| sha(*number).as_str() == commit)?;
        match commits[number - 1].get(path)? {
            Folder::Manifests(manifests) => Some(manifests.clone()),
            Folder::Broken => None,
        }
    }

    /// True if there is such a commit.
    pub fn has(&self, commit: &str) -> bool {
        (1..=self.commits.borrow().len()).any(|number| sha(number).as_str() == commit)
    }

    /// All refs.
    pub fn advertisement(&self) -> RefAdvertisement {
        let head = (!self.commits.borrow().is_empty()).then(|| self.head());
        let refs = head.iter().map(|head| (format!("refs/heads/{BRANCH}"), head.clone())).collect();
        RefAdvertisement { head, refs }
    }

    /// Renders a path at a commit.
    pub fn render(&self, url: &str, path: &str, commit: &CommitSha) -> Result<Rendered, SourceError> {
        let problem = |problem| SourceError::Render {
            url: url.to_owned(),
            path: path.to_owned(),
            commit: commit.clone(),
            problem,
        };
        let commits = self.commits.borrow();
        let number = (1..=commits.len()).find(|number| sha(*number) == *commit);
        let Some(number) = number else {
            let gone = RepositoryProblem::CommitGone { commit: commit.clone() };
            return Err(SourceError::Fetch { url: url.to_owned(), commit: commit.clone(), problem: gone });
        };
        match commits[number - 1].get(path) {
            None => Err(problem(RenderProblem::PathMissing { path: path.to_owned(), nearest: None })),
            Some(Folder::Broken) => Err(problem(RenderProblem::Manifests(vec![ManifestProblem {
                file: format!("{path}/broken.yaml"),
                line: 3,
                message: "found a tab where an indentation was expected".into(),
            }]))),
            Some(Folder::Manifests(manifests)) => Ok(Rendered {
                manifests: manifests
                    .iter()
                    .map(|manifest| {
                        let origin = Origin { file: Arc::from(format!("{path}/all.yaml")), line: 1 };
                        (Manifest::new(manifest.clone()), origin)
                    })
                    .collect(),
                inputs: bridgehead_sources::InputSet::default(),
                warnings: Vec::new(),
                source_type: "Directory",
                bytes: 0,
            }),
        }
    }
}

/// The id of the n-th commit, from 1.
fn sha(number: usize) -> CommitSha {
    format!("{number:040x}").into()
}

/// A server that broke off.
pub fn broken_off(url: &str) -> SourceError {
    SourceError::Advertise {
        url: url.to_owned(),
        problem: RepositoryProblem::BrokenOff {
            step: Step::Refs,
            bytes: 0,
            reason: "the connection was closed".into(),
        },
    }
}
