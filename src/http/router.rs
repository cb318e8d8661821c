//! Which handler answers which path.

use std::fmt;

use ::http::header::ALLOW;
use ::http::{HeaderValue, Method, StatusCode};

use super::handler::{Handler, Result};
use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use crate::error::{self, Error};

type Boxed = Box<dyn Handler>;

/// Chooses a handler by path and method.
///
/// A path may leave parts open: `/users/{id}` one part, `/files/{*rest}` all
/// that follows; see [`Request::param`]. A part that is written out goes before
/// one that is open. Paths are compared as they are on the wire, so a space in
/// a route is written `%20`; what a route leaves open is told decoded.
///
/// `HEAD` is answered by the handler of `GET` unless it has one of its own,
/// `OPTIONS` with the methods there are. A path that no route knows is answered
/// with 404, a method that none has with 405; both carry what they must.
///
/// ```
/// use greenserve::http::{self, Request, Response, Router};
///
/// fn user(request: &mut Request, response: &mut Response) -> http::Result {
///     let text = format!("user {}", request.param("id").unwrap_or_default());
///     response.send(text)
/// }
///
/// let router = Router::builder().get("/users/{id}", user).build()?;
/// let server = greenserve::TcpServer::bind("127.0.0.1:0", http::serve(router))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub struct Router {
    paths: matchit::Router<Methods>,
    fallback: Option<Boxed>,
}

/// Routes to be; made by [`Router::builder`].
#[must_use = "routes are no handler until `build`"]
#[derive(Default)]
pub struct RouterBuilder {
    routes: Vec<(String, Option<Method>, Boxed)>,
    fallback: Option<Boxed>,
}

/// The handlers of one path.
struct Methods {
    by_method: Vec<(Method, Boxed)>,
    any: Option<Boxed>,
    allow: HeaderValue,
}

impl Router {
    /// A router without routes.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }
}

impl RouterBuilder {
    /// Answers `method` of `path` with `handler`.
    pub fn route(mut self, method: Method, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.routes.push((path.into(), Some(method), Box::new(handler)));
        self
    }

    /// Answers all methods of `path` that no other route answers.
    pub fn any(mut self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.routes.push((path.into(), None, Box::new(handler)));
        self
    }

    /// Answers `GET`, and `HEAD` where no other route does.
    pub fn get(self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.route(Method::GET, path, handler)
    }

    /// Answers `POST`.
    pub fn post(self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.route(Method::POST, path, handler)
    }

    /// Answers `PUT`.
    pub fn put(self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.route(Method::PUT, path, handler)
    }

    /// Answers `PATCH`.
    pub fn patch(self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.route(Method::PATCH, path, handler)
    }

    /// Answers `DELETE`.
    pub fn delete(self, path: impl Into<String>, handler: impl Handler) -> RouterBuilder {
        self.route(Method::DELETE, path, handler)
    }

    /// Answers paths that no route knows, in place of 404.
    pub fn fallback(mut self, handler: impl Handler) -> RouterBuilder {
        self.fallback = Some(Box::new(handler));
        self
    }

    /// The router.
    ///
    /// # Errors
    /// When a path is none, and when two routes would answer the same request:
    /// the error names both.
    pub fn build(self) -> error::Result<Router> {
        let mut gathered: Vec<(String, Methods)> = Vec::new();
        for (path, method, handler) in self.routes {
            let known = gathered.iter().position(|(known, _)| *known == path);
            let at = known.unwrap_or_else(|| {
                gathered.push((path.clone(), Methods::none()));
                gathered.len() - 1
            });
            gathered[at].1.add(&path, method, handler)?;
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in gathered {
            if !path.starts_with('/') {
                return Err(refused(path, "a path begins with /"));
            }
            paths
                .insert(path.clone(), methods.completed())
                .map_err(|err| match err {
                    matchit::InsertError::Conflict { with } => {
                        let reason = format!("it would answer requests of the route {with}; name open parts alike");
                        refused(path, reason)
                    }
                    err => refused(path, err.to_string()),
                })?;
        }
        Ok(Router {
            paths,
            fallback: self.fallback,
        })
    }
}

fn refused(path: String, reason: impl Into<String>) -> Error {
    Error::InvalidOption {
        option: "a route",
        value: path,
        reason: reason.into(),
    }
}

impl Methods {
    fn none() -> Methods {
        Methods {
            by_method: Vec::new(),
            any: None,
            allow: HeaderValue::from_static(""),
        }
    }

