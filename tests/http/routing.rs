//! Routers, what stands around handlers, and the access log.

use std::io::{BufReader, Read, Write};
use std::sync::{Arc, Mutex};

use greenserve::http::{
    self, AccessLog, Handler, Limits, Method, Refusal, Request, Response, Router, StatusCode, around,
};
use greenserve::testing::TestServer;
use greenserve::{Unix, UnixServer};

use super::client::Answer;
use super::common::wait_until;

/// What comes back for each of these, on one connection.
fn ask(server: &TestServer<Unix>, requests: &[&str]) -> Vec<Answer> {
    let mut client = BufReader::new(server.connect().unwrap());
    let ask = |request: &&str| {
        let text = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.get_mut().write_all(text.as_bytes()).unwrap();
        Answer::read(&mut client, !request.starts_with("HEAD"))
            .unwrap()
            .unwrap()
    };
    requests.iter().map(ask).collect()
}

fn said(answers: &[Answer]) -> Vec<String> {
    let line = |answer: &Answer| format!("{} {}", answer.status, answer.body.trim_end());
    answers.iter().map(line).collect()
}

fn start(handler: impl Handler) -> TestServer<Unix> {
    TestServer::start(http::serve(handler)).unwrap()
}

/// Says who it is, and what was found in the path.
fn named(name: &'static str) -> impl Handler {
    move |request: &mut Request<'_>, response: &mut Response<'_>| {
        let found = request.params().iter().map(|(name, value)| format!(" {name}={value}"));
        let text = name.to_owned() + &found.collect::<String>();
        response.send(text)
    }
}

#[test]
fn a_path_and_a_method_choose() {
    let router = Router::builder()
        .get("/", named("root"))
        .get("/users/{id}", named("user"))
        .get("/users/me", named("me"))
        .delete("/users/{id}", named("deleted"))
        .get("/files/{*rest}", named("file"))
        .route(Method::from_bytes(b"BREW").unwrap(), "/pot", named("tea"))
        .any("/any", named("any"))
        .post("/any", named("posted"));
    let server = start(router.build().unwrap());
    let answers = ask(
        &server,
        &[
            "GET /",
            "GET /users/7",
            "GET /users/a%20b%2Fc?x",
            "GET /users/me",
            "DELETE /users/7",
            "GET /files/a/b",
            "BREW /pot",
            "PATCH /any",
            "POST /any",
            "GET /users/",
            "GET /users/7/x",
            "GET /users/%FF",
            "POST /users/7",
            "PUT /pot",
            "OPTIONS *",
            "GET http://a/",
        ],
    );
    let wanted = [
        "200 root",
        "200 user id=7",
        "200 user id=a b/c",
        "200 me",
        "200 deleted id=7",
        "200 file rest=a/b",
        "200 tea",
        "200 any",
        "200 posted",
        "404 there is nothing here",
        "404 there is nothing here",
        "400 the path is not UTF-8",
        "405 this method is not allowed here",
        "405 this method is not allowed here",
        "204 ",
        "200 root",
    ];
    assert_eq!(said(&answers), wanted);
    assert_eq!(answers[12].headers["allow"], "GET, DELETE, HEAD, OPTIONS");
    assert_eq!(answers[13].headers["allow"], "BREW, OPTIONS");
}

#[test]
fn head_and_options_need_no_routes() {
    let router = Router::builder()
        .get("/a", named("a"))
        .post("/b", named("b"))
        .build()
        .unwrap();
    let server = start(router);
    let answers = ask(&server, &["HEAD /a", "OPTIONS /a", "HEAD /b"]);
    assert_eq!(said(&answers), ["200 ", "204 ", "405 "]);
    assert_eq!(answers[0].headers["content-length"], "1");
    assert_eq!(answers[1].headers["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(answers[2].headers["allow"], "POST, OPTIONS");
}

#[test]
fn what_no_route_knows_may_have_a_handler() {
    let router = Router::builder()
        .get("/a", named("a"))
        .fallback(named("other"))
        .build()
        .unwrap();
    assert_eq!(
        said(&ask(&start(router), &["GET /a", "GET /b"])),
        ["200 a", "200 other"]
    );
}

#[test]
fn what_stands_around_sees_both_and_may_answer_itself() {
    #[derive(Clone)]
    struct User(String);
    let guard = |request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler| {
        let Some(name) = request.query().map(str::to_owned) else {
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "who are you?").into());
        };
        request.extensions_mut().insert(User(name));
        response.header("x-before", "1")?;
        next.handle(request, response)
    };
    let hello = |request: &mut Request<'_>, response: &mut Response<'_>| {
        let user = request.extensions().get::<User>().cloned();
        response.send(user.map(|user| user.0).unwrap_or_default())
    };
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let counting = move |request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler| {
        let ended = next.handle(request, response);
        *counted.lock().unwrap() += response.written();
        ended
    };
    let server = start(around(counting, around(guard, hello)));
    let answers = ask(&server, &["GET /?anna", "GET /"]);
    assert_eq!(said(&answers), ["200 anna", "401 who are you?"]);
    assert_eq!(answers[0].headers["x-before"], "1");
    assert!(!answers[1].headers.contains_key("x-before"));
    assert_eq!(*count.lock().unwrap(), 4);
}

