//! ReadDataSource.

use tokio_util::sync::CancellationToken;

use super::{Server, convert, unknown_name};
use crate::diagnostic::Diagnostics;
use crate::framework::{Private, Provider};
use crate::proto::tfplugin6 as wire;

type Response = wire::read_data_source::Response;

impl<P: Provider> Server<P> {
    pub(super) async fn read_data_source(
        &self,
        request: wire::read_data_source::Request,
        stop: CancellationToken,
    ) -> Response {
        let context = self.context(stop, Private::default());
        let read = async {
            let name = &request.type_name;
            let source =
                self.registry.data_sources.get(name).ok_or_else(|| unknown_name("data source", name))?;
            let config = convert::value(request.config.as_ref(), source.ty())?;
            let state = source.read(&context, config).await?;
            convert::dynamic(&state, source.ty())
        };
        let read: Result<wire::DynamicValue, Diagnostics> = read.await;
        let mut problems = std::mem::take(&mut context.notes().warnings);
        let state = match read {
            Ok(state) => Some(state),
            Err(errors) => {
                problems.extend(errors);
                None
            }
        };
        Response { state, diagnostics: convert::diagnostics(problems), deferred: None }
    }
}
