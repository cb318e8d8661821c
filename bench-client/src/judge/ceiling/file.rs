//! Calibrations on disk: one for each protocol and place.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::calibration::Calibration;
use crate::base::failure::Failure;
use crate::saved::archive;

/// Raised whenever a field changes its meaning or goes.
const FORMAT: u32 = 1;
/// Below the folder for what programs remember.
const USUAL: &str = "bench-client/ceiling.json";

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibrations {
    format: u32,
    pub(super) calibrations: Vec<Calibration>,
}

/// Whether a calibration is kept for the runs to come, and where.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SaveOptions {
    /// Save the result to FILE instead of $XDG_STATE_HOME/bench-client/ceiling.json
    #[arg(long, value_name = "FILE", conflicts_with = "no_save")]
    save: Option<PathBuf>,
    /// Do not save the result.
    #[arg(long)]
    no_save: bool,
}

impl SaveOptions {
    /// Saves `calibration` among those that are there, in place of the one of
    /// its protocol and processors. Returns the file.
    ///
    /// # Errors
    /// [`Failure::Unsaved`] when it cannot be written, [`Failure::Calibration`]
    /// when what is there is something else.
    pub(crate) fn save(&self, calibration: Calibration) -> Result<Option<PathBuf>, Failure> {
        if self.no_save {
            return Ok(None);
        }
        let path = match &self.save {
            Some(path) => path.clone(),
            None => usual().ok_or_else(|| Failure::Unsaved {
                path: USUAL.into(),
                source: io::Error::new(io::ErrorKind::NotFound, "neither XDG_STATE_HOME nor HOME is set"),
            })?,
        };
        let mut all = read(&path)?.unwrap_or(Calibrations {
            format: FORMAT,
            calibrations: Vec::new(),
        });
        all.enter(calibration);
        write(&path, &all)?;
        Ok(Some(path))
    }
}

impl Calibrations {
    fn enter(&mut self, calibration: Calibration) {
        self.calibrations
            .retain(|old| old.protocol != calibration.protocol || !old.conditions.same_place(&calibration.conditions));
        self.calibrations.push(calibration);
    }
}

/// Where calibrations are saved unless told, by the XDG Base Directory
/// Specification: a path in the environment that is not absolute is none.
pub(super) fn usual() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || Some(std::env::home_dir()?.join(".local/state"));
    let state = state.filter(|path| path.is_absolute()).or_else(home)?;
    Some(state.join(USUAL))
}

/// The calibrations at `path`; `None` when there is no file.
///
/// # Errors
/// [`Failure::Calibration`] when there is something else.
pub(super) fn read(path: &Path) -> Result<Option<Calibrations>, Failure> {
    let failed = |reason: String| Failure::Calibration {
        path: path.to_owned(),
        reason: format!("{reason}; remove it and run bench-client calibrate, or give --ceiling none"),
    };
    match fs::read(path) {
        Ok(text) => parse(&text).map(Some).map_err(failed),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(failed(err.to_string())),
    }
}

fn parse(text: &[u8]) -> Result<Calibrations, String> {
    let mut value = serde_json::from_slice(text).map_err(|err| format!("it is no JSON: {err}"))?;
    archive::make_printable(&mut value);
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format != u64::from(FORMAT) => {
            return Err(format!("it has format {format} and this program knows {FORMAT}"));
        }
        _ => {}
    }
    let all: Calibrations = serde_json::from_value(value).map_err(|err| err.to_string())?;
    for calibration in &all.calibrations {
        calibration.check()?;
    }
    Ok(all)
}

/// Whole or not at all: a run may read it meanwhile.
fn write(path: &Path, all: &Calibrations) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let unsaved = |path: &Path, source: io::Error| Failure::Unsaved {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(|err| unsaved(folder, err))?;
    let mut file = NamedTempFile::new_in(folder).map_err(|err| unsaved(folder, err))?;
    let text = serde_json::to_vec_pretty(all).map_err(|err| unsaved(path, err.into()))?;
    file.write_all(&text).map_err(|err| unsaved(path, err))?;
    file.persist(path).map_err(|err| unsaved(path, err.error)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn save(path: &Path, calibration: Calibration) -> Result<Option<PathBuf>, Failure> {
        let options = SaveOptions {
            save: Some(path.to_owned()),
            no_save: false,
        };
        options.save(calibration)
    }

    #[test]
    fn what_is_saved_is_read_and_replaces_its_like_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/ceiling.json");
        let tcp = Calibration::example();
        let mut udp = tcp.clone();
        udp.protocol = "udp".to_owned();
        let mut newer = tcp.clone();
        newer.conditions.kernel = "Linux 6.2".to_owned();
        let mut wider = tcp.clone();
        wider.conditions.client_cpus = 2;
        for calibration in [&tcp, &udp, &newer, &wider] {
            assert_eq!(save(&path, calibration.clone()).unwrap().as_ref(), Some(&path));
        }
        let read = read(&path).unwrap().unwrap();
        assert_eq!(read.calibrations, [udp, newer, wider]);
    }

    #[test]
    fn another_file_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        fs::write(&path, "dear").unwrap();
        let message = save(&path, Calibration::example()).unwrap_err().to_string();
        assert!(
            message.contains("letter.txt") && message.contains("remove it"),
            "{message}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"dear");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let path = Path::new("/proc/no/ceiling.json");
        let message = save(path, Calibration::example()).unwrap_err().to_string();
        assert!(
            message.contains("/proc/no") && message.contains("--no-save"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_calibration_is_told_from_one_of_another_version() {
        let mut broken = Calibration::example();
        broken.points.clear();
        let broken = Calibrations {
            format: FORMAT,
            calibrations: vec![broken],
        };
        for (text, reason) in [
            (&b""[..], "no JSON"),
            (b"{}", "missing field"),
            (b"{\"format\": 9}", "format 9"),
            (&serde_json::to_vec(&broken).unwrap(), "points of tcp"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(reason), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            prop_assert!(parse(text.as_bytes()).is_err());
        }
    }
}
