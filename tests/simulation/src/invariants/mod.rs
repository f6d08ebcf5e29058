//! What must hold in every run, read from the API servers' own record of writes.
//!
//! ```text
//! audit, entry by entry ─► State (what each application and object had come to by then) ─► rules ─► problems
//! ```
//! Nothing here asks the agent. What strangers did to an object not long ago excuses what follows from it.

mod end;
mod oracle;
mod refresh;
mod rest;
mod rules;
mod state;

use std::rc::Rc;

pub use end::what_is_missing;
pub use rest::check_rest;

use crate::git::Git;
use crate::scenario::Scenario;
use crate::world::Shared;

/// Checks every write of a run.
pub fn check_writes(shared: &Rc<Shared>, scenario: &Scenario) -> Vec<String> {
    let mut problems = Vec::new();
    let mut state = state::State::new(scenario);
    let git: &Git = &shared.git;
    let audit = shared.audit();
    problems.extend(refresh::check(&audit, &shared.advertisements.borrow()));
    for (cluster, entry) in &audit {
        problems.extend(
            rules::check(&state, git, cluster, entry)
                .into_iter()
                .map(|problem| format!("{problem}\n    at: {entry}")),
        );
        state.take(git, cluster, entry);
    }
    problems
}
