"""Notifications with the built binaries and real receivers: a webhook that fails on purpose, an SMTP server, Alertmanager."""
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

from case import REPOSITORY, OwnServerCase, ServerCase, bin_dir, main, processes, wait_for
from mail_sink import MailSink
from pages import blocks, page

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Sink  # noqa: E402

SECRET = "s3cret-of-the-hook"
PASSWORD = "p4ssword-of-the-mail"
FAILS = "tasks: {{a: {{bash: 'exit 7'}}}}\non_failure: {}\n"


def documented(name):
    """A function of the example in docs/channels/webhook.md."""
    code, = blocks(page("channels/webhook.md"), "python")
    found = {}
    exec(code, found)
    return found[name]


def channel(name, **keys):
    return {f"alerts.channels.{name}.{key}": value for key, value in keys.items()}


def notifications(server, **filters):
    query = "&".join(f"{key}={value}" for key, value in filters.items())
    return server.get(f"/api/ext/v1/notifications?limit=1000&{query}")["notifications"]


def settled(server, number=1, timeout=30, **filters):
    """The notifications, once so many have come to an end."""
    def there():
        rows = notifications(server, **filters)
        return rows if len([row for row in rows if row["state"] in ("sent", "failed", "suppressed")]) >= number else None
    return wait_for(there, timeout, f"{number} notifications to end ({filters})")


