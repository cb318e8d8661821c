//! Which file answers, and how.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenserve::http::{Files, HeaderValue, Request, Response, Router};
use greenserve::{Coroutine, Inline, Model, Thread};

use super::client::{Client, DATE, WRITTEN, ask, date, folder, start, start_in};

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

fn answers_files<M: Model>(model: M) {
    let large = pattern(300_000);
    let folder = folder(&[("a.txt", b"hello"), ("sub/large.bin", &large), ("empty.html", b"")]);
    let server = start_in(model, Files::new(folder.path()).unwrap());
    let mut client = Client::of(&server);
    let small = client.ask("GET /a.txt?x=1", &[]);
    assert_eq!((small.status, small.text().as_str()), (200, "hello"));
    assert_eq!(small.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(small.header("last-modified"), DATE);
    assert_eq!(small.header("etag"), "\"de0b6b3a7640000-5\"");
    assert_eq!(small.header("accept-ranges"), "bytes");
    assert_eq!(small.header("x-content-type-options"), "nosniff");
    assert_eq!((small.header("vary"), small.header("cache-control")), ("-", "-"));
    let whole = client.ask("GET /sub/large.bin", &[]);
    assert!(whole.body == large);
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    let empty = client.ask("GET /empty.html", &[]);
    assert_eq!((empty.status, empty.header("content-length")), (200, "0"));
    let head = client.ask("HEAD /sub/large.bin", &[]);
    assert_eq!((head.status, head.header("content-length")), (200, "300000"));
    assert_eq!(head.header("etag"), whole.header("etag"));
}

#[test]
fn files_are_answers_in_every_model() {
    answers_files(Coroutine::new());
    answers_files(Thread::new());
    answers_files(Inline::new());
}

#[test]
fn what_is_no_file_there_is_not_found() {
    let folder = folder(&[
        ("root/a.txt", b"a"),
        ("root/.env", b"secret"),
        ("root/.well-known/x", b"known"),
        ("root/folder/b", b"b"),
        ("secret", b"secret"),
    ]);
    let root = folder.path().join("root");
    symlink("../secret", root.join("out")).unwrap();
    symlink(folder.path().join("secret"), root.join("absolute")).unwrap();
    symlink("..", root.join("up")).unwrap();
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let files = Files::new(&root).unwrap();
    let server = start(files.clone());
    let mut client = Client::of(&server);
    let mut bad = vec![
        "/b", "/a.txt/", "/a.txt/b", "/A.txt", "//a.txt", "/./a.txt", "/folder/", "/folder",
    ];
    bad.extend([
        "/../secret",
        "/..%2fsecret",
        "/folder%2fb",
        "/%2e%2e/secret",
        "/folder/../../secret",
        "/up/secret",
        "/up/",
        "/up",
    ]);
    bad.extend([
        "/out",
        "/absolute",
        "/pipe",
        "/.env",
        "/%2eenv",
        "/a.txt%00",
        "/a.txt%",
        "/a%2",
        "/%",
        "*",
    ]);
    let long = format!("/{}", "x".repeat(2_000));
    bad.push(&long);
    bad.retain(|path| *path != "*");
    for path in bad {
        let answer = client.ask(&format!("GET {path}"), &[]);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "there is nothing here\n"),
            "{path}"
        );
    }
    assert_eq!(client.ask("GET /.well-known/x", &[]).text(), "known");
    assert_eq!(client.ask("GET /%61%2etxt", &[]).text(), "a");
    let open = start(files.dot_files());
    assert_eq!(ask(&open, "GET /.env", &[]).text(), "secret");
}

#[test]
fn what_the_system_forbids_is_forbidden() {
    let folder = folder(&[("a", b"secret"), ("b", b"open")]);
    fs::set_permissions(folder.path().join("a"), Permissions::from_mode(0o0)).unwrap();
    let server = start(Files::new(folder.path()).unwrap());
    // Root may read everything.
    let status = if fs::read(folder.path().join("a")).is_ok() {
        200
    } else {
        403
    };
    assert_eq!(ask(&server, "GET /a", &[]).status, status);
    assert_eq!(ask(&server, "GET /b", &[]).status, 200);
}

