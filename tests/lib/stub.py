# SPDX-License-Identifier: Apache-2.0
"""stub.py - a server that answers as a test tells it: statuses, dropped connections, changed answers.

    with Stub(status(503), drop(), forward(server.url)) as stub:   # in turn; the last one stays
        ... stub.url ...
    stub.seen                                                      # ["GET /api/v1/log", ...]
"""
import http.server
import json
import threading
import urllib.error
import urllib.request


def status(code, body=b"", headers=None):
    return lambda handler, sent: handler.answer(code, body, headers or {})


def drop():
    """Closes the connection without an answer."""
    return lambda handler, sent: None


def hang(event):
    """Answers nothing until @event is set."""
    return lambda handler, sent: event.wait(60)


def forward(url, change=None):
    """Asks the real server; change(path, body as JSON) gives what is answered instead."""

    def act(handler, sent):
        request = urllib.request.Request(url + handler.path, data=sent or None, method=handler.command)
        for name in ("Accept", "Content-Type"):
            if handler.headers.get(name):
                request.add_header(name, handler.headers[name])
        # No proxy of the environment between the two.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as reply:
                code, body = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            code, body = error.code, error.read()
        if change is not None and code < 300 and body[:1] in b"{[":
            body = json.dumps(change(handler.path, json.loads(body))).encode()
        handler.answer(code, body, {})

    return act


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        size = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(size)
        self.close_connection = True
        self.server.stub.take(f"{self.command} {self.path}")(self, sent)

    do_GET = do_POST = handle_any


class Stub:
    def __init__(self, *actions):
        self.actions, self.seen, self.lock = list(actions), [], threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.stub = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def take(self, line):
        with self.lock:
            self.seen.append(line)
            return self.actions.pop(0) if len(self.actions) > 1 else self.actions[0]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
