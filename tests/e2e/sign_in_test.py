#!/usr/bin/env python3
"""Browsers: sessions by password, sign-ins with a real OpenID Connect provider, and proxies that name users."""
import base64
import hashlib
import json
import shutil
import subprocess
import time
import unittest
import urllib.parse

from case import OwnServerCase, ServerCase, main, wait_for
from oidc_provider import Browser, Provider, new_key, provider_can_run
from tls_test import make_certificate

CALLBACK = "/auth/oidc/callback"


def csrf_of(browser, server):
    return browser.cookies[urllib.parse.urlsplit(server.url).netloc]["pipelined_csrf"][0]


class Sessions(ServerCase):
    def password(self):
        return (self.server.home / "secrets" / "admin-password").read_text().strip()

    def signed_in(self):
        browser = Browser()
        page = browser.get(self.server.url + "/auth/login?next=/docs")
        self.assertEqual(page.status, 200)
        answer = browser.submit(page, username="admin", password=self.password())
        self.assertEqual((answer.status, answer.headers["Location"]), (303, "/docs"))
        return browser

    def dags(self, browser):
        return browser.get(self.server.url + "/api/v2/dags").status

    def new_pool(self, browser, name, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return browser.send("POST", self.server.url + "/api/v2/pools", {"name": name, "slots": 1}, headers).status

    def test_in_and_out(self):
        browser = self.signed_in()
        self.assertEqual(self.dags(browser), 200)
        kept = {host: dict(jar) for host, jar in browser.cookies.items()}
        answer = browser.submit(browser.get(self.server.url + "/auth/logout"))
        self.assertEqual((answer.status, answer.headers["Location"]), (303, "/auth/login"))
        self.assertEqual(self.dags(browser), 401)
        browser.cookies = kept
        self.assertEqual(self.dags(browser), 401, "the cookie of before is worth nothing")

    def test_changes_need_the_token_and_this_origin(self):
        browser = self.signed_in()
        token = csrf_of(browser, self.server)
        self.assertEqual(self.new_pool(browser, "forged"), 403)
        self.assertEqual(self.new_pool(browser, "forged", X_CSRF_Token="0" * 64), 403)
        self.assertEqual(self.new_pool(browser, "forged", X_CSRF_Token=token, Origin="https://evil.example"), 403)
        self.assertEqual(self.new_pool(browser, "mine", X_CSRF_Token=token, Origin=self.server.url), 201)
        self.assertEqual(self.new_pool(browser, "mine2", X_CSRF_Token=token), 201)
        pools = self.server.get("/api/v2/pools")["pools"]
        self.assertNotIn("forged", [pool["name"] for pool in pools])

    def test_sessions_are_listed_and_ended_one_by_one(self):
        here, there = self.signed_in(), self.signed_in()
        url = self.server.url + "/api/ext/v1/sessions"
        rows = here.get(url).json()["sessions"]
        other = next(row["id"] for row in rows if not row["current"])
        done = here.send("DELETE", f"{url}/{rows[0]['id'] if not rows[0]['current'] else other}",
                         headers={"X-CSRF-Token": csrf_of(here, self.server)})
        self.assertEqual(done.status, 204)
        self.assertEqual(self.dags(there), 401)
        self.assertEqual(self.dags(here), 200)

    def test_a_new_password_and_a_disabled_user_end_sessions(self):
        first, second = "correct horse battery", "staple and another word"
        self.server.post("/api/ext/v1/users", {"name": "vera", "password": first, "roles": ["viewer"]})

        def signed_in(password):
            browser = Browser()
            answer = browser.submit(browser.get(self.server.url + "/auth/login"), username="vera", password=password)
            self.assertEqual(answer.status, 303, answer.body)
            return browser
        here, there = signed_in(first), signed_in(first)
        changed = here.send("POST", self.server.url + "/api/ext/v1/me/password",
                            {"current_password": first, "new_password": second}, {"X-CSRF-Token": csrf_of(here, self.server)})
        self.assertEqual(changed.status, 204, changed.body)
        self.assertEqual((self.dags(here), self.dags(there)), (401, 401))
        again = signed_in(second)
        self.assertEqual(self.dags(again), 200)
        self.server.request("PATCH", "/api/ext/v1/users/vera", {"disabled": True})
        self.assertEqual(self.dags(again), 401)

    def test_wrong_passwords_open_nothing_and_are_slowed_down(self):
        browser = Browser()
        statuses = []
        for _ in range(6):
            page = browser.get(self.server.url + "/auth/login")
            statuses.append(browser.submit(page, username="nobody", password="wrong").status)
        self.assertEqual(statuses[0], 401)
        self.assertEqual(statuses[-1], 429)
        self.assertEqual(self.dags(browser), 401)

    def test_the_servers_store_no_session_id(self):
        browser = self.signed_in()
        session = browser.cookies[urllib.parse.urlsplit(self.server.url).netloc]["pipelined_session"][0]
        self.assertNotIn(session, browser.get(self.server.url + "/api/ext/v1/sessions").body)
        self.assertNotIn(session, self.server.log.read_text(errors="replace"))


@unittest.skipUnless(shutil.which("node") or shutil.which("npm") or provider_can_run(), "needs Node.js for the provider")
class Oidc(OwnServerCase):
    def setUp(self):
        self.assertTrue(provider_can_run(), "scripts/oidc-provider install failed")
        self.use(Provider())

    def use(self, provider, **settings):
        self.provider = provider
        self.addCleanup(self.provider.close)
        self.provider.accounts = {"alice": {"groups": ["platform team", "staff"]}, "bob": {"groups": ["staff"]},
                                  "carol": {"groups": ["guests"]}, "admin": {"groups": ["staff"]}}
        secret = self.provider.folder / "client-secret"
        secret.write_text(self.provider.secret + "\n")
        self.server = self.make_server(settings={
            "auth.oidc_issuer": self.provider.issuer, "auth.oidc_client_id": "pipelined",
            "auth.oidc_client_secret": "${file:%s}" % secret, "auth.oidc_roles": "platform team=admin, staff=viewer", **settings})
        self.start_provider()

    def start_provider(self):
        self.provider.start(self.server.url + CALLBACK)

    def begin(self, browser, change=lambda url: url, login="alice"):
        """Up to the provider's answer: the URL that it sends the browser back to."""
        begun = browser.get(self.server.url + "/auth/oidc/login?next=/docs%3Fa")
        self.assertEqual(begun.status, 302, begun.body)
        back = browser.follow(browser.get(change(begun.headers["Location"])), self.server.url + CALLBACK)
        for _ in range(3):  # its pages: who are you, and may this client know
            if isinstance(back, str):
                return back
            fields = {"login": login, "password": "any"} if 'name="password"' in back.body else {}
            back = browser.follow(browser.submit(back, **fields), self.server.url + CALLBACK)
        raise AssertionError(f"the provider does not send back: {back.url} {back.status}\n{back.body[:2000]}")

    def sign_in(self, login="alice"):
        browser = Browser()
        return browser, browser.get(self.begin(browser, login=login))

    def status(self, browser, path="/api/v2/dags"):
        return browser.get(self.server.url + path).status

    def refused(self, browser, answer, words):
        self.assertEqual(answer.status, 403, answer.body)
        self.assertIn(words, answer.body)
        self.assertEqual(self.status(browser), 401)

    def test_in_and_out_and_with_the_roles_of_the_groups(self):
        browser, answer = self.sign_in("alice")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn("url=/docs?a", answer.body, "a page of one's own, so that Strict cookies are sent")
        self.assertEqual(self.status(browser), 200)
        self.assertEqual(self.status(browser, "/api/v2/variables"), 200, "admin")
        headers = {"X-CSRF-Token": csrf_of(browser, self.server)}
        made = browser.send("POST", self.server.url + "/api/v2/pools", {"name": "p", "slots": 1}, headers)
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(browser.send("POST", self.server.url + "/auth/logout", headers=headers).status, 204)
        self.assertEqual(self.status(browser), 401)

        viewer, answer = self.sign_in("bob")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual((self.status(viewer), self.status(viewer, "/api/v2/variables")), (200, 403))
        stranger, answer = self.sign_in("carol")
        self.refused(stranger, answer, "no group that has a role here")
        impostor, answer = self.sign_in("admin")
        self.assertEqual(answer.status, 409, "nobody becomes a user who is there by being called like him")
        self.assertEqual(self.status(impostor), 401)
        for who, status, reason in (("carol", 403, "no group that has a role"), ("admin", 409, "there is another user admin")):
            refused = wait_for(lambda: self.entries(who), 10, "the refusal to be in the trail")[0]
            self.assertEqual((refused["kind"], refused["status"]), ("denied", status))
            self.assertIn(reason, refused["reason"])
        out = self.server.get("/api/ext/v1/audit?kind=log_out")["audit"]
        self.assertEqual([(entry["who"], entry["operation"]) for entry in out], [("alice", "ext_logout")])

    def test_a_role_is_that_of_the_last_sign_in(self):
        browser, _ = self.sign_in("bob")
        self.assertEqual(self.status(browser, "/api/v2/variables"), 403)
        self.provider.stop()
        self.provider.accounts["bob"] = {"groups": ["platform team"]}
        self.provider.token_has_claims = True
        self.start_provider()
        browser, answer = self.sign_in("bob")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.status(browser, "/api/v2/variables"), 200)
        self.provider.stop()
        self.provider.accounts["bob"] = {"groups": []}
        self.start_provider()
        other, answer = self.sign_in("bob")
        self.refused(other, answer, "no group")
        self.assertEqual(self.status(browser), 401, "what was opened before is closed")
        told = [(entry["kind"], entry["before"], entry["after"]) for entry in self.entries("bob")]
        self.assertEqual(told, [("denied", {"role": "admin"}, {"role": None}), ("log_in", {"role": "viewer"}, {"role": "admin"}),
                                ("log_in", {"role": None}, {"role": "viewer"})])

    def entries(self, who):
        """Of the audit trail; what is refused is written a moment later."""
        return self.server.get(f"/api/ext/v1/audit?who={who}&operation=ext_oidc_callback")["audit"]

    def test_an_answer_of_another_browser_or_state_is_refused(self):
        browser, other = Browser(), Browser()
        back = self.begin(browser)
        other.get(self.server.url + "/auth/oidc/login")
        self.refused(other, other.get(back), "not begun in this browser")
        self.refused(Browser(), Browser().get(back), "not begun in this browser")
        changed = back.replace("state=", "state=x")
        self.refused(browser, browser.get(changed), "not begun in this browser")
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        self.assertNotIn(code, self.server.log.read_text(errors="replace"), "a code that is good still")
        self.refused(browser, browser.get(back), "not begun in this browser")  # the cookie went with the first answer

    def test_a_cookie_that_was_not_made_here_is_refused_before_anybody_is_asked(self):
        self.provider.stop()  # whoever asks it gets 503
        browser = Browser()
        secret = f"{int(time.time())}.c2VjcmV0.%2Fdocs"
        state = base64.urlsafe_b64encode(hashlib.sha256(f"state\n{secret}".encode()).digest()).decode().rstrip("=")
        answer = browser.get(f"{self.server.url}{CALLBACK}?code=c&state={state}", headers={"Cookie": f"pipelined_oidc={secret}"})
        self.refused(browser, answer, "not begun in this browser")

    def test_a_name_that_is_none_here_is_refused_and_audited(self):
        self.provider.stop()
        for name in ("a/b", "two words"):
            self.provider.accounts[name] = {"groups": ["staff"]}
        self.start_provider()
        for name in ("a/b", "two words"):
            browser, answer = self.sign_in(name)
            self.refused(browser, answer, "cannot be a name here")
        users = [user["name"] for user in self.server.get("/api/ext/v1/users")["users"]]
        self.assertEqual(users, ["admin"])
        url = "/api/ext/v1/audit?kind=denied&operation=ext_oidc_callback"
        denied = wait_for(lambda: len(rows := self.server.get(url)["audit"]) == 2 and rows, 20, "the entries")
        self.assertEqual({row["who"] for row in denied}, {"a/b", "two words"})
        self.assertEqual({row["status"] for row in denied}, {403})

    def test_a_code_is_taken_once(self):
        browser = Browser()
        back = self.begin(browser)
        kept = {host: dict(jar) for host, jar in browser.cookies.items()}
        self.assertEqual(browser.get(back).status, 200)
        thief = Browser()
        thief.cookies = kept
        self.refused(thief, thief.get(back), "does not take this code")

    def test_a_token_of_another_sign_in_is_refused(self):
        browser = Browser()
        back = self.begin(browser, lambda url: url.replace("nonce=", "nonce=x"))
        self.refused(browser, browser.get(back), "(nonce)")

    def test_a_code_without_its_verifier_is_refused(self):
        browser = Browser()
        back = self.begin(browser, lambda url: url.replace("code_challenge=", "code_challenge=" + "A" * 43 + "&x="))
        self.refused(browser, browser.get(back), "does not take this code")

    def test_new_keys_are_found_and_old_ones_forgotten(self):
        self.assertEqual(self.sign_in()[1].status, 200)
        self.provider.stop()
        self.provider.keys = [new_key("second")]
        self.start_provider()
        # Right after the first fetch of keys the next one waits.
        wait_for(lambda: self.sign_in()[1].status == 200, 60, "the new key to be taken", every=1)
        self.provider.stop()
        impostor = new_key("second")
        self.provider.keys = [impostor]
        self.start_provider()
        browser, answer = self.sign_in()
        self.refused(browser, answer, "its signature is not right")

    def test_a_provider_that_is_down_takes_nobody_else_along(self):
        signed_in, _ = self.sign_in()
        away = Browser()
        back = self.begin(away)
        self.provider.stop()
        answer = away.get(back)
        self.assertEqual(answer.status, 503, answer.body)
        self.assertEqual(self.status(away), 401)
        self.assertEqual(self.status(signed_in), 200)
        self.assertEqual(self.status(Browser(), "/auth/login"), 200)

    def test_a_provider_with_a_certificate_of_ones_own(self):
        self.provider.close()
        strange = Provider(make_certificate)
        self.use(strange)
        answer = Browser().get(self.server.url + "/auth/oidc/login")
        self.assertEqual(answer.status, 503, "nobody vouches for it")
        strange.close()
        known = Provider(make_certificate)
        self.use(known, **{"auth.oidc_ca_file": known.tls["cert"]})
        browser, answer = self.sign_in()
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.status(browser), 200)

    def test_a_server_starts_without_its_provider(self):
        self.server.stop()
        self.provider.stop()
        self.server.start()
        answer = Browser().get(self.server.url + "/auth/oidc/login", headers={"Accept": "application/json"})
        self.assertEqual(answer.status, 503)
        self.assertIn("identity provider", json.loads(answer.body)["detail"])


