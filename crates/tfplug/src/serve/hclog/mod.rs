//! Logs as a host reads them: one JSON object per line on standard error, in the form of
//! Terraform's own logger (hclog), from which it sorts them into its log by level.
//!
//! ```text
//! tracing event + fields of its spans ─ level filter ─ lines of bounded length ─ stderr
//! ```
//!
//! A host reads a level and message that aren't strings with a crash, a timestamp in another
//! form as no log at all, and a line of 64 KiB or more as two pieces of no log. None of these is
//! ever written.

mod level;
mod line;

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

pub use level::{host_level, provider_variable};
use line::{Entry, write_entry};

/// Libraries below the provider that log each frame and byte. At most their warnings are shown.
const NOISY: [&str; 8] =
    ["h2", "hyper", "hyper_util", "rustls", "tokio_rustls", "tokio_util", "tonic", "tower"];

/// A [`tracing_subscriber`] layer that writes hclog's JSON lines.
///
/// Fields of an event and of the spans around it become keys of the object, all as strings; the
/// inner one wins. `@module` is the event's target.
#[derive(Debug)]
pub struct HclogLayer<W> {
    writer: Mutex<W>,
}

impl<W: Write + Send + 'static> HclogLayer<W> {
    /// A layer that writes to `writer`, one call per line. What can't be written is dropped:
    /// there is nobody left to tell.
    pub fn new(writer: W) -> Self {
        Self { writer: Mutex::new(writer) }
    }
}

/// A filter that lets `level` through, and of the libraries that log every byte only warnings.
pub fn filter(level: LevelFilter) -> Targets {
    let noisy = level.min(LevelFilter::WARN);
    Targets::new().with_default(level).with_targets(NOISY.map(|target| (target, noisy)))
}

/// Makes hclog lines on standard error the process's log. Does nothing when a program has set up
/// logs of its own.
pub(super) fn install(level: LevelFilter) {
    let layer = HclogLayer::new(io::stderr()).with_filter(filter(level));
    // Already set: the program's choice.
    let _ = Registry::default().with(layer).try_init();
}

/// Makes readable lines on standard error the process's log, for a person at a terminal.
pub(super) fn install_readable(level: LevelFilter) {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_filter(filter(level));
    // Already set: the program's choice.
    let _ = Registry::default().with(layer).try_init();
}

impl<S, W> Layer<S> for HclogLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(scope) = context.event_scope(event) {
            for span in scope {
                if let Some(outer) = span.extensions().get::<Fields>() {
                    fields.add_missing(outer);
                }
            }
        }
        let metadata = event.metadata();
        let entry = Entry {
            level: level::name(*metadata.level()),
            module: metadata.target(),
            timestamp: Timestamp::now(),
            message: fields.message,
            fields: fields.others,
        };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        write_entry(&entry, |line| {
            let _ = writer.write_all(line);
        });
    }
}

/// The fields of one event or span, as text, in order.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
            return;
        }
        // Names that begin with @ are the host's.
        let name = field.name().trim_start_matches('@');
        match self.others.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.others.push((name, value)),
        }
    }

    fn add_missing(&mut self, outer: &Self) {
        for (name, value) in &outer.others {
            if !self.others.iter().any(|(known, _)| known == name) {
                self.others.push((name, value.clone()));
            }
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        self.set(field, text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use tracing::{Level, debug, error_span, info, warn};

    use super::*;

    /// What was written, shared with the layer.
    #[derive(Debug, Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let layer = HclogLayer::new(written.clone()).with_filter(filter(level));
        tracing::subscriber::with_default(Registry::default().with(layer), log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_value_is_a_string() {
        let lines = lines(LevelFilter::TRACE, || {
            info!(count = 3, ok = true, name = "a", ratio = 0.5, "it \"works\"\n");
        });
        assert_eq!(lines.len(), 1);
        let line = lines[0].as_object().unwrap();
        assert!(line.values().all(Value::is_string), "{line:?}");
        assert_eq!(line["@message"], "it \"works\"\n");
        assert_eq!(line["@level"], "info");
        assert_eq!(line["@module"], module_path!());
        assert_eq!(line["count"], "3");
        assert_eq!(line["ok"], "true");
        assert_eq!(line["name"], "a");
        assert_eq!(line["ratio"], "0.5");
    }

    #[test]
    fn fields_of_spans_are_added_and_the_inner_one_wins() {
        let lines = lines(LevelFilter::TRACE, || {
            let outer = error_span!("outer", tf_rpc = "ReadResource", which = "outer");
            let inner =
                outer.in_scope(|| error_span!("inner", which = "inner", late = tracing::field::Empty));
            inner.record("late", "yes");
            inner.in_scope(|| warn!("hello"));
        });
        assert_eq!(lines[0]["tf_rpc"], "ReadResource");
        assert_eq!(lines[0]["which"], "inner");
        assert_eq!(lines[0]["late"], "yes");
    }

    #[test]
    fn a_field_never_takes_the_place_of_one_of_the_hosts() {
        let lines = lines(LevelFilter::TRACE, || {
            info!("@level" = 3, "hello");
        });
        assert_eq!(lines[0]["@level"], "info");
        assert_eq!(lines[0]["level"], "3");
    }

    #[test]
    fn an_error_comes_with_its_causes() {
        let error = crate::serve::ListenError::Socket {
            directory: "/d".into(),
            source: io::Error::other("disk on fire"),
        };
        let lines = lines(LevelFilter::TRACE, || {
            warn!(error = &error as &dyn std::error::Error, "failed");
        });
        let text = lines[0]["error"].as_str().unwrap();
        assert!(text.ends_with("in `/d`: disk on fire"), "{text}");
    }

    #[test]
    fn libraries_that_log_every_byte_are_held_back() {
        let lines = lines(LevelFilter::TRACE, || {
            debug!(target: "h2::proto", "frame");
            warn!(target: "h2::proto", "odd");
            tracing::event!(target: "provider", Level::TRACE, "mine");
        });
        let messages: Vec<_> = lines.iter().map(|line| &line["@message"]).collect();
        assert_eq!(messages, ["odd", "mine"]);
    }
}
