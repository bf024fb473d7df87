#!/usr/bin/env python3
"""TLS on the port, certificates that change while the server runs, and the unix socket beside it."""
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time
import unittest
import warnings

from case import OwnServerCase, main, wait_for
from hostile_test import CLOSE, HEALTH, connect, get, post, read_all, statuses


def make_certificate(folder, name, common_name="localhost"):
    """`name`.crt and `name`.key, signed by itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={common_name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"], check=True, capture_output=True)


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


class UnixSocket(OwnServerCase):
    def ask(self, path, request):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(path))
            sock.sendall(request.encode())
            return statuses(read_all(sock))

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