class Settings(OwnServerCase):
    def test_mistakes_are_named_at_the_start(self):
        issuer = {"auth.oidc_issuer": "https://id.example.com", "auth.oidc_client_id": "c", "auth.oidc_roles": "*=viewer"}
        for changed, words in ({"api.trusted_proxies": "proxy"}, "api.trusted_proxies"), \
                ({"auth.proxy_user_header": "X-User"}, "api.trusted_proxies"), \
                ({"api.public_url": "pipelined.example.com"}, "api.public_url"), \
                ({"api.allowed_hosts": "https://pipelined.example.com"}, "api.allowed_hosts"), \
                ({**issuer, "auth.oidc_issuer": "http://id.example.com"}, "auth.oidc_issuer"), \
                ({**issuer, "auth.oidc_client_id": ""}, "auth.oidc_client_id"), \
                ({**issuer, "auth.oidc_roles": ""}, "auth.oidc_roles"), \
                ({**issuer, "auth.oidc_ca_file": "none.pem"}, "auth.oidc_ca_file"):
            with self.subTest(changed):
                server = self.make_server(start=False, settings=changed)
                server.launch()
                self.assertEqual(server.process.wait(timeout=60), 2)
                self.assertIn(words, server.log_tail())

    def test_secrets_are_not_shown(self):
        server = self.make_server(settings={"auth.oidc_client_secret": "planted-secret", "api.expose_config": "true"})
        self.assertNotIn("planted-secret", json.dumps(server.get("/api/v2/config")))
        shown = subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
        self.assertNotIn("planted-secret", shown)


