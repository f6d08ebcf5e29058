//! Faults that a real API server has only in bad hours, played by a small server of our own.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::cache::{LiveCache, Lookup};
use bridgehead_kubernetes::connect::Fence;
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::write::{WriteOptions, create, get};
use bridgehead_kubernetes::{ApiErrorKind, Connection, ConnectionSettings, Resource, connect};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn config_maps() -> Resource {
    Resource::known("v1", "ConfigMap", "configmaps", true)
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", name)
}

fn object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "7"}})
}

type Answer = Response<Full<Bytes>>;

fn answer(status: u16, body: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

/// A server that answers by a function of the request and of how many came before it. It ends with the
/// test's runtime.
async fn server(act: impl Fn(&Request<Incoming>, usize) -> Answer + Send + Sync + 'static) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let act = Arc::new(act);
    let count = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (act, count) = (Arc::clone(&act), Arc::clone(&count));
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = act(&request, count.fetch_add(1, Ordering::SeqCst));
                async move { Ok::<_, Infallible>(answer) }
            });
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(serving);
        }
    });
    Ok(address)
}

fn connection(address: &str) -> Result<Connection> {
    let mut settings = ConnectionSettings::server(address);
    settings.proxy = Some(String::new());
    settings.request_timeout = Duration::from_secs(30);
    Ok(connect(&settings)?)
}

fn too_many(retry_after: &'static str) -> Answer {
    let mut response =
        answer(429, &json!({"kind": "Status", "reason": "TooManyRequests", "message": "too many requests"}));
    response.headers_mut().insert("retry-after", http::HeaderValue::from_static(retry_after));
    response
}

#[tokio::test]
async fn a_throttled_write_is_made_again_as_the_server_asks() -> Result<()> {
    let address = server(|_, number| match number {
        0 => too_many("0"),
        _ => answer(201, &object("one")),
    })
    .await?;
    let connection = connection(&address)?;
    let before = connection.limiter().state().limit;
    let manifest = Manifest::new(object("one"));
    create(&connection, &config_maps(), &key("one"), &manifest, &WriteOptions::default()).await?;
    assert_eq!(connection.limiter().state().limit, before / 2);
    Ok(())
}

#[tokio::test]
async fn behind_a_closed_fence_only_reads_are_sent() -> Result<()> {
    let fence = Fence::new(Instant::now() + Duration::from_hours(1));
    let (moved, begun) = (fence.clone(), Arc::new(AtomicUsize::new(0)));
    let writes = Arc::clone(&begun);
    let address = server(move |request, _| {
        if request.method() == Method::GET {
            return answer(200, &object("one"));
        }
        if writes.fetch_add(1, Ordering::SeqCst) == 0 {
            return answer(201, &object("one"));
        }
        // While the second waits to be tried again, the right to write ends.
        moved.move_to(Instant::now());
        too_many("0")
    })
    .await?;
    let connection = connection(&address)?.fenced(fence.clone());
    let manifest = Manifest::new(object("one"));
    let write =
        async || create(&connection, &config_maps(), &key("one"), &manifest, &WriteOptions::default()).await;
    write().await?;
    for _ in 0..2 {
        let error = write().await.expect_err("the right to write is over");
        assert_eq!(error.kind, ApiErrorKind::Unreachable);
        assert!(error.message.contains("it was not sent"), "{error}");
    }
    assert_eq!(begun.load(Ordering::SeqCst), 2, "it was sent all the same");
    assert!(get(&connection, &config_maps(), &key("one")).await?.is_some());

    fence.move_to(Instant::now() + Duration::from_hours(1));
    assert!(!fence.is_closed());
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_for_more_time_than_there_is_is_told() -> Result<()> {
    let address = server(|_, _| too_many("3600")).await?;
    let mut settings = ConnectionSettings::server(address);
    settings.request_timeout = Duration::from_secs(1);
    let error = get(&connect(&settings)?, &config_maps(), &key("one")).await.expect_err("throttled");
    assert_eq!(error.kind, ApiErrorKind::Throttled { retry_after: Some(Duration::from_hours(1)) });
    assert_eq!(error.message, "too many requests");
    Ok(())
}

#[tokio::test]
async fn a_proxys_error_page_is_an_error_of_the_server() -> Result<()> {
    let address = server(|_, _| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"<html>bad gateway</html>")));
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        response
    })
    .await?;
    let error = get(&connection(&address)?, &config_maps(), &key("one")).await.expect_err("a bad gateway");
    assert_eq!((&error.kind, &*error.message), (&ApiErrorKind::Server, "<html>bad gateway</html>"));
    assert!(error.is_transient());
    Ok(())
}

