//! Answers over connections, with everything that can be wrong with them.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::time::Duration;

use greenserve::net::{Peer, TcpStream};
use greenserve::{Hooks, Tcp};
use socket2::SockRef;

use super::answer::Answer;
use super::connection::Connection;
use super::fault::Fault;
use super::meeting::Met;
use super::response;
use super::service::Service;

/// How long a client may take to close what the server closed.
const LINGER: Duration = Duration::from_secs(1);

/// Reads what is to be answered.
pub(crate) trait Requests {
    /// The answer to the next request; `None` at the end of the connection.
    ///
    /// # Errors
    /// When the connection breaks.
    fn next<C: Read + Write>(&mut self, client: &mut C) -> io::Result<Option<Answer>>;
}

/// Answers the requests of one connection, whose number is `key`.
///
/// # Errors
/// When the connection breaks, or the server ends.
pub(crate) fn serve<C: Connection>(
    client: &mut C,
    key: u64,
    mut requests: impl Requests,
    service: &Service,
) -> io::Result<()> {
    if !service.admit() {
        return io::copy(client, &mut io::sink()).map(drop);
    }
    let mut answers = 0;
    while let Some(answer) = requests.next(client)? {
        service.pace()?;
        if service.resets_after(answers) {
            reset(client)?;
            return Err(aborted());
        }
        let last = answer.last;
        if answer_with_fault(client, key, answer, service)?.is_break() {
            return Ok(());
        }
        if last {
            return close(client);
        }
        answers += 1;
    }
    Ok(())
}

/// Breaks when the connection has ended with it.
fn answer_with_fault<C: Connection>(
    client: &mut C,
    key: u64,
    mut answer: Answer,
    service: &Service,
) -> io::Result<ControlFlow<()>> {
    let Some(fault) = service.choose(key) else {
        return answer_rightly(client, &answer, service);
    };
    match fault {
        Fault::Swap => match service.swap(key, std::mem::take(&mut answer.bytes))? {
            Met::Taken(theirs) => return send(client, &theirs, service).map(ControlFlow::Continue),
            Met::Nobody(ours) => {
                answer.bytes = ours;
                return answer_rightly(client, &answer, service);
            }
        },
        Fault::Corrupt => {
            answer.corrupt();
            send(client, &answer.bytes, service)?;
        }
        Fault::Status(code) => send(client, &response::error(code).bytes, service)?,
        Fault::BadResponse => send(client, response::NO_HTTP, service)?,
        Fault::Short => send(client, answer.first_half(), service)?,
        Fault::Reset => reset(client)?,
        Fault::Close => {}
        // Not to be had on connections: see `ServeOptions::check`.
        Fault::Drop | Fault::Duplicate | Fault::Reorder | Fault::Late(_) => {}
    }
    service.note(fault);
    conclude(client, fault)
}

/// Ends the connection if that is part of the fault.
fn conclude<C: Connection>(client: &mut C, fault: Fault) -> io::Result<ControlFlow<()>> {
    match fault {
        Fault::Short | Fault::Close | Fault::BadResponse => close(client)?,
        Fault::Reset => return Err(aborted()),
        _ => return Ok(ControlFlow::Continue(())),
    }
    Ok(ControlFlow::Break(()))
}

fn answer_rightly<C: Connection>(client: &mut C, answer: &Answer, service: &Service) -> io::Result<ControlFlow<()>> {
    send(client, &answer.bytes, service)?;
    service.ledger.answered(1, answer.length());
    Ok(ControlFlow::Continue(()))
}

fn send<C: Connection>(client: &mut C, bytes: &[u8], service: &Service) -> io::Result<()> {
    if !service.byte_by_byte() {
        return client.write_all(bytes);
    }
    bytes.chunks(1).try_for_each(|byte| client.write_all(byte))
}

/// Says that no more will come, and waits until the client has closed too:
/// with unread bytes the kernel would reset the connection instead.
fn close<C: Connection>(client: &mut C) -> io::Result<()> {
    match client.finish() {
        // It has closed already, and was sent something behind that.
        Err(err) if err.kind() == io::ErrorKind::NotConnected => return Ok(()),
        finished => finished?,
    }
    client.set_read_timeout(LINGER)?;
    io::copy(client, &mut io::sink()).map(drop)
}

/// Has the connection reset when it is dropped; see [`KeepResets`].
fn reset(client: &impl Connection) -> io::Result<()> {
    client.socket().set_linger(Some(Duration::ZERO))
}

/// How a handler ends whose connection is to be reset: behind one that succeeds
/// TLS says goodbye, which the client would hear first.
fn aborted() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// Closes connections that are to be reset without saying goodbye, which the
/// client would hear before the reset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepResets;

impl Hooks<Tcp> for KeepResets {
    fn shutdown_request(&self, client: &TcpStream, _: &Peer) {
        let client = SockRef::from(client);
        if !matches!(client.linger(), Ok(Some(Duration::ZERO))) {
            // The peer may be gone already, and then there is nobody to tell.
            let _ = client.shutdown(Shutdown::Write);
        }
    }
}
