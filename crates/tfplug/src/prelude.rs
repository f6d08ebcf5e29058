//! What nearly every provider needs: `use tfplug::prelude::*;`.

pub use crate::attr::{Attr, Dynamic, Json, Number, Secret, Set, Span, Timeouts};
pub use crate::diagnostic::{Diagnostic, Diagnostics};
pub use crate::framework::{
    Context, DataSource, EphemeralResource, Function, Host, IfItFails, Import, Interrupted, Live, MoveSource,
    Opened, Outcome, Plan, Provider, ReadResult, Registry, Resource,
};
pub use crate::model::At;
pub use crate::path::Path;
pub use crate::server::run;
pub use crate::stage::{Applying, Config, Maybe, Partial, Planned, Stage, Stored};
