//! `git http-backend`, the CGI program that comes with Git.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::Stream;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::repository::isolate;

/// What the program answers: status and headers at once, the body as it comes.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    output: BufReader<ChildStdout>,
    child: Child,
}

/// Runs the program for one request.
pub(super) async fn run(root: &Path, request: &Parts, body: Bytes) -> Result<Answer> {
    let mut command = std::process::Command::new("git");
    isolate(&mut command);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", request.method.as_str())
        .env("PATH_INFO", request.uri.path())
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REMOTE_USER", "test")
        // The server is the test's own, whoever owns the files.
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        if let Some(value) = request.headers.get(header).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    let mut child = Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("failed to start `git http-backend`")?;
    let mut input = child.stdin.take().context("`git http-backend` has no standard input")?;
    let output = child.stdout.take().context("`git http-backend` has no standard output")?;
    // It may answer before it has read everything, or without reading.
    tokio::spawn(async move {
        let _ = input.write_all(&body).await;
    });
    let mut output = BufReader::new(output);
    let mut status = StatusCode::OK;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        let read = output.read_line(&mut line).await.context("failed to read a header from Git")?;
        if read == 0 {
            bail!("`git http-backend` ended within its headers");
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Answer { status, headers, output, child });
        }
        let (name, value) = line.split_once(": ").with_context(|| format!("not a header: `{line}`"))?;
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().with_context(|| format!("not a status: `{value}`"))?;
        } else {
            let name = name.parse().with_context(|| format!("not a header's name: `{name}`"))?;
            headers.push((name, value.parse().with_context(|| format!("not a header's value: `{value}`"))?));
        }
    }
}

impl Answer {
    /// The body in pieces.
    pub(super) fn body(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        // The child is part of the state: it is killed when the client goes away.
        futures::stream::try_unfold((self.output, self.child), |(mut output, mut child)| async move {
            let mut piece = vec![0; 16 * 1024];
            let length = output.read(&mut piece).await?;
            if length == 0 {
                child.wait().await?;
                return Ok(None);
            }
            piece.truncate(length);
            Ok(Some((Bytes::from(piece), (output, child))))
        })
    }
}
