//! `app delete`.

use std::io::{BufRead, Write};

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations::{
    RESOURCES_FINALIZER, RESOURCES_FINALIZER_BACKGROUND, RESOURCES_FINALIZER_FOREGROUND,
};
use bridgehead_kubernetes::write;
use clap::{ArgAction, Args, ValueEnum};
use serde_json::json;

use super::{AppNamespace, choose, operation};
use crate::cli::can_ask;
use crate::cli::error::{CliError, Exit};
use crate::cli::objects::{ApplicationWatch, Observed, StoredApplication, applications};
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct DeleteOptions {
    /// Names of the applications, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    names: Vec<String>,
    /// Delete the applications that a label selector chooses
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Delete the application's objects too
    #[arg(long, action = ArgAction::Set, default_value_t = true, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    cascade: bool,
    /// Whether dependents of the application's objects go before them or after; foreground if not given
    #[arg(short, long, value_enum, value_name = "POLICY")]
    propagation_policy: Option<Policy>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Wait until the applications are gone
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    namespace: AppNamespace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// Dependents first
    Foreground,
    /// Dependents afterwards
    Background,
}

/// What is said to the question.
enum Answer {
    Yes,
    No,
    All,
}

pub(super) async fn run(
    session: &Session,
    options: &DeleteOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if !options.cascade && options.propagation_policy.is_some() {
        return Err(CliError::Usage(
            "`--propagation-policy` says how objects are deleted, and `--cascade=false` that they are not"
                .to_owned(),
        ));
    }
    let keys = choose(session, &options.names, &options.namespace, options.selector.as_deref(), &[]).await?;
    let mut ask = options.cascade && !options.yes && can_ask();
    for key in &keys {
        let application = session.application(key).await?;
        if ask {
            match question(key, keys.len() > 1, out)? {
                Answer::Yes => {}
                Answer::All => ask = false,
                Answer::No => {
                    writeln!(out, "The command to delete '{}' was cancelled.", key.name)?;
                    continue;
                }
            }
        }
        delete(session, key, application, options).await?;
        writeln!(out, "application '{}' deleted", key.name)?;
        out.flush()?;
    }
    Ok(Exit::Done)
}

fn question(key: &ObjectKey, several: bool, out: &mut dyn Write) -> Result<Answer, CliError> {
    let choices = if several { "[y/n/A] where 'A' is for all of them" } else { "[y/n]" };
    loop {
        write!(out, "Are you sure you want to delete '{}' and all its resources? {choices} ", key.name)?;
        out.flush()?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.map_err(|error| CliError::io("read the answer", error))? == 0 {
            return Ok(Answer::No);
        }
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(Answer::Yes),
            "n" | "no" => return Ok(Answer::No),
            "a" if several => return Ok(Answer::All),
            _ => {}
        }
    }
}

async fn delete(
    session: &Session,
    key: &ObjectKey,
    application: StoredApplication,
    options: &DeleteOptions,
) -> Result<(), CliError> {
    let finalizers = finalizers(&application, options);
    let application = if finalizers == application.typed.metadata.finalizers {
        application
    } else {
        operation::change(session, key, application, |application| {
            Ok(json!({"metadata": {"finalizers": self::finalizers(application, options)}}))
        })
        .await?
    };
    // Only this one: an application of the same name that comes after it is another.
    let only = write::DeleteOptions {
        propagation: write::Propagation::Background,
        uid: Some(application.typed.metadata.uid.clone()),
        ..write::DeleteOptions::default()
    };
    write::delete(&session.connection, &applications(), key, &only).await?;
    if options.wait {
        let mut watch = ApplicationWatch::after(session, key, &application);
        while let Observed::Present(_) = watch.next().await? {}
    }
    Ok(())
}

/// The finalizers with which the agent does what was asked.
fn finalizers(application: &StoredApplication, options: &DeleteOptions) -> Vec<String> {
    let mut finalizers = application.typed.metadata.finalizers.clone();
    let cascading = [RESOURCES_FINALIZER, RESOURCES_FINALIZER_FOREGROUND, RESOURCES_FINALIZER_BACKGROUND];
    if !options.cascade {
        finalizers.retain(|finalizer| !cascading.contains(&finalizer.as_str()));
        return finalizers;
    }
    let (wanted, equivalent): (&str, &[&str]) = match options.propagation_policy {
        None => (RESOURCES_FINALIZER, &cascading),
        Some(Policy::Foreground) => {
            (RESOURCES_FINALIZER_FOREGROUND, &[RESOURCES_FINALIZER, RESOURCES_FINALIZER_FOREGROUND])
        }
        Some(Policy::Background) => (RESOURCES_FINALIZER_BACKGROUND, &[RESOURCES_FINALIZER_BACKGROUND]),
    };
    if finalizers.iter().any(|finalizer| equivalent.contains(&finalizer.as_str())) {
        return finalizers;
    }
    // One of them counts, so the one that says something else goes.
    finalizers.retain(|finalizer| !cascading.contains(&finalizer.as_str()));
    finalizers.push(wanted.to_owned());
    finalizers
}
