#!/usr/bin/env python3
"""What may happen to keys and to the database under variables and connections: each is a clear error, and nothing is lost."""
import subprocess
import threading

from case import HttpError, OwnServerCase, bin_dir, clean_environment, main, wait_for


def secrets_command(server, *words):
    return [str(bin_dir() / "pipelined"), "secrets", *words, "--home", str(server.home)]


class KeyFiles(OwnServerCase):
    def expect_refusal(self, server, *words):
        """It does not start, and says why and where."""
        begin = server.log.stat().st_size
        server.launch()
        code = server.process.wait(timeout=60)
        server.process.stdout.close()
        server.process = None
        said = server.log.read_bytes()[begin:].decode(errors="replace")
        self.assertNotEqual(code, 0, said)
        for word in words:
            self.assertIn(word, said)

    def test_a_damaged_file_is_named_and_when_it_is_back_nothing_was_lost(self):
        server = self.make_server()
        server.post("/api/v2/variables", {"key": "kept", "value": "one"})
        server.stop()
        file = server.home / "secrets" / "encryption-keys"
        keys = file.read_text()
        file.unlink()
        self.expect_refusal(server, str(file), "is missing", "bring the file back")
        self.assertFalse(file.exists(), "a new key was made over encrypted values")
        for text in ("", keys[:20], "\0\0\0\n", "#" * 70_000):
            file.write_text(text)
            self.expect_refusal(server, str(file))
            self.assertEqual(file.read_text(), text)
        file.unlink()
        file.mkdir()
        self.expect_refusal(server, str(file))
        file.rmdir()
        file.write_text(keys)
        file.chmod(0o644)
        begin = server.log.stat().st_size
        server.start()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertIn("others could read", server.log.read_bytes()[begin:].decode())
        self.assertEqual(server.get("/api/v2/variables/kept")["value"], "one")

    def test_a_key_that_is_gone_is_said_and_hides_only_its_own(self):
        server = self.make_server()
        server.post("/api/v2/variables", {"key": "old", "value": "one"})
        file = server.home / "secrets" / "encryption-keys"
        old = file.read_text()
        self.assertEqual(subprocess.run(secrets_command(server, "add-key"), env=clean_environment({}), timeout=60).returncode, 0)
        fresh = file.read_text()
        file.write_text(fresh.split()[0] + "\n")
        server.stop()
        begin = server.log.stat().st_size
        server.start()
        self.assertIn("which is not here", server.log.read_bytes()[begin:].decode())
        server.post("/api/v2/variables", {"key": "new", "value": "two"})
        with self.assertRaises(HttpError) as refused:
            server.get("/api/v2/variables/old")
        self.assertEqual(refused.exception.status, 503)
        self.assertEqual({row["key"] for row in server.get("/api/v2/variables")["variables"]}, {"old", "new"})
        server.stop()
        file.write_text(fresh)
        server.start()
        self.assertEqual([server.get(f"/api/v2/variables/{key}")["value"] for key in ("old", "new")], ["one", "two"])
        self.assertIn(old.strip(), fresh)


class Rotations(OwnServerCase):
    def test_several_at_once_lose_nothing(self):
        server = self.make_server()
        entities = [{"key": f"v{i}", "value": f"value {i}"} for i in range(400)]
        server.request("PATCH", "/api/v2/variables", {"actions": [{"action": "create", "entities": entities}]})
        for _ in range(2):
            self.assertEqual(subprocess.run(secrets_command(server, "add-key"), env=clean_environment({}), timeout=60).returncode, 0)
        rotations = [subprocess.Popen(secrets_command(server, "rotate"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env=clean_environment({})) for _ in range(3)]
        rows = 0
        for rotation in rotations:
            out, errors = rotation.communicate(timeout=120)
            self.assertEqual((rotation.returncode, errors), (0, ""), out)
            rows += int(out.split()[0])
        self.assertEqual(rows, 400, "each row is done by one of them")
        server.stop()
        server.start()
        listed = {row["key"]: row["value"] for offset in range(0, 400, 100)
                  for row in server.get(f"/api/v2/variables?limit=100&offset={offset}&order_by=id")["variables"]}
        self.assertEqual(listed, {entity["key"]: entity["value"] for entity in entities})


class LostDatabase(OwnServerCase):
    def count(self, server, prefix):
        try:
            return server.get(f"/api/v2/variables?variable_key_prefix_pattern={prefix}&limit=1")["total_entries"]
        except (HttpError, OSError):
            return None

    def trail(self, server):
        try:
            return server.get("/api/ext/v1/audit?operation=bulk_variables")["audit"]
        except (HttpError, OSError):
            return None

    def settled(self, ask, what):
        """The answer as soon as there is one."""
        return wait_for(lambda: [answer for answer in [ask()] if answer is not None], 60, what)[0]

    def test_an_action_of_a_bulk_request_is_done_whole_or_not_at_all(self):
        server = self.make_server()
        many = 200
        for turn in range(4):
            first = [{"key": f"t{turn}-a{i}", "value": "1"} for i in range(many)]
            second = [{"key": f"t{turn}-b{i}", "value": "1"} for i in range(many)]
            status = []

            def send():
                try:
                    server.request("PATCH", "/api/v2/variables", {"actions": [{"action": "create", "entities": first},
                                                                              {"action": "create", "entities": second}]}, timeout=120)
                    status.append(200)
                except HttpError as error:
                    status.append(error.status)
                except OSError as error:
                    status.append(str(error))

            sender = threading.Thread(target=send)
            sender.start()
            # One after the other: the first action is on its way, or done.
            wait_for(lambda: not sender.is_alive() or turn % 2 == 0 or self.count(server, f"t{turn}-a"), 60, "the bulk request to be on its way")
            server.kill("postgres")
            sender.join()
            wait_for(lambda: self.count(server, "none") == 0, 60, "the database to be back")
            # Connections of the pool that the database has left behind are noticed one by one.
            a, b = (self.settled(lambda: self.count(server, f"t{turn}-{which}"), f"the number of {which}") for which in "ab")
            self.assertIn(a, (0, many))
            self.assertIn(b, (0, many))
            if status[0] == 200:
                self.assertEqual((a, b), (many, many))
            else:
                self.assertIn(status[0], (500, 503), status)
            # What is not known stays in the trail, as what was intended.
            self.assertTrue(self.settled(lambda: self.trail(server), "the audit trail") or (a, b) == (0, 0))


if __name__ == "__main__":
    main()