#[test]
fn each_answer_has_a_line_without_secrets() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let log = AccessLog::combined().to(move |line| kept.lock().unwrap().push(line.to_owned()));
    let http = http::serve(super::server::describe)
        .access_log(log)
        .limits(Limits::new());
    let server = TestServer::<Unix>::build(UnixServer::builder(http)).unwrap();
    let mut client = server.connect().unwrap();
    let requests = "GET /a?token=hunter2&b=c HTTP/1.1\r\nHost: a\r\nUser-Agent: x\"y\r\nReferer: /?key=hunter2\r\n\r\n\
                    HEAD / HTTP/1.1\r\nHost: a\r\n\r\n\
                    GET /204 HTTP/1.1\r\nHost: a\r\nReferer: http://me:hunter2@a/\r\n\r\n\
                    GET /205/flushed HTTP/1.1\r\nHost: a\r\n\r\n\
                    GET /fail HTTP/1.1\r\nHost: a\r\nAuthorization: hunter2\r\n\r\n";
    client.write_all(requests.as_bytes()).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    let mut bad = server.connect().unwrap();
    bad.write_all(b"nonsense\r\n\r\n").unwrap();
    bad.read_to_end(&mut Vec::new()).unwrap();
    wait_until("six lines", || lines.lock().unwrap().len() == 6);
    let lines = lines.lock().unwrap();
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    let ends = [
        "\"GET /a?token=***&b=c HTTP/1.1\" 200 26 \"/?key=***\" \"x\\\"y\"",
        // What was sent of a body, which is nothing.
        "\"HEAD / HTTP/1.1\" 200 0 \"-\" \"-\"",
        "\"GET /204 HTTP/1.1\" 204 0 \"http://***@a/\" \"-\"",
        "\"GET /205/flushed HTTP/1.1\" 205 0 \"-\" \"-\"",
        "\"GET /fail HTTP/1.1\" 500 41 \"-\" \"-\"",
        "\"- - -\" 400 37 \"-\" \"-\"",
    ];
    for (line, end) in lines.iter().zip(ends) {
        assert!(line.ends_with(end), "{line}");
        assert!(line.starts_with("unix:(unnamed) - - ["), "{line}");
    }
}

/// Sends these bodies one after the other.
#[cfg(feature = "json")]
fn post(server: &TestServer<Unix>, bodies: &[&str]) -> Vec<Answer> {
    let mut client = BufReader::new(server.connect().unwrap());
    let ask = |body: &&str| {
        let length = body.len();
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
        client.get_mut().write_all(request.as_bytes()).unwrap();
        Answer::read(&mut client, true).unwrap().unwrap()
    };
    bodies.iter().map(ask).collect()
}

#[cfg(feature = "json")]
#[test]
fn json_comes_and_goes() {
    let sum = |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let numbers: Vec<i64> = request.body().json(20)?;
        if numbers.is_empty() {
            response.header("content-type", "application/problem+json")?;
        }
        response.json(&numbers.iter().sum::<i64>())
    };
    let server = start(sum);
    let good = post(&server, &["[1, 2]", "[]"]);
    assert_eq!(said(&good), ["200 3", "200 0"]);
    let kinds: Vec<_> = good
        .iter()
        .map(|answer| answer.headers["content-type"].as_str())
        .collect();
    assert_eq!(kinds, ["application/json", "application/problem+json"]);
    for answer in post(&server, &["{}"]).into_iter().chain(post(&server, &["[1"])) {
        assert!(answer.status == 400 && answer.body.contains("at line 1"), "{answer:?}");
    }
    let long = post(&server, &["[111111, 2222222, 333333]"]);
    assert_eq!(long[0].status, 413, "{long:?}");
}

/// A mistake of the program, which the text names together with the way out.
#[track_caller]
fn is_usage(err: &greenserve::Error, parts: &[&str]) {
    assert!(err.is_usage(), "{err}");
    let two = std::process::ExitCode::from(2);
    assert_eq!(format!("{:?}", err.exit_code()), format!("{two:?}"));
    for part in parts {
        assert!(err.to_string().contains(part), "without {part}: {err}");
    }
}

#[test]
fn routes_that_cannot_be_are_refused_at_start_with_the_remedy() {
    let refused = |builder: http::RouterBuilder| builder.build().unwrap_err();
    let of = |path: &str| Router::builder().get(path, named("a"));
    is_usage(&refused(of("users")), &["users", "begins with /"]);
    is_usage(&refused(of("/users/{id")), &["/users/{id"]);
    is_usage(&refused(of("/{*rest}/more")), &["/{*rest}/more"]);
    is_usage(
        &refused(of("/a").get("/a", named("b"))),
        &["GET /a", "two handlers", "leave one of the two"],
    );
    is_usage(
        &refused(of("/a").any("/b", named("b")).any("/b", named("c"))),
        &["any method of /b", "two handlers"],
    );
    is_usage(
        &refused(of("/users/{id}").post("/users/{name}", named("b"))),
        &["/users/{name}", "/users/{id}", "name open parts alike"],
    );
    is_usage(
        &refused(of("/files/{*rest}").post("/files/{*path}", named("b"))),
        &["/files/{*path}", "/files/{*rest}", "name open parts alike"],
    );
}

#[test]
fn a_value_of_a_header_from_outside_is_refused_with_the_remedy() {
    for text in ["shop\r\nset-cookie: a=b", "shop\n", "sh\rop", "sh\0op", "\x7f"] {
        let err = http::header_value("server", text).unwrap_err();
        let shown = format!("\"{}\" (server)", text.escape_default());
        let shown = shown.replace("\\u{0}", "\\x00").replace("\\u{7f}", "\\x7f");
        is_usage(&err, &[&shown, "line end", "leave it away"]);
    }
    let name = http::header_value("server", "shop 1.0\t(\u{e4})").unwrap();
    let http = http::serve(named("hello")).server_name(name.clone());
    let server = TestServer::<Unix>::build(UnixServer::builder(http)).unwrap();
    let mut client = server.connect().unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    let line = [b"\r\nserver: ", name.as_bytes(), b"\r\n"].concat();
    assert!(
        heard.windows(line.len()).any(|part| part == line),
        "{}",
        heard.escape_ascii()
    );
}
