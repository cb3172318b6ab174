"""A Chromium without a window, told what to do over a pipe (its DevTools protocol); no library."""

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None)
WAIT_S = 60
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class Page:
    """One page; what it does is waited for, never slept for."""

    def __init__(self, executable, folder):
        ours = [os.pipe(), os.pipe()]  # takes 3 and 4 if they are free, so nothing else has them
        (reads, self._to), (self._from, writes) = ours
        high = [os.dup(os.dup(fd)) for fd in (reads, writes)]

        def at_three_and_four():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._log = (folder / "chromium.log").open("wb")
        self._process = subprocess.Popen(
            [
                executable, "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--force-device-scale-factor=1",
                f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            pass_fds=(3, 4), preexec_fn=at_three_and_four,
        )  # fmt: skip
        for fd in (reads, writes, *high):
            os.close(fd)
        self.dialogs = []
        self._numbers, self._rest, self._events, self._session = itertools.count(1), b"", [], None
        made = self.do("Target.createTarget", url="about:blank")
        found = self.do("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._session = found["sessionId"]
        self.do("Page.enable")
        self.do("Runtime.enable")
        self.do("Log.enable")

    def close(self):
        with contextlib.suppress(OSError, RuntimeError):
            self._session = None
            self.do("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._log.close()

    def do(self, method, **told):
        """Return what the browser answers; RuntimeError with what it says is wrong."""
        number = self._send(method, told)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._events.append(answer)

    def _send(self, method, told):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": told}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        return number

    def _next(self):
        until = time.monotonic() + WAIT_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0, until - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("the browser is gone, or says nothing")
            self._rest += data
        first, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(first)
        if found.get("method") == "Page.javascriptDialogOpening":  # which waits for an answer
            self.dialogs.append(found["params"]["type"])
            self._send("Page.handleJavaScriptDialog", {"accept": True})
        return found

    def event(self, method, good=lambda _: True):
        """Wait for an event since the last one that was waited for; return what it says."""
        while True:
            for i, one in enumerate(self._events):
                if one.get("method") == method and good(one["params"]):
                    del self._events[: i + 1]
                    return one["params"]
            self._events.append(self._next())

    def errors(self):
        """Return what went wrong in the page so far: exceptions, and what its policy forbade."""
        bad = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [one["params"] for one in self._events if one.get("method") in bad]

    def open(self, path):
        self._events.clear()
        self.do("Page.navigate", url=path.resolve().as_uri())
        self.event("Page.loadEventFired")

    def ask(self, script):
        """Return what an expression is, as JSON."""
        found = self.do("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def click(self, selector):
        """Click with the mouse where an element is, once it is in sight."""
        quoted = json.dumps(selector)
        x, y = self.ask(
            f"(() => {{ const e = document.querySelector({quoted});"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, *keys):
        for key in keys:
            text = {} if key in KEYS else {"text": key}
            code = KEYS.get(key, ord(key[0].upper()))
            self.do("Input.dispatchKeyEvent", type="keyDown", key=key,
                    windowsVirtualKeyCode=code, **text)  # fmt: skip
            self.do("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text):
        self.do("Input.insertText", text=text)

    def be(self, *, width=1200, height=800, phone=False, scheme="light", media="screen"):
        """Look at the page on another screen, in the dark, or on paper."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height,
                deviceScaleFactor=2 if phone else 1, mobile=phone)  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.do("Emulation.setEmulatedMedia", media=media, features=features)

    def screenshot(self):
        import base64

        return base64.b64decode(self.do("Page.captureScreenshot")["data"])

    def download(self, folder, act):
        """Return the file that `act` has the page save into a folder, once it is there whole."""
        session, self._session = self._session, None
        self.do("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder),
                eventsEnabled=True)  # fmt: skip
        self._session = session
        act()
        begun = self.event("Browser.downloadWillBegin")
        self.event("Browser.downloadProgress", lambda of: of["state"] == "completed")
        return folder / begun["suggestedFilename"]
