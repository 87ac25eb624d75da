# SPDX-License-Identifier: Apache-2.0
"""A worker behind the coordinator's protocol that can be made to misbehave: HTTP in front of a real
worker that speaks the same messages as lines (tests/unit/worker_process.c)."""

import contextlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import harness

PROGRAM = pathlib.Path(os.environ.get("OMB_BUILD", harness.ROOT / "build")) / "tests/unit/worker_process"
VERBS = (
    "initialize-driver create-topics create-consumers create-producers probe-producers start-load "
    "adjust-publish-rate pause-consumers resume-consumers reset-stats stop-all counters-stats period-stats "
    "cumulative-latencies set-window readiness snapshot finish topic-ends delete-topics clock set-clocks events"
).split()
SESSION = "0123456789abcdef" * 2


class Lines:
    """The worker itself: asks go in, answers come out in any order."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([PROGRAM], stdin=theirs, stdout=subprocess.DEVNULL)
        theirs.close()
        self.file = ours.makefile("rwb")
        self.socket = ours
        self.answers = {}
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError, ValueError):
            for line in self.file:
                with self.changed:
                    self.answers[json.loads(line)["id"]] = line
                    self.changed.notify_all()
        with self.changed:
            self.answers[None] = b""  # it is gone
            self.changed.notify_all()

    def ask(self, body):
        number = json.loads(body)["id"]
        with self.changed:
            if number not in self.answers:
                self.file.write(body + b"\n")
                self.file.flush()
            self.changed.wait_for(lambda: number in self.answers or None in self.answers)
            return self.answers.get(number, b"")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.process.wait(timeout=30)
        self.file.close()
        self.socket.close()


class Double:
    """`on` is called with the path and the body of each request, and may answer in the worker's place:
    bytes are sent as they are and the connection is closed, "stop" ends the serving without a word."""

    def __init__(self, on=lambda path, body: None, hello=None):
        self.on = on
        self.hello = {
            "program": "omb",
            "version": "0.1.0",
            "commit": "",
            "protocol": 1,
            "worker": "double",
            "verbs": VERBS,
            "inUse": None,
            **(hello or {}),
        }
        self.lines = None
        self.asked = []  # paths and bodies, in their order
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                came = time.monotonic_ns()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                double.asked.append((self.command + " " + self.path, body))
                said = double.on(self.command + " " + self.path, body)
                if said is None:
                    self.say(*double.answer(self.command, self.path, body, came))
                    return
                with contextlib.suppress(OSError):
                    self.wfile.write(said)
                self.close_connection = True

            do_GET = do_POST = do_DELETE = handle_any

            def say(self, status, text):
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method, path, body, came):
        if path == "/omb/v1/hello":
            return 200, json.dumps(self.hello).encode()
        if path == "/omb/v1/clock":
            return 200, json.dumps({"receivedNs": came, "sentNs": time.monotonic_ns()}).encode()
        if path == "/omb/v1/sessions":
            return self.open()
        if path == f"/omb/v1/sessions/{SESSION}/renew":
            return 200, b"{}"
        if path == f"/omb/v1/sessions/{SESSION}/calls":
            return 200, self.lines.ask(body)
        if (method, path) == ("DELETE", f"/omb/v1/sessions/{SESSION}"):
            self.end()
            return 200, b"{}"
        return 404, json.dumps({"error": {"kind": "usage", "text": "no such path"}}).encode()

    def open(self):
        self.lines = Lines()
        # What is told of instants begins when the worker is first asked for its clock.
        before = time.monotonic_ns()
        self.lines.ask(b'{"id":1000000000,"verb":"clock"}')
        return 200, json.dumps(
            {"session": SESSION, "originNs": (before + time.monotonic_ns()) // 2}
        ).encode()

    def end(self):
        if self.lines:
            self.lines.close()
        self.lines = None

    def die(self):
        """Nobody listens there any more, and what is connected is cut."""
        self.on = lambda path, body: b""
        self.server.shutdown()
        self.server.server_close()

    def close(self):
        self.die()
        self.end()


@contextlib.contextmanager
def double(**how):
    d = Double(**how)
    try:
        yield d
    finally:
        d.close()
