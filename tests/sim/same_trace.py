#!/usr/bin/python3
"""The same seed gives the same trace, whoever runs it, whoever compiled it, and how often.

Usage:  same_trace.py WARREN_SIM [OTHER_WARREN_SIM] SEED..

Exit 1 at the first seed that differs from itself.  Without another program the same runs twice.

Both runs print their whole trace; the first line that differs is shown.
SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import sys


def trace(program, seed):
    run = subprocess.run([program, "--seed", seed, "--trace"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"seed {seed}: {run.stderr}")
    return run.stdout.splitlines()


def main():
    program, rest = sys.argv[1], sys.argv[2:]
    other = program if rest[0].isdigit() else rest.pop(0)
    for seed in rest:
        first, second = trace(program, seed), trace(other, seed)
        if not first[-1].startswith("trace "):
            sys.exit(f"seed {seed}: no trace hash at the end")
        for number, (a, b) in enumerate(zip(first, second), 1):
            if a != b:
                sys.exit(f"seed {seed} differs from itself in line {number}:\n{a}\n{b}")
        if len(first) != len(second):
            sys.exit(f"seed {seed}: {len(first)} lines, then {len(second)}")
        print(f"seed {seed}: {len(first)} lines twice, {first[-1]}")


main()
