//! Firefox without a window, driven over Marionette: messages of `LENGTH:JSON`, in which a command
//! is `[0, ID, NAME, PARAMETERS]` and its answer `[1, ID, ERROR, RESULT]`.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// A running Firefox, ended when dropped.
pub(crate) struct Firefox {
    process: std::process::Child,
    stream: BufReader<TcpStream>,
    sent: u64,
    _profile: tempfile::TempDir,
}

impl Firefox {
    /// Starts it with a profile that is new. Marionette's own preferences would loosen what pages
    /// on the disk may do, and Firefox would ask servers of its maker.
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let profile = tempfile::tempdir_in(sandbox.home()).unwrap();
        let port = super::free_port();
        let preferences = format!(
            "user_pref(\"marionette.port\", {port});\n\
             user_pref(\"remote.prefs.recommended\", false);\n\
             user_pref(\"app.update.auto\", false);\n\
             user_pref(\"network.captive-portal-service.enabled\", false);\n\
             user_pref(\"network.connectivity-service.enabled\", false);\n\
             user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);\n\
             user_pref(\"toolkit.telemetry.enabled\", false);\n\
             user_pref(\"services.settings.server\", \"data:,none\");\n\
             user_pref(\"browser.shell.checkDefaultBrowser\", false);\n"
        );
        fs::write(profile.path().join("user.js"), preferences).unwrap();
        let mut firefox = sandbox.tool("firefox-esr");
        firefox
            .args([
                "--headless",
                "--marionette",
                // Else its console cannot be read.
                "--remote-allow-system-access",
                "--no-remote",
                "--profile",
            ])
            .arg(profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = firefox.spawn().unwrap();
        super::await_port(port, Duration::from_secs(60));
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let patience = Duration::from_secs(60);
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut firefox = Self {
            process,
            stream: BufReader::new(stream),
            sent: 0,
            _profile: profile,
        };
        let greeting = firefox.receive();
        assert_eq!(greeting["marionetteProtocol"], 3, "{greeting}");
        firefox.send("WebDriver:NewSession", &json!({}));
        firefox
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            match byte[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Sends a command, and gives its result.
    fn send(&mut self, name: &str, parameters: &Value) -> Value {
        self.sent += 1;
        let command = json!([0, self.sent, name, parameters]).to_string();
        let message = format!("{}:{command}", command.len());
        self.stream.get_mut().write_all(message.as_bytes()).unwrap();
        let answer = self.receive();
        assert_eq!(answer[1], self.sent, "{answer}");
        assert!(answer[2].is_null(), "{name}: {answer}");
        answer[3].clone()
    }

    /// Opens a page.
    pub(crate) fn open(&mut self, address: &str) {
        self.send("WebDriver:Navigate", &json!({ "url": address }));
    }

    /// What a script returns that is run in the page.
    pub(crate) fn ask(&mut self, script: &str) -> Value {
        self.ask_in(script, &Value::Null)
    }

    /// The same with the rights of a sandbox.
    fn ask_in(&mut self, script: &str, sandbox: &Value) -> Value {
        let asked = json!({ "script": script, "args": [], "sandbox": sandbox });
        self.send("WebDriver:ExecuteScript", &asked)["value"].clone()
    }

    /// What its console has of pages since it was last asked: errors, warnings, what a policy has
    /// refused, and calls of `console`.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        let calls = "const calls = Cc['@mozilla.org/consoleAPI-storage;1']\
             .getService(Ci.nsIConsoleAPIStorage);\
             const said = calls.getEvents().map(e => `console.${e.level}: ${e.arguments.join(' ')}`);\
             calls.clearEvents();\
             return said";
        let calls = self.ask_in(calls, &json!("system"));
        // What Firefox says of itself has no page for a source.
        let messages = "const said = Services.console.getMessageArray()\
             .filter(m => m instanceof Ci.nsIScriptError && !m.isFromChromeContext\
                 && /^(file|about:srcdoc|data|blob|http)/.test(m.sourceName))\
             .map(m => `${m.category}: ${m.errorMessage} (${m.sourceName.slice(0, 200)})`);\
             Services.console.reset();\
             return said";
        self.send("Marionette:SetContext", &json!({ "value": "chrome" }));
        let messages = self.ask(messages);
        self.send("Marionette:SetContext", &json!({ "value": "content" }));
        let all = [calls, messages];
        let all = all.iter().flat_map(|said| said.as_array().unwrap());
        all.map(|said| said.as_str().unwrap().to_owned()).collect()
    }

    /// Presses keys one after the other, with another held down if it is named.
    pub(crate) fn press(&mut self, keys: &[&str], held: Option<&str>) {
        let down = |key: &str| json!({ "type": "keyDown", "value": key });
        let up = |key: &str| json!({ "type": "keyUp", "value": key });
        let mut actions: Vec<Value> = held.map(down).into_iter().collect();
        actions.extend(keys.iter().flat_map(|key| [down(key), up(key)]));
        actions.extend(held.map(up));
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": actions }]);
        self.send("WebDriver:PerformActions", &json!({ "actions": keyboard }));
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
