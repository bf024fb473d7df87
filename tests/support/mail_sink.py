"""An SMTP server of a test: STARTTLS or TLS from the start with a certificate of its own, log-ins, refusals; keeps what it is sent.

Not a mail server: it knows what curl says, and no more.
"""
import base64
import pathlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading


def make_certificate(folder):
    """Of 127.0.0.1, signed by itself; the paths of certificate and key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class MailSink(socketserver.ThreadingTCPServer):
    """`starttls`: mail is taken only behind it. `users`: {name: password}; then only from them. `refuse`: {address: "550 no"}.

    Seconds: `delay_after_dot`, before a mail is answered; `read_slowly`, before each of its lines; until hurry(). `ignore_quit`: no answer to it,
    and the session stays open until the client leaves. `cut`: what came of mails whose final dot never did; `open`: sessions."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, starttls=True, implicit_tls=False, users=None, refuse=None, delay_after_dot=0, read_slowly=0, ignore_quit=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-mail-"))
        self.starttls, self.implicit_tls, self.users, self.refuse = starttls, implicit_tls, users or {}, refuse or {}
        self.delay_after_dot, self.read_slowly, self.ignore_quit = delay_after_dot, read_slowly, ignore_quit
        self.mails, self.lines, self.cut = [], [], []
        self.connections, self.lock, self.hurried = set(), threading.Lock(), threading.Event()
        self.ca_file, key = make_certificate(self.folder)
        self.context = server_context(self.ca_file, key)
        super().__init__(("127.0.0.1", 0), Conversation)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self):
        if self.read_slowly:  # or all of a mail would lie in between
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        super().server_bind()

    @property
    def open(self):
        return len(self.connections)

    def hurry(self):
        self.hurried.set()

    def hang_up(self):
        with self.lock:
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.hurry()
        self.shutdown()
        self.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate


class Conversation(socketserver.BaseRequestHandler):
    def handle(self):
        connection = self.request
        with self.server.lock:
            self.server.connections.add(connection)
        try:
            self.talk()
        finally:
            self.request.close()  # behind TLS another one than it was
            with self.server.lock:
                self.server.connections.remove(connection)

    def talk(self):
        sink = self.server
        self.secure, self.user, self.sender, self.recipients = False, None, None, []
        if sink.implicit_tls:
            self.encrypt()
        self.file = self.request.makefile("rb")
        self.say("220 sink")
        while line := self.file.readline():
            text = line.decode(errors="replace").rstrip("\r\n")
            sink.lines.append(text)
            if self.answer(text) is False:
                return

    def say(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def encrypt(self):
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile("rb")
        self.secure = True

    def answer(self, text):
        sink, word = self.server, text.upper().split(" ")[0].split(":")[0]
        if word in ("EHLO", "HELO"):
            offers = ["sink", *(["STARTTLS"] if sink.starttls and not self.secure else []), *(["AUTH PLAIN"] if sink.users else []),
                      "8BITMIME", "SIZE 100000000"]
            for n, offer in enumerate(offers):
                self.say(("250 " if n == len(offers) - 1 else "250-") + offer)
        elif word == "STARTTLS":
            self.say("220 go on")
            self.encrypt()
        elif word == "AUTH":
            said = text.split(" ")[2:]
            if not said:
                self.say("334 ")
                said = [self.file.readline().decode().strip()]
            _, name, password = base64.b64decode(said[0]).decode().split("\0")
            self.user = name if sink.users.get(name) == password else None
            self.say("235 welcome" if self.user else "535 wrong password")
        elif word == "MAIL":
            if (sink.starttls and not self.secure) or (sink.users and not self.user):
                return self.say("530 not like this")
            self.sender, self.recipients = text[text.index("<") + 1:text.index(">")], []
            self.say("250 ok")
        elif word == "RCPT":
            address = text[text.index("<") + 1:text.index(">")]
            if address in sink.refuse:
                return self.say(sink.refuse[address])
            self.recipients.append(address)
            self.say("250 ok")
        elif word == "DATA":
            self.say("354 go on")
            lines = []
            try:
                while (line := self.file.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b"..") else line)
                    if sink.read_slowly:
                        sink.hurried.wait(sink.read_slowly)
            except OSError:
                line = b""
            data = b"".join(lines)
            if not line:
                sink.cut.append(data)
                return False
            sink.mails.append({"from": self.sender, "to": self.recipients, "data": data, "secure": self.secure, "user": self.user})
            if sink.delay_after_dot:
                sink.hurried.wait(sink.delay_after_dot)
            self.say("250 taken")
        elif word == "QUIT":
            if sink.ignore_quit:
                return None
            self.say("221 bye")
            return False
        else:
            self.say("250 ok")
        return None
