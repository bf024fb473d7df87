"""A web server that keeps what it is asked and answers as the path says."""
import http.server
import json
import socketserver
import threading


class Service(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Keeps what it is asked; /hold waits for `release`, /status/N answers N, what is in `answers` its value there, everything else echoes as JSON.
    `open`: connections."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.asked, self.answers, self.release, self.open = [], {}, threading.Event(), set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate

    def close(self):
        self.release.set()
        self.shutdown()
        self.server_close()

    def count(self, path):
        return sum(1 for asked in self.asked if asked["path"] == path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        self.server.open.add(self)
        try:
            super().handle()
        finally:
            self.server.open.discard(self)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        self.server.asked.append(asked)
        if self.path.startswith("/hold"):
            self.server.release.wait(60)
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        if self.path.startswith("/flaky") and self.server.count(self.path) < 3:
            status = 503
        text = json.dumps(self.server.answers.get(self.path, asked)).encode()
        try:
            self.send_response(status)
            if self.path.startswith("/status/302/"):
                self.send_header("Location", self.path[len("/status/302/"):])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            pass

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        pass
