#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replay.t - feeds every fuzz corpus and regression to its target, without clang. One TAP line a target."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUZZ = ROOT / "tests" / "fuzz"
BUILD = pathlib.Path(os.environ.get("PROVLOG_BUILD", ROOT / "build"))


def replay(name):
    """None when all is well, else what is wrong; and the number of inputs."""
    binary = BUILD / "tests" / "fuzz" / f"replay_{name}"
    folders = [f for f in (FUZZ / "corpus" / name, FUZZ / "regression" / name) if f.is_dir()]
    if not (FUZZ / "corpus" / name).is_dir():
        return f"no corpus: put inputs into tests/fuzz/corpus/{name}", 0
    if not binary.is_file():
        return f"{binary} is not built: run `make check-build`", 0
    run = subprocess.run([binary, *folders], capture_output=True, text=True, errors="replace", timeout=120)
    oks = len(re.findall(r"^ok ", run.stdout, re.M))
    plan = re.search(r"^1\.\.(\d+)$", run.stdout, re.M)
    files = sum(1 for folder in folders for f in folder.iterdir() if not f.name.startswith("."))
    if run.returncode == 0 and plan and int(plan[1]) == oks == files and files > 0:
        return None, oks
    return f"status {run.returncode}, {oks} of {files} inputs\n{run.stdout[-2000:]}{run.stderr[-4000:]}", oks


def main():
    targets = sorted(p.stem[len("fuzz_"):] for p in FUZZ.glob("fuzz_*.c"))
    strays = sorted({p.name for kind in ("corpus", "regression") for p in FUZZ.glob(f"{kind}/*")} - set(targets))
    print(f"1..{len(targets) + 1}")
    bad = 0
    for number, name in enumerate(targets, 1):
        why, inputs = replay(name)
        print(f"{'not ' if why else ''}ok {number} - {name}: {inputs} inputs")
        if why:
            bad += 1
            print("\n".join("# " + line for line in why.splitlines()))
    print(f"{'not ' if strays else ''}ok {len(targets) + 1} - every corpus has a target")
    if strays:
        print(f"# without a target: {', '.join(strays)}")
    return 1 if bad or strays else 0


if __name__ == "__main__":
    sys.exit(main())
