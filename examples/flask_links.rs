//! Short links over JSON, as a program of Flask on gevent has them; before and
//! after stand in docs/PORTING-HTTP.md.
//!
//! Run with: cargo run --features json --example flask_links
//! Try with: curl -d '{"url":"https://example.org/"}' http://127.0.0.1:8080/links
//! Then: curl -i http://127.0.0.1:8080/to/1

mod common;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use greenserve::TcpServer;
use greenserve::http::{self, Handler, Refusal, Request, Response, Router, StatusCode, Uri};
use serde::Deserialize;

#[derive(Default)]
struct Links(Mutex<BTreeMap<String, String>>);

#[derive(Deserialize)]
struct Draft {
    url: String,
}

impl Links {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, url: String) -> String {
        let mut links = self.all();
        let key = (links.len() + 1).to_string();
        links.insert(key.clone(), url);
        key
    }
}

fn add(links: &Links, request: &mut Request, response: &mut Response) -> http::Result {
    let Draft { url } = request.body().json(10_000)?;
    let scheme = url
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.scheme_str().map(str::to_owned));
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "only http and https").into());
    }
    let key = links.add(url);
    response.set_status(StatusCode::CREATED);
    response.json(&BTreeMap::from([("key", key)]))
}

fn follow(links: &Links, request: &mut Request, response: &mut Response) -> http::Result {
    let key = request.param("key").unwrap_or_default();
    let found = links.all().get(key).cloned();
    let url = found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no such link"))?;
    response.set_status(StatusCode::FOUND).header("location", url)?;
    Ok(())
}

fn problem(request: &mut Request, response: &mut Response, next: &dyn Handler) -> http::Result {
    let ended = next.handle(request, response);
    match ended.as_ref().err().and_then(Refusal::of) {
        Some(refusal) if !response.has_begun() => {
            response.set_status(refusal.status());
            response.json(&BTreeMap::from([("error", refusal.text())]))
        }
        _ => ended,
    }
}

fn stamp(request: &mut Request, response: &mut Response, next: &dyn Handler) -> http::Result {
    response.header("x-content-type-options", "nosniff")?;
    next.handle(request, response)
}

fn app() -> greenserve::Result<impl Handler> {
    let links = Arc::new(Links::default());
    let known = Arc::clone(&links);
    let router = Router::builder()
        .post("/links", move |request: &mut Request, response: &mut Response| {
            add(&links, request, response)
        })
        .get("/to/{key}", move |request: &mut Request, response: &mut Response| {
            follow(&known, request, response)
        })
        .build()?;
    Ok(http::around(stamp, http::around(problem, router)))
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(app()?))?, options)
    })
}
