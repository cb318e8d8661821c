//! What waits for a client to take it, and how its conversation is to end.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tungstenite::Bytes;

use super::close::Close;
use super::config::Config;
use super::frame::{Batch, TOGETHER};
use super::sender::SendError;
use crate::runtime::{Task, lock};
use crate::sync::Event;

/// What the handler, those who send and the writer of one client share.
#[derive(Debug)]
pub(super) struct Outgoing {
    state: Mutex<State>,
    messages: usize,
    bytes: usize,
    /// The writer has something to do, perhaps.
    news: Event,
    /// Who waits for room may look again.
    room: Event,
    /// The last frame has been written, or never will be.
    said: Event,
    /// Nobody reads what the client says any more.
    heard: Event,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    /// Of the queue, and of what the writer is at.
    messages: usize,
    bytes: usize,
    closing: Option<Close>,
    /// Only what was begun is finished before the end.
    is_cut: bool,
    /// What waited when there was no room for more: messages and bytes.
    too_slow: Option<(usize, usize)>,
    /// The last frame is among those queued.
    is_finished: bool,
    writer: Option<Arc<Task>>,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Next {
    Write(Batch),
    /// The last thing to be said.
    Close(Close),
    /// It has been said.
    End,
    Wait,
}

impl Outgoing {
    pub(super) fn new(config: &Config) -> Outgoing {
        Outgoing {
            state: Mutex::default(),
            messages: config.queued_messages,
            bytes: config.queued_bytes,
            news: Event::new(),
            room: Event::new(),
            said: Event::new(),
            heard: Event::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// How we end the conversation, if we do.
    pub(super) fn closing(&self) -> Option<Close> {
        self.state().closing.clone()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state().closing.is_some()
    }

    /// The conversation is to end so; false if an end was set before.
    pub(super) fn close(&self, close: Close) -> bool {
        let is_first = {
            let mut state = self.state();
            let is_first = state.closing.is_none();
            state.closing.get_or_insert(close);
            is_first
        };
        self.news.set();
        self.room.set();
        is_first
    }

    /// Queues a frame without waiting. A client that has no room for it is
    /// dropped.
    pub(super) fn offer(&self, frame: &Bytes) -> Result<(), SendError> {
        let mut state = self.state();
        if state.closing.is_some() {
            return Err(SendError::Closed);
        }
        if self.has_room(&state, frame) {
            state.push(frame.clone());
            drop(state);
            self.news.set();
            return Ok(());
        }
        state.too_slow = Some((state.messages, state.bytes));
        state.closing = Some(Close::ours(Close::TRY_LATER, "too slow: messages had to be dropped"));
        self.cut_off(state);
        Err(SendError::TooSlow)
    }

    /// Queues a frame once there is room for it.
    ///
    /// # Errors
    /// When the conversation has ended, or as a wait.
    pub(super) fn push(&self, frame: &Bytes) -> io::Result<()> {
        loop {
            {
                let mut state = self.state();
                if state.closing.is_some() {
                    return Err(SendError::Closed.into());
                }
                if self.has_room(&state, frame) {
                    state.push(frame.clone());
                    break;
                }
                self.room.clear();
            }
            self.room.wait()?;
        }
        self.news.set();
        Ok(())
    }

    fn has_room(&self, state: &State, frame: &Bytes) -> bool {
        state.messages == 0 || (state.messages < self.messages && state.bytes + frame.len() <= self.bytes)
    }

    /// Has the writer give up what is queued.
    fn cut_off(&self, mut state: MutexGuard<'_, State>) {
        state.is_cut = true;
        state.frames.clear();
        let writer = state.writer.clone();
        drop(state);
        if let Some(writer) = writer {
            writer.dismiss();
        }
        self.news.set();
        self.room.set();
    }

    /// The handler is done: whatever was not sent by now is given up.
    pub(super) fn abandon(&self) {
        self.heard.set();
        let mut state = self.state();
        state.closing.get_or_insert(Close::ours(Close::AWAY, ""));
        self.cut_off(state);
    }

    /// Nothing follows what is queued: the answer to the client's Close.
    pub(super) fn finish(&self, said: Close) {
        let mut state = self.state();
        state.is_finished |= state.closing.is_none();
        state.closing.get_or_insert(said);
        drop(state);
        self.news.set();
    }

    /// Waits until the last word is out; false when the limit passed.
    pub(super) fn wait_said(&self, limit: Duration) -> io::Result<bool> {
        self.said.wait_timeout(limit)
    }
}

impl State {
    fn push(&mut self, frame: Bytes) {
        self.messages += 1;
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }
}

/// The writer's side.
impl Outgoing {
    /// From here on the calling task is told of a cut.
    pub(super) fn begin_writing(&self) {
        self.state().writer = Some(Task::current());
    }

    /// `written` is the batch before, of which nothing is left.
    pub(super) fn next(&self, written: (usize, usize)) -> Next {
        let mut state = self.state();
        state.messages = state.messages.saturating_sub(written.0);
        state.bytes = state.bytes.saturating_sub(written.1);
        if written.0 > 0 {
            self.room.set();
        }
        let mut batch = Batch::default();
        while let Some(frame) = state.frames.pop_front() {
            batch.push(frame);
            if batch.len() == TOGETHER {
                break;
            }
        }
        match (batch.is_empty(), &state.closing) {
            (false, _) => Next::Write(batch),
            (true, Some(_)) if state.is_finished => Next::End,
            (true, Some(close)) => Next::Close(close.clone()),
            (true, None) => {
                self.news.clear();
                Next::Wait
            }
        }
    }

    pub(super) fn wait_for_news(&self) -> io::Result<()> {
        self.news.wait()
    }

    /// Whether what is queued has been given up.
    pub(super) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// Whether the handler waits for nothing any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.heard.is_set()
    }

    /// How much waited for a client that was dropped for it.
    pub(super) fn too_slow(&self) -> Option<(usize, usize)> {
        self.state().too_slow
    }

    /// Everything is said, or cannot be.
    pub(super) fn end_writing(&self) {
        let mut state = self.state();
        state.closing.get_or_insert(Close::ours(Close::AWAY, ""));
        state.frames.clear();
        state.writer = None;
        drop(state);
        self.said.set();
        self.room.set();
    }

    /// Waits until the client's answer to the Close was heard; false when the
    /// limit passed.
    pub(super) fn wait_heard(&self, limit: Duration) -> io::Result<bool> {
        self.heard.wait_timeout(limit)
    }
}