/// A server before streaming lists: it refuses `sendInitialEvents`, and serves pages.
fn old_server(request: &Request<Incoming>) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    if query.contains("sendInitialEvents") {
        return answer(
            422,
            &json!({"kind": "Status", "reason": "Invalid",
            "message": "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"}),
        );
    }
    if query.contains("watch=true") {
        let event = json!({"type": "ADDED", "object": {"metadata": {"name": "later", "namespace": "shop", "resourceVersion": "11"}}});
        return Response::new(Full::new(Bytes::from(format!("{event}\n"))));
    }
    let page = |name: &str, token: &str| {
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "10", "continue": token},
            "items": [{"metadata": {"name": name, "namespace": "shop", "resourceVersion": "7",
                "annotations": {"argocd.argoproj.io/tracking-id": format!("a:/ConfigMap:shop/{name}")}}}]})
    };
    if query.contains("continue=second") {
        answer(200, &page("two", ""))
    } else {
        answer(200, &page("one", "second"))
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_lists_is_listed_in_pages() -> Result<()> {
    let address = server(|request, _| old_server(request)).await?;
    let (mut watches, mut events) = Watches::new(connection(&address)?, 1 << 20);
    let mut cache = LiveCache::new(1);
    cache.add_kind(&config_maps());
    watches.start(WatchTarget::all(config_maps()));
    while !matches!(cache.lookup(&key("later")), Lookup::Foreign) {
        let event =
            tokio::time::timeout(Duration::from_mins(1), events.recv()).await?.expect("the watch goes on");
        if let WatchNews::Frames(frames) = &event.news {
            for frame in frames {
                cache.apply_frame(event.target.kind(), frame)?;
            }
        }
    }
    for name in ["one", "two"] {
        let Lookup::Live(held) = cache.lookup(&key(name)) else { panic!("{name} is not there") };
        // Items of a list don't say what they are.
        assert_eq!((held.live().manifest.kind(), held.live().manifest.api_version()), ("ConfigMap", "v1"));
        assert_eq!(held.tracked_by(), Some("a"));
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_that_ends_as_soon_as_it_begins_is_opened_again_after_longer_and_longer_pauses() -> Result<()>
{
    let (told, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let address = server(move |request, _| {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("watch=true") && !query.contains("sendInitialEvents") {
            let _listening = told.send(tokio::time::Instant::now());
            return Response::new(Full::new(Bytes::new()));
        }
        old_server(request)
    })
    .await?;
    let (mut watches, _events) = Watches::new(connection(&address)?, 1 << 20);
    watches.start(WatchTarget::all(config_maps()));
    let mut at = Vec::new();
    while at.len() < 5 {
        at.push(tokio::time::timeout(Duration::from_mins(1), opened.recv()).await?.expect("it goes on"));
    }
    // Half of 200 ms, and twice that each time, at the least.
    assert!(at[4] - at[0] >= Duration::from_millis(1400), "opened at {at:?}");
    Ok(())
}

/// An HTTP proxy that serves CONNECT for anybody with the right password, and says who came.
async fn proxy() -> Result<(u16, tokio::sync::mpsc::Receiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (told, heard) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let _listening = told.send(head).await;
                let mut server = TcpStream::connect(target).await?;
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok((port, heard))
}

#[tokio::test]
async fn a_proxy_is_gone_through_with_its_password() -> Result<()> {
    let address = server(|request, _| {
        assert_eq!(request.method(), Method::GET);
        answer(200, &object("one"))
    })
    .await?;
    let (port, mut heard) = proxy().await?;
    let mut settings = ConnectionSettings::server(&address);
    settings.proxy = Some(format!("http://me:p%40ss@127.0.0.1:{port}"));
    let found = get(&connect(&settings)?, &config_maps(), &key("one")).await?;
    assert_eq!(found.map(|live| live.key), Some(key("one")));
    let head = heard.recv().await.expect("the proxy was asked").to_lowercase();
    assert!(head.starts_with(&format!("connect {}", address.trim_start_matches("http://"))), "{head}");
    // me:p@ss
    assert!(head.contains("proxy-authorization: basic bwu6cebzcw=="), "{head}");
    Ok(())
}
