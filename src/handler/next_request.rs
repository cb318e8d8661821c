//! Waiting between two messages of a client, until a drain.

use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsFd;

use super::{Context, StreamRequest, Wire};
use crate::error::WaitError;
use crate::lifecycle::is_readable;
use crate::net::{Stream, SystemStream};
use crate::runtime;

/// Reads of 512 bytes that are made for the client's sake at the end.
const MOST_DISCARDED: usize = 64;

impl Context {
    /// Waits for the first byte of the client's next message, and for nothing
    /// else: true when it is there, false when the client has finished or the
    /// server drains ([`is_draining`](Context::is_draining)), whichever is
    /// first.
    ///
    /// A handler that asks this between two messages keeps no server waiting:
    /// it ends as soon as the drain begins, and no message that was begun is
    /// left without its answer. What has arrived by then is still served: once
    /// the handler has learnt of the drain, it is given messages for another
    /// 500 ms if there are any, and not for longer, since some clients never
    /// pause. Works in every model, [forked](crate::Fork) children included.
    ///
    /// Nothing is read: one look more at the socket for each message. A
    /// [`StreamHandler`](crate::StreamHandler) needs none of it, with
    /// [`StreamRequest::wait_for_request`]. What a library over the connection
    /// has read ahead (TLS, say) is not seen here: ask it first.
    ///
    /// ```
    /// use greenserve::net::TcpStream;
    /// use greenserve::{Context, Tcp, testing::TestServer, with_context};
    /// use std::io::{self, Read, Write};
    ///
    /// fn echo(client: &mut TcpStream, context: &Context) -> io::Result<()> {
    ///     let mut buffer = [0; 1024];
    ///     while context.wait_for_request(client)? {
    ///         let count = client.read(&mut buffer)?;
    ///         client.write_all(&buffer[..count])?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let server = TestServer::<Tcp>::start(with_context(echo))?;
    /// let mut client = server.connect()?;
    /// client.write_all(b"hello")?;
    /// client.read_exact(&mut [0; 5])?;
    /// assert!(server.stop()?.is_clean()); // though the client is still there
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As a read: the connection's [read timeout](Stream::set_read_timeout)
    /// bounds this wait too.
    pub fn wait_for_request<S: SystemStream>(&self, client: &Stream<S>) -> io::Result<bool> {
        self.wait_for_bytes(client, || Ok(client.peek(&mut [0])? > 0))
    }

    /// As [`wait_for_request`](Context::wait_for_request), without a look: true
    /// also when the client has finished, which the next read tells, and when a
    /// read may find nothing after all.
    pub(crate) fn wait_until_readable<S: SystemStream>(&self, client: &Stream<S>) -> io::Result<bool> {
        self.wait_for_bytes(client, || client.wait_readable().map(|()| true))
    }

    /// `look` reads at `client`, and waits for it; true when bytes are there.
    pub(crate) fn wait_for_bytes<S: SystemStream>(
        &self,
        client: &Stream<S>,
        mut look: impl FnMut() -> io::Result<bool>,
    ) -> io::Result<bool> {
        if !self.is_draining() {
            let waited = match runtime::in_coroutine() {
                true => self.idle(&mut look),
                false => self.idle(|| self.poll(client)).and_then(|()| look()),
            };
            match waited {
                Err(err) if WaitError::of(&err) == Some(WaitError::Draining) => {}
                waited => return waited,
            }
        }
        // What came at the same moment is served too.
        if is_readable(client.as_fd()) && self.connection().takes_last_requests() {
            return look();
        }
        discard(client);
        Ok(false)
    }

    /// Whether a message that has been read ahead is still served. A client
    /// that always sends the next one's begin would keep its server otherwise.
    pub(crate) fn takes_more(&self) -> bool {
        !self.is_draining() || self.connection().takes_last_requests()
    }

    /// Waits until a read is worth a try.
    ///
    /// # Errors
    /// As a read, and [`WaitError::Draining`] when the server drains first.
    #[cfg(feature = "tls")]
    pub(crate) fn wait_unless_draining<S: SystemStream>(&self, client: &Stream<S>) -> io::Result<()> {
        match runtime::in_coroutine() {
            true => self.idle(|| client.wait_readable()),
            false => self.idle(|| self.poll(client)),
        }
    }

    /// A thread's read would be blocked in the kernel, where no drain ends it.
    fn poll<S: SystemStream>(&self, client: &Stream<S>) -> io::Result<()> {
        client.wait_readable_by(|deadline| self.lifecycle().wait_unless_draining(client.as_fd(), deadline))
    }
}

/// Takes in what will not be served: a connection that is closed with unread
/// bytes is reset, and answers that are still on their way are lost with it.
#[inline(never)]
fn discard<S: SystemStream>(client: &Stream<S>) {
    let mut client = client;
    for _ in 0..MOST_DISCARDED {
        if !is_readable(client.as_fd()) || !client.read(&mut [0; 512]).is_ok_and(|count| count > 0) {
            return;
        }
    }
}

impl<S: Wire> StreamRequest<S> {
    /// Waits for the first byte of the client's next message: true when it is
    /// there, false when the client has finished or the server drains. See
    /// [`Context::wait_for_request`].
    ///
    /// What is in `rfile` already is there. If nothing is, `wfile` is flushed
    /// first, so that answers go out together when messages came together.
    ///
    /// ```
    /// use greenserve::net::SystemStream;
    /// use greenserve::{Failure, StreamHandler, StreamRequest, TcpServer, each_stream};
    /// use std::io::{BufRead, Write};
    ///
    /// struct Lines;
    ///
    /// impl<S: SystemStream> StreamHandler<S> for Lines {
    ///     fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
    ///         let mut line = String::new();
    ///         while client.wait_for_request()? {
    ///             client.rfile.read_line(&mut line)?;
    ///             client.wfile.write_all(line.to_uppercase().as_bytes())?;
    ///             line.clear();
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let server = TcpServer::bind("127.0.0.1:0", each_stream(|| Lines))?;
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    ///
    /// # Errors
    /// As a read of `rfile` or a flush of `wfile`.
    pub fn wait_for_request(&mut self) -> io::Result<bool> {
        if !self.rfile.buffer().is_empty() && self.context.takes_more() {
            return Ok(true);
        }
        self.wfile.flush()?;
        if !self.rfile.buffer().is_empty() {
            discard(S::stream(&self.connection));
            return Ok(false);
        }
        let StreamRequest {
            connection,
            rfile,
            context,
            ..
        } = self;
        S::wait_for_bytes(connection, context, || Ok(!rfile.fill_buf()?.is_empty()))
    }
}
