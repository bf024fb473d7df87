"""Clients that follow the live events of a server: some are measured, all the others only read."""
import datetime
import json
import selectors
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

from live_server import wait_for

READER = """
import json, selectors, socket, sys
host, port, count, request = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode().decode("unicode_escape").encode()
waiting = selectors.DefaultSelector()
for _ in range(count):
    client = socket.create_connection((host, port))
    client.sendall(request)
    waiting.register(client, selectors.EVENT_READ)
print("reading", flush=True)
while True:
    for key, _ in waiting.select():
        if not key.fileobj.recv(1 << 18):
            sys.exit("a stream has ended")
"""


class Followers:
    def __init__(self, server, count, measured):
        """`count` clients in all."""
        target = urllib.parse.urlsplit(server.url)
        request = (f"GET /api/ext/v1/events/stream HTTP/1.1\r\nHost: {target.netloc}\r\n"
                   f"Authorization: Bearer {server.token()}\r\n\r\n")
        self.reader = None
        if count > measured:
            self.reader = subprocess.Popen([sys.executable, "-c", READER, target.hostname, str(target.port), str(count - measured),
                                            request.encode("unicode_escape").decode()], stdout=subprocess.PIPE)
            assert self.reader.stdout.readline() == b"reading\n"
        self.waiting = selectors.DefaultSelector()
        self.clients = []
        for _ in range(min(count, measured)):
            client = socket.create_connection((target.hostname, target.port))
            client.sendall(request.encode())
            self.clients.append(client)
            self.waiting.register(client, selectors.EVENT_READ)
        self.pieces = []
        self.closing = False
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        wait_for(lambda: all(b"\nid: " in text for text in self.told().values()), what="the place of each follower")

    def read(self):
        while not self.closing:
            for key, _ in self.waiting.select(0.1):
                piece = key.fileobj.recv(1 << 18)
                self.pieces.append((time.time(), key.fileobj, piece))

    def told(self):
        texts = {client: b"" for client in self.clients}
        for _, client, piece in list(self.pieces):
            texts[client] += piece
        return texts

    def until_run_ends(self, run_id):
        """Until all measured clients know that the run has ended."""
        def ended(text):
            return any(run_id.encode() in line and b'"kind":"run"' in line and b'"new_state":"success"' in line for line in text.splitlines())
        wait_for(lambda: all(ended(text) for text in self.told().values()), what="the end of the run")

    def latencies_ms(self):
        """From the decision that an event tells of, its commit included, until a client has it; of all events read."""
        rest, found = {}, []
        for at, client, piece in self.pieces:
            *lines, rest[client] = (rest.get(client, b"") + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {\"event_log_id\""):
                    when = datetime.datetime.fromisoformat(json.loads(line[6:])["when"].replace("Z", "+00:00"))
                    found.append((at - when.timestamp()) * 1e3)
        return found

    def close(self):
        self.closing = True
        self.thread.join()
        if self.reader is not None:
            self.reader.kill()
            self.reader.wait()
        for client in self.clients:
            client.close()