#[test]
fn other_methods_are_told_which_there_are() {
    let folder = folder(&[("a", b"a")]);
    let server = start(Files::new(folder.path()).unwrap());
    let mut client = Client::of(&server);
    for (request, status) in [
        ("POST /a", 405),
        ("DELETE /b", 405),
        ("OPTIONS /a", 204),
        ("OPTIONS *", 204),
    ] {
        let answer = client.ask(request, &[]);
        assert_eq!(
            (answer.status, answer.header("allow")),
            (status, "GET, HEAD, OPTIONS"),
            "{request}"
        );
    }
}

#[test]
fn a_folder_is_its_index() {
    let folder = folder(&[
        ("index.html", b"root"),
        ("sub/index.html", b"sub"),
        ("x:y/start", b"start"),
    ]);
    let files = Files::new(folder.path()).unwrap();
    let server = start(files.clone());
    let mut client = Client::of(&server);
    for (path, wanted) in [("/", "root"), ("/sub/", "sub"), ("/index.html", "root")] {
        let answer = client.ask(&format!("GET {path}"), &[]);
        assert_eq!(answer.text(), wanted);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    }
    let moved = client.ask("GET /sub?a=b", &[]);
    assert_eq!((moved.status, moved.header("location")), (308, "./sub/?a=b"));
    assert_eq!(client.ask("GET /x:y", &[]).status, 404);
    let other = start(files.clone().index(Some("start")));
    assert_eq!(ask(&other, "GET /x:y", &[]).header("location"), "./x:y/");
    assert_eq!(ask(&other, "GET /x:y/", &[]).text(), "start");
    assert_eq!(ask(&other, "GET /", &[]).status, 404);
    assert_eq!(ask(&start(files.index(None)), "GET /", &[]).status, 404);
}

#[test]
fn files_are_mounted_below_a_path() {
    let folder = folder(&[("index.html", b"root"), ("a.txt", b"a"), ("app.html", b"app")]);
    let files = Files::new(folder.path()).unwrap();
    let below = files.clone().under("/static/");
    let app =
        move |request: &mut Request<'_>, response: &mut Response<'_>| files.answer("/app.html", request, response);
    let router = Router::builder()
        .get("/static", below.clone())
        .get("/static/", below.clone())
        .get("/static/{*path}", below.clone())
        .fallback(app);
    let server = start(router.build().unwrap());
    let mut client = Client::of(&server);
    assert_eq!(client.ask("GET /static/a.txt", &[]).text(), "a");
    assert_eq!(client.ask("GET /static/", &[]).text(), "root");
    assert_eq!(client.ask("GET /static", &[]).header("location"), "./static/");
    assert_eq!(client.ask("GET /static/../a.txt", &[]).status, 404);
    assert_eq!(client.ask("GET /what/ever", &[]).text(), "app");
    let alone = start(below);
    for path in ["/a.txt", "/statica.txt", "/static//a.txt"] {
        assert_eq!(ask(&alone, &format!("GET {path}"), &[]).status, 404, "{path}");
    }
}

#[test]
fn what_is_said_of_files_can_be_set() {
    let folder = folder(&[("a.TXT", b"a"), ("b.x", b"b")]);
    let files = Files::new(folder.path())
        .unwrap()
        .content_type("X", HeaderValue::from_static("text/x"))
        .content_type("txt", HeaderValue::from_static("text/plain"))
        .cache_control(HeaderValue::from_static("max-age=60"));
    let server = start(files);
    assert_eq!(ask(&server, "GET /a.TXT", &[]).header("content-type"), "text/plain");
    let answer = ask(&server, "GET /b.x", &[]);
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("text/x", "max-age=60")
    );
}

