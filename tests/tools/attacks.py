#!/usr/bin/python3
"""Checks that each attack of tests/attacks.tsv is refused by tests that exist and are run.

A row is   number, attack, spec sections that refuse it, tests   with tabs between; sections are
written circle#4.6, tests file:function with the file's path in tests/, both with blanks between.

 - Every section is a heading of proto/spec/.
 - Every test is a function of its file, and something in the file refers to it: cmocka's list, the
   list of stories, a call.  A name in sim/canary_map.h is a planted bug.
 - Rows are in the order of their numbers, and no number that has to be there is missing.

Usage:  attacks.py [ROOT]     prints `path:line: rule: message`, exit 1 if anything was found.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import sys

from spec_check import HEADING

TABLE = "tests/attacks.tsv"
COLUMNS = 4
# What is built has to withstand these; others are there as far as what they need is there.
REQUIRED = {*range(16, 35), *range(38, 41), 71, *range(74, 81)}
RULES = ["form", "order", "no-section", "no-file", "no-test", "not-run", "missing"]


def read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return None


def sections(root):
    """All (chapter, number) of the specification."""
    found = set()
    folder = os.path.join(root, "proto", "spec")
    for name in os.listdir(folder):
        for line in read(os.path.join(folder, name)).splitlines():
            heading = HEADING.match(line)
            if heading:
                found.add((name.removesuffix(".md"), heading.group(1)))
    return found


def problem_of(root, test):
    """(rule, message) of a named test; None if it is there and run."""
    path, _, name = test.partition(":")
    text = read(os.path.join(root, "tests", path))
    if text is None or not name:
        return "no-file", test
    word = re.escape(name)
    if path.endswith("canary_map.h"):
        defined = re.search(rf"\bX\({word},", text)
        return None if defined else ("no-test", test)
    forms = rf"^def {word}\(" if path.endswith(".py") else rf"^[a-z][\w *]*\b{word}\([^;]*?\) {{$"
    if not re.search(forms, text, re.M):
        return "no-test", test
    used = len(re.findall(rf"\b{word}\b", text)) > 1
    if path.startswith("sim/scenario_") and not used:
        used = re.search(rf"\b{word}}}", read(os.path.join(root, "tests/sim/scenario.c")) or "")
    return None if used else ("not-run", test)


def check_row(root, cells, known):
    for section in cells[2].split():
        chapter, _, number = section.partition("#")
        if (chapter, number) not in known:
            yield "no-section", section
    for test in cells[3].split():
        problem = problem_of(root, test)
        if problem:
            yield problem


def check(root):
    """All findings as (line, rule, message)."""
    known, numbers = sections(root), []
    for line, row in enumerate((read(os.path.join(root, TABLE)) or "").splitlines(), 1):
        if row.startswith("#"):
            continue
        cells = row.split("\t")
        if len(cells) != COLUMNS or not cells[0].isdigit() or not all(map(str.strip, cells)):
            yield line, "form", f"{COLUMNS} cells that are not empty, the first one a number"
            continue
        number = int(cells[0])
        if numbers and number < numbers[-1]:
            yield line, "order", f"{number} after {numbers[-1]}"
        numbers.append(number)
        for rule, message in check_row(root, cells, known):
            yield line, rule, message
    for number in sorted(REQUIRED.difference(numbers)):
        yield 0, "missing", f"attack {number} has no test"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
    findings = list(check(root))
    for line, rule, message in findings:
        print(f"{TABLE}:{line}: {rule}: {message}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