class Channels(ServerCase):
    """One server with a channel of each kind."""

    @classmethod
    def setUpClass(cls):
        cls.hook = cls.sink("webhook")
        cls.tls_hook = cls.sink("webhook", WEBHOOK_TLS="1")
        cls.mail = cls.sink("mail", MAIL_TLS="starttls", MAIL_USER="pipelined", MAIL_PASSWORD=PASSWORD, MAIL_REJECT="^nobody@",
                            MAIL_DEFER="^busy@")
        cls.plain_mail = cls.sink("mail")
        cls.alertmanager = cls.sink("alertmanager")
        quick = {"retry_delay": "100ms", "max_retry_delay": "300ms"}
        cls.settings = {
            **channel("hook", type="webhook", url=cls.hook.url + "/in?key=unguessable", secret="${env:HOOK_SECRET}", **quick),
            **channel("quick", type="webhook", url=cls.hook.url + "/quick", timeout="500ms", max_tries=2, **quick),
            **channel("safe", type="webhook", url=cls.tls_hook.url + "/in", ca_file=cls.tls_hook.folder / "cert.pem", **quick),
            **channel("strange", type="webhook", url=cls.tls_hook.url + "/in", max_tries=1, **quick),
            **channel("chat", type="slack", url=cls.hook.url + "/services/T0/B0/xyz", **quick),
            **channel("post", type="mail", url=cls.mail.url, user="pipelined", password="${env:MAIL_PASSWORD}",
                      ca_file=cls.mail.folder / "cert.pem", to="team@example.com", max_tries=3,
                      **{"from": "pipelined@example.com"}, **quick),
            **channel("bare", type="mail", url=cls.plain_mail.url, to="team@example.com", max_tries=2, **{"from": "p@example.com"}, **quick),
            **channel("open", type="mail", url=cls.plain_mail.url, tls="none", to="team@example.com", **{"from": "p@example.com"}, **quick),
            **channel("am", type="alertmanager", url=cls.alertmanager.url, labels="severity=critical", **quick),
            **channel("page", type="command", command="/bin/false", max_tries=2, **quick),
            **channel("limited", type="webhook", url=cls.hook.url + "/limited", rate=2, rate_window="2s", dedupe_window="0s", **quick),
        }
        cls.variables = {"HOOK_SECRET": SECRET, "MAIL_PASSWORD": PASSWORD}
        super().setUpClass()

    @classmethod
    def sink(cls, kind, **environment):
        sink = Sink(kind, **environment)
        cls.addClassCleanup(sink.close)
        return sink.start()

    def setUp(self):
        self.hook.behave()

    def fail(self, name, on_failure, text=FAILS):
        self.server.write_dag(name, text.format(on_failure))
        run_id = self.server.trigger(name)
        self.assertEqual(self.server.wait_run(name, run_id), "failed")
        return run_id

    def requests(self, path):
        return [request for request in self.hook.received() if request["path"] == path]

    def test_a_webhook_gets_a_signed_body(self):
        run_id = self.fail("signed", "hook")
        row = settled(self.server, dag_id="signed")[0]
        self.assertEqual((row["state"], row["attempts"], row["dag_run_id"]), ("sent", 1, run_id))
        request = next(r for r in self.requests("/in?key=unguessable") if '"signed"' in r["body"])
        headers, body = request["headers"], json.loads(request["body"])
        is_genuine = documented("is_genuine")
        self.assertTrue(is_genuine(SECRET, headers, request["body"].encode()))
        self.assertFalse(is_genuine(SECRET, headers, request["body"].encode() + b" "))
        self.assertFalse(is_genuine("another", headers, request["body"].encode()))
        self.assertEqual(headers["X-Pipelined-Id"], body["notification_id"])
        self.assertEqual((body["event"], body["dag_id"], body["run_id"], body["state"]), ("failure", "signed", run_id, "failed"))
        self.assertTrue(body["run_url"].startswith(self.server.url + "/dags/signed/runs/"), body["run_url"])

    def test_a_task_tells_of_its_retry_and_its_failure(self):
        self.server.write_dag("tries", "tasks: {a: {bash: 'exit 7', retries: 1, retry_delay: 0s, on_retry: hook, on_failure: hook}}")
        self.server.wait_run("tries", self.server.trigger("tries"))
        settled(self.server, 2, dag_id="tries")
        bodies = [json.loads(r["body"]) for r in self.requests("/in?key=unguessable") if '"tries"' in r["body"]]
        self.assertEqual([(b["event"], b["task_id"], b["try_number"]) for b in bodies], [("retry", "a", 1), ("failure", "a", 2)])
        self.assertIn("7", bodies[1]["error"])

    def test_a_skipped_task_tells_of_it_and_a_succeeded_one_does_not(self):
        self.server.write_dag("skips", """
tasks:
  by_itself: {bash: 'exit 99', on_skipped: hook, on_failure: hook, on_success: hook}
  by_a_rule: {bash: 'true', depends_on: [by_itself], on_skipped: hook}
  goes_on: {bash: 'true', depends_on: [by_a_rule], trigger_rule: all_done, on_skipped: hook}
""")
        self.assertEqual(self.server.wait_run("skips", self.server.trigger("skips")), "success")
        settled(self.server, 2, dag_id="skips")
        bodies = [json.loads(r["body"]) for r in self.requests("/in?key=unguessable") if '"skips"' in r["body"]]
        self.assertEqual(sorted((b["event"], b["task_id"], b["state"]) for b in bodies),
                         [("skipped", "by_a_rule", "skipped"), ("skipped", "by_itself", "skipped")])

    def test_a_template_says_what_the_file_wants(self):
        self.fail("said", "{{channel: hook, subject: '{} is down', message: '{}'}}".format("{{ dag_id }}", "{{ error }} {{ run_url }}"))
        settled(self.server, dag_id="said")
        body = next(json.loads(r["body"]) for r in self.requests("/in?key=unguessable") if '"said"' in r["body"])
        self.assertEqual(body["subject"], "said is down")
        self.assertIn("/dags/said/runs/", body["message"])

    def test_the_example(self):
        self.server.write_dag("notifications", (REPOSITORY / "dags" / "examples" / "notifications.yaml").read_text())
        self.assertEqual(self.server.wait_run("notifications", self.server.trigger("notifications")), "success")
        rows = settled(self.server, 3, dag_id="notifications")
        self.assertEqual(sorted((row["event"], row["channel"], row["state"]) for row in rows),
                         [("retry", "chat", "sent"), ("retry", "chat", "sent"), ("success", "ops", "failed")])

    def test_a_missed_deadline(self):
        self.server.write_dag("late", "tasks: {a: {bash: 'sleep 3'}}\ndeadline: {interval: 200ms, on_missed: hook}")
        run_id = self.server.trigger("late")
        self.assertEqual(settled(self.server, dag_id="late")[0]["event"], "deadline")
        self.assertEqual(self.server.wait_run("late", run_id), "success")

    def test_slack_gets_a_text_without_markup_of_others(self):
        self.fail("slack", "{{channel: chat, message: '<!here> {}'}}".format("{{ dag_id ~ \" <!channel>\" }}"))
        settled(self.server, dag_id="slack")
        text = json.loads(self.requests("/services/T0/B0/xyz")[-1]["body"])["text"]
        self.assertIn("<!here> slack &lt;!channel&gt;", text)

    def test_tls_is_verified(self):
        self.fail("tls", "[safe, strange]")
        states = {row["channel"]: row["state"] for row in settled(self.server, 2, dag_id="tls")}
        self.assertEqual(states, {"safe": "sent", "strange": "failed"})

    def test_mail_by_starttls_with_a_login(self):
        self.fail("mailed", "{{channel: post, subject: 'größer: {}', to: [a@example.com, b@example.com]}}".format("{{ dag_id }}"))
        self.assertEqual(settled(self.server, dag_id="mailed")[0]["state"], "sent")
        mail = next(m for m in self.mail.received() if "mailed" in m["headers"]["Subject"])
        self.assertTrue(mail["tls"])
        self.assertEqual((mail["from"], mail["to"]), ("pipelined@example.com", ["a@example.com", "b@example.com"]))
        self.assertEqual(mail["headers"]["Subject"], "größer: mailed")
        self.assertIn("mailed failed", mail["text"])

    def test_a_refused_mail_has_failed_and_a_deferred_one_is_tried_again(self):
        self.fail("refused", "[{channel: post, to: nobody@example.com}, {channel: post, to: busy@example.com, dedupe_key: b}]")
        rows = {row["to"][0]: row for row in settled(self.server, 2, dag_id="refused")}
        self.assertEqual((rows["nobody@example.com"]["state"], rows["nobody@example.com"]["attempts"]), ("failed", 1))
        self.assertIn("SMTP 550", rows["nobody@example.com"]["error"])
        self.assertEqual((rows["busy@example.com"]["state"], rows["busy@example.com"]["attempts"]), ("failed", 3))
        self.assertIn("SMTP 451", rows["busy@example.com"]["error"])

    def test_two_entries_for_one_channel_are_two_messages(self):
        self.fail("twice", "[{channel: post, to: a@example.com}, {channel: post, to: b@example.com}, {channel: post, subject: again}]")
        rows = settled(self.server, 3, dag_id="twice")
        self.assertEqual([row["state"] for row in rows], ["sent"] * 3)
        mails = [mail for mail in self.mail.received() if "twice" in mail["text"]]
        self.assertEqual(sorted((mail["to"][0], mail["headers"]["Subject"]) for mail in mails),
                         [("a@example.com", "[pipelined] twice failed"), ("b@example.com", "[pipelined] twice failed"),
                          ("team@example.com", "again")])

    def test_a_failed_run_names_its_tasks_and_a_reason(self):
        self.fail("named", "hook", "tasks: {{a: {{bash: 'exit 7'}}, b: {{bash: 'true', depends_on: [a]}}}}\non_failure: {}\n")
        settled(self.server, dag_id="named")
        body = next(json.loads(r["body"]) for r in self.requests("/in?key=unguessable") if '"named"' in r["body"])
        self.assertEqual(body["failed_tasks"], "a")
        self.assertIn("failed: a\nerror: a leaf task failed; a: ", body["message"])
        self.assertIn("7", body["error"])

    def test_an_answer_that_repeats_secrets_tells_nobody(self):
        self.hook.behave(status=404, body=f"Cannot POST /in?key=unguessable, signed with {SECRET}")
        self.fail("echoed", "hook")
        self.assertEqual(settled(self.server, dag_id="echoed")[0]["error"], "HTTP 404: Cannot POST ***, signed with ***")
        self.hook.behave(status=404, body="Cannot POST /services/T0/B0/xyz")
        self.fail("echoed2", "chat")
        self.assertEqual(settled(self.server, dag_id="echoed2")[0]["error"], "HTTP 404: Cannot POST ***")
        for secret in (SECRET, "unguessable", "/services/T0"):
            self.assertNotIn(secret, self.server.log.read_text())

    def test_an_alert_ends_when_its_dag_is_deleted_and_later_when_its_run_is(self):
        text = "params: {code: 7}\non_failure: am\ntasks: {a: {bash: 'exit {{ params.code }}'}}"
        for name in ("goes", "stays"):
            self.server.write_dag(name, text)
            run_id = self.server.trigger(name)
            self.server.wait_run(name, run_id)
            wait_for(lambda: self.alerts(name), 20, "the alert")
        self.server.request("DELETE", f"/api/v2/dags/stays/dagRuns/{run_id}")
        self.server.wait_run("stays", self.server.trigger("stays", {"code": 0}))
        wait_for(lambda: not self.alerts("stays"), 20, "the end of the alert of a run that is no more")
        (self.server.dags / "goes.yaml").unlink()
        self.server.request("DELETE", "/api/v2/dags/goes")
        wait_for(lambda: not self.alerts("goes"), 20, "the end of the alert of a DAG that is no more")

    def test_the_outbox_is_counted(self):
        self.fail("counted", "nowhere")
        settled(self.server, dag_id="counted")
        text = self.server.request("GET", "/metrics")
        self.assertRegex(text, r'pipelined_notifications\{state="failed"\} [1-9]')
        self.assertRegex(text, r'pipelined_notifications\{state="queued"\} \d')
        self.assertIn("pipelined_notifications_oldest_seconds ", text)

    def test_mail_is_not_sent_in_the_clear_unless_it_may(self):
        self.fail("clear", "[bare, open]")
        rows = {row["channel"]: row for row in settled(self.server, 2, dag_id="clear")}
        self.assertEqual((rows["bare"]["state"], rows["open"]["state"]), ("failed", "sent"))
        self.assertIn("STARTTLS", rows["bare"]["error"])

    def alerts(self, dag_id):
        with urllib.request.urlopen(self.alertmanager.url + "/api/v2/alerts?active=true", timeout=10) as answer:
            return [alert for alert in json.load(answer) if alert["labels"].get("dag_id") == dag_id]

    def test_an_alert_fires_and_a_success_ends_it(self):
        self.server.write_dag("alert", "params: {code: 7}\non_failure: am\ntasks: {a: {bash: 'exit {{ params.code }}'}}")
        self.server.wait_run("alert", self.server.trigger("alert"))
        alert = wait_for(lambda: self.alerts("alert"), 20, "the alert")[0]
        self.assertEqual(alert["labels"], {"alertname": "PipelinedFailed", "dag_id": "alert", "severity": "critical"})
        self.assertIn("/dags/alert/runs/", alert["generatorURL"])
        self.server.wait_run("alert", self.server.trigger("alert", {"code": 0}))
        wait_for(lambda: not self.alerts("alert"), 20, "the end of the alert")

    def test_a_command_gets_values_as_variables_and_its_failures_are_shown(self):
        self.fail("paged", "page")
        row = settled(self.server, dag_id="paged")[0]
        self.assertEqual((row["state"], row["attempts"], row["error"]), ("failed", 2, "exit code 1"))

    def test_a_channel_that_does_not_exist_is_shown(self):
        self.fail("nowhere", "nowhere")
        row = settled(self.server, dag_id="nowhere")[0]
        self.assertEqual(row["state"], "failed")
        self.assertIn('there is no channel "nowhere"', row["error"])

    def test_the_same_key_is_sent_once(self):
        self.server.write_dag("mapped", "tasks: {a: {bash: 'exit 1', expand: {env: [{I: 1}, {I: 2}, {I: 3}]}, on_failure: hook}}")
        self.server.wait_run("mapped", self.server.trigger("mapped"))
        rows = settled(self.server, 3, dag_id="mapped")
        self.assertEqual(sorted(row["state"] for row in rows), ["sent", "suppressed", "suppressed"])
        sent = next(row["id"] for row in rows if row["state"] == "sent")
        self.assertEqual({row["duplicate_of"] for row in rows if row["state"] == "suppressed"}, {sent})

    def test_the_rate_holds_back_and_nothing_is_lost(self):
        self.server.write_dag("many", "tasks: {a: {bash: 'exit 1', expand: {env: [{I: 1}, {I: 2}, {I: 3}, {I: 4}, {I: 5}]}, on_failure: limited}}")
        self.server.wait_run("many", self.server.trigger("many"))
        rows = settled(self.server, 5, dag_id="many")
        self.assertEqual({row["state"] for row in rows}, {"sent"})
        times = sorted(request["at"] for request in self.requests("/limited"))
        for first, third in zip(times, times[2:]):
            self.assertGreater(third - first, 1.8)

    def test_hostile_answers_end_and_hold_up_nobody(self):
        # One that said 200 has taken it, whatever it does afterwards.
        for behaviour, wanted in (({"hang": True}, ("failed", 2)), ({"drip": True}, ("sent", 1)), ({"flood": True}, ("failed", 2)),
                                  ({"status": 302, "headers": {"Location": "/elsewhere"}}, ("failed", 1))):
            self.hook.behave(**behaviour)
            name = "hostile_" + next(iter(behaviour))
            started = time.monotonic()
            self.fail(name, "[quick, open]")
            self.assertLess(time.monotonic() - started, 20)
            rows = {row["channel"]: row for row in settled(self.server, 2, dag_id=name)}
            self.assertEqual(rows["open"]["state"], "sent", behaviour)
            self.assertEqual((rows["quick"]["state"], rows["quick"]["attempts"]), wanted, behaviour)
        self.assertEqual(self.requests("/elsewhere"), [])

    def test_pipectl_lists_shows_retries_and_tests(self):
        self.hook.behave(status=404, body="no such hook")
        self.fail("again", "hook")
        row = settled(self.server, dag_id="again")[0]
        self.assertEqual(row["state"], "failed")
        listed = self.assert_exit(0, "notifications", "list", "--dag", "again", "-o", "plain").stdout
        self.assertIn("HTTP 404: no such hook", listed)
        shown = self.server.ctl_json("notifications", "show", row["id"])
        self.assertEqual([(t["number"], t["status"]) for t in shown["tries"]], [(1, 404)])
        self.hook.behave()
        self.assert_exit(0, "notifications", "retry", row["id"])
        wait_for(lambda: notifications(self.server, dag_id="again", state="sent"), 20, "it to be sent")
        self.assert_exit(5, "notifications", "retry", row["id"])
        self.assert_exit(3, "notifications", "show", 999999)
        self.assertIn("was sent to hook", self.assert_exit(0, "notifications", "test", "hook", "--message", "can you read this?").stdout)
        self.assertTrue(any("can you read this?" in r["body"] for r in self.requests("/in?key=unguessable")))
        self.assertIn("there is no channel", self.assert_exit(1, "notifications", "test", "nobody").stderr)

    def test_secrets_are_nowhere(self):
        self.fail("quiet", "[hook, post]")
        settled(self.server, 2, dag_id="quiet")
        places = {
            "the log": self.server.log.read_text(),
            "the settings": subprocess.run([bin_dir() / "pipelined", "config", "show", "--home", self.server.home], text=True, check=True,
                                           capture_output=True, env=self.server.environment()).stdout,
            "the list": self.server.ctl("notifications", "list", "-o", "json"),
            "process lists": json.dumps([arguments for _, arguments, _ in processes().values() if "pipelined" in " ".join(arguments[:1])]),
            "events": json.dumps(self.server.get("/api/v2/eventLogs?limit=100")),
            "notifications": json.dumps([self.server.get(f"/api/ext/v1/notifications/{row['id']}") for row in notifications(self.server)]),
        }
        for place, text in places.items():
            for secret in (SECRET, PASSWORD, "unguessable"):
                self.assertNotIn(secret, text, place)