    fn add(&mut self, path: &str, method: Option<Method>, handler: Boxed) -> error::Result<()> {
        let twice = |what: &str| {
            let reason = format!("{what} {path} has two handlers; leave one of the two routes away");
            Err(refused(path.to_owned(), reason))
        };
        match method {
            None if self.any.is_some() => twice("any method of"),
            None => {
                self.any = Some(handler);
                Ok(())
            }
            Some(method) if self.of(&method).is_some() => twice(method.as_str()),
            Some(method) => {
                self.by_method.push((method, handler));
                Ok(())
            }
        }
    }

    /// With what an answer says of them.
    fn completed(mut self) -> Methods {
        let mut names: Vec<_> = self.by_method.iter().map(|(method, _)| method.as_str()).collect();
        for (implied, by) in [("HEAD", "GET"), ("OPTIONS", "")] {
            if !names.contains(&implied) && (by.is_empty() || names.contains(&by)) {
                names.push(implied);
            }
        }
        // Tokens, so it cannot be refused.
        self.allow = HeaderValue::from_str(&names.join(", ")).unwrap_or(self.allow);
        self
    }

    fn of(&self, method: &Method) -> Option<&dyn Handler> {
        let found = self.by_method.iter().find(|(known, _)| known == method);
        found.map(|(_, handler)| &**handler)
    }

    fn choose(&self, method: &Method) -> Option<&dyn Handler> {
        let get = || (*method == Method::HEAD).then(|| self.of(&Method::GET)).flatten();
        self.of(method).or_else(get).or(self.any.as_deref())
    }
}

impl Handler for Router {
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result {
        let Request { head, params, .. } = request;
        let Ok(found) = self.paths.at(head.path()) else {
            return self.unknown(request, response);
        };
        params.clear();
        if !found.params.iter().all(|(name, value)| params.push(name, value)) {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the path is not UTF-8").into());
        }
        let methods = found.value;
        match methods.choose(request.method()) {
            Some(handler) => handler.handle(request, response),
            None => methods.tell(request.method(), response),
        }
    }
}

impl Router {
    fn unknown(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result {
        if let Some(fallback) = &self.fallback {
            return fallback.handle(request, response);
        }
        if request.path() == "*" {
            // Of the server as a whole: RFC 9110, 9.3.7.
            response.set_status(StatusCode::NO_CONTENT);
            return Ok(());
        }
        Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing here").into())
    }
}

impl Methods {
    /// Answers a method that has no handler.
    fn tell(&self, method: &Method, response: &mut Response<'_>) -> Result {
        response.headers_mut().insert(ALLOW, self.allow.clone());
        if *method == Method::OPTIONS {
            response.set_status(StatusCode::NO_CONTENT);
            return Ok(());
        }
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here");
        Err(refusal.into())
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Router")
    }
}

impl fmt::Debug for RouterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|(path, method, _)| (path, method));
        f.debug_list().entries(routes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &mut Request<'_>, _: &mut Response<'_>) -> Result {
        Ok(())
    }

    fn refusal(builder: RouterBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn routes_that_collide_are_named() {
        let twice = refusal(Router::builder().get("/a", nothing).get("/a", nothing));
        assert!(twice.contains("GET /a"), "{twice}");
        let alike = refusal(Router::builder().get("/u/{id}", nothing).post("/u/{name}", nothing));
        assert!(alike.contains("/u/{id}") && alike.contains("/u/{name}"), "{alike}");
        for bad in ["", "a", "/{", "/{a}{b}", "/{*a}/b"] {
            let text = refusal(Router::builder().get(bad, nothing));
            assert!(text.contains(bad), "{text}");
        }
    }

    #[test]
    fn methods_say_what_they_allow() {
        let router = Router::builder()
            .get("/a", nothing)
            .post("/a", nothing)
            .build()
            .unwrap();
        assert_eq!(router.paths.at("/a").unwrap().value.allow, "GET, POST, HEAD, OPTIONS");
    }
}
