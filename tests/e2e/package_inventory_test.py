#!/usr/bin/env python3
"""The main job on this machine's own dpkg database, and the example DAGs, as they lie in the repository."""
import os
import shutil
import unittest

from case import REPOSITORY, OwnServerCase, main, wait_for


class PackageInventory(OwnServerCase):
    @unittest.skipUnless(os.path.exists("/var/lib/dpkg/status"), "no dpkg database on this machine")
    def test_it_runs_to_its_report(self):
        server = self.make_server(start=False)
        shutil.copytree(REPOSITORY / "dags", server.dags, dirs_exist_ok=True)
        server.start()
        wait_for(lambda: server.dag("package_inventory"), 20, "the DAG")
        self.assertEqual(server.ctl_json("dags", "import-errors"), [])
        work = server.root / "work"
        done = server.pipectl("dags", "run", "package_inventory", "-p", f"work_dir={work}", "-p", "hold_lock=4", "--run-id", "first", "--watch")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + str(server.states("package_inventory", "first")))
        self.assertIn("report", done.stdout + done.stderr)
        self.assertTrue(server.ctl("tasks", "logs", "package_inventory", "first", "report"))
        self.assertEqual(server.states("package_inventory", "first")["alarm"], "skipped")
        self.assertGreater(server.tasks("package_inventory", "first")["load"]["try_number"], 1, "load meets the taken lock")
        self.assertTrue(list(work.rglob("*.html")))
        self.assertEqual(server.pipectl("dags", "run", "package_inventory", "-p", f"work_dir={work}", "--wait").returncode, 0)


if __name__ == "__main__":
    main()
