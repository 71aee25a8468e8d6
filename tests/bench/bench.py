#!/usr/bin/python3
"""Measures real agents on this machine and prints one table; README.md says what the rows mean.

Usage:  bench.py BUILD [--repeat N] [--only SUBJECT,..] [--entries N] [--idle-seconds S] [--wait S]
        [--smoke]

BUILD holds bin/warren, bin/warrend and tests/bench_floor, built with the preset release.  Subjects:
sync, wire, live, append, read, idle.  --wait: so long at most, before each measurement, until the
other programs of this machine rest.  --smoke: few entries, once, and fails if a row is missing.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import os
import platform
import signal
import statistics
import sys
import tempfile
import time

import agents
import measures
import mesh

SUBJECTS = ("sync", "wire", "live", "append", "read", "idle")

# subject, figure, what it is, unit, decimals, the limit it stands against
ROWS = (
    ("floor", "fsync_single_per_s", "disk: append + fdatasync, one at a time", "/s", 0, None),
    ("floor", "fsync_group_per_s", "disk: append + fdatasync, 1,000 at a time", "/s", 0, None),
    ("floor", "aead_mb_per_s", "libsodium ChaCha20-Poly1305, 64 KiB, one core", "MB/s", 0, None),
    ("floor", "flat_entries_per_s", "ideal flat pipeline", "entries/s", 0, None),
    ("floor", "flat_cpu_us", "ideal flat pipeline, CPU of both sides", "us/entry", 2, None),
    ("floor", "hop_full_p50_ms", "ideal hop, fdatasync on both sides, p50", "ms", 3, None),
    ("floor", "hop_full_p99_ms", "ideal hop, fdatasync on both sides, p99", "ms", 3, None),
    ("floor", "hop_normal_p50_ms", "ideal hop, no fdatasync, p50", "ms", 3, None),
    ("floor", "hop_normal_p99_ms", "ideal hop, no fdatasync, p99", "ms", 3, None),
    ("sync", "rate", "initial sync", "entries/s", 0, "flat_entries_per_s"),
    ("sync", "mb", "initial sync, payload", "MB/s", 1, "aead_mb_per_s"),
    ("sync", "cpu_us", "initial sync, CPU of both sides", "us/entry", 2, "flat_cpu_us"),
    ("sync", "cpu_host_us", "initial sync, CPU of the giving side", "us/entry", 2, None),
    ("sync", "cpu_guest_us", "initial sync, CPU of the taking side", "us/entry", 2, None),
    ("sync", "cpu_s", "initial sync, CPU of both sides, in all", "s", 3, None),
    ("sync", "peak_host", "peak RSS during it, giving side", "MiB", 1, None),
    ("sync", "peak_guest", "peak RSS during it, taking side", "MiB", 1, None),
    ("sync", "disk", "disk bytes per payload byte, taking side", "", 3, None),
    ("sync", "wire", "wire bytes per payload byte, lo, from IP on", "", 3, None),
    ("sync", "again_ms", "reconnect, both hold all: from ready to link up", "ms", 1, None),
    ("wire", "wire", "wire bytes per payload byte, veth at MTU 1500", "", 3, None),
    ("wire", "packet_bytes", "bytes per packet there, Ethernet included", "", 0, None),
    ("wire", "again_bytes", "wire bytes of a reconnect, handshake included", "bytes", 0, None),
    ("wire", "tcp", "the same as the agents count: TCP payload", "", 3, None),
    ("live_full", "p50", "live, durability full, p50", "ms", 3, "hop_full_p50_ms"),
    ("live_full", "p99", "live, durability full, p99", "ms", 3, "hop_full_p99_ms"),
    ("live_full", "answer_p50", "append answered, full, p50", "ms", 3, None),
    ("live_full", "answer_p99", "append answered, full, p99", "ms", 3, None),
    ("live_normal", "p50", "live, durability normal, p50", "ms", 3, "hop_normal_p50_ms"),
    ("live_normal", "p99", "live, durability normal, p99", "ms", 3, "hop_normal_p99_ms"),
    ("live_normal", "answer_p50", "append answered, normal, p50", "ms", 3, None),
    ("live_normal", "answer_p99", "append answered, normal, p99", "ms", 3, None),
    ("append_full", "one", "append, full, 1 client", "/s", 0, "fsync_single_per_s"),
    ("append_full", "sixteen", "append, full, 16 clients", "/s", 0, "fsync_single_per_s"),
    ("append_full", "thousand", "append, full, 1,000 outstanding", "/s", 0, "fsync_group_per_s"),
    ("append_full", "thousand_cpu_us", "append, 1,000 outstanding, CPU of the agent", "us/entry", 2, None),
    ("append_full", "batch", "append_many, full, 1,000 a call", "/s", 0, "fsync_group_per_s"),
    ("append_full", "batch_cpu_us", "append_many, CPU of the agent", "us/entry", 2, None),
    ("append_normal", "one", "append, normal, 1 client", "/s", 0, None),
    ("append_normal", "sixteen", "append, normal, 16 clients", "/s", 0, None),
    ("append_normal", "thousand", "append, normal, 1,000 outstanding", "/s", 0, None),
    ("append_normal", "batch", "append_many, normal, 1,000 a call", "/s", 0, None),
    ("read", "oldest_ms", "log.read, oldest 100", "ms", 3, None),
    ("read", "newest_ms", "log.read, newest 100", "ms", 3, None),
    ("read", "export", "log export (jsonl)", "entries/s", 0, None),
    ("read", "start_ms", "start to ready with these entries", "ms", 1, None),
    ("idle", "voluntary", "idle: voluntary context switches (wakeups)", "/min", 1, None),
    ("idle", "involuntary", "idle: involuntary context switches", "/min", 1, None),
    ("idle", "cpu_ms", "idle: CPU", "ms/min", 2, None),
    ("idle", "wire_kb", "idle: wire bytes, lo, per link", "KiB/min", 2, None),
    ("idle", "rss_0", "RSS, no entries", "MiB", 2, None),
    ("idle", "pss_0", "PSS, no entries", "MiB", 2, None),
    ("idle", "rss_after", "RSS after appending and sending the entries", "MiB", 2, None),
    ("idle", "rss_n", "RSS with the entries, after a restart", "MiB", 2, None),
    ("idle", "pss_n", "PSS with the entries, after a restart", "MiB", 2, None),
)
MAY_BE_ZERO = {("idle", "voluntary"), ("idle", "involuntary"), ("idle", "cpu_ms"), ("idle", "wire_kb"),
               ("sync", "again_ms")}


class Rounds:
    """All figures of all rounds."""

    def __init__(self):
        self.figures = collections.defaultdict(list)
        self.done = 0

    def add(self, subject, figures):
        for name, value in figures.items():
            self.figures[subject, name].append(value)

    def ratio(self, values, limit):
        """To the limit of the same round, because machines drift; the median of the rounds."""
        if not limit:
            return ""
        limits = self.figures["floor", limit]
        if not limits:
            return ""
        return f"{statistics.median(value / best for value, best in zip(values, limits)):.2f}"


def machine(folder):
    """One line each: what these figures are figures of."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    device = os.stat(folder).st_dev
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        disks = [line.split(" - ")[1].split()[:2] for line in file
                 if line.split()[2] == f"{os.major(device)}:{os.minor(device)}"]
    disk = " on ".join(disks[0]) if disks else "unknown"
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1]) / (1 << 20)
    return [f"date      {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
            f"machine   {os.cpu_count()} cores, {model}, {memory:.1f} GiB, Linux {platform.release()}",
            f"disk      {disk}"]


