#!/usr/bin/env python3
"""Clients that mean harm, over real sockets: each is refused or dropped, and the server goes on for all others."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from case import OwnServerCase, ServerCase, main, wait_for

HEALTH = "/api/v2/monitor/health"
HOST = "Host: localhost\r\n"


def connect(server, timeout=10):
    host, port = server.url.rpartition("/")[2].split(":")
    return socket.create_connection((host, int(port)), timeout)


def read_all(sock):
    """Until the server closes; a reset is an end, too."""
    got = b""
    try:
        while piece := sock.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def exchange(server, data, timeout=10):
    with connect(server, timeout) as sock:
        sock.sendall(data.encode("latin1") if isinstance(data, str) else data)
        return read_all(sock)


def statuses(answer):
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def get(path=HEALTH, fields="", version="1.1"):
    return f"GET {path} HTTP/{version}\r\n{HOST}{fields}\r\n"


def post(fields, body="", path="/auth/token"):
    return f"POST {path} HTTP/1.1\r\n{HOST}{fields}\r\n{body}"


CHUNKED = "Transfer-Encoding: chunked\r\n"
CLOSE = "Connection: close\r\n"
JSON = "Content-Type: application/json\r\n"


class Requests(ServerCase):
    """One request each; every refusal closes the connection."""

    settings = {"api.body_timeout": "1s"}

    def expect(self, status, *requests):
        for request in requests:
            with self.subTest(request=request[:80]):
                self.assertEqual(statuses(exchange(self.server, request))[-1:], [status])
        self.assertEqual(statuses(exchange(self.server, get(fields=CLOSE))), [200])

    def test_what_two_servers_could_read_differently(self):
        smuggled = get("/smuggled")
        self.expect(400,
                    post(f"Content-Length: {len(smuggled) + 5}\r\n{CHUNKED}", "0\r\n\r\n" + smuggled),
                    post(f"{CHUNKED}Content-Length: {len(smuggled) + 5}\r\n", "0\r\n\r\n" + smuggled),
                    post("Content-Length: 4\r\nContent-Length: 40\r\n", "null" + smuggled),
                    post("Content-Length: 4, 40\r\n", "null" + smuggled),
                    post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + smuggled),
                    post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + smuggled),
                    post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + smuggled),
                    post("Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n" + smuggled),
                    f"GET / HTTP/1.1\r\n{HOST}{HOST}\r\n",
                    "GET / HTTP/1.1\r\n\r\n",
                    f"GET {HEALTH} HTTP/1.1\nHost: h\n\n")

    def test_nothing_smuggled_is_answered(self):
        smuggled = get("/smuggled")
        answer = exchange(self.server, post(f"Content-Length: 5\r\n{CHUNKED}", "0\r\n\r\n" + smuggled))
        self.assertEqual(statuses(answer), [400])

    def test_bad_chunks(self):
        self.expect(400, *(post(CHUNKED, chunk) for chunk in (
            "zz\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "\r\n", ";\r\n", " 1\r\n", "1 \r\nx\r\n0\r\n\r\n", "5\nhello\n", "1\r\nabc\r\n",
            "1;" + "x" * 5000, "0" * 5000, "1;\0\r\n", "\xff\xff\r\n")))
        self.expect(413, *(post(CHUNKED, size + "\r\n") for size in ("f" * 8, "f" * 16, "7fffffffffffffff", "f" * 200)))

    def test_bad_lengths(self):
        self.expect(400, *(post(f"Content-Length: {n}\r\n") for n in ("abc", "-1", "+1", "1x", "", "0x1", "9" * 30, "1 1")))

    def test_oversized(self):
        self.expect(414, get("/" + "a" * 9000), "GET /" + "a" * 20000)
        self.expect(431, get(fields="X: " + "a" * 20000 + "\r\n"), get(fields="X: y\r\n" * 200),
                    f"GET / HTTP/1.1\r\n{HOST}" + "X: y\r\n" * 5000)
        self.expect(413, post("Content-Length: 1048577\r\n"), post("Content-Length: 999999999999\r\n", "x" * 3_000_000),
                    post(CHUNKED, ("10000\r\n" + "x" * 65536 + "\r\n") * 17))

    def test_a_body_of_the_largest_size_is_read(self):
        body = b'"' + b"x" * ((1 << 20) - 2) + b'"'
        answer = exchange(self.server, post(f"{JSON}{CLOSE}Content-Length: {len(body)}\r\n").encode() + body)
        self.assertEqual(statuses(answer), [422])

    def test_nuls_and_garbage(self):
        paths = ("/a%00", "/%zz", "/..%2f..%2fetc", "/a\\b")
        self.expect(400, *(get(path, CLOSE) for path in paths), get("/a\0b"), get(fields="X: a\0b\r\n"), get(fields="X\0: a\r\n"),
                    "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "\0" * 100 + "\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    get(version="3.0"), "GET\r\n\r\n", ": \r\n\r\n")

    def test_invalid_utf8(self):
        self.expect(400, get("/%ff%fe", CLOSE), get("/api/v2/dags/%c0%ae", CLOSE), get("/api/v2/dags?x=%ed%a0%80", CLOSE))
        for body in ('{"username": "\xff\xfe", "password": "x"}', '{"username": "\xc0\xae", "password": "x"}'):
            self.expect(422, post(f"{JSON}{CLOSE}Content-Length: {len(body)}\r\n", body))

    def test_deep_json(self):
        for body in ("[" * 100_000, '{"a":' * 100_000, "[" * 500_000 + "]" * 500_000):
            self.expect(422, post(f"{JSON}{CLOSE}Content-Length: {len(body)}\r\n", body))

    def test_methods(self):
        self.expect(405, "TRACE " + get(fields=f"Cookie: secret\r\n{CLOSE}")[4:], "BREW " + get(fields=CLOSE)[4:],
                    "POST " + get(fields=f"Content-Length: 0\r\n{CLOSE}")[4:])
        self.expect(400, "CONNECT localhost:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertNotIn(b"secret", exchange(self.server, "TRACE " + get(fields=f"Cookie: secret\r\n{CLOSE}")[4:]))

    def test_a_body_without_a_length(self):
        self.expect(411, post(JSON))
        self.expect(417, post("Expect: the-unexpected\r\nContent-Length: 1\r\n", "x"))

    def test_five_pipelined_requests_are_answered_in_order(self):
        paths = [HEALTH, "/nowhere", "/api/v2/version", "/api/v2/dags", HEALTH]
        answer = exchange(self.server, "".join(get(path) for path in paths[:-1]) + get(HEALTH, CLOSE))
        self.assertEqual(statuses(answer), [200, 404, 200, 401, 200])

    def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(self):
        with connect(self.server) as sock:
            sock.sendall(post(f"{JSON}{CLOSE}Expect: 100-continue\r\nContent-Length: 2\r\n").encode())
            self.assertEqual(sock.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b"{}")
            self.assertEqual(statuses(read_all(sock)), [422])

    def test_a_client_that_has_closed_its_side_gets_its_answer(self):
        with connect(self.server) as sock:
            sock.sendall(get().encode())
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(statuses(read_all(sock)), [200])

    def test_a_refusal_can_be_read_by_a_client_that_still_sends(self):
        with connect(self.server) as sock:
            sock.sendall(post("Content-Length: 50000000\r\n").encode())
            for _ in range(20):
                sock.sendall(b"x" * 65536)
            self.assertEqual(statuses(read_all(sock)), [413])


class Slow(ServerCase):
    settings = {"api.idle_timeout": "2s", "api.header_timeout": "1s", "api.body_timeout": "1s", "api.write_timeout": "1s"}

    def lasts(self, first, then=b"", every=0.1):
        """Seconds until the server closes, and what it said."""
        start = time.monotonic()
        with connect(self.server) as sock:
            sock.sendall(first)
            sock.settimeout(every)
            said = b""
            while time.monotonic() - start < 9:
                try:
                    piece = sock.recv(65536)
                    if not piece:
                        break
                    said += piece
                except TimeoutError:
                    if then and not said:
                        sock.sendall(then)
                except ConnectionResetError:
                    break
            return time.monotonic() - start, said

    def test_a_header_that_never_ends(self):
        seconds, said = self.lasts(f"GET / HTTP/1.1\r\n{HOST}".encode(), b"X: y\r\n")
        self.assertEqual(statuses(said), [408])
        self.assertTrue(0.9 < seconds < 4, seconds)

    def test_a_body_that_never_ends(self):
        seconds, said = self.lasts(post("Content-Length: 1000\r\n").encode(), b"x")
        self.assertEqual(statuses(said), [408])
        self.assertTrue(0.9 < seconds < 4, seconds)
        self.assertEqual(statuses(self.lasts(post(CHUNKED).encode(), b"1\r\nx\r\n")[1]), [408])

    def test_a_connection_without_a_request(self):
        for first in (b"", b"\r\n", get().encode()):
            seconds, said = self.lasts(first)
            self.assertEqual(statuses(said), [200] if len(first) > 2 else [])
            self.assertTrue(1.9 < seconds < 4, seconds)

    def test_a_client_that_does_not_read(self):
        with connect(self.server) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(0.5)
            start = time.monotonic()
            with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                while time.monotonic() - start < 9:
                    try:
                        sock.sendall(get("/openapi.json", "Accept-Encoding: gzip\r\n").encode() * 50)
                    except TimeoutError:
                        pass
        self.assertLess(time.monotonic() - start, 6)


class Caps(ServerCase):
    settings = {"api.max_connections_per_address": "20", "api.header_timeout": "30s"}

    def test_idle_connections_make_room(self):
        crowd = [connect(self.server) for _ in range(60)]
        self.addCleanup(lambda: [sock.close() for sock in crowd])
        self.assertEqual(statuses(exchange(self.server, get(fields=CLOSE))), [200])
        wait_for(lambda: sum(self.dropped(sock) for sock in crowd) >= 40, 5)
        self.assertFalse(self.dropped(crowd[-1]), "the youngest stays")

    def test_so_do_slow_ones(self):
        crowd = [connect(self.server) for _ in range(60)]
        self.addCleanup(lambda: [sock.close() for sock in crowd])
        for sock in crowd:
            try:
                sock.sendall(b"GET / HTTP/1.1\r\n")
            except OSError:
                pass
        for _ in range(5):
            self.assertEqual(statuses(exchange(self.server, get(fields=CLOSE))), [200])

    @staticmethod
    def dropped(sock):
        sock.setblocking(False)
        try:
            return sock.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Siege(ServerCase):
    """Everything at once, while one client behaves."""

    settings = {"api.header_timeout": "2s"}
    idle_connections = 1000
    seconds = float(os.environ.get("PIPELINED_SIEGE_SECONDS", "6"))

    def attack(self, work):
        def run():
            while not self.over.is_set():
                try:
                    work()
                except OSError:
                    time.sleep(0.01)
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.over.set)

    def slowloris(self):
        with connect(self.server) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n")
            while not self.over.wait(0.2):
                sock.sendall(b"X: y\r\n")

    def half_open(self):
        """Leaves in the middle of a request, without a word or with a reset."""
        with connect(self.server) as sock:
            sock.sendall(post("Content-Length: 100\r\n", "x").encode())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        time.sleep(0.01)

    def malformed(self):
        for request in (post(CHUNKED, "zz\r\n"), post(f"Content-Length: 5\r\n{CHUNKED}", "0\r\n\r\n"), get("/a\0b"), get("/" + "a" * 9000)):
            exchange(self.server, request, 2)
            time.sleep(0.005)

    def oversized(self):
        with connect(self.server) as sock:
            sock.sendall(post("Content-Length: 5000000\r\n").encode())
            for _ in range(40):
                sock.sendall(b"x" * 65536)
        time.sleep(0.02)

    def deep(self):
        body = "[" * 50_000
        exchange(self.server, post(f"{JSON}{CLOSE}Content-Length: {len(body)}\r\n", body), 2)
        time.sleep(0.02)

    def test_a_client_that_behaves_is_served_as_ever(self):
        self.over = threading.Event()
        crowd = []
        self.addCleanup(lambda: [sock.close() for sock in crowd])
        for _ in range(self.idle_connections):
            crowd.append(connect(self.server))
        pid = self.server.pids("api-server")[0]
        for work, times in ((self.slowloris, 50), (self.half_open, 1), (self.malformed, 1), (self.oversized, 1), (self.deep, 1)):
            for _ in range(times):
                self.attack(work)
        delays = sorted(self.delays())
        self.over.set()
        self.assertGreater(len(delays), 100)
        p99 = delays[int(len(delays) * 0.99)]
        print(f"p50 {delays[len(delays) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, max {delays[-1] * 1000:.1f} ms "
              f"of {len(delays)}", flush=True)
        self.assertEqual(self.server.pids("api-server"), [pid], "the API server is another process")
        self.assertLess(p99, 0.05)  # though the attackers are on the same cores

    def delays(self):
        """As a process of its own has them, which does not take turns with the attackers' threads."""
        done = subprocess.run([sys.executable, __file__, "behave", self.server.url, str(self.seconds)], input=self.server.token(), text=True,
                              capture_output=True, timeout=self.seconds + 60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


def behave(url, seconds):
    """Sends requests that ask the database, with the token of its input, on one connection: how long each took."""
    request = get("/api/v2/dags?limit=1", f"Authorization: Bearer {sys.stdin.read()}\r\n").encode()
    host, port = url.rpartition("/")[2].split(":")
    until = time.monotonic() + seconds
    delays = []
    with socket.create_connection((host, int(port)), 10) as sock:
        while time.monotonic() < until:
            start = time.monotonic()
            sock.sendall(request)
            answer = sock.recv(65536)
            delays.append(time.monotonic() - start)
            assert statuses(answer) == [200], answer
            time.sleep(0.005)
    print(json.dumps(delays))


class Drain(OwnServerCase):
    def test_a_stop_drops_idle_clients_and_lets_requests_end(self):
        server = self.make_server()
        server.write_dag("long", "tasks: {a: {bash: sleep 60}}")
        run_id = server.trigger("long")
        idle = [connect(server) for _ in range(50)]
        self.addCleanup(lambda: [sock.close() for sock in idle])
        api = server.pids("api-server")[0]
        with connect(server) as sock:
            body = json.dumps({"username": "admin", "password": "wrong"})
            sock.sendall(post(f"{JSON}Content-Length: {len(body)}\r\n", body[:5]).encode())
            time.sleep(0.3)
            os.kill(api, signal.SIGTERM)
            time.sleep(0.3)
            with self.assertRaises(OSError):
                connect(server)
            sock.sendall(body[5:].encode())
            answer = read_all(sock)
            self.assertEqual(statuses(answer), [401])
            self.assertIn(b"Connection: close", answer)
        wait_for(lambda: server.pids("api-server") not in ([], [api]), 20, "the standalone to start another")
        self.assertTrue(run_id)

    def test_a_hang_up_during_a_stop_is_no_impatience(self):
        server = self.make_server()
        with connect(server) as sock:
            body = json.dumps({"username": "admin", "password": "wrong"})
            sock.sendall(post(f"{JSON}Content-Length: {len(body)}\r\n", body[:5]).encode())
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            sock.sendall(body[5:].encode())
            self.assertEqual(statuses(read_all(sock)), [401])
        self.assertEqual(server.process.wait(timeout=30), 0)

    def test_a_client_that_never_ends_does_not_hold_up_the_stop(self):
        server = self.make_server(settings={"api.drain_timeout": "1s"})
        with connect(server) as sock:
            sock.sendall(post("Content-Length: 100\r\n", "x").encode())
            time.sleep(0.2)
            start = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - start, 10)


if __name__ == "__main__":
    if sys.argv[1:2] == ["behave"]:
        behave(sys.argv[2], float(sys.argv[3]))
    else:
        main()
