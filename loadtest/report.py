#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py - starts a fresh provlogd, loads it several times, writes report.json and report.txt.

Run by `make loadtest`. Every scenario runs --repeat times, round by round, so that a noisy minute
hits all of them alike; the page shows the median and the range. Bytes per entry are counted after a
clean stop, when the write-ahead log is folded in.
"""
import argparse
import json
import os
import pathlib
import platform
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("PROVLOG_BUILD", ROOT / "build"))
FIRST_BAR = 0.45  # of v1_submit_64; shown, never enforced: a shared machine would make it a dice

# name, scenario, connections, requests, seconds at most
SCENARIOS = [
    ("v1_submit_1", "submit", 1, 2000, 10),
    ("v1_submit_64", "submit", 64, 20000, 20),
    ("v1_submit_256", "submit", 256, 20000, 20),
    ("v1_read_64", "read", 64, 40000, 10),
]


class Server:
    """provlogd on free ports in @data."""

    def __init__(self, data):
        self.data = data
        self.log = open(data.parent / "provlogd.log", "wb")
        self.process = subprocess.Popen(
            [BUILD / "provlogd", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ready-json",
             "--data-dir", data], stdout=subprocess.PIPE, stderr=self.log)
        if not select.select([self.process.stdout], [], [], 30)[0]:
            raise SystemExit(f"provlogd is not ready after 30 s; its log:\n{self.tail()}")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"provlogd ended with status {self.process.wait()}; its log:\n{self.tail()}")
        self.ready = json.loads(line)
        self.url = self.ready["listen"][0]

    def tail(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(errors="replace")[-2000:]

    def tree_size(self):
        with urllib.request.urlopen(self.url + "/api/v1/log", timeout=10) as reply:
            return json.load(reply)["treeSize"]

    def stop(self):
        """SIGTERM: drains, folds the write-ahead log in, exits 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode


def load(server, scenario, connections, count, seconds, disk):
    command = [BUILD / "loadtest" / "load", "--url", server.url, "--log-key", server.ready["v1_public_key"],
               "--disk", disk, "--pid", server.process.pid, "--scenario", scenario, "--connections", connections,
               "--count", count, "--seconds", seconds]
    if scenario == "read":
        command += ["--tree-size", server.tree_size()]
    run = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=seconds + 300)
    if run.returncode != 0:
        raise SystemExit(f"load failed ({scenario}, {connections} connections): {run.stderr}{run.stdout}\n"
                         f"log of provlogd:\n{server.tail()}")
    return json.loads(run.stdout)


def disk_bytes(folder):
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    mounts = [line.split()[1:3] for line in open("/proc/mounts")]
    under = [m for m in mounts if str(BUILD).startswith(m[0].rstrip("/") + "/") or m[0] == "/"]
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "memory_bytes": memory, "kernel": platform.release(),
            "filesystem": max(under, key=lambda m: len(m[0]))[1] if under else "?",
            "load_before": os.getloadavg()[0], "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(runs, key, form):
    values = sorted(run[key] for run in runs)
    return f"{form.format(statistics.median(values))} [{form.format(values[0])} - {form.format(values[-1])}]"


