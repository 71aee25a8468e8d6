#!/usr/bin/python3
"""Three devices, 100,000 lines of a real text on the first while the second appends, too: equal
everywhere, in order, nothing lost and nothing twice.

Usage:  mesh_test.py BUILD      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import itertools
import json
import os
import threading
import time

import mesh
from mesh import check, same, say

LINES = 100000
TEXTS = ("/var/log/dpkg.log", "/usr/share/common-licenses/GPL-3", "/etc/services")


def real_text():
    """Some text of this machine, repeated and cut to LINES lines."""
    path = next((path for path in TEXTS if os.path.exists(path)), None)
    check(path, "none of these texts is here:", TEXTS)
    with open(path, "rb") as file:
        lines = file.read().splitlines()
    return path, list(itertools.islice(itertools.cycle(lines), LINES))


class Second(threading.Thread):
    """Appends one entry after the other on a device until it is told to stop."""

    def __init__(self, device):
        super().__init__()
        self.device, self.bodies, self.over, self.problem = device, [], threading.Event(), None

    def run(self):
        try:
            with self.device.connect() as rpc:
                while not self.over.is_set():
                    body = f"meanwhile {len(self.bodies)}".encode()
                    rpc.call("log.append", log="text", body=body)
                    self.bodies.append(body)
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem


def body_of(row):
    return row["body"].encode() if "body" in row else base64.b64decode(row["body_base64"])


def a_file_of_100000_lines_is_equal_on_three_devices(build):
    with mesh.Mesh(build) as world:
        devices = a, b, c = world.circle("anna", "berta", "cleo")
        source, lines = real_text()
        path = os.path.join(world.folder, "text")
        with open(path, "wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))
        second = Second(b)
        second.start()
        start = time.monotonic()
        done = a.warren("log", "append", "text", "--lines", "--file", path, timeout=120)
        imported = time.monotonic() - start
        second.over.set()
        second.join()
        check(second.problem is None, "the second device:", second.problem)
        mesh.has(done.out, "100,000 entries appended to text")
        total = LINES + len(second.bodies)
        mesh.settled(devices, "text", total, 120)
        converged = time.monotonic() - start
        digest, count = mesh.equal_exports(devices, "text")
        exported = time.monotonic() - start - converged
        same(count, total, "lines of the export")
        by_device = {device.id: [] for device in devices}
        ids = set()
        with open(c.exported, encoding="utf-8") as file:
            for row in map(json.loads, file):
                by_device[row["device"]].append(body_of(row))
                ids.add(row["id"])
                check(isinstance(row["seq"], int), "no seq:", row)
        same(len(ids), total, "different ids")
        check(by_device[a.id] == lines, "the first device's lines are not those of the file")
        check(by_device[b.id] == second.bodies, "the second device's entries are not its appends")
        say(f"{LINES} lines of {source}, {sum(map(len, lines))} bytes: appended {imported:.2f} s, "
            f"{LINES / imported:.0f} entries/s; on all three after {converged:.2f} s, "
            f"{total / converged:.0f} entries/s")
        say(f"{len(second.bodies)} appends on the second meanwhile; {count} entries exported three "
            f"times in {exported:.2f} s; sha256 {digest}")


if __name__ == "__main__":
    mesh.main(a_file_of_100000_lines_is_equal_on_three_devices)
