#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""90_loadtest.t - a tiny load test works and its report has the agreed shape. No figure is judged."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
from provlog import TAP  # noqa: E402

tap = TAP()
with tempfile.TemporaryDirectory() as out:
    run = subprocess.run([sys.executable, ROOT / "loadtest" / "report.py", "--repeat", "1", "--scale", "0.01", "--out", out],
                         capture_output=True, text=True, timeout=120, env=dict(os.environ))
    tap.is_(run.returncode, 0, "the load test ends with status 0")
    if run.returncode != 0:
        tap.note(run.stdout + run.stderr)
        tap.done()
    report = json.loads((pathlib.Path(out) / "report.json").read_text())
    page = (pathlib.Path(out) / "report.txt").read_text()
tap.is_(sorted(report), ["absolute", "machine", "ratios", "runs"], "report.json has its four members")
tap.is_(sorted(report["ratios"]), ["v1_submit_1", "v1_submit_256", "v1_submit_64"], "a ratio for each write scenario")
tap.ok(all(0 < r < 100 for r in report["ratios"].values()), "ratios are positive numbers", report["ratios"])
runs = [run for name in report["runs"] for run in report["runs"][name]]
tap.is_(len(runs), 4, "four scenarios ran")
tap.ok(all(r["errors"] == 0 and r["answered"] > 0 for r in runs), "every request was answered", runs)
tap.ok(all(r["verified"] and r["checked"] > 0 for r in runs), "sampled answers verified", runs)
tap.ok(all(r["server_rss_bytes"] > 0 for r in runs), "the server's memory was read", runs)
tap.ok(report["absolute"]["disk_bytes_per_entry"] > 500, "bytes an entry were counted", report["absolute"])
tap.has(page, "v1_submit_64", "the page for people names the scenarios")
tap.done()
