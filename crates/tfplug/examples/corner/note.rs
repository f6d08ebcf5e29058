//! `corner_note`: takes over a `terraform_data`, can't be changed in place, needs no folder.

use tfplug::prelude::*;

use crate::store::Store;

/// Text that only the state holds.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("corner_note")]
pub struct Note<S: Stage> {
    /// The text.
    #[attr(replace)]
    pub text: S::Input<String>,
}

/// The resource.
pub struct Notes;

impl Resource for Notes {
    type Model = Note<Stored>;
    type Client = Store;

    async fn create(&self, _context: &Context<Store>, planned: Note<Applying>) -> Outcome<Self::Model> {
        Ok(planned.store(NoteComputed {}))
    }

    async fn read(&self, _context: &Context<Store>, _prior: Note<Partial>) -> ReadResult<Self::Model> {
        Ok(Live::Unchanged)
    }

    async fn delete(&self, _context: &Context<Store>, _prior: Note<Partial>) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn take_over(&self, source: &MoveSource) -> Result<Option<Note<Partial>>, Diagnostics> {
        let input = source.state.attribute("input").attribute("value");
        match (source.type_name.as_str(), input.as_str()) {
            ("terraform_data", Some(text)) => Ok(Some(Note { text: text.to_owned() })),
            _ => Ok(None),
        }
    }
}
