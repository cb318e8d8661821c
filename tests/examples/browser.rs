//! Chromium without a window, driven by its DevTools protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::program::connect;
use crate::tool::missing;

/// How long a page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing but what it is asked for, in a container and as root too.
const OPTIONS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
];

/// A browser that runs. Dropping it kills it with all its processes.
pub(crate) struct Browser {
    child: Child,
    tools: WebSocket<TcpStream>,
    sent: u64,
    /// Its profile.
    _folder: tempfile::TempDir,
}

/// One of its pages, which shares no cookies and no cache with others.
pub(crate) struct Page(Value);

impl Browser {
    /// `None` where there is no Chromium.
    pub(crate) fn start(options: &[&str]) -> Option<Browser> {
        let folder = tempfile::tempdir().unwrap();
        let started = Command::new("chromium")
            .args(OPTIONS)
            .args(options)
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        match started {
            Err(err) => {
                missing("chromium", err);
                None
            }
            Ok(mut child) => {
                let url = devtools(child.stderr.take().unwrap());
                let (_, rest) = url.split_once("ws://").unwrap();
                let (address, _) = rest.split_once('/').unwrap();
                let (tools, _) = tungstenite::client(&url, connect(address)).unwrap();
                Some(Browser {
                    child,
                    tools,
                    sent: 0,
                    _folder: folder,
                })
            }
        }
    }

    /// A page of its own, at `url`, once that is loaded.
    pub(crate) fn open(&mut self, url: &str) -> Page {
        let none = Value::Null;
        let context = self.asks(&none, "Target.createBrowserContext", &json!({}));
        let target = json!({ "url": url, "browserContextId": context["browserContextId"] });
        let target = self.asks(&none, "Target.createTarget", &target);
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.asks(&none, "Target.attachToTarget", &attach);
        let page = Page(attached["sessionId"].clone());
        let loaded = format!("location.href.startsWith({url:?}) && document.readyState === 'complete'");
        self.wait_for(&page, &loaded);
        page
    }

    /// What an expression of JavaScript gives, a promise when it is kept; the
    /// error that it throws.
    pub(crate) fn evaluate(&mut self, page: &Page, expression: &str) -> Result<Value, String> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.answer(&page.0, "Runtime.evaluate", &parameters)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// As [`evaluate`](Browser::evaluate), of what must not fail.
    pub(crate) fn does(&mut self, page: &Page, expression: &str) -> Value {
        self.evaluate(page, expression).unwrap()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, page: &Page, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        // A page that is just being loaded has nobody to answer.
        while self.evaluate(page, condition) != Ok(Value::Bool(true)) {
            if Instant::now() > deadline {
                let shown = self.evaluate(page, "location.href + ' ' + document.documentElement.outerHTML");
                panic!("not within {PATIENCE:?}: {condition}; the page is {shown:?}");
            }
            // Only how often to look.
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn asks(&mut self, session: &Value, method: &str, parameters: &Value) -> Value {
        self.answer(session, method, parameters).unwrap()
    }

    /// One command, and its answer; whatever else is told is passed over.
    fn answer(&mut self, session: &Value, method: &str, parameters: &Value) -> Result<Value, String> {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if !session.is_null() {
            command["sessionId"] = session.clone();
        }
        self.tools.send(Message::text(command.to_string())).unwrap();
        loop {
            let said: Value = match self.tools.read().unwrap() {
                Message::Text(text) => serde_json::from_str(&text).unwrap(),
                other => panic!("{other:?}"),
            };
            if said["id"] == self.sent {
                return match said.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(said["result"].clone()),
                };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().try_into().unwrap());
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Where it listens for commands, as it says among other things.
fn devtools(errors: ChildStderr) -> String {
    let mut lines = BufReader::new(errors).lines();
    let mut said = Vec::new();
    let url = loop {
        let Some(line) = lines.next() else {
            panic!("chromium does not start: {said:?}");
        };
        let line = line.unwrap();
        match line.strip_prefix("DevTools listening on ") {
            Some(url) => break url.to_owned(),
            None => said.push(line),
        }
    };
    // Or the pipe would be full some time.
    thread::spawn(move || lines.for_each(drop));
    url
}
