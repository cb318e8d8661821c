//! Hooks and a handler that note each step and fail at a chosen one.

use greenserve::net::{Peer, TcpListener, TcpStream};
use greenserve::{Context, Failure, Family, Handler, HandlerError, Hooks, RequestHandler, Tcp};
use std::io;

use super::trace::Trace;

/// What goes wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Nowhere,
    /// The step returns an error.
    Error(&'static str),
    /// The step panics.
    Panic(&'static str),
    /// `handle` returns an error and then `handle_error` panics.
    PanicOverError,
    /// `verify_request` says no.
    Unwelcome,
}

/// A step of a request: noted, and failing if it is its turn.
#[derive(Clone, Debug)]
pub struct Steps {
    pub trace: Trace,
    pub fault: Fault,
}

impl Steps {
    pub fn new(trace: Trace, fault: Fault) -> Steps {
        Steps { trace, fault }
    }

    fn step(&self, name: &'static str) -> Result<(), Failure> {
        self.trace.note(name);
        match self.fault {
            Fault::Error(at) if at == name => Err(format!("{name} fails on purpose").into()),
            Fault::PanicOverError if name == "handle" => Err("handle fails on purpose".into()),
            Fault::Panic(at) if at == name => panic!("{name} panics on purpose"),
            Fault::PanicOverError if name == "handle_error" => panic!("handle_error panics on purpose"),
            _ => Ok(()),
        }
    }
}

impl Hooks<Tcp> for Steps {
    fn server_bind(&self, _: &TcpListener) -> greenserve::Result<()> {
        self.trace.note("server_bind");
        Ok(())
    }

    fn server_activate(&self, _: &TcpListener) -> greenserve::Result<()> {
        self.trace.note("server_activate");
        Ok(())
    }

    fn get_request(&self, listener: &TcpListener, limit: usize) -> io::Result<(TcpStream, Peer)> {
        let request = Tcp::next_request(listener, limit)?;
        self.trace.note("get_request");
        Ok(request)
    }

    fn verify_request(&self, _: &TcpStream, _: &Peer) -> Result<bool, Failure> {
        self.step("verify_request")?;
        Ok(self.fault != Fault::Unwelcome)
    }

    fn process_request(&self, _: &TcpStream, _: &Peer) -> Result<(), Failure> {
        self.step("process_request")
    }

    fn finish_request(
        &self,
        request: &mut TcpStream,
        handler: &dyn Handler<TcpStream>,
        context: &Context,
    ) -> Result<(), Failure> {
        self.step("finish_request")?;
        handler.handle(request, context)
    }

    fn shutdown_request(&self, request: &TcpStream, _: &Peer) {
        self.trace.note("shutdown_request");
        greenserve::Request::shutdown(request);
    }

    fn close_request(&self, request: TcpStream, _: &Peer) {
        self.trace.note("close_request");
        drop(request);
    }

    fn handle_error(&self, error: &HandlerError, _: &Context) {
        self.trace.note("handle_error");
        self.trace.note(&format!("because {error}"));
        if self.fault == Fault::PanicOverError {
            panic!("handle_error panics on purpose");
        }
    }

    fn handle_timeout(&self) {
        self.trace.note("handle_timeout");
    }

    fn server_close(&self) {
        self.trace.note("server_close");
    }
}

impl RequestHandler<TcpStream> for Steps {
    fn setup(&mut self, _: &mut TcpStream, _: &Context) -> Result<(), Failure> {
        self.step("setup")
    }

    fn handle(&mut self, _: &mut TcpStream, _: &Context) -> Result<(), Failure> {
        self.step("handle")
    }

    fn finish(&mut self, _: &mut TcpStream, _: &Context) -> Result<(), Failure> {
        self.step("finish")
    }
}