class Proxy(OwnServerCase):
    def ask(self, server, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return Browser().get(server.url + "/api/v2/dags", headers=headers).status

    def test_only_a_named_proxy_may_say_who_somebody_is(self):
        trusting = self.make_server(settings={"api.trusted_proxies": "127.0.0.1", "auth.proxy_user_header": "X-Forwarded-User"})
        self.assertEqual(self.ask(trusting, X_Forwarded_User="admin"), 200)
        self.assertEqual(self.ask(trusting, X_Forwarded_User="nobody"), 403)
        self.assertEqual(self.ask(trusting), 401)
        metrics = Browser().get(trusting.url + "/metrics", headers={"X-Forwarded-For": "9.9.9.9"})
        self.assertEqual(metrics.status, 401, "who comes through a proxy is not on the loopback")
        wary = self.make_server(settings={"api.trusted_proxies": "10.0.0.0/8", "auth.proxy_user_header": "X-Forwarded-User"})
        self.assertEqual(self.ask(wary, X_Forwarded_User="admin"), 401)
        self.assertEqual(Browser().get(wary.url + "/metrics", headers={"X-Forwarded-For": "9.9.9.9"}).status, 200)


    def cookies(self, server, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        password = (server.home / "secrets" / "admin-password").read_text().strip()
        answer = Browser().send("POST", server.url + "/auth/login", {"username": "admin", "password": password}, headers)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.headers.get_all("Set-Cookie")

    def test_cookies_are_for_tls_where_a_named_proxy_or_a_setting_says_so(self):
        trusting = self.make_server(settings={"api.trusted_proxies": "127.0.0.1"})
        for cookie in self.cookies(trusting, X_Forwarded_Proto="https", Origin=trusting.url.replace("http:", "https:")):
            self.assertIn("; Secure", cookie)
        for cookie in self.cookies(trusting):
            self.assertNotIn("Secure", cookie)
        wary = self.make_server()
        for cookie in self.cookies(wary, X_Forwarded_Proto="https"):
            self.assertNotIn("Secure", cookie)
        always = self.make_server(settings={"auth.secure_cookies": "always"})
        for cookie in self.cookies(always, Origin=always.url.replace("http:", "https:")):
            self.assertIn("; Secure", cookie)


class Hosts(OwnServerCase):
    """A page of another site that made its name point to this host."""

    def ask(self, server, host):
        return Browser().get(server.url + "/api/v2/monitor/health", headers={"Host": host}).status

    def test_on_the_loopback_a_foreign_name_is_refused(self):
        server = self.make_server()
        port = urllib.parse.urlsplit(server.url).port
        for own in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
            self.assertEqual(self.ask(server, own), 200, own)
        for foreign in ("evil.example", f"evil.example:{port}", "localhost.evil.example"):
            self.assertEqual(self.ask(server, foreign), 421, foreign)
        answer = Browser().get(server.url + "/docs", headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"})
        self.assertEqual(answer.status, 421)
        self.assertIn("api.allowed_hosts", answer.body)

    def test_names_are_allowed_by_settings(self):
        server = self.make_server(settings={"api.allowed_hosts": "a.example", "api.public_url": "https://b.example"})
        self.assertEqual([self.ask(server, host) for host in ("a.example", "b.example:443", "c.example")], [200, 200, 421])


if __name__ == "__main__":
    main()
