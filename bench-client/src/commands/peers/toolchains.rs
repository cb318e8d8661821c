//! Building peers with whatever toolchains this machine has.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::machine::identity::{self, output};
use crate::plan::template::ADDRESS;

/// A peer that can be started.
#[derive(Clone, Debug)]
pub(super) struct Built {
    /// The program and what comes before the common options.
    pub(super) words: Vec<OsString>,
    /// What it is, with versions.
    pub(super) about: String,
}

/// Builds `binary` of the package in `package`; `library` is the dependency
/// whose version matters.
pub(super) fn rust(package: &Path, binary: &str, library: Option<&str>) -> Result<Built, String> {
    Ok(Built {
        words: words(&[&cargo_build(package, &["--bins"], binary)?]),
        about: rust_versions(package, library),
    })
}

/// Builds the example `name` of the package in `package`, which is ours, with
/// `feature` turned on.
pub(super) fn example(package: &Path, name: &str, feature: Option<&str>) -> Result<Built, String> {
    let mut targets = vec!["--example", name];
    if let Some(feature) = feature {
        targets.extend(["--features", feature]);
    }
    Ok(Built {
        words: words(&[&cargo_build(package, &targets, name)?]),
        about: format!("the example {name}, {}", identity::version()),
    })
}

/// Builds `targets` of the package in `package`, and says where the program
/// `name` is.
fn cargo_build(package: &Path, targets: &[&str], name: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked"])
        .args(targets)
        .arg("--message-format=json-render-diagnostics")
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cargo cannot be run: {err}"))?;
    executable_of(&String::from_utf8_lossy(&built.stdout), name)
        .filter(|_| built.status.success())
        .ok_or_else(|| format!("cargo build ended with {}", built.status))
}

/// Where cargo says it put `binary`.
fn executable_of(messages: &str, binary: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == binary)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
}

fn rust_versions(package: &Path, library: Option<&str>) -> String {
    let rustc = output(Command::new("rustc").arg("-V")).unwrap_or_else(|| "rustc".to_owned());
    let lock = fs::read_to_string(package.join("Cargo.lock")).unwrap_or_default();
    match library.and_then(|library| Some((library, locked_version(&lock, library)?))) {
        Some((library, version)) => format!("{library} {version}, {rustc}"),
        None => rustc,
    }
}

/// The version of `library` in a `Cargo.lock`.
fn locked_version<'lock>(lock: &'lock str, library: &str) -> Option<&'lock str> {
    let entry = format!("name = \"{library}\"\nversion = \"");
    let rest = &lock[lock.find(&entry)? + entry.len()..];
    rest.split('"').next()
}

/// Builds the program `package` of the module in `folder` as `name`.
pub(super) fn go(folder: &Path, package: &str, name: &str) -> Result<Built, String> {
    let about = output(Command::new("go").arg("version")).ok_or("there is no go on the search path")?;
    let status = Command::new("go")
        .args(["build", "-trimpath", "-buildvcs=false", "-o", name, package])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|err| format!("go cannot be run: {err}"))?;
    match status.success() {
        true => Ok(Built {
            words: words(&[&folder.join(name)]),
            about,
        }),
        false => Err(format!("go build ended with {status}")),
    }
}

/// Finds an interpreter for `script` that has `module`.
pub(super) fn python(script: &Path, module: Option<&str>) -> Result<Built, String> {
    let ask = |code: &str| output(Command::new("python3").args(["-c", code]));
    // The interpreter itself: what is on the path may be a script that starts
    // it, and the account must be of the one that serves.
    let interpreter = ask("import sys; print(sys.executable)").ok_or("there is no python3 on the search path")?;
    let python =
        ask("import platform; print('Python', platform.python_version())").unwrap_or_else(|| "Python".to_owned());
    let about = match module {
        None => python,
        Some(module) => {
            let code = format!("import {module}; print('{module}', {module}.__version__)");
            let version = ask(&code).ok_or_else(|| format!("python3 has no {module}"))?;
            format!("{version}, {python}")
        }
    };
    Ok(Built {
        words: words(&[Path::new(&interpreter), script]),
        about,
    })
}

/// Finds nginx for `script`, which starts it.
pub(super) fn nginx(script: &Path) -> Result<Built, String> {
    // It tells its version on standard error, and is where only root looks.
    let version = output(Command::new("sh").args(["-c", "PATH=$PATH:/usr/local/sbin:/usr/sbin; exec nginx -v 2>&1"]));
    let version = version.filter(|text| text.starts_with("nginx version:"));
    let mut words = words(&[Path::new("sh"), script]);
    words.push(ADDRESS.into());
    Ok(Built {
        words,
        about: version.ok_or("there is no nginx on the search path")?,
    })
}

/// The words of a command, from paths.
pub(crate) fn words(parts: &[&Path]) -> Vec<OsString> {
    parts.iter().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"tokio-util\"\nversion = \"0.7.0\"\n\n\
                    [[package]]\nname = \"tokio\"\nversion = \"1.54.1\"\n";
        assert_eq!(locked_version(lock, "tokio"), Some("1.54.1"));
        assert_eq!(locked_version(lock, "may"), None);
    }

    #[test]
    fn executables_are_found_in_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"peers"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"peer-go"},"executable":"/t/peer-go"}"#,
            "\n{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(executable_of(messages, "peer-go"), Some(PathBuf::from("/t/peer-go")));
        assert_eq!(executable_of(messages, "peers"), None);
    }
}
