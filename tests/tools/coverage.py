#!/usr/bin/python3
"""Line coverage of proto/ by unit tests, vectors, fuzz corpora and simulation.

Usage:  coverage.py [--agent] [--no-run] [--lines]
  --agent   agent/ as well (without command line and end-to-end tests, so low there)
  --no-run  read what an earlier run left
  --lines   list every uncovered line with its text, not only the counts

Builds the preset `coverage` in build/coverage.  Exit 1 if a test fails.
SPDX-License-Identifier: Apache-2.0
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, "build", "coverage")


def run_tests():
    jobs = str(os.cpu_count())
    subprocess.run(["cmake", "--preset", "coverage"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "coverage", "-j", jobs], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    for folder, _, files in os.walk(BUILD):
        for name in files:
            if name.endswith(".gcda"):
                os.unlink(os.path.join(folder, name))
    result = subprocess.run(["ctest", "--test-dir", BUILD, "-j", jobs, "-LE", "e2e|bench|tools"],
                            stdout=subprocess.PIPE, text=True)
    print("\n".join(result.stdout.splitlines()[-12:]) if result.returncode else "all tests passed")
    return result.returncode


def counters():
    """{source: {line: hits}}, summed over all objects that were built from it."""
    total = {}
    data = [os.path.join(folder, name) for folder, _, files in os.walk(BUILD) for name in files
            if name.endswith(".gcda")]
    with tempfile.TemporaryDirectory() as scratch:
        for at in range(0, len(data), 50):
            subprocess.run(["gcov", "--json-format", "--preserve-paths", *data[at:at + 50]],
                           cwd=scratch, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            for name in os.listdir(scratch):
                path = os.path.join(scratch, name)
                with gzip.open(path) as stream:
                    add(total, json.load(stream))
                os.unlink(path)
    return total


def add(total, report):
    for entry in report["files"]:
        source = os.path.relpath(os.path.join(report["current_working_directory"], entry["file"]),
                                 ROOT)
        lines = total.setdefault(source, {})
        for line in entry["lines"]:
            number = line["line_number"]
            lines[number] = lines.get(number, 0) + line["count"]


def ranges(numbers):
    out = []
    for number in sorted(numbers):
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def show(total, folders, with_text):
    all_lines = all_hit = 0
    for source in sorted(total):
        if not source.startswith(folders):
            continue
        lines = total[source]
        missed = [number for number, hits in lines.items() if hits == 0]
        all_lines += len(lines)
        all_hit += len(lines) - len(missed)
        if not missed:
            continue
        share = 100.0 * (len(lines) - len(missed)) / len(lines)
        print(f"{source}: {share:.1f} %, not run: {ranges(missed)}")
        if with_text:
            with open(os.path.join(ROOT, source), encoding="utf-8") as stream:
                text = stream.read().splitlines()
            for number in sorted(missed):
                print(f"    {number}: {text[number - 1].strip()}")
    print(f"{100.0 * all_hit / max(1, all_lines):.2f} % of {all_lines} lines")


def main(arguments):
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    unknown = set(arguments) - {"--agent", "--no-run", "--lines"}
    if unknown:
        print(f"coverage.py: unknown option {unknown.pop()}", file=sys.stderr)
        return 2
    failed = 0 if "--no-run" in arguments else run_tests()
    folders = ("proto/", "agent/") if "--agent" in arguments else ("proto/",)
    show(counters(), folders, "--lines" in arguments)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
