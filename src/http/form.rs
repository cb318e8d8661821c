//! Forms whose fields come as `application/x-www-form-urlencoded`, by the
//! feature `forms`.

use std::io;

use ::form_urlencoded::parse;
use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;

use super::refusal::Refusal;
use super::request::Request;

/// More fields than a page has: each takes memory beside its bytes.
const MOST_FIELDS: usize = 1_000;

/// The fields of a form or of a query, decoded, in their order. A name may come
/// several times.
///
/// Bytes that are not UTF-8 once decoded become U+FFFD, as in browsers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.iter().filter(move |(known, _)| *known == name);
        named.map(|(_, value)| value)
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    fn read(text: &[u8]) -> io::Result<Form> {
        let mut fields = Vec::new();
        for (name, value) in parse(text) {
            if fields.len() == MOST_FIELDS {
                let text = format!("the form has more than {MOST_FIELDS} fields");
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Form { fields })
    }
}

impl Request<'_> {
    /// The body as the fields of a form, at most `limit` bytes and 1,000
    /// fields.
    ///
    /// ```
    /// use greenserve::http::{self, Request, Response};
    ///
    /// fn greet(request: &mut Request, response: &mut Response) -> http::Result {
    ///     let form = request.form(10_000)?;
    ///     response.send(format!("hello, {}\n", form.get("name").unwrap_or("whoever you are")))
    /// }
    /// # let _ = http::serve(greet);
    /// ```
    ///
    /// # Errors
    /// With 415 for the client when its `Content-Type` is another one, 413 when
    /// there is more; else as [`Body::bytes`](super::Body::bytes).
    pub fn form(&mut self, limit: u64) -> io::Result<Form> {
        const KIND: &str = "application/x-www-form-urlencoded";
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(KIND) {
            return Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("a form is sent as {KIND}"),
            ));
        }
        Form::read(&self.body().bytes(limit)?)
    }

    /// The fields of the query, at most 1,000; none without a query.
    ///
    /// # Errors
    /// With 413 for the client when there are more.
    pub fn query_form(&self) -> io::Result<Form> {
        Form::read(self.query().unwrap_or_default().as_bytes())
    }
}

fn refused(status: StatusCode, text: String) -> io::Error {
    Refusal::new(status, text).into_io(io::ErrorKind::InvalidData)
}