def run_round(args, rounds, folder, busy):
    """Everything once, the limits first, so that both see the same minute."""
    net = agents.Loopback()

    def measure(subject, figures, *params):
        busy.append(agents.quiet(args.wait))
        mesh.say(f"  {subject:<14} others use {busy[-1]:.1f} cores")
        rounds.add(subject, figures(*params))
    measure("floor", measures.floor, args.build, folder, args.floor_entries)
    if "sync" in args.only:
        measure("sync", measures.sync, args.build, net, args.entries)
    if "wire" in args.only:
        cable = agents.Cable()
        try:
            measure("wire", measures.sync, args.build, cable, args.entries)
        finally:
            cable.close()
    for durability in ("full", "normal"):
        if "live" in args.only:
            measure(f"live_{durability}", measures.live, args.build, net, durability, args.samples)
        if "append" in args.only:
            measure(f"append_{durability}", measures.appends, args.build, net, durability, args.scale)
    if "read" in args.only:
        measure("read", measures.reading, args.build, net, args.entries)
    if "idle" in args.only:
        measure("idle", measures.idle, args.build, net, args.idle_seconds, args.entries)


def derive(rounds, entries):
    """Figures that follow from others."""
    for rate in rounds.figures["sync", "rate"]:
        rounds.figures["sync", "mb"].append(rate * measures.BODY * 1e-6)
    for cpu in rounds.figures["sync", "cpu_us"]:
        rounds.figures["sync", "cpu_s"].append(cpu * entries * 1e-6)


