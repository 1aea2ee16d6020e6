"""Opens a copy of a tree of mbox files in Thunderbird and prints what it shows as JSON.

    thunderbird.py TREE PROFILE [add]

PROFILE is a new directory, which keeps the profile with the copy. With `add` Thunderbird also
puts a message of its own into the inbox, marks the first message there as read and starred, and
compacts the folder. Nothing is fetched from any network.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

PREFS = {
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.localfoldersserver": "server1",
    "mail.account.account1.server": "server1",
    "mail.server.server1.type": "none",
    "mail.server.server1.hostname": "Local Folders",
    "mail.server.server1.userName": "nobody",
    "mail.server.server1.directory-rel": "[ProfD]Mail/Local Folders",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.purge.ask": False,
    "mail.prompt_purge_threshhold": False,
    "mailnews.start_page.enabled": False,
    "mailnews.database.global.indexer.enabled": False,
    "app.update.enabled": False,
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "marionette.port": 0,
}

LOOK = """
const [done] = arguments;
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const root = MailServices.accounts.localFoldersServer.rootFolder;
const out = {};
const parsed = folder => new Promise((resolve, reject) => {
  const listener = {
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
    OnStartRunningUrl() {},
    OnStopRunningUrl: (url, status) =>
      Components.isSuccessCode(status) ? resolve() : reject(new Error("parse: " + status)),
  };
  try {
    const local = folder.QueryInterface(Ci.nsIMsgLocalMailFolder);
    if (local.getDatabaseWithReparse(listener, null)) resolve();
  } catch (e) {}
});
const bytes = (folder, header) => {
  const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
  binary.setInputStream(folder.getMsgInputStream(header, {}));
  let text = "";
  for (let n; (n = binary.available()); ) text += binary.readBytes(n);
  return btoa(text);
};
const walk = async (folder, above) => {
  for (const sub of folder.subFolders) {
    const path = above + sub.filePath.leafName;
    await parsed(sub);
    sub.updateFolder(null);
    out[path] = [...sub.messages].map(header => ({
      bytes: bytes(sub, header),
      read: header.isRead,
      starred: header.isFlagged,
      answered: !!(header.flags & Ci.nsMsgMessageFlags.Replied),
    }));
    await walk(sub, path + ".sbd/");
  }
};
walk(root, "").then(() => done(out), e => done({ failed: String(e) + e.stack }));
"""

ADD = r"""
const [done] = arguments;
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const inbox = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Inbox");
(async () => {
  const [first] = inbox.messages;
  inbox.markMessagesRead([first], true);
  inbox.markMessagesFlagged([first], true);
  inbox.QueryInterface(Ci.nsIMsgLocalMailFolder).addMessage(
    "From: me@example.org\r\nSubject: mine\r\nMessage-ID: <mine@example.org>\r\n\r\nonly here\r\n");
  await new Promise((resolve, reject) => inbox.compact({
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
    OnStartRunningUrl() {},
    OnStopRunningUrl: (url, status) =>
      Components.isSuccessCode(status) ? resolve() : reject(new Error("compact: " + status)),
  }, null));
})().then(() => done(null), e => done({ failed: String(e) + e.stack }));
"""


class Marionette:
    """Thunderbird's remote control: a length, a colon and JSON, both ways."""

    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=120).makefile("rwb")
        self.number = 0
        self.receive()

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            byte = self.stream.read(1)
            if not byte:
                raise SystemExit("thunderbird closed the connection")
            length += byte
        return json.loads(self.stream.read(int(length[:-1])))

    def call(self, name, **arguments):
        self.number += 1
        text = json.dumps([0, self.number, name, arguments]).encode()
        self.stream.write(b"%d:%s" % (len(text), text))
        self.stream.flush()
        _, _, error, value = self.receive()
        if error:
            raise SystemExit(f"{name}: {error}")
        return value

    def script(self, text):
        value = self.call("WebDriver:ExecuteAsyncScript", script=text, args=[], sandbox="system")
        if isinstance(value["value"], dict) and "failed" in value["value"]:
            raise SystemExit(value["value"]["failed"])
        return value["value"]


def port_of(bird, profile):
    """The port of the remote control, once it listens."""
    for _ in range(1200):
        if bird.poll() is not None:
            raise SystemExit(f"thunderbird ended with {bird.returncode}")
        try:
            with open(os.path.join(profile, "MarionetteActivePort"), encoding="ascii") as text:
                return int(text.read())
        except (FileNotFoundError, ValueError):
            time.sleep(0.1)
    raise SystemExit("thunderbird does not listen")


def main():
    tree, profile, *actions = sys.argv[1:]
    profile = os.path.abspath(profile)
    shutil.copytree(tree, os.path.join(profile, "Mail", "Local Folders"))
    with open(os.path.join(profile, "user.js"), "w", encoding="utf-8") as out:
        for key, value in PREFS.items():
            out.write(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n")
    home = profile + ".home"
    os.makedirs(home)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MOZ_CRASHREPORTER_DISABLE": "1",
        "GSETTINGS_BACKEND": "memory",
    }
    command = ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access"]
    command += ["--no-remote", "--profile", profile]
    with open(os.path.join(home, "log"), "wb") as log:
        bird = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        driver = Marionette(port_of(bird, profile))
        driver.call("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        driver.call("Marionette:SetContext", value="chrome")
        driver.call("WebDriver:SetTimeouts", script=120000)
        folders = driver.script(LOOK)
        if "add" in actions:
            driver.script(ADD)
        for messages in folders.values():
            for message in messages:
                text = base64.b64decode(message.pop("bytes"))
                message["text"] = text.replace(b"\r\n", b"\n").decode("latin-1")
        print(json.dumps(folders))
        driver.call("Marionette:Quit", flags=["eAttemptQuit"])
        bird.wait(30)
    finally:
        if bird.poll() is None:
            os.killpg(bird.pid, signal.SIGKILL)
            bird.wait()


if __name__ == "__main__":
    main()
