//! Files of a folder as answers.

mod answer;
mod find;
mod kinds;
mod path;
mod pieces;
mod ranges;
mod root;
mod settings;
mod validators;

use std::path::Path;
use std::sync::Arc;

use ::http::header::{ACCEPT_ENCODING, ALLOW};
use ::http::{HeaderValue, Method, StatusCode};

use self::answer::Answer;
use self::find::{Found, Search, not_found};
use self::path::Named;
use self::root::Root;
use self::settings::Settings;
use self::validators::Conditions;
use super::codings::Coding;
use super::handler::{Handler, Result};
use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use crate::error::{self, Error};
use crate::runtime::offload;

/// What is answered to `OPTIONS`, and with 405.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers with the files below a folder.
///
/// `GET` and `HEAD`, with the type by the name's extension, `ETag`,
/// `Last-Modified`, the conditions that go with them (RFC 9110, 13) and ranges,
/// one or several (14). Files are read piece by piece on the off-load pool, so
/// a slow disk holds up no other client.
///
/// A folder is answered with its [`index`](Files::index), never with a list. A
/// folder without the slash at its end is redirected to where it has one. What
/// is not there, is no plain file, or cannot be a name is 404; what the system
/// forbids to read is 403.
///
/// **No path leads out of the folder.** Parts of a path are decoded once; `..`,
/// `.`, empty parts, NUL and escaped slashes name nothing, neither do names
/// that begin with a dot, but for `.well-known`
/// ([`dot_files`](Files::dot_files)). The kernel itself stays below the folder
/// while it follows symbolic links (openat2(2) with `RESOLVE_BENEATH`): one
/// that leads out, or is absolute, is 404. Kernels older than Linux 5.6 cannot,
/// and there no symbolic link is followed at all. Hard links and mounts are
/// files like others.
///
/// The folder is opened once: where it was renamed it is still the one, and a
/// symbolic link that was it is not looked at again.
///
/// ```
/// use greenserve::http::{self, Files, Router};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let files = Files::new(folder)?.under("/static");
/// let router = Router::builder().get("/static/{*path}", files).build()?;
/// let server = greenserve::TcpServer::bind("127.0.0.1:0", http::serve(router))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<Root>,
    settings: Arc<Settings>,
}

impl Files {
    /// The files below `root`, answered at the paths they have there.
    ///
    /// # Errors
    /// When `root` is no folder that can be opened.
    pub fn new(root: impl AsRef<Path>) -> error::Result<Files> {
        let root = root.as_ref();
        let opened = Root::open(root).map_err(|err| Error::InvalidOption {
            option: "the folder of files",
            value: format!("{root:?}"),
            reason: format!("{err}; name a folder that is there and that this process may look into"),
        })?;
        Ok(Files {
            root: Arc::new(opened),
            settings: Arc::default(),
        })
    }

    /// Answers paths that begin with `prefix`, with what follows it: of a route
    /// `/static/{*path}` it is `/static`. Nothing is left away otherwise.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Files {
        self.change().prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// Answers a folder with its file of this name, `index.html` otherwise;
    /// `None` with 404.
    #[must_use]
    pub fn index(mut self, name: Option<&str>) -> Files {
        self.change().index = name.map(str::to_owned);
        self
    }

    /// Looks for a neighbour of each file that was compressed before, with `.br`
    /// or `.gz` behind its name, and sends that to clients that take it. One
    /// that is older than its file is passed over. Off otherwise, since it is
    /// one more look for each request.
    #[must_use]
    pub fn precompressed(mut self) -> Files {
        self.change().is_precompressed = true;
        self
    }

    /// Sends this as `Cache-Control` with each file. Nothing is sent otherwise,
    /// and caches guess. One from a configuration is made by
    /// [`header_value`](super::header_value).
    #[must_use]
    pub fn cache_control(mut self, value: HeaderValue) -> Files {
        self.change().cache_control = Some(value);
        self
    }