#[test]
fn neighbours_that_are_compressed_are_sent_to_who_takes_them() {
    let names: &[(&str, &[u8])] = &[
        ("a.css", b"plain"),
        ("a.css.gz", b"gzipped"),
        ("a.css.br", b"brotli"),
        ("b.css", b"plain b"),
        ("b.css.gz", b"gzipped b"),
        ("c.css", b"plain, c"),
        ("c.css.gz", b"old"),
    ];
    let folder = folder(names);
    date(&folder.path().join("c.css.gz"), WRITTEN - 1);
    let files = Files::new(folder.path()).unwrap();
    let server = start(files.clone().precompressed());
    let mut client = Client::of(&server);
    let mut etags = Vec::new();
    for (path, accepted, coding, body) in [
        ("/a.css", "gzip, br", "br", "brotli"),
        ("/a.css", "gzip, br;q=0.5", "gzip", "gzipped"),
        ("/a.css", "identity", "-", "plain"),
        ("/b.css", "br, gzip;q=0.1", "gzip", "gzipped b"),
        ("/b.css", "br", "-", "plain b"),
        ("/c.css", "gzip", "-", "plain, c"),
    ] {
        let answer = client.ask(&format!("GET {path}"), &[&format!("Accept-Encoding: {accepted}")]);
        assert_eq!(
            (answer.header("content-encoding"), answer.text().as_str()),
            (coding, body),
            "{path} {accepted}"
        );
        assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
        assert_eq!(answer.header("vary"), "accept-encoding");
        etags.push(answer.header("etag").to_owned());
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 6, "{etags:?}");
    assert_eq!(client.ask("GET /a.css", &[]).text(), "plain");
    assert_eq!(
        client.ask("GET /a.css.gz", &[]).header("content-type"),
        "application/gzip"
    );
    let plain = ask(&start(files), "GET /a.css", &["Accept-Encoding: gzip"]);
    assert_eq!((plain.text().as_str(), plain.header("vary")), ("plain", "-"));
}

#[test]
fn a_file_that_becomes_shorter_cuts_the_answer() {
    let folder = folder(&[("a", &pattern(40 << 20))]);
    let server = start(Files::new(folder.path()).unwrap());
    let mut client = server.connect().unwrap();
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    std::io::Write::write_all(&mut client, request).unwrap();
    std::io::Read::read_exact(&mut client, &mut [0; 100]).unwrap();
    // The rest does not fit into the socket, so the server waits for its reader.
    fs::write(folder.path().join("a"), "").unwrap();
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut client, &mut rest);
    assert!(rest.len() < 40 << 20, "{}", rest.len());
}

#[test]
fn a_root_that_is_not_there_is_refused_at_the_start() {
    let folder = folder(&[("a", b"a")]);
    for bad in [folder.path().join("b"), folder.path().join("a"), "".into()] {
        let err = Files::new(&bad).unwrap_err();
        assert!(err.is_usage() && err.to_string().contains(&format!("{bad:?}")), "{err}");
        assert!(err.to_string().contains("name a folder"), "{err}");
    }
}

/// RFC 9110, 8.8.2.1.
#[test]
fn no_file_was_changed_later_than_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "a").unwrap();
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(tomorrow).unwrap();
    let server = start(Files::new(folder.path()).unwrap());
    let answer = ask(&server, "GET /a", &[]);
    let told = |name| httpdate::parse_http_date(answer.header(name)).unwrap();
    assert!(
        told("last-modified") <= told("date"),
        "{}",
        answer.header("last-modified")
    );
    assert!(answer.header("etag").starts_with("W/"));
}

/// Dates of HTTP are from 1970 to 9999; those of files are not.
#[test]
fn a_time_that_is_no_date_of_http_is_not_told() {
    const CENTURIES_FROM_NOW: u64 = 300_000_000_000;
    // Not every file system keeps such times.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "a").unwrap();
    let later = UNIX_EPOCH + Duration::from_secs(CENTURIES_FROM_NOW);
    let mut tags = HashSet::new();
    for time in [
        later,
        UNIX_EPOCH - Duration::from_secs(9),
        UNIX_EPOCH - Duration::from_secs(10),
    ] {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
        let server = start(Files::new(folder.path()).unwrap());
        let answer = ask(&server, "GET /a", &[]);
        assert_eq!((answer.status, answer.text().as_str()), (200, "a"), "{time:?}");
        assert_eq!(answer.header("last-modified"), "-", "{time:?}");
        assert_eq!(
            ask(&server, "GET /a", &["If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT"]).status,
            200
        );
        assert!(tags.insert(answer.header("etag").to_owned()), "{tags:?}");
    }
}
