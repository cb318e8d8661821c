//! Notes over HTTP and JSON, in a SQLite file: a router, errors in one form,
//! and what stands around every handler.
//!
//! Run with: cargo run --features json --example http_api -- --database notes.sqlite
//! Try with: curl -d '{"text":"milk"}' http://127.0.0.1:8080/notes
//! Then: curl http://127.0.0.1:8080/notes
//! Then: curl -X DELETE http://127.0.0.1:8080/notes/1

#[path = "../common/mod.rs"]
mod common;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use greenserve::http::{
    self, AccessLog, Handler, HeaderValue, Refusal, Request, Response, Router, StatusCode, around, header,
};
use greenserve::{Result, TcpServer};
use serde::{Deserialize, Serialize};

use store::Store;

/// The longest note in bytes.
const LONGEST: usize = 1_000;
/// What a request's JSON may have in bytes.
const MOST_JSON: u64 = 10_000;

#[derive(Debug, Parser)]
struct Api {
    #[command(flatten)]
    server: common::Options,
    /// The file of the database; made if there is none. Without it notes live
    /// as long as the server.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// What a client sends.
#[derive(Debug, Deserialize)]
struct Draft {
    text: String,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    error: &'a str,
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is no such note")
}

/// The number in the path.
fn number(request: &Request) -> std::result::Result<i64, Refusal> {
    let number = request.param("number").and_then(|text| text.parse().ok());
    number.ok_or_else(not_found)
}

fn draft(request: &mut Request) -> http::Result<String> {
    let Draft { text } = request.body().json(MOST_JSON)?;
    match text.len() {
        0 => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "a note has a text").into()),
        length if length > LONGEST => {
            let reason = format!("a note has at most {LONGEST} bytes, this one has {length}");
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, reason).into())
        }
        _ => Ok(text),
    }
}

fn router(store: &Arc<Store>) -> Result<Router> {
    let of = |handler: fn(&Store, &mut Request, &mut Response) -> http::Result| {
        let store = Arc::clone(store);
        move |request: &mut Request, response: &mut Response| handler(&store, request, response)
    };
    Router::builder()
        .get("/notes", of(|store, _, response| response.json(&store.all()?)))
        .post("/notes", of(add))
        .get("/notes/{number}", of(show))
        .put("/notes/{number}", of(change))
        .delete("/notes/{number}", of(remove))
        .build()
}

fn add(store: &Store, request: &mut Request, response: &mut Response) -> http::Result {
    let note = store.add(draft(request)?)?;
    response.set_status(StatusCode::CREATED);
    response.header("location", format!("/notes/{}", note.number))?;
    response.json(&note)
}

fn show(store: &Store, request: &mut Request, response: &mut Response) -> http::Result {
    let note = store.one(number(request)?)?.ok_or_else(not_found)?;
    response.json(&note)
}

fn change(store: &Store, request: &mut Request, response: &mut Response) -> http::Result {
    let number = number(request)?;
    let note = store.change(number, draft(request)?)?.ok_or_else(not_found)?;
    response.json(&note)
}

fn remove(store: &Store, request: &mut Request, response: &mut Response) -> http::Result {
    if !store.remove(number(request)?)? {
        return Err(not_found().into());
    }
    response.set_status(StatusCode::NO_CONTENT);
    Ok(())
}

/// Tells the client how long its answer took to make.
fn timed(request: &mut Request, response: &mut Response, next: &dyn Handler) -> http::Result {
    let begun = Instant::now();
    let ended = next.handle(request, response);
    log::debug!("{} {} took {:?}", request.method(), request.path(), begun.elapsed());
    ended
}

/// Says no in JSON. Any other error is the library's to answer, and to log.
fn in_json(request: &mut Request, response: &mut Response, next: &dyn Handler) -> http::Result {
    let ended = next.handle(request, response);
    let Err(failure) = &ended else { return ended };
    let Some(refusal) = Refusal::of(failure).filter(|_| !response.has_begun()) else {
        return ended;
    };
    response.set_status(refusal.status());
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.json(&Problem { error: refusal.text() })
}

fn main() -> ExitCode {
    let options = Api::parse();
    common::start(&options.server, "127.0.0.1:8080", |address| {
        let store = Arc::new(Store::open(options.database.as_deref())?);
        let handler = around(timed, around(in_json, router(&store)?));
        let http = http::serve(handler).access_log(AccessLog::json());
        common::serve(TcpServer::bind(address, http)?, &options.server)
    })
}
