//! `--revision`, and `--revisions` with `--source-positions` for applications with several sources.

use bridgehead_api::application::Application;
use clap::Args;

use crate::cli::error::CliError;

/// Which revisions are meant instead of those of the application.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RevisionFlags {
    /// Branch, tag or commit; the application's if not given
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// With several sources: the revision of the source at the position given at the same place
    #[arg(long = "revisions", value_name = "REVISION")]
    revisions: Vec<String>,
    /// Positions of those sources, counting from 1
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    source_positions: Vec<usize>,
}

impl RevisionFlags {
    /// Refuses what makes no sense whatever the application is.
    pub(crate) fn check(&self) -> Result<(), CliError> {
        if self.revisions.len() != self.source_positions.len() {
            return Err(CliError::Usage(
                "give `--revisions` and `--source-positions` equally often: they belong together".to_owned(),
            ));
        }
        if self.source_positions.contains(&0) {
            return Err(CliError::Usage("source positions count from 1".to_owned()));
        }
        Ok(())
    }

    /// True where some revisions are given by position.
    pub(crate) fn are_by_position(&self) -> bool {
        !self.revisions.is_empty()
    }

    /// Revisions in the sources' order, the target revisions of those that none is given for; empty where
    /// nothing is given.
    pub(crate) fn of(&self, application: &Application) -> Result<Vec<String>, CliError> {
        let spec = &application.spec;
        if let Some(revision) = &self.revision {
            if spec.has_multiple_sources() {
                return Err(CliError::Usage(format!(
                    "application `{}` has several sources: use `--revisions` and `--source-positions`",
                    application.metadata.name
                )));
            }
            return Ok(vec![revision.clone()]);
        }
        if self.revisions.is_empty() {
            return Ok(Vec::new());
        }
        let sources = spec.effective_sources();
        let mut revisions: Vec<String> =
            sources.iter().map(|source| source.target_revision.clone()).collect();
        for (position, revision) in self.source_positions.iter().zip(&self.revisions) {
            let place = revisions.get_mut(position - 1).ok_or_else(|| {
                CliError::Usage(format!(
                    "there is no source {position}: the application has {}",
                    sources.len()
                ))
            })?;
            revision.clone_into(place);
        }
        Ok(revisions)
    }
}
