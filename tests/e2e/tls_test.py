#!/usr/bin/env python3
"""TLS on the port, certificates that change while the server runs, and the unix socket beside it."""
import os
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time
import unittest
import warnings

from case import HttpError, OwnServerCase, main, wait_for
from hostile_test import CLOSE, HEALTH, connect, get, post, read_all, statuses


def make_certificate(folder, name, common_name="localhost"):
    """`name`.crt and `name`.key, signed by itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={common_name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"], check=True, capture_output=True)


def make_expired_certificate(folder, name):
    """The same, and its time was over yesterday."""
    make_certificate(folder, name)
    request = subprocess.run(["openssl", "x509", "-x509toreq", "-in", folder / f"{name}.crt", "-signkey", folder / f"{name}.key"],
                             check=True, capture_output=True).stdout
    (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    subprocess.run(["openssl", "x509", "-req", "-signkey", folder / f"{name}.key", "-days", "-1", "-extfile", folder / f"{name}.ext",
                    "-out", folder / f"{name}.crt"], input=request, check=True, capture_output=True)


@unittest.skipUnless(shutil.which("openssl"), "needs openssl to make certificates")
class Tls(OwnServerCase):
    def tls_server(self, **settings):
        server = self.make_server(start=False, settings={"api.tls_cert": "tls.crt", "api.tls_key": "tls.key", **settings})
        server.home.mkdir(exist_ok=True)
        make_certificate(server.home, "tls")
        return server.start()

    def client(self, server, context=None):
        if context is None:
            context = ssl.create_default_context(cafile=server.home / "tls.crt")
        raw = connect(server)
        try:
            return context.wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise

    def common_name(self, server):
        context = ssl._create_unverified_context()
        with self.client(server, context) as sock:
            der = sock.getpeercert(binary_form=True)
        done = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der, capture_output=True, check=True)
        return done.stdout.decode().strip().rpartition("=")[2].strip()

    def test_requests_over_tls_and_nothing_else(self):
        server = self.tls_server()
        self.assertTrue(server.url.startswith("https://"), server.url)
        with self.client(server) as sock:
            self.assertIn(sock.version(), ("TLSv1.2", "TLSv1.3"))
            sock.sendall(get().encode() + get(fields=CLOSE).encode())
            self.assertEqual(statuses(read_all(sock)), [200, 200])
        with connect(server) as sock:
            sock.sendall(get().encode())
            self.assertEqual(statuses(read_all(sock)), [])
        done = server.pipectl("health", env={"SSL_CERT_FILE": str(server.home / "tls.crt")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotEqual(server.pipectl("health").returncode, 0, "a certificate that nobody vouches for")

    def assert_refused(self, done, words, hint):
        self.assertEqual(done.returncode, 6, done.stdout + done.stderr)
        self.assertIn("its certificate is refused: " + words, done.stderr)
        self.assertIn(hint, done.stderr)

    def test_a_certificate_whose_time_is_over_is_refused_and_that_is_said(self):
        server = self.make_server(start=False, settings={"api.tls_cert": "tls.crt", "api.tls_key": "tls.key"})
        server.home.mkdir(exist_ok=True)
        make_expired_certificate(server.home, "tls")
        server.start()
        trusted = {"SSL_CERT_FILE": str(server.home / "tls.crt")}
        self.assert_refused(server.pipectl("health", env=trusted), "certificate has expired", "has to renew its certificate")
        self.assert_refused(server.pipectl("--ca-cert", server.home / "tls.crt", "dags", "list"), "certificate has expired", "renew")
        make_certificate(server.home, "tls")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.pipectl("health", env=trusted).returncode == 0, 20, "the renewed certificate to be taken")

    def test_other_certificates_are_refused_for_what_is_wrong_with_them(self):
        server = self.tls_server()
        self.assert_refused(server.pipectl("health"), "self-signed certificate", "--ca-cert")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=elsewhere.example", "-keyout", server.home / "tls.key", "-out", server.home / "tls.crt"],
                       check=True, capture_output=True)
        server.stop()
        server.start()
        done = server.pipectl("health", env={"SSL_CERT_FILE": str(server.home / "tls.crt")})
        self.assert_refused(done, "it is for another host", "error")

    def test_an_identity_provider_whose_time_is_over_is_refused_too(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-provider-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        make_expired_certificate(folder, "provider")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "provider.crt", folder / "provider.key")
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=shake_hands, args=(listener, context), daemon=True).start()
        server = self.make_server(settings={
            "auth.oidc_issuer": f"https://127.0.0.1:{listener.getsockname()[1]}", "auth.oidc_client_id": "pipelined",
            "auth.oidc_roles": "*=viewer", "auth.oidc_ca_file": folder / "provider.crt"})
        with self.assertRaises(HttpError) as refused:
            server.get("/auth/oidc/login")
        self.assertEqual(refused.exception.status, 503)
        self.assertIn("certificate has expired", refused.exception.body)

    def test_old_versions_are_refused(self):
        server = self.tls_server()
        old = ssl._create_unverified_context()
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.client(server, old)
        new = ssl.create_default_context(cafile=server.home / "tls.crt")
        new.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.client(server, new) as sock:
            self.assertEqual(sock.version(), "TLSv1.2")

    def test_a_new_certificate_is_taken_in_without_a_stop(self):
        server = self.tls_server()
        self.assertEqual(self.common_name(server), "localhost")
        with self.client(server) as old:
            make_certificate(server.home, "tls", "renewed")
            pids = server.pids("api-server")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.common_name(server) == "renewed", 10)
            self.assertEqual(server.pids("api-server"), pids)
            old.sendall(get(fields=CLOSE).encode())
            self.assertEqual(statuses(read_all(old)), [200], "who was connected stays connected")

    def test_a_bad_certificate_leaves_the_old_one_in_use(self):
        server = self.tls_server()
        (server.home / "tls.crt").write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the one of before stays in use" in server.log_tail(), 10)
        self.assertEqual(self.common_name(server), "localhost")

    def test_a_key_of_another_certificate_is_refused_at_the_start(self):
        server = self.make_server(start=False, settings={"api.tls_cert": "a.crt", "api.tls_key": "b.key"})
        server.home.mkdir(exist_ok=True)
        make_certificate(server.home, "a")
        make_certificate(server.home, "b")
        server.launch()
        self.assertEqual(server.process.wait(timeout=60), 2)
        self.assertIn("TLS key", server.log_tail())

    def test_a_key_of_another_kind_is_refused_too(self):
        server = self.tls_server()
        subprocess.run(["openssl", "genrsa", "-out", server.home / "tls.key", "2048"], check=True, capture_output=True)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the one of before stays in use" in server.log_tail(), 10)
        self.assertEqual(self.common_name(server), "localhost")

    def test_a_key_with_a_password_is_refused_and_nobody_is_asked(self):
        server = self.make_server(start=False, settings={"api.tls_cert": "tls.crt", "api.tls_key": "tls.key"})
        server.home.mkdir(exist_ok=True)
        make_certificate(server.home, "tls")
        plain = server.home / "plain.key"
        (server.home / "tls.key").rename(plain)
        subprocess.run(["openssl", "ec", "-in", plain, "-aes128", "-passout", "pass:secret", "-out", server.home / "tls.key"],
                       check=True, capture_output=True)
        server.launch()
        self.assertEqual(server.process.wait(timeout=60), 2)
        self.assertIn("TLS key", server.log_tail())

    def test_a_refusal_can_be_read(self):
        server = self.tls_server()
        for request in (post("Content-Length: 999999999999\r\n", "x" * 3_000_000), get("/" + "a" * 9000) + "x" * 300_000):
            with self.subTest(request=request[:40]), self.client(server) as sock:
                sock.sendall(request.encode())
                self.assertIn(statuses(read_all(sock)), ([413], [414]))

    def test_a_hang_up_without_a_certificate_ends_nothing(self):
        server = self.make_server()
        pids = server.pids("api-server")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "no certificate to read again" in server.log_tail(), 10)
        os.kill(pids[0], signal.SIGHUP)
        with connect(server) as sock:
            sock.sendall(get(fields=CLOSE).encode())
            self.assertEqual(statuses(read_all(sock)), [200])
        self.assertEqual(server.pids("api-server"), pids)

    def test_one_without_the_other_is_refused(self):
        server = self.make_server(start=False, settings={"api.tls_cert": "a.crt"})
        server.launch()
        self.assertEqual(server.process.wait(timeout=60), 2)
        self.assertIn("need each other", server.log_tail())

    def test_handshakes_that_never_end_are_dropped(self):
        server = self.tls_server(**{"api.header_timeout": "1s"})
        crowd = [connect(server) for _ in range(100)]
        self.addCleanup(lambda: [sock.close() for sock in crowd])
        for sock in crowd:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        with self.client(server) as sock:
            sock.sendall(get(fields=CLOSE).encode())
            self.assertEqual(statuses(read_all(sock)), [200])
        start = time.monotonic()
        for sock in crowd:
            self.assertEqual(read_all(sock), b"")
        self.assertLess(time.monotonic() - start, 5)


def shake_hands(listener, context):
    """As far as clients go along, until the listener is closed."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(client, server_side=True).close()
        except OSError:
            client.close()