def write_page(report, out):
    m, runs = report["machine"], report["runs"]
    every = [run for name in runs for run in runs[name]]
    print("provlog load test", file=out)
    print(f"  {m['cpu']}, {m['cores']} cores, {m['memory_bytes'] >> 20} MiB, Linux {m['kernel']}, {m['filesystem']}; "
          f"load {m['load_before']:.1f} before the start; {m['time']}", file=out)
    print("  The generator shares the cores with the server. Median [least - most] of "
          f"{len(next(iter(runs.values())))} runs.", file=out)
    for key, what in (("t_verify_us", "P-256 verify"), ("t_sign_us", "P-256 sign"), ("t_sync_us", "write 16 KiB + fdatasync")):
        print(f"  {what + ':':27}{spread(every, key, '{:.1f}')} us", file=out)
    for name, of in runs.items():
        print(f"\n{name}: {of[0]['connections']} connections, {of[0]['request_bytes']} bytes a request, "
              f"{sum(r['answered'] for r in of)} answered, {sum(r['errors'] for r in of)} failed, "
              f"{sum(r['checked'] for r in of)} answers verified", file=out)
        print(f"  rate:                      {spread(of, 'rate', '{:.0f}')} /s", file=out)
        print(f"  latency p50, p99, max:     {spread(of, 'p50_ms', '{:.2f}')}, {spread(of, 'p99_ms', '{:.2f}')}, "
              f"{spread(of, 'max_ms', '{:.2f}')} ms", file=out)
        print(f"  server CPU, generator CPU: {spread(of, 'server_cpu_us', '{:.0f}')}, "
              f"{spread(of, 'generator_cpu_us', '{:.0f}')} us a request", file=out)
        print(f"  server RSS after:          {spread([{'v': r['server_rss_bytes'] / 2**20} for r in of], 'v', '{:.0f}')} MiB",
              file=out)
        if "ratio" in of[0]:
            print(f"  limit by CPU, by waiting:  {spread(of, 'limit_cpu', '{:.0f}')}, {spread(of, 'limit_wait', '{:.0f}')} /s",
                  file=out)
            print(f"  ratio to the lower one:    {spread(of, 'ratio', '{:.3f}')}"
                  + (f"   (first bar: {FIRST_BAR})" if name == "v1_submit_64" else ""), file=out)
    a = report["absolute"]
    print(f"\ntree size {a['tree_size']}, {a['disk_bytes'] >> 20} MiB on disk after a clean stop, "
          f"{a['disk_bytes_per_entry']:.0f} bytes an entry", file=out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of requests (default 1)")
    parser.add_argument("--out", type=pathlib.Path, default=BUILD / "loadtest", help="folder of the report")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="data-", dir=args.out))  # the disk of the build, not a RAM /tmp
    report = {"machine": machine(), "ratios": {}, "absolute": {}, "runs": {name: [] for name, *_ in SCENARIOS}}
    server = None
    try:
        data = work / "log"
        server = Server(data)
        first = server.tree_size()
        for number in range(args.repeat):
            for name, scenario, connections, count, seconds in SCENARIOS:
                count = max(connections, int(count * args.scale))
                print(f"round {number + 1} of {args.repeat}: {name} ...", file=sys.stderr, flush=True)
                report["runs"][name].append(load(server, scenario, connections, count, seconds, work))
        size = server.tree_size()
        status, server_stopped = server.stop(), server
        server = None
        if status != 0:
            raise SystemExit(f"provlogd ended with status {status}:\n{pathlib.Path(server_stopped.log.name).read_text()[-2000:]}")
        new = sum(r["answered"] for name, runs in report["runs"].items() if "submit" in name for r in runs)
        if size != first + new:
            raise SystemExit(f"{new} submissions were acknowledged, but the tree grew by {size - first}")
        used = disk_bytes(data)
    finally:
        if server:
            server.stop()
        shutil.rmtree(work, ignore_errors=True)
    report["absolute"] = {"tree_size": size, "disk_bytes": used, "disk_bytes_per_entry": round(used / size, 1)}
    for name, runs in report["runs"].items():
        if "ratio" in runs[0]:
            report["ratios"][name] = round(middle(runs, "ratio"), 4)
        for key in ("rate", "p50_ms", "p99_ms", "max_ms", "server_cpu_us", "server_rss_bytes"):
            report["absolute"][f"{name}_{key}"] = middle(runs, key)
    for key in ("t_verify_us", "t_sign_us", "t_sync_us"):
        report["absolute"][key] = middle([r for runs in report["runs"].values() for r in runs], key)
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    with open(args.out / "report.txt", "w") as page:
        write_page(report, page)
    write_page(report, sys.stdout)
    print(f"\nwritten: {args.out / 'report.json'} and report.txt beside it")


if __name__ == "__main__":
    main()
