#!/usr/bin/python3
"""A device that was off catches up, in whatever order the devices come back.

Usage:  offline_test.py BUILD      BUILD/bin holds warren and warrend.

The first device pairs the two others, which know no address but its own: what one of them writes
reaches the other through it.
SPDX-License-Identifier: Apache-2.0
"""
import itertools
import os
import subprocess
import time

import mesh
from mesh import same, say, wait_until

MANY = 20000
SETTLE_S = 60


def star(world):
    """Three devices; the second and the third have never heard where the other is."""
    devices = [world.device(name).start() for name in ("anna", "berta", "cleo")]
    mesh.found(devices[0])
    for guest in devices[1:]:
        mesh.pair(devices[0], guest)
    mesh.wait_until(lambda: mesh.online(devices[0]) == 2, SETTLE_S, "both links")
    return devices


def append(device, bodies, log="text"):
    """One request; the answered ids."""
    rows = device.call("log.append_many", log=log, entries=[{"body": body} for body in bodies])
    return [row["id"] for row in rows["entries"]]


def bodies_of(device, log="text"):
    return [row["body"] for row in device.read(log)]


def a_device_that_was_off_catches_up(build):
    with mesh.Mesh(build) as world:
        a, b, c = star(world)
        path = os.path.join(world.folder, "lines")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"line {i} while cleo is off\n" for i in range(MANY))
        append(c, [b"c was here"])
        c.warren("down")
        c.ended()
        same(c.warren("status", code=mesh.NOT_RUNNING).out, "", "status of a device that is off")
        a.warren("log", "append", "text", "--lines", "--file", path)
        append(b, [b"and one of the second"])
        wait_until(lambda: mesh.held(a, "text") == MANY + 2, SETTLE_S, "the first has all")
        row = next(row for row in a.call("circle.devices")["devices"] if row["name"] == "cleo")
        same((row["state"], row["path"]), ("offline", "none"), "how the first sees who is off")
        start = time.monotonic()
        c.start()
        wait_until(lambda: mesh.held(c, "text") == MANY + 2, SETTLE_S, "the third caught up")
        took = time.monotonic() - start
        mesh.settled([a, b, c], "text", MANY + 2, SETTLE_S)
        digest, count = mesh.equal_exports([a, b, c], "text")
        same(count, MANY + 2, "entries")
        say(f"{MANY + 1} entries caught up {took:.2f} s after the start, "
            f"{MANY / took:.0f} entries/s; sha256 {digest}")


def entries_pass_through_a_third_device(build):
    """The second and the third device are never on at the same time."""
    with mesh.Mesh(build) as world:
        a, b, c = star(world)
        c.stop()
        from_b = [b"b %d" % i for i in range(50)]
        append(b, from_b)
        mesh.settled([a, b], "text", 50, SETTLE_S)
        b.stop()
        c.start()
        wait_until(lambda: mesh.held(c, "text") == 50, SETTLE_S, "the third has the second's")
        same(bodies_of(c), from_b, "entries of the second on the third")
        append(c, [b"c"])
        mesh.settled([a, c], "text", 51, SETTLE_S)
        c.stop()
        b.start()
        mesh.settled([a, b], "text", 51, SETTLE_S)
        same(bodies_of(b), from_b + [b"c"], "the third's on the second")


def all_off_and_on_in_every_order(build):
    """Each appends when it comes up, also while it is alone, and what it has waits for its seq."""
    with mesh.Mesh(build) as world:
        devices = world.circle("anna", "berta", "cleo")
        ids = append(devices[0], [b"first"])
        mesh.settled(devices, "text", 1, SETTLE_S)
        for order in itertools.permutations(devices):
            for device in devices:
                device.stop()
            for place, device in enumerate(order):
                device.start()
                row = device.call("log.append", log="text", body=f"{device.name} {len(ids)}")
                if place == 0:
                    same(row["seq"], None, "seq of an append that nobody could confirm")
                    same(device.call("agent.status")["pending"], 1, "pending")
                ids.append(row["id"])
            mesh.settled(devices, "text", len(ids), SETTLE_S)
            mesh.linked(*devices)
        for device in devices:
            rows = device.read("text")
            same(sorted(row["id"] for row in rows), sorted(ids), f"ids on {device.name}")
            same([row for row in rows if not isinstance(row["seq"], int)], [], "without a seq")
        mesh.equal_exports(devices, "text")


def up_and_down_by_the_command_line(build):
    """Detached agents, a socket left by a killed one, and names that start an agent."""
    with mesh.Mesh(build) as world:
        a = world.device("anna")
        same(a.warren("down", json_form=True).json(), {"running": False, "stopped": False}, "down")
        same(a.warren("up", json_form=True).json(), {"running": True, "started": True}, "up")
        same(a.warren("up", json_form=True).json(), {"running": True, "started": False}, "up again")
        status = a.warren("status", json_form=True).json()
        same((status["circle"], status["device"]), (None, None), "status without a circle")
        with open(a.path("agent.lock"), encoding="ascii") as file:
            pid = int(file.read())
        subprocess.run(["kill", "-9", str(pid)], check=True)
        wait_until(lambda: a.warren("status", code=None).code == mesh.NOT_RUNNING, 10, "its end")
        same(os.path.exists(a.path("agent.sock")), True, "the socket that SIGKILL left")
        made = a.warren("init", "--no-recovery", "--yes")
        mesh.has(made.err, "started the agent", "init")
        same(a.warren("status", json_form=True).json()["circle"]["devices"], 1, "devices")
        same(a.warren("down", json_form=True).json(), {"running": False, "stopped": True}, "down")
        a.start()  # the lock is free at once
        foreground = a.warren("up", "--foreground")
        mesh.has(foreground.out, "was up already", "up --foreground")


if __name__ == "__main__":
    mesh.main(a_device_that_was_off_catches_up, entries_pass_through_a_third_device,
              all_off_and_on_in_every_order, up_and_down_by_the_command_line)
