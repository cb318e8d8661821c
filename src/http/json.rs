//! JSON in bodies, by the feature `json`.

use std::io;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::Body;
use super::refusal::Refusal;
use super::response::Response;
use crate::handler::Failure;

impl Body<'_> {
    /// All of it, at most `limit` bytes, as the JSON of a `T`.
    ///
    /// ```
    /// use greenserve::http::{self, Request, Response};
    ///
    /// fn sum(request: &mut Request, response: &mut Response) -> http::Result {
    ///     let numbers: Vec<i64> = request.body().json(10_000)?;
    ///     response.json(&numbers.iter().sum::<i64>())
    /// }
    /// # let _ = http::serve(sum);
    /// ```
    ///
    /// # Errors
    /// As [`bytes`](Body::bytes); with 400 for the client when it is something
    /// else, and the place and the reason in the text.
    pub fn json<T: DeserializeOwned>(&mut self, limit: u64) -> io::Result<T> {
        serde_json::from_slice(&self.bytes(limit)?).map_err(|err| {
            let text = format!("the body is not the JSON that is wanted here: {err}");
            Refusal::new(StatusCode::BAD_REQUEST, text).into_io(io::ErrorKind::InvalidData)
        })
    }
}

impl Response<'_> {
    /// Answers with `value` as JSON, and says so in `Content-Type` unless the
    /// handler has.
    ///
    /// # Errors
    /// When `value` has no form in JSON, else as [`send`](Response::send).
    pub fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_vec(value)?;
        let headers = self.headers_mut();
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.send(text)
    }
}