def print_table(args, rounds, about):
    head = f"{'what':<48} {'median':>10} {'least':>10} {'most':>10}  {'unit':<9}  of the limit"
    print("\n".join([""] + about + [
        f"rounds    {rounds.done} of {args.repeat}; {args.entries:,} entries of {measures.BODY} random bytes; the table "
        "has median, least and most of the rounds", "", head, "-" * len(head)]))
    shown = None
    for subject, name, what, unit, decimals, limit in ROWS:
        values = rounds.figures[subject, name]
        if not values:
            continue
        if shown not in (None, subject):
            print()
        shown = subject
        cells = [f"{value:>10,.{decimals}f}" for value in
                 (statistics.median(values), min(values), max(values))]
        print(f"{what:<48} {' '.join(cells)}  {unit:<9}  {rounds.ratio(values, limit)}".rstrip())


def missing_rows(rounds):
    for subject, name, what, *_ in ROWS:
        values = rounds.figures[subject, name]
        least = 0 if (subject, name) in MAY_BE_ZERO else 1e-9
        if not values or min(values) < least:
            yield f"{what}: {values}"


def arguments():
    parser = argparse.ArgumentParser(usage="bench.py BUILD [options]; see the head of this file")
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=SUBJECTS)
    parser.add_argument("--entries", type=int, default=100000)
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    args.samples, args.scale, args.floor_entries = 1000, 1.0, 1000000
    if args.smoke:
        args.repeat, args.entries, args.idle_seconds, args.samples = 1, 2000, 1, 20
        args.scale, args.floor_entries = 0, 2000
    if set(args.only) - set(SUBJECTS):
        parser.error(f"subjects are {', '.join(SUBJECTS)}")
    return args


def main():
    args = arguments()
    agents.enter_namespace()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the agents must end with us
    counted, packets = agents.datagram_counts(agents.Loopback())
    rounds, busy = Rounds(), []
    with tempfile.TemporaryDirectory(prefix="warren-bench-") as folder:
        about = machine(folder)
        about.append(f"counters  lo counts a datagram of 1,000 bytes as {packets} packet of {counted} "
                     "bytes on its sent side")
        about.append(f"load      {agents.load_average()} before the first round")
        try:
            for number in range(args.repeat):
                mesh.say(f"round {number + 1} of {args.repeat}")
                run_round(args, rounds, folder, busy)
                rounds.done += 1
        except KeyboardInterrupt:
            mesh.say("interrupted: what there is")
        about.append(f"load      {agents.load_average()} after the last round, this bench included")
        about.append(f"others    used {statistics.median(busy):.1f} cores (median; {min(busy):.1f} to "
                     f"{max(busy):.1f}) just before each measurement")
    derive(rounds, args.entries)
    print_table(args, rounds, about)
    missing = list(missing_rows(rounds)) if args.smoke else []
    for row in missing:
        print(f"missing: {row}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