class UnixSocket(OwnServerCase):
    def ask(self, path, request):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(path))
            sock.sendall(request.encode())
            return statuses(read_all(sock))

    def test_over_the_socket_any_host_will_do(self):
        server = self.make_server(settings={"api.socket": "run/api.sock"})
        foreign = get(HEALTH, CLOSE).replace("Host: localhost", "Host: evil.example")
        self.assertIn("evil.example", foreign)
        self.assertEqual(self.ask(server.home / "run" / "api.sock", foreign), [200])
        with connect(server) as sock:
            sock.sendall(foreign.encode())
            self.assertEqual(statuses(read_all(sock)), [421])

    def test_the_socket_answers_beside_the_port(self):
        server = self.make_server(settings={"api.socket": "run/api.sock"})
        path = server.home / "run" / "api.sock"
        self.assertEqual(self.ask(path, get(fields=CLOSE)), [200])
        self.assertEqual(self.ask(path, get("/api/v2/dags", CLOSE)), [401])
        self.assertEqual(self.ask(path, get("/metrics", CLOSE)), [200], "this host is the loopback")
        with connect(server) as sock:
            sock.sendall(get(HEALTH, CLOSE).encode())
            self.assertEqual(statuses(read_all(sock)), [200])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        server.stop()
        self.assertFalse(path.exists())

    def test_a_socket_that_was_left_behind_is_replaced(self):
        server = self.make_server(settings={"api.socket": "run/api.sock"})
        path = server.home / "run" / "api.sock"
        server.kill_all()
        self.assertTrue(path.exists())
        server.start()
        self.assertEqual(self.ask(path, get(fields=CLOSE)), [200])

    def test_a_path_that_is_too_long_is_refused(self):
        server = self.make_server(start=False, settings={"api.socket": "run/" + "x" * 120})
        server.launch()
        self.assertEqual(server.process.wait(timeout=60), 2)
        self.assertIn("api.socket is longer than", server.log_tail())


if __name__ == "__main__":
    main()
