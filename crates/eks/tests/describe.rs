//! `DescribeCluster` against a server that answers as EKS does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use bridgehead_eks::{EksError, Endpoints, Identity, Session};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn answer(request: &Request<Incoming>) -> (u16, &'static str, Value) {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    match name {
        "shop" => (
            200,
            "",
            json!({"cluster": {
                "name": "shop", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/shop", "version": "1.34",
                "endpoint": "https://shop.example.com", "status": "ACTIVE",
                "certificateAuthority": {"data": "UEVN"}, "accessConfig": {"authenticationMode": "API"},
                "identity": {"oidc": {"issuer": "https://oidc.example.com/id/1"}},
            }}),
        ),
        "young" => (200, "", json!({"cluster": {"name": "young", "status": "CREATING"}})),
        "forbidden" => (
            403,
            "AccessDeniedException",
            json!({"message": "User: arn:aws:iam::111122223333:user/me is not authorized"}),
        ),
        _ => (404, "ResourceNotFoundException", json!({"message": "No cluster found for name"})),
    }
}

/// The server ends with the test's runtime.
async fn eks() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move {
                let (status, error, body) = answer(&request);
                let mut response =
                    Response::builder().status(status).header("content-type", "application/json");
                if !error.is_empty() {
                    response = response.header("x-amzn-errortype", error);
                }
                Ok::<_, Infallible>(
                    response.body(Full::new(Bytes::from(body.to_string()))).expect("a response"),
                )
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

/// A profile of the test's own: neither the machine's files nor its variables take part.
async fn session() -> Session {
    let identity = Identity { region: Some("eu-west-1".to_owned()), ..Identity::default() };
    let endpoints = Endpoints { eks: Some(eks().await), sts: None };
    Session::with_credentials(&identity, &endpoints, "AKIDEXAMPLE", "secret").await.unwrap()
}

#[tokio::test]
async fn an_active_cluster_is_described() {
    let cluster = session().await.describe("shop").await.unwrap();
    assert_eq!(
        (&*cluster.endpoint, &*cluster.certificate_authority),
        ("https://shop.example.com", &b"PEM"[..])
    );
    assert_eq!(cluster.authentication_mode.as_deref(), Some("API"));
    assert_eq!(cluster.oidc_issuer.as_deref(), Some("https://oidc.example.com/id/1"));
}

#[tokio::test]
async fn a_cluster_that_cannot_be_connected_to_says_why() {
    let session = session().await;
    let young = session.describe("young").await.unwrap_err();
    assert_eq!(young.to_string(), "EKS cluster `young` is CREATING and has no endpoint");
    let none = session.describe("none").await.unwrap_err();
    assert_eq!(none.to_string(), "EKS has no cluster `none` in eu-west-1");
    let forbidden = session.describe("forbidden").await.unwrap_err();
    assert!(
        matches!(&forbidden, EksError::Denied { message, .. } if message.contains("user/me")),
        "{forbidden}"
    );
}

#[tokio::test]
async fn a_token_is_minted_without_a_request() {
    let token = session().await.mint("shop").await.unwrap();
    assert!(token.expose().starts_with("k8s-aws-v1."));
}
