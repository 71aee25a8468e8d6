#!/usr/bin/python3
"""Line coverage of proto/ by unit tests, vectors, fuzz corpora and simulation.

Usage:  coverage.py [--agent] [--no-run] [--lines]
  --agent   agent/ as well (without command line and end-to-end tests, so low there)
  --no-run  read what an earlier run left
  --lines   list every uncovered line with its text and why it is not run, not only the counts

The reasons stand in uncovered.tsv beside this file: source (* for any), function (* for any), a
part of the line's text (empty for any), and the reason.  Lines of proto/ without one are counted
at the end.  A row that no line needs is told, so that the table does not outlive the code.

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
    """{source: {line: (hits, function)}}, summed over all objects that were built from it."""
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
            hits = lines.get(number, (0, ""))[0] + line["count"]
            lines[number] = (hits, line.get("function_name", ""))


def ranges(numbers):
    out = []
    for number in sorted(numbers):
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def read_reasons():
    with open(os.path.join(ROOT, "tests", "tools", "uncovered.tsv"), encoding="utf-8") as stream:
        rows = [line.rstrip("\n").split("\t") for line in stream if line.strip()
                and not line.startswith("#")]
    for row in rows:
        if len(row) != 4:
            sys.exit(f"uncovered.tsv: four columns are needed: {row}")
    return rows


def reason_of(reasons, used, source, function, text):
    for at, (in_source, in_function, part, reason) in enumerate(reasons):
        if in_source in ("*", source) and in_function in ("*", function) and part in text:
            used.add(at)
            return reason
    return None


def show(total, folders, with_text):
    all_lines = all_hit = unexplained = 0
    reasons, used = read_reasons(), set()
    for source in sorted(total):
        if not source.startswith(folders):
            continue
        lines = total[source]
        missed = [number for number, (hits, _) in lines.items() if hits == 0]
        all_lines += len(lines)
        all_hit += len(lines) - len(missed)
        if not missed:
            continue
        share = 100.0 * (len(lines) - len(missed)) / len(lines)
        print(f"{source}: {share:.1f} %, not run: {ranges(missed)}")
        with open(os.path.join(ROOT, source), encoding="utf-8") as stream:
            text = stream.read().splitlines()
        for number in sorted(missed):
            line = text[number - 1].strip()
            reason = reason_of(reasons, used, source, lines[number][1], line)
            unexplained += reason is None and source.startswith("proto/")
            if with_text:
                print(f"    {number}: {line}    [{reason or 'no reason given'}]")
    for at in sorted(set(range(len(reasons))) - used):
        print("uncovered.tsv: no line needs", " | ".join(reasons[at]))
    print(f"{100.0 * all_hit / max(1, all_lines):.2f} % of {all_lines} lines, "
          f"{unexplained} lines of proto/ without a reason")


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
