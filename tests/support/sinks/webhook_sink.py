"""An HTTP server that keeps each request as a JSON file and answers as it is told: webhook_sink.py FOLDER PORT.

FOLDER/behave, read at each request, is JSON: {"status": 503, "headers": {...}, "body": "..."}, {"hang": true} (never answers),
{"drip": true} (sends a byte now and then, for ever), {"flood": true} (sends an endless body). Without the file: 200. WEBHOOK_TLS=1: TLS
with the certificate FOLDER/cert.pem for localhost, made at the first start.
"""
import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER, PORT = sys.argv[1], int(sys.argv[2])
count, lock = 0, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            count += 1
            name = f"{FOLDER}/{time.time_ns()}-{count}.json"
        kept = {"path": self.path, "headers": dict(self.headers), "body": body.decode("utf-8", "replace"), "at": time.time()}
        with open(name + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(name + ".part", name)
        behave = {}
        with contextlib.suppress(FileNotFoundError):
            with open(f"{FOLDER}/behave") as file:
                behave = json.load(file)
        with contextlib.suppress(OSError):
            self.answer(behave)

    def answer(self, behave):
        while behave.get("hang"):
            time.sleep(60)
        if behave.get("drip"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                self.wfile.write(b"x")
                time.sleep(0.2)
        if behave.get("flood"):
            self.wfile.write(b"HTTP/1.1 500 Broken\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                self.wfile.write(b"x" * 65536)
        text = behave.get("body", "ok").encode()
        self.send_response(behave.get("status", 200))
        for header, value in behave.get("headers", {}).items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
server.daemon_threads = True
scheme = "http"
if os.environ.get("WEBHOOK_TLS"):
    if not os.path.exists(f"{FOLDER}/cert.pem"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{FOLDER}/key.pem", "-out", f"{FOLDER}/cert.pem"],
                       check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{FOLDER}/cert.pem", f"{FOLDER}/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https"
print(f"ready {scheme}://localhost:{server.server_address[1]}", flush=True)
server.serve_forever()