    /// The type of files with this extension, in place of what is known of it.
    /// What nothing is known of is `application/octet-stream`.
    #[must_use]
    pub fn content_type(mut self, extension: &str, kind: HeaderValue) -> Files {
        self.change().kinds.insert(extension.to_ascii_lowercase(), kind);
        self
    }

    /// Answers also names that begin with a dot. They are 404 otherwise, for
    /// what they often are: `.git`, `.env`.
    #[must_use]
    pub fn dot_files(mut self) -> Files {
        self.change().with_dots = true;
        self
    }

    fn change(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Answers with the file at `path`, below the folder and as it would stand
    /// in a request, whatever the request's own path is: for handlers that
    /// decide themselves. A folder needs the slash at its end.
    ///
    /// ```
    /// use greenserve::http::{self, Files, Request, Response};
    ///
    /// # fn make(files: Files) {
    /// let app = move |request: &mut Request<'_>, response: &mut Response<'_>| {
    ///     files.answer("/app.html", request, response)
    /// };
    /// # let _ = http::serve(app);
    /// # }
    /// ```
    ///
    /// # Errors
    /// A [`Refusal`](super::Refusal) for what is not answered with a file, and what a read of
    /// the file or a write to the client failed with.
    pub fn answer(&self, path: &str, request: &Request<'_>, response: &mut Response<'_>) -> Result {
        match self.answer_or_folder(path, request, response)? {
            Said::Answer => Ok(()),
            Said::Folder => Err(not_found().into()),
        }
    }

    fn answer_or_folder(&self, path: &str, request: &Request<'_>, response: &mut Response<'_>) -> Result<Said> {
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            tell_methods(request.method(), response)?;
            return Ok(Said::Answer);
        }
        let named = Named::read(path, self.settings.with_dots).ok_or_else(not_found)?;
        let conditions = Conditions::of(request);
        let file = match self.find(named, request, &conditions)? {
            Found::File(file) => file,
            Found::Folder => return Ok(Said::Folder),
        };
        Answer::new(&self.settings, file, &conditions).send(request, response)?;
        Ok(Said::Answer)
    }

    fn find(&self, named: Named, request: &Request<'_>, conditions: &Conditions<'_>) -> Result<Found> {
        let accepted = request.joined(&ACCEPT_ENCODING).unwrap_or_default();
        let search = Search {
            named,
            index: self.settings.index.clone(),
            codings: match self.settings.is_precompressed {
                true => Coding::accepted(&accepted).collect(),
                false => Vec::new(),
            },
            begins: *request.method() == Method::GET && conditions.are_none(),
        };
        let root = Arc::clone(&self.root);
        offload(move || search.run(&root))?
    }
}

impl Handler for Files {
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result {
        if request.path() == "*" {
            return tell_methods(request.method(), response);
        }
        let path = request.path().strip_prefix(&*self.settings.prefix);
        match self.answer_or_folder(path.ok_or_else(not_found)?, request, response)? {
            Said::Answer => Ok(()),
            Said::Folder => redirect(request, response),
        }
    }
}

/// What became of a request.
enum Said {
    Answer,
    /// Nothing yet: the path is that of a folder, without its slash.
    Folder,
}

fn tell_methods(method: &Method, response: &mut Response<'_>) -> Result {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
    if *method == Method::OPTIONS {
        response.set_status(StatusCode::NO_CONTENT);
        return Ok(());
    }
    Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here").into())
}

/// To the same path with a slash behind it.
///
/// The place is told relative to the last part of the path and with `./` before
/// it: a path that begins with two slashes would name another host.
fn redirect(request: &Request<'_>, response: &mut Response<'_>) -> Result {
    let last = request.path().rsplit('/').next().unwrap_or_default();
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    response.set_status(StatusCode::PERMANENT_REDIRECT);
    response.header("location", format!("./{last}/{query}"))?;
    response.send("")
}
