//! Documentation pages from schemas, in the layout that registries read.
//!
//! ```text
//! docs/index.md  docs/resources/  docs/data-sources/  docs/ephemeral-resources/  docs/functions/
//! ```

mod page;

use std::path::PathBuf;

use crate::framework::Signature;
use crate::schema::Schema;

/// The schemas of all that a provider offers: [`Server::schemas`](crate::server::Server::schemas).
#[derive(Clone, Debug)]
pub struct ProviderSchema {
    /// The provider block.
    pub provider: Schema,
    /// Resources.
    pub resources: Vec<Schema>,
    /// Data sources.
    pub data_sources: Vec<Schema>,
    /// Ephemeral resources.
    pub ephemeral: Vec<Schema>,
    /// Functions.
    pub functions: Vec<Signature>,
}

/// The pages, by their path from the root of the provider's repository.
///
/// `provider` is the provider's name, `example` for `example_file`. `example` is asked for the text of
/// the files that registries know: `examples/provider/provider.tf`,
/// `examples/resources/example_file/resource.tf` and `import.sh`,
/// `examples/data-sources/example_file/data-source.tf`,
/// `examples/ephemeral-resources/example_token/ephemeral-resource.tf`,
/// `examples/functions/join/function.tf`.
pub fn render(
    schema: &ProviderSchema,
    provider: &str,
    example: impl Fn(&str) -> Option<String>,
) -> Vec<(PathBuf, String)> {
    let short = |name: &str| name.strip_prefix(&format!("{provider}_")).unwrap_or(name).to_owned();
    let mut pages = vec![(
        PathBuf::from("docs/index.md"),
        page::provider(&schema.provider, provider, example("examples/provider/provider.tf").as_deref()),
    )];
    for resource in &schema.resources {
        let name = &resource.name;
        let text = page::resource(
            resource,
            example(&format!("examples/resources/{name}/resource.tf")).as_deref(),
            example(&format!("examples/resources/{name}/import.sh")).as_deref(),
        );
        pages.push((format!("docs/resources/{}.md", short(name)).into(), text));
    }
    for source in &schema.data_sources {
        let name = &source.name;
        let text = example(&format!("examples/data-sources/{name}/data-source.tf"));
        let text = page::schema_page(source, "Data Source", text.as_deref());
        pages.push((format!("docs/data-sources/{}.md", short(name)).into(), text));
    }
    for ephemeral in &schema.ephemeral {
        let name = &ephemeral.name;
        let text = example(&format!("examples/ephemeral-resources/{name}/ephemeral-resource.tf"));
        let text = page::schema_page(ephemeral, "Ephemeral Resource", text.as_deref());
        pages.push((format!("docs/ephemeral-resources/{}.md", short(name)).into(), text));
    }
    for function in &schema.functions {
        let text = example(&format!("examples/functions/{}/function.tf", function.name));
        let text = page::function(function, text.as_deref());
        pages.push((format!("docs/functions/{}.md", function.name).into(), text));
    }
    pages
}
