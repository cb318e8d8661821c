//! What the proxy answers itself.

use greenserve::Failure;
use greenserve::http::{Method, Refusal, Request, Response, StatusCode};

/// Whether it has: all else is for the other server.
pub(crate) fn answer(request: &Request, response: &mut Response) -> Result<bool, Failure> {
    if *request.method() == Method::CONNECT {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "this proxy makes no tunnels").into());
    }
    if !is_of_the_server(request) && max_forwards(request) != Some(0) {
        return Ok(false);
    }
    if *request.method() == Method::OPTIONS {
        response.set_status(StatusCode::NO_CONTENT);
    } else {
        // A request that goes back may hold what a script must not see.
        response.header("allow", "OPTIONS")?;
        response.set_status(StatusCode::METHOD_NOT_ALLOWED);
    }
    Ok(true)
}

/// How often the request may still be passed on, if that is limited: RFC 9110,
/// 7.6.2. What is no number limits nothing.
pub(crate) fn max_forwards(request: &Request) -> Option<u64> {
    let is_limited = [Method::OPTIONS, Method::TRACE].contains(request.method());
    request.header("max-forwards").filter(|_| is_limited)?.parse().ok()
}

/// `OPTIONS *` or, which means the same, of a URI without a path: RFC 9112,
/// 3.2.4. It asks what is spoken here, so here it is answered.
fn is_of_the_server(request: &Request) -> bool {
    let target = request.target();
    *request.method() == Method::OPTIONS
        && !target.starts_with('/')
        && request.query().is_none()
        && target.matches('/').count() < 3
}