class SlowMailServers(ServerCase):
    """Mail servers that do not answer: what they have taken is sent once, and no try takes longer than its channel's `timeout`."""

    @classmethod
    def setUpClass(cls):
        never = 300  # seconds: longer than any test waits
        cls.sinks = {"quiet": MailSink(starttls=True, ignore_quit=True), "mute": MailSink(starttls=False, delay_after_dot=never, ignore_quit=True),
                     "refusing": MailSink(starttls=False, ignore_quit=True, refuse={"team@example.com": "550 no such user"})}
        cls.settings = {}
        for name, sink in cls.sinks.items():
            cls.addClassCleanup(sink.close)
            cls.settings |= channel(name, type="mail", url=f"smtp://127.0.0.1:{sink.port}", to="team@example.com", timeout="3s", max_tries=1,
                                    dedupe_window="0s", **{"from": "p@example.com"},
                                    **({"ca_file": sink.ca_file} if sink.starttls else {"tls": "none"}))
        super().setUpClass()

    def tell(self, name, number=1):
        """Of a run that fails: the notifications, once they have come to an end, and the sink."""
        self.server.write_dag(name, FAILS.format(name))
        for _ in range(number):
            self.assertEqual(self.server.wait_run(name, self.server.trigger(name)), "failed")
        rows = settled(self.server, number, 15, dag_id=name)
        self.sinks[name].hurry()
        wait_for(lambda: self.sinks[name].open == 0, 10, "the sessions to end")
        return rows, self.sinks[name]

    def test_what_was_taken_arrives_once_though_quit_is_not_answered(self):
        rows, sink = self.tell("quiet", 3)
        self.assertEqual([(row["state"], row["attempts"]) for row in rows], [("sent", 1)] * 3)
        self.assertEqual((len(sink.mails), sink.lines.count("QUIT")), (3, 3))

    def test_a_refusal_is_one_though_quit_is_not_answered(self):
        rows, sink = self.tell("refusing")
        self.assertEqual((rows[0]["state"], rows[0]["attempts"], sink.mails), ("failed", 1, []))
        self.assertIn("SMTP 550", rows[0]["error"])

    def test_a_mail_that_is_not_answered_ends_with_its_timeout(self):
        rows, sink = self.tell("mute")
        self.assertEqual((rows[0]["state"], len(sink.mails)), ("failed", 1))
        self.assertIn("it may have been taken", rows[0]["error"])


