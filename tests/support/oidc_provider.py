"""A real OpenID Connect provider (scripts/oidc-provider) on a free port, and a browser that has no screen."""
import contextlib
import html.parser
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import urllib.parse

from live_server import REPOSITORY, clean_environment

SCRIPT = REPOSITORY / "scripts" / "oidc-provider"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def new_key(kid):
    """A private RSA key as a JWK, made by Node.js."""
    script = ("const {privateKey} = require('crypto').generateKeyPairSync('rsa', {modulusLength: 2048});"
              "console.log(JSON.stringify(privateKey.export({format: 'jwk'})))")
    made = json.loads(subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout)
    return {**made, "kid": kid, "use": "sig", "alg": "RS256"}


class Provider:
    def __init__(self, make_certificate=None):
        """With `make_certificate`(folder, name), which writes name.crt and name.key, it speaks TLS."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-oidc-"))
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.tls = None
        if make_certificate is not None:
            make_certificate(self.folder, "provider")
            self.tls = {"cert": str(self.folder / "provider.crt"), "key": str(self.folder / "provider.key")}
        self.issuer = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.secret = "a secret & more"
        self.keys = [new_key("first")]
        self.accounts = {}
        self.token_has_claims = False
        self.process = None

    def start(self, redirect_uri):
        client = {"client_id": "pipelined", "client_secret": self.secret, "redirect_uris": [redirect_uri],
                  "grant_types": ["authorization_code"], "response_types": ["code"]}
        file = self.folder / "provider.json"
        file.write_text(json.dumps({"port": self.port, "issuer": self.issuer, "accounts": self.accounts, "clients": [client],
                                    "keys": self.keys, "token_has_claims": self.token_has_claims, "tls": self.tls}))
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([SCRIPT, "run", file], stdout=subprocess.PIPE, stderr=log, text=True,
                                            env=clean_environment())
        line = self.process.stdout.readline()
        assert line == f"ready {self.issuer}\n", f"{line!r}\n{(self.folder / 'log').read_text()}"
        return self

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process.stdout.close()
            self.process = None

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def provider_can_run():
    """Whether it is there or can be fetched; the reason why not is on stderr."""
    return subprocess.run([SCRIPT, "install"], stdout=subprocess.DEVNULL, env=dict(os.environ)).returncode == 0


class Answer:
    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.body = url, status, headers, body

    def json(self):
        return json.loads(self.body)


class _Form(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.fields = None, {}

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = given["action"]
        if tag == "input" and self.action is not None and given.get("name"):
            self.fields[given["name"]] = given.get("value") or ""


class Browser:
    """Keeps cookies per host and port, follows nothing by itself."""

    def __init__(self):
        self.cookies = {}  # "127.0.0.1:8080" -> {name: (value, path)}

    def send(self, method, url, body=None, headers=None, form=None):
        parts = urllib.parse.urlsplit(url)
        sent = {"Accept": "text/html,*/*", **(headers or {})}
        jar = self.cookies.setdefault(parts.netloc, {})
        carried = [f"{name}={value}" for name, (value, path) in jar.items() if parts.path.startswith(path)]
        if carried:
            sent["Cookie"] = "; ".join(carried)
        if form is not None:
            body = urllib.parse.urlencode(form)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                                     context=ssl._create_unverified_context())
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            for line in answer.headers.get_all("Set-Cookie") or []:
                self._keep(jar, line)
            return Answer(url, answer.status, answer.headers, text)
        finally:
            connection.close()

    @staticmethod
    def _keep(jar, line):
        first, *attributes = [piece.strip() for piece in line.split(";")]
        name, _, value = first.partition("=")
        given = {key.lower(): text for key, _, text in (attribute.partition("=") for attribute in attributes)}
        if given.get("max-age") == "0" or given.get("expires", "").endswith("1970 00:00:00 GMT"):
            jar.pop(name, None)
        else:
            jar[name] = (value, given.get("path", "/"))

    def get(self, url, **options):
        return self.send("GET", url, **options)

    def follow(self, answer, until):
        """Goes where redirects lead, until one leads to a URL that begins with `until`: that URL. Else the page."""
        for _ in range(20):
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307) or location is None:
                return answer
            url = urllib.parse.urljoin(answer.url, location)
            if url.startswith(until):
                return url
            answer = self.get(url)
        raise AssertionError("redirects without end")

    def submit(self, page, **fields):
        """Sends the first form of the page, filled in."""
        form = _Form()
        form.feed(page.body)
        assert form.action is not None, f"no form on {page.url} ({page.status}):\n{page.body[:2000]}"
        return self.send("POST", urllib.parse.urljoin(page.url, form.action), form={**form.fields, **fields})
