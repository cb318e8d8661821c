//! One client: reads requests, answers them.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use greenserve::net::SystemStream;
use greenserve::runtime::offload;
use greenserve::{Failure, StreamHandler, StreamOptions, StreamRequest};

use crate::frame::{MAX_FRAME, read_frame, write_frame};
use crate::store::{Home, Name, Refused, Store, Upload, read_part};

/// How long a client may be silent, or not take what it asked for.
const PATIENCE: Duration = Duration::from_secs(300);

enum Request {
    User(Name),
    Put(Name),
    Get(Name),
    List,
    Quit,
}

impl Request {
    fn parse(frame: &[u8]) -> Result<Request, Refused> {
        let text = std::str::from_utf8(frame).map_err(|_| Refused::because("a request is UTF-8 text"))?;
        let (verb, name) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "USER" => Name::new(name).map(Request::User),
            "PUT" => Name::new(name).map(Request::Put),
            "GET" => Name::new(name).map(Request::Get),
            "LIST" => Ok(Request::List),
            "QUIT" => Ok(Request::Quit),
            _ => Err(Refused::because("requests are USER, PUT, GET, LIST and QUIT")),
        }
    }
}

/// Why a request is not done.
enum Stop {
    /// The client is told, and may go on.
    Refused(Refused),
    /// There is nobody to be told.
    Broken(io::Error),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Stop {
        Stop::Refused(refused)
    }
}

impl From<io::Error> for Stop {
    fn from(err: io::Error) -> Stop {
        Stop::Broken(err)
    }
}

pub(crate) struct Session {
    store: Arc<Store>,
    /// Nothing until the client has said who it is.
    home: Option<Home>,
}

impl Session {
    pub(crate) fn new(store: Arc<Store>) -> Session {
        Session { store, home: None }
    }

    fn home(&self) -> Result<Home, Refused> {
        self.home.clone().ok_or_else(|| Refused::because("say USER NAME first"))
    }

    /// Does what one frame asks for; false when that was to end.
    fn obey<S: SystemStream>(&mut self, frame: &[u8], client: &mut StreamRequest<S>) -> Result<bool, Stop> {
        match Request::parse(frame)? {
            Request::User(name) => self.enter(name, client)?,
            Request::Put(name) => put(self.home()?, name, client)?,
            Request::Get(name) => get(self.home()?, name, client)?,
            Request::List => list(self.home()?, client)?,
            Request::Quit => {
                reply(client, "OK bye")?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn enter<S: SystemStream>(&mut self, name: Name, client: &mut StreamRequest<S>) -> Result<(), Stop> {
        let welcome = format!("OK hello {name}");
        let store = Arc::clone(&self.store);
        self.home = Some(offload(move || store.home(&name))??);
        Ok(reply(client, &welcome)?)
    }
}

fn reply<S: SystemStream>(client: &mut StreamRequest<S>, text: &str) -> io::Result<()> {
    log::info!("{}: {text}", client.context.client_address());
    write_frame(&mut client.wfile, text.as_bytes())?;
    client.wfile.flush()
}

fn put<S: SystemStream>(home: Home, name: Name, client: &mut StreamRequest<S>) -> Result<(), Stop> {
    let welcome = format!("OK send {name}");
    let upload = offload(move || home.begin(&name))??;
    // Only now does the client send the content: what is refused above needs
    // no content to be read and thrown away.
    reply(client, &welcome)?;
    let (upload, size) = receive(upload, client)?;
    offload(move || upload.commit())??;
    Ok(reply(client, &format!("OK stored {size} bytes"))?)
}

/// Takes the content in, to its end also when the store refuses a part: the
/// next frame after it is a request again.
fn receive<S: SystemStream>(upload: Upload, client: &mut StreamRequest<S>) -> Result<(Upload, usize), Stop> {
    let mut size = 0;
    let mut upload = Ok(upload);
    loop {
        let part = read_frame(&mut client.rfile)?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if part.is_empty() {
            return Ok((upload?, size));
        }
        size += part.len();
        if let Ok(begun) = upload {
            upload = offload(move || begun.append(&part))?;
        }
    }
}

fn get<S: SystemStream>(home: Home, name: Name, client: &mut StreamRequest<S>) -> Result<(), Stop> {
    let (file, size) = offload(move || home.open(&name))??;
    reply(client, &format!("OK {size} bytes follow"))?;
    Ok(send(file, client)?)
}

/// Sends the file in frames; the empty part at its end is the frame that says
/// so.
fn send<S: SystemStream>(file: File, client: &mut StreamRequest<S>) -> io::Result<()> {
    let mut next = file;
    loop {
        let (part, rest) = offload(move || read_part(next))??;
        next = rest;
        write_frame(&mut client.wfile, &part)?;
        if part.is_empty() {
            return client.wfile.flush();
        }
    }
}

fn list<S: SystemStream>(home: Home, client: &mut StreamRequest<S>) -> Result<(), Stop> {
    let names = offload(move || home.list())??;
    reply(client, &format!("OK {} names follow", names.len()))?;
    for name in names {
        write_frame(&mut client.wfile, name.as_bytes())?;
    }
    write_frame(&mut client.wfile, b"")?;
    Ok(client.wfile.flush()?)
}

impl<S: SystemStream> StreamHandler<S> for Session {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            // A frame's header and its payload leave together.
            wbufsize: MAX_FRAME + 4,
            timeout: Some(PATIENCE),
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        // A server that ends does what was asked, and takes no new requests.
        while client.wait_for_request()? {
            let frame = match read_frame(&mut client.rfile) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(err) => {
                    // After a length that cannot be, no later one can be found.
                    if err.kind() == io::ErrorKind::InvalidData {
                        reply(client, &format!("ERROR {err}"))?;
                    }
                    return Err(err.into());
                }
            };
            match self.obey(&frame, client) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Stop::Refused(reason)) => reply(client, &format!("ERROR {reason}"))?,
                Err(Stop::Broken(err)) => return Err(err.into()),
            }
        }
        Ok(())
    }
}
