//! The notes, in a database whose calls block: they run on the off-load pool.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use greenserve::{Error, Failure, Result, runtime};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Note {
    pub(crate) number: i64,
    pub(crate) text: String,
}

/// One connection to the database, which one call at a time uses.
#[derive(Debug)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens the file, or a database in memory.
    pub(crate) fn open(file: Option<&Path>) -> Result<Store> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = match file {
                Some(file) => Connection::open(file)?,
                None => Connection::open_in_memory()?,
            };
            connection
                .execute_batch("CREATE TABLE IF NOT EXISTS notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")?;
            Ok(connection)
        };
        let opened = open().map_err(|err| Error::System {
            action: "open the database",
            source: io::Error::other(match file {
                Some(file) => format!("{}: {err}", file.display()),
                None => err.to_string(),
            }),
        });
        opened.map(|connection| Store(Arc::new(Mutex::new(connection))))
    }

    pub(crate) fn all(&self) -> std::result::Result<Vec<Note>, Failure> {
        self.call(|notes| {
            let mut query = notes.prepare_cached("SELECT number, text FROM notes ORDER BY number LIMIT 1000")?;
            query.query_map([], note)?.collect()
        })
    }

    pub(crate) fn one(&self, number: i64) -> std::result::Result<Option<Note>, Failure> {
        self.call(move |notes| {
            let mut query = notes.prepare_cached("SELECT number, text FROM notes WHERE number = ?1")?;
            query.query_row([number], note).optional()
        })
    }

    pub(crate) fn add(&self, text: String) -> std::result::Result<Note, Failure> {
        self.call(move |notes| {
            notes.execute("INSERT INTO notes (text) VALUES (?1)", [&text])?;
            let number = notes.last_insert_rowid();
            Ok(Note { number, text })
        })
    }

    pub(crate) fn change(&self, number: i64, text: String) -> std::result::Result<Option<Note>, Failure> {
        self.call(move |notes| {
            let changed = notes.execute("UPDATE notes SET text = ?2 WHERE number = ?1", (number, &text))?;
            Ok((changed > 0).then_some(Note { number, text }))
        })
    }

    /// False when there was none.
    pub(crate) fn remove(&self, number: i64) -> std::result::Result<bool, Failure> {
        self.call(move |notes| Ok(notes.execute("DELETE FROM notes WHERE number = ?1", [number])? > 0))
    }

    /// The coroutine waits, its worker does not.
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> std::result::Result<T, Failure> {
        let connection = Arc::clone(&self.0);
        let called = runtime::offload(move || call(&connection.lock().unwrap_or_else(PoisonError::into_inner)))?;
        Ok(called?)
    }
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note {
        number: row.get(0)?,
        text: row.get(1)?,
    })
}
