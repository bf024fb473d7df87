#!/usr/bin/env python3
"""nginx with TLS: what http tasks, http sensors and webhooks make of its certificates, statuses, redirects and answers; and the API
behind it."""
import http.client
import json
import pathlib
import ssl
import time
import subprocess
import sys
import urllib.parse

from case import REPOSITORY, ServerCase, bin_dir, clean_environment, main, wait_for
from oidc_provider import Browser

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Proxy, Sink  # noqa: E402

FINAL = [400, 401, 403, 404, 409, 410, 422]
PASSING = [425, 429, 500, 502, 503, 504]


class Asked(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.hook = Sink("webhook")
        cls.addClassCleanup(cls.hook.close)
        cls.hook.start()
        cls.nginx = Proxy("nginx", cls.hook.url.replace("localhost", "127.0.0.1"))
        cls.addClassCleanup(cls.nginx.close)
        cls.nginx.start()
        cls.urls, cls.ca = cls.nginx.urls(), cls.nginx.folder / "ca.pem"
        cls.tls = cls.urls["tls"]
        channel = {"type": "webhook", "url": cls.tls + "/hook", "ca_file": cls.ca, "retry_delay": "100ms", "max_retry_delay": "300ms",
                   "max_tries": 100}
        cls.settings = {f"alerts.channels.ops.{key}": value for key, value in channel.items()}
        super().setUpClass()
        port = urllib.parse.urlsplit(cls.tls).port
        for name, password in (("private", "s3cret"), ("mistaken", "wrong-word")):
            cls.server.post("/api/v2/connections", {"connection_id": name, "conn_type": "https", "host": "localhost", "port": port,
                                                    "login": "ann", "password": password})
        cls.server.post("/api/v2/connections", {"connection_id": "plain", "conn_type": "http", "host": cls.urls["plain"]})

    def serve(self, name, text):
        (self.nginx.folder / "www" / name).write_text(text)

    def log(self, name, task_id):
        return self.server.ctl("tasks", "logs", name, "latest", task_id)

    def statuses(self, path):
        """Of the requests for `path`, in their order."""
        return [int(status) for _, _, status, _ in self.nginx.requests(path)]

    def test_a_certificate_has_to_be_vouched_for_by_name_and_in_time(self):
        self.serve("named.txt", "x")
        other_name = self.tls.replace("localhost", "127.0.0.1")
        state, tasks = self.run_dag("certificates", f"""
tasks:
  good: {{http: {{url: "{self.tls}/files/named.txt", ca_file: "{self.ca}"}}}}
  nobody: {{http: {{url: "{self.tls}/files/named.txt?nobody"}}}}
  name: {{http: {{url: "{other_name}/files/named.txt?name", ca_file: "{self.ca}"}}}}
  expired: {{http: {{url: "{self.urls['expired']}/?expired", ca_file: "{self.ca}"}}}}
  anyway: {{http: {{url: "{self.urls['expired']}/?anyway", verify: false}}}}
  no_file: {{http: {{url: "{self.tls}/files/named.txt?no_file", ca_file: "{self.ca}.gone"}}}}
""")
        self.assertEqual(tasks, {"good": "success", "anyway": "success", "nobody": "failed", "name": "failed", "expired": "failed",
                                 "no_file": "failed"})
        self.assertIn("unable to get local issuer certificate", self.log("certificates", "nobody"))
        self.assertIn("127.0.0.1", self.log("certificates", "name"))
        self.assertIn("certificate has expired", self.log("certificates", "expired"))
        self.assertIn("ca.pem.gone", self.log("certificates", "no_file"))
        asked = [self.statuses(path) for path in ("/files/named.txt", "/files/named.txt?nobody", "/files/named.txt?name", "/?expired", "/?anyway")]
        self.assertEqual(asked, [[200], [], [], [], [204]])

    def test_a_redirect_into_tls_is_followed_when_it_may_be(self):
        self.serve("moved.txt", "arrived")
        path = "/files/moved.txt"
        state, tasks = self.run_dag("redirects", f"""
default_args: {{retries: 2, retry_delay: 50ms}}
tasks:
  follows: {{http: {{url: "{self.urls['plain']}{path}", follow_redirects: true, ca_file: "{self.ca}", expect: {{body_contains: arrived}}}}}}
  stays: {{http: {{url: "{self.urls['plain']}{path}?stays"}}}}
  bound: {{http: {{connection: plain, url: "{path}?bound", follow_redirects: true, ca_file: "{self.ca}", auth: {{token: kept}}}}}}
  untrusted: {{http: {{url: "{self.urls['plain']}{path}?untrusted", follow_redirects: true}}, retries: 0}}
""")
        self.assertEqual(tasks, {"follows": "success", "stays": "failed", "bound": "failed", "untrusted": "failed"})
        self.assertEqual(self.statuses(path), [301, 200])
        self.assertEqual(self.statuses(path + "?stays"), [301])
        self.assertEqual(self.statuses(path + "?bound"), [301], "not again, and nowhere else")
        self.assertIn("another server", self.log("redirects", "bound"))
        self.assertEqual(self.statuses(path + "?untrusted"), [301])
        self.assertIn("certificate", self.log("redirects", "untrusted"))

    def test_basic_authentication(self):
        self.serve("mine.json", '{"for": "ann"}')
        path = "/private/mine.json"
        state, tasks = self.run_dag("private", f"""
default_args: {{retries: 2, retry_delay: 50ms}}
tasks:
  connection: {{http: {{connection: private, url: "{path}", ca_file: "{self.ca}", output: {{whose: /for}}}}}}
  key: {{http: {{url: "{self.tls}{path}?key", auth: {{username: ann, password: s3cret}}, ca_file: "{self.ca}"}}}}
  wrong: {{http: {{connection: mistaken, url: "{path}?wrong", ca_file: "{self.ca}"}}}}
  none: {{http: {{url: "{self.tls}{path}?none", ca_file: "{self.ca}"}}}}
  use: {{bash: "echo of {{{{ tasks.connection.whose }}}}", depends_on: [connection]}}
""")
        self.assertEqual(tasks, {"connection": "success", "key": "success", "use": "success", "wrong": "failed", "none": "failed"})
        self.assertIn("of ann", self.log("private", "use"))
        self.assertEqual([self.statuses(path + suffix) for suffix in ("", "?key", "?wrong", "?none")], [[200], [200], [401], [401]])
        for task in ("connection", "wrong"):
            self.assertNotIn("s3cret", self.log("private", task))
            self.assertNotIn("wrong-word", self.log("private", task))

    def test_statuses_are_tried_again_or_not(self):
        lines = "".join(f"  s{status}: {{http: {{url: '{self.tls}/status/{status}', ca_file: '{self.ca}'}}}}\n" for status in FINAL + PASSING)
        state, tasks = self.run_dag("statuses", f"default_args: {{retries: 1, retry_delay: 0s}}\ntasks:\n{lines}")
        self.assertEqual(set(tasks.values()), {"failed"})
        self.assertEqual({status: len(self.statuses(f"/status/{status}")) for status in FINAL + PASSING},
                         {**{status: 1 for status in FINAL}, **{status: 2 for status in PASSING}})

    def test_what_changes_something_is_sent_once_in_each_try_when_no_answer_comes(self):
        hangs_up = self.tls + "/status/408"  # nginx answers nothing to that
        state, _ = self.run_dag("unanswered", f"""
default_args: {{retries: 1, retry_delay: 0s}}
tasks:
  kept: {{http: {{url: "{self.tls}/status/404?kept", ca_file: "{self.ca}", expect: {{status: 404}}}}}}  # its connection is used again
  a: {{http: {{url: "{hangs_up}?post", ca_file: "{self.ca}", form: {{n: 1}}}}, depends_on: [kept]}}
""")
        self.assertEqual(state, "failed")
        self.assertEqual([method for method, *_ in self.nginx.requests("/status/408?post")], ["POST", "POST"], "once in each try")

    def test_what_is_packed_is_read_and_its_size_counts_unpacked(self):
        self.serve("packed.json", json.dumps({"rows": 7, "fill": "y" * 2000}))
        self.serve("bomb.txt", "z" * (9 << 20))
        state, tasks = self.run_dag("packed", f"""
tasks:
  read: {{http: {{url: "{self.tls}/files/packed.json", ca_file: "{self.ca}", output: {{rows: /rows}}}}}}
  use: {{bash: "echo {{{{ tasks.read.rows }}}} rows", depends_on: [read]}}
  small: {{http: {{url: "{self.tls}/files/packed.json?small", ca_file: "{self.ca}", max_response: 1000}}}}
  bomb: {{http: {{url: "{self.tls}/files/bomb.txt", ca_file: "{self.ca}"}}}}
  large: {{http: {{url: "{self.tls}/files/bomb.txt?large", ca_file: "{self.ca}", max_response: 10485760}}}}
""")
        self.assertEqual(tasks, {"read": "success", "use": "success", "small": "failed", "bomb": "failed", "large": "success"})
        self.assertIn("7 rows", self.log("packed", "use"))
        self.assertIn("8388608", self.log("packed", "bomb"))
        self.assertEqual([packing for _, _, _, packing in self.nginx.requests("/files/packed.json")], ["gzip"])
        self.assertIn(f"status 200, {9 << 20} bytes", self.log("packed", "large"))

    def test_an_answer_that_drips_is_not_waited_for_beyond_the_timeout(self):
        self.serve("drips.txt", "w" * 200_000)  # minutes
        state, _ = self.run_dag("drips", f"""
tasks: {{a: {{http: {{url: "{self.tls}/slow/drips.txt", ca_file: "{self.ca}", timeout: 700ms}}}}}}
""")
        self.assertEqual(state, "failed")
        self.assertIn("timeout", self.log("drips", "a").lower())
        wait_for(lambda: self.statuses("/slow/drips.txt") == [200], 20, "nginx to see that the client has gone")

    def test_a_sensor_waits_for_what_is_behind_it(self):
        self.server.write_dag("waits", f"""
tasks:
  there: {{sensor: {{http: {{url: "{self.tls}/files/ready.json", ca_file: "{self.ca}", expect: {{json: {{/state: done}}}}}}, poke_interval: 200ms}}}}
  untrusted: {{sensor: {{http: {{url: "{self.tls}/files/ready.json?untrusted"}}, silent_fail: false}}}}
""")
        run_id = self.server.trigger("waits")

        def why(task):
            return self.server.ctl("tasks", "why", "waits", run_id, task)
        wait_for(lambda: "HTTP status 404" in why("there"), 30, "a look")
        self.serve("ready.json", '{"state": "begun"}')
        wait_for(lambda: '"begun" at /state' in why("there"), 30, "another look")
        self.serve("ready.json", '{"state": "done"}')
        self.server.wait_task("waits", run_id, "there", "success")
        self.server.wait_task("waits", run_id, "untrusted", "failed")
        self.assertIn("certificate", why("untrusted"))
        self.assertEqual(self.statuses("/files/ready.json?untrusted"), [])

    def test_a_webhook_behind_it_gets_what_failed_while_it_was_down(self):
        self.hook.stop()
        self.run_dag("told", "tasks: {a: {bash: exit 7}}\non_failure: ops\n")

        def message():
            return self.server.get("/api/ext/v1/notifications?dag_id=told")["notifications"][0]
        wait_for(lambda: "HTTP 502" in (message()["error"] or ""), 30, "a try that fails")
        self.hook.start()
        wait_for(lambda: message()["state"] == "sent", 30, "it to be sent")
        bodies = [json.loads(request["body"])["dag_id"] for request in self.hook.received()]
        self.assertEqual(bodies, ["told"])


class Before(ServerCase):
    """nginx ends TLS for the API, as docs/sign-in.md says."""

    settings = {"api.trusted_proxies": "127.0.0.1"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nginx = Proxy("nginx", cls.server.url)
        cls.addClassCleanup(cls.nginx.close)
        cls.url = cls.nginx.start().url

    def pipectl(self, *words):
        env = clean_environment({"PIPELINED_URL": self.url, "PIPELINED_TOKEN": self.server.token(), "HOME": str(self.server.root),
                                 "PIPELINED_HOME": str(self.server.root / "none"), "SSL_CERT_FILE": str(self.nginx.folder / "ca.pem")})
        return subprocess.run([bin_dir() / "pipectl", *words], capture_output=True, text=True, env=env, timeout=60)

    def test_it_is_set_up_as_the_documentation_says(self):
        page = (REPOSITORY / "docs" / "sign-in.md").read_text()
        lines = [line.partition("#")[0].strip() for line in page.split("```nginx\n")[1].split("```")[0].splitlines()]
        self.assertGreater(len(lines), 5)
        said = (self.nginx.folder / "nginx.conf").read_text().replace(self.server.url, "http://127.0.0.1:8080")
        self.assertIn("\n".join(lines), "\n".join(line.strip() for line in said.splitlines()))

    def test_pipectl_follows_a_run_through_it(self):
        self.server.write_dag("followed", "tasks: {a: {bash: 'echo said'}, b: {bash: 'sleep 0.3', depends_on: [a]}}\n")
        done = self.pipectl("dags", "run", "followed", "--watch")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("b success", done.stderr)
        self.assertIn("said", self.pipectl("tasks", "logs", "followed", "latest", "a").stdout)
        self.assertTrue(self.nginx.requests("/api/v2/dags/followed/dagRuns"))

    def test_events_pass_while_they_happen(self):
        self.server.write_dag("live", "tasks: {a: {bash: 'while [ ! -e go_live ]; do sleep 0.05; done'}}\n")
        stream = http.client.HTTPSConnection("localhost", urllib.parse.urlsplit(self.url).port, timeout=30,
                                             context=ssl.create_default_context(cafile=self.nginx.folder / "ca.pem"))
        self.addCleanup(stream.close)
        stream.request("GET", "/api/ext/v1/events/stream?dag_id=live&kind=task", headers={"Authorization": "Bearer " + self.server.token()})
        answer = stream.getresponse()
        seen, begun = [answer.readline()], time.monotonic()  # there are signs of life, so that no timeout of the socket ends this
        while not seen[-1].startswith(b"id:"):  # from here on nothing is missed
            seen.append(answer.readline())
        run_id = self.server.trigger("live")
        while not any(b'"running"' in line for line in seen):
            self.assertLess(time.monotonic() - begun, 60, seen)
            seen.append(answer.readline())
            self.assertTrue(seen[-1], seen)
        (self.server.dags / "go_live").write_text("")
        self.assertEqual(self.server.wait_run("live", run_id), "success")

    def test_a_browser_signs_in_and_its_cookies_are_secure(self):
        password = (self.server.home / "secrets" / "admin-password").read_text().strip()
        browser = Browser()
        answer = browser.send("POST", self.url + "/auth/login", {"username": "admin", "password": password}, {"Origin": self.url})
        self.assertEqual(answer.status, 200, answer.body)
        for cookie in answer.headers.get_all("Set-Cookie"):
            self.assertIn("; Secure", cookie)
        self.assertEqual(browser.get(self.url + "/api/v2/dags").status, 200)
        stranger = Browser().send("POST", self.url + "/auth/login", {"username": "admin", "password": password}, {"Origin": "https://evil.example"})
        self.assertEqual(stranger.status, 403)

    def test_who_comes_through_it_has_an_address_of_his_own(self):
        self.assertEqual(Browser().get(self.url + "/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status, 401)
        self.assertEqual(Browser().get(self.server.url + "/metrics").status, 200)


if __name__ == "__main__":
    main()