class Survives(OwnServerCase):
    """Receivers that are down, notifiers that are killed."""

    def sink(self, kind, **environment):
        sink = Sink(kind, **environment)
        self.addCleanup(sink.close)
        return sink.start()

    def failing_server(self, hook, **keys):
        server = self.make_server(settings=channel("hook", type="webhook", url=hook.url + "/in", retry_delay="200ms", max_retry_delay="500ms",
                                                   max_tries=100, **keys))
        server.write_dag("down", FAILS.format("hook"))
        return server

    def test_a_secret_that_cannot_be_read_silences_its_own_channel_alone_and_only_as_long(self):
        hook = self.sink("webhook")
        vault = pathlib.Path(hook.folder) / "vault"
        quick = {"type": "webhook", "retry_delay": "200ms", "max_retry_delay": "500ms", "max_tries": 100}
        # Its other references count as soon as it can be used: a rate that lets one try go.
        server = self.make_server(env={"RATE": "1"}, settings={
                                            **channel("good", url=hook.url + "/good", **quick),
                                            **channel("broken", rate="${env:RATE}", rate_window="1h", url=hook.url + "/broken", secret=f"${{file:{vault}}}", **quick),
                                            **channel("unset", url=hook.url + "/unset", token="${env:NOT_SET}", **quick)})
        server.write_dag("down", FAILS.format("[good, broken, unset]"))
        for _ in range(2):
            server.wait_run("down", server.trigger("down"))
        settled(server, 2, channel="good")
        row = wait_for(lambda: [r for r in notifications(server, channel="broken") if r["error"]], 20, "the reason")[0]
        self.assertEqual((row["state"], row["attempts"]), ("queued", 0))
        self.assertIn("alerts.channels.broken.secret: cannot read ", row["error"])
        self.assertEqual(server.log.read_text().count("the channel broken cannot be used"), 1)
        self.assertIn("NOT_SET is not set", notifications(server, channel="unset")[0]["error"])
        vault.write_text(SECRET)
        settled(server, channel="broken")
        self.assertEqual(sorted((row["state"], row["attempts"]) for row in notifications(server, channel="broken")), [("queued", 0), ("sent", 1)])
        self.assertIn("the channel broken can be used now", server.log.read_text())
        request = next(r for r in hook.received() if r["path"] == "/broken")
        self.assertTrue(documented("is_genuine")(SECRET, request["headers"], request["body"].encode()))

    def test_a_mistake_that_needs_no_secret_is_found_at_the_start(self):
        server = self.make_server(start=False, settings=channel("hook", type="webhook", url="https://me:pw@example.com", secret="${env:NOT_SET}"))
        server.launch()
        self.assertEqual(server.process.wait(timeout=30), 2)
        self.assertIn("url: who logs in is said by token", server.log.read_text())

    def test_what_waits_outlives_its_run_and_tells_of_what_it_stands_for(self):
        hook = self.sink("webhook")
        hook.behave(status=503)
        server = self.failing_server(hook)
        server.write_dag("keyed", FAILS.format("{channel: hook, dedupe_key: '{{ dag_id }}'}"))
        first = server.trigger("keyed")
        server.wait_run("keyed", first)
        wait_for(lambda: notifications(server)[0]["attempts"] >= 1, 20, "a try")
        server.wait_run("keyed", server.trigger("keyed"))
        wait_for(lambda: notifications(server, state="suppressed"), 20, "the second to be suppressed")
        server.request("DELETE", f"/api/v2/dags/keyed/dagRuns/{first}")
        hook.behave()
        wait_for(lambda: notifications(server, state="sent"), 20, "it to be sent")
        self.assertEqual({row["state"] for row in notifications(server)}, {"sent", "suppressed"})

    def test_a_receiver_that_is_down_gets_it_when_it_is_up_and_the_run_knows_nothing_of_it(self):
        hook = self.sink("webhook")
        hook.stop()
        server = self.failing_server(hook)
        started = time.monotonic()
        self.assertEqual(server.wait_run("down", server.trigger("down")), "failed")
        self.assertLess(time.monotonic() - started, 10)
        wait_for(lambda: notifications(server)[0]["attempts"] >= 2, 20, "two tries")
        row = notifications(server)[0]
        self.assertIn(row["state"], ("queued", "delivering"))
        self.assertTrue(row["error"])
        hook.start()
        self.assertEqual(settled(server)[0]["state"], "sent")
        self.assertEqual(len(hook.received()), 1)

    def test_a_notifier_killed_while_it_sends_sends_again_under_the_same_id(self):
        hook = self.sink("webhook")
        hook.behave(hang=True)
        server = self.failing_server(hook, timeout="60s")
        server.wait_run("down", server.trigger("down"))
        wait_for(hook.received, 20, "the request")
        self.assertEqual(notifications(server)[0]["state"], "delivering")
        hook.behave()
        self.assertEqual(server.kill("notifier"), ["notifier"])
        row = settled(server)[0]
        self.assertEqual((row["state"], row["attempts"]), ("sent", 2))
        requests = hook.received()
        self.assertEqual(len({r["headers"]["X-Pipelined-Id"] for r in requests}), 1)
        self.assertEqual(len(requests), 2)
        first = server.get(f"/api/ext/v1/notifications/{row['id']}")["tries"][0]
        self.assertIn("before it knew", first["error"])

    def test_everything_killed_loses_nothing(self):
        hook = self.sink("webhook")
        hook.stop()
        server = self.failing_server(hook)
        server.wait_run("down", server.trigger("down"))
        server.kill_all()
        hook.start()
        server.start()
        self.assertEqual(settled(server)[0]["state"], "sent")
        self.assertEqual(len(hook.received()), 1)

    def test_a_stop_waits_for_nobody_who_hangs(self):
        hook = self.sink("webhook")
        hook.behave(hang=True)
        server = self.failing_server(hook, timeout="10m")
        server.wait_run("down", server.trigger("down"))
        wait_for(hook.received, 20, "the request")
        started = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - started, 20)

    def test_a_notifier_that_is_stopped_holds_up_no_run(self):
        hook = self.sink("webhook")
        server = self.failing_server(hook)
        server.kill("notifier", how=signal.SIGSTOP)
        started = time.monotonic()
        for _ in range(3):
            server.wait_run("down", server.trigger("down"))
        self.assertLess(time.monotonic() - started, 15)
        self.assertEqual({row["state"] for row in notifications(server)}, {"queued"})
        server.kill("notifier", how=signal.SIGCONT)
        self.assertEqual({row["state"] for row in settled(server, 3)}, {"sent"})


if __name__ == "__main__":
    main()
