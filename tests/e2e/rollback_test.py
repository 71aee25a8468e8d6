#!/usr/bin/python3
"""A home is copied, or set back to a backup: nothing is signed twice, nothing answered is lost, and
the owner is told.

Usage:  rollback_test.py BUILD      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import time

import mesh
from mesh import append, bodies, check, has, same, say, wait_until

SETTLE_S = 60
RESTART_S = 15  # from a kill to the word of a sibling
LOG = "text"


def status(device):
    return device.call("agent.status")


def handshakes(device):
    return status(device)["counters"]["handshakes"]


def rollbacks(device):
    return [row["text"] for row in device.call("circle.alerts")["alerts"] if row["type"] == "rollback"]


def copy_home(device, to):
    """What a backup would hold: all but the socket and the lock."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(device.home, to, ignore=lambda _, names: [
        name for name in names if name in ("agent.sock", "agent.lock", "warren.conf", "agent.log", "stderr")])


def copied(world):
    """A sibling, a device that signs, and a copy of its home that is not started."""
    a, b = world.circle("anna", "berta")
    append(b, b"before")
    mesh.settled([a, b], LOG, 1, SETTLE_S)
    b.stop()
    copy = world.device("copy")
    with open(copy.path("warren.conf"), encoding="utf-8") as file:
        conf = file.read()
    copy_home(b, copy.home)
    with open(copy.path("warren.conf"), "w", encoding="utf-8") as file:
        file.write(conf + f"[network]\npeers = {a.peer}\n")
    b.start()
    wait_until(lambda: status(b)["hold"] == "none", SETTLE_S, "the first copy signs")
    return a, b, copy


def two_copies_of_one_home(build):
    with mesh.Mesh(build) as world:
        a, b, copy = copied(world)
        append(b, b"of the first")

        copy.start()
        append(copy, b"of the second")  # answered: it is durable
        wait_until(lambda: status(copy)["hold"] == "twin", SETTLE_S, lambda: f"it says why: {status(copy)}")
        tries = handshakes(copy)
        wait_until(lambda: handshakes(copy) >= tries + 3, SETTLE_S, "it tries again and again")
        append(copy, b"of the second, later")
        same((status(copy)["hold"], status(copy)["pending"]), ("twin", 2), "the second copy")
        has(rollbacks(copy)[0], "another copy of this device is running", "the alert")
        has(copy.warren("status").out, "another copy of this device is running", "status")
        has(copy.warren("alerts").out, "another copy of this device is running", "alerts")
        append(b, b"of the first, later")
        same((status(b)["hold"], status(b)["pending"]), ("none", 0), "the first copy")
        copy.kill()
        copy.start()  # durable, and no more allowed than before
        wait_until(lambda: status(copy)["hold"] == "twin", SETTLE_S, "it is told again")
        same(status(copy)["pending"], 2, "what waits")
        mesh.settled([a, b], LOG, 3, SETTLE_S)

        start = time.monotonic()
        b.stop()
        wait_until(lambda: status(copy)["pending"] == 0, SETTLE_S, lambda: f"it goes on: {status(copy)}")
        say(f"the second copy signs {time.monotonic() - start:.1f} s after the first has stopped")
        mesh.settled([a, copy], LOG, 5, SETTLE_S)
        same(bodies(a), bodies(copy), "what both show")
        same(len(bodies(a)), 5, "entries")
        same([row for row in a.call("circle.alerts")["alerts"] if row["type"] == "equivocation"], [],
             "alerts of the sibling")
        same(a.call("circle.devices")["devices"][1]["removed"], False, "the device is a member")


def a_copy_comes_in_as_a_new_device(build):
    with mesh.Mesh(build) as world:
        a, b, copy = copied(world)
        copy.start()
        waits = append(copy, b"of the copy")
        wait_until(lambda: status(copy)["hold"] == "twin", SETTLE_S, "the copy is told")
        former = status(copy)["device"]["id"]
        refused = b.warren("join", "1234-able-baker-cedar", "--again", code=None)
        has(refused.err, "need not come in again", "a device that signs")
        wrong = copy.warren("join", "1234-able-baker-cedar", "--again", "--peer", a.peer, code=None)
        check(wrong.code != mesh.DONE, "a wrong code")
        same(status(copy)["pending"], 1, "what waits after a wrong code")

        host = a.spawn("pair", "--yes", json_form=True)
        code = host.line()["code"]
        joined = copy.warren("join", code, "--again", "--name", "copy", "--peer", a.peer, json_form=True)
        host.finish()
        fresh = status(copy)["device"]["id"]
        same(joined.rows()[-1]["device"]["id"], fresh, "what join tells")
        check(fresh != former, "it is a new device")
        wait_until(lambda: status(copy)["pending"] == 0, SETTLE_S, lambda: f"it signs: {status(copy)}")
        append(copy, b"of the new device")
        append(b, b"of the first")
        mesh.settled([a, b, copy], LOG, 4, SETTLE_S)
        same(bodies(b), bodies(copy), "what both show")
        same(bodies(a), bodies(copy), "what the sibling shows")
        mine = [row for row in a.read(LOG) if row["body"] == b"of the copy"][0]
        same(mine["id"].split(":"), [fresh, waits.split(":")[1]], "the id of what waited")
        same(rollbacks(copy), [], "alerts of the new device")
        copy.kill()
        copy.start()
        same(status(copy)["device"]["id"], fresh, "after a kill")
        wait_until(lambda: status(copy)["hold"] == "none", SETTLE_S, "it signs again")
        same(len(status(a)["siblings"]), 2, "devices")


def a_restart_after_a_kill(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        append(b, b"before")
        mesh.settled([a, b], LOG, 1, SETTLE_S)
        for _ in range(3):
            b.kill()
            start = time.monotonic()
            b.start()
            append(b, b"x")
            wait_until(lambda: status(b)["pending"] == 0, RESTART_S, lambda: f"it signs: {status(b)}")
            say(f"signs {time.monotonic() - start:.1f} s after a kill")
        same(rollbacks(b), [], "alerts")


def a_home_that_was_set_back(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        append(b, b"before")
        mesh.settled([a, b], LOG, 1, SETTLE_S)
        b.stop()
        backup = os.path.join(world.folder, "backup")
        copy_home(b, backup)
        b.start()
        wait_until(lambda: status(b)["hold"] == "none", SETTLE_S, "it signs")
        for i in range(5):
            append(b, f"lost {i}".encode())
        mesh.settled([a, b], LOG, 6, SETTLE_S)
        b.stop()
        a.stop()
        for name in os.listdir(backup):
            shutil.copy2(os.path.join(backup, name), b.path(name))
        for name in ("store.db-wal", "store.db-shm", "keys.db-wal", "keys.db-shm"):
            if os.path.exists(b.path(name)):
                os.remove(b.path(name))
        b.start()
        append(b, b"after")
        same((status(b)["hold"], status(b)["pending"]), ("waiting", 1), "alone")
        has(b.warren("status").out, "until a sibling has said", "status")
        with b.connect() as listener:
            listener.call("events.subscribe")
            a.start()
            _, note = listener.note("alert")
            same(note["type"], "rollback", "the event")
            has(note["text"], "5 entries", "the event")
        wait_until(lambda: status(b)["pending"] == 0, SETTLE_S, "it signs")
        mesh.settled([a, b], LOG, 7, SETTLE_S)
        same(bodies(a), bodies(b), "what both show")
        same(len(rollbacks(b)), 1, "alerts")
        has(rollbacks(b)[0], "5 entries", "the alert")
        check(status(b)["alerts"] == 1, "status counts it")
        alert = b.call("circle.alerts")["alerts"][0]
        b.warren("alerts", "reject", alert["id"][:8])
        b.stop()
        b.start()
        same(rollbacks(b), [], "it was seen")


def lowers(device, name, sibling):
    device.warren("device", "role", name, "member")
    wait_until(lambda: mesh.rows(sibling)[name]["role"] == "member", SETTLE_S, "the sibling knows")


def two_copies_that_no_sibling_sees_together(build):
    """Both sign, and the device is thrown out; the circle takes new devices as before."""
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        append(b, b"before")
        mesh.settled([a, b, c], LOG, 1, SETTLE_S)
        copy, fresh = world.device("copy"), world.device("dora").start()
        for device in (a, b, c):
            device.stop()
        copy_home(b, copy.home)
        for one, other, name in ((b, a, "cleo"), (copy, c, "anna")):
            one.configure(peers=[other])
            other.configure(peers=[one])
            one.start()
            other.start()
            wait_until(lambda one=one: status(one)["hold"] == "none", SETTLE_S, "each signs")
            lowers(one, name, other)
            one.stop()
            other.stop()
        for one, other in ((a, c), (c, a), (copy, a)):
            one.configure(peers=[other])
        a.start()
        c.start()
        for device in (a, c):
            wait_until(lambda device=device: mesh.rows(device)["berta"]["removed"], SETTLE_S, "it is out")
        same(mesh.rows(a)["berta"]["reason"], "equivocated", "why")
        proofs = [op for op in a.call("circle.log")["ops"] if op["type"] == "equiv"]
        same([[row["name"] for row in op["devices"]] for op in proofs], [["berta"]], "of whom")

        copy.start()
        for device, options in ((fresh, ()), (copy, ("--again",))):
            host = a.spawn("pair", "--yes", json_form=True)
            device.warren("join", host.line()["code"], *options, "--name", "new", "--peer", a.peer)
            host.finish()
        append(fresh, b"of a new one")
        append(copy, b"of the copy")
        wait_until(lambda: {"of a new one", "of the copy"} <= set(bodies(a)), SETTLE_S,
                   lambda: f"both write: {bodies(a)}")


def two_copies_that_only_write(build):
    """Neither signs anything but an entry; what tells is that two siblings hold another one each."""
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        append(b, b"before")
        mesh.settled([a, b, c], LOG, 1, SETTLE_S)
        copy = world.device("copy")
        for device in (a, b, c):
            device.stop()
        copy_home(b, copy.home)
        for one, other in ((b, a), (copy, c)):
            one.configure(peers=[other])
            other.configure(peers=[one])
            one.start()
            other.start()
            wait_until(lambda one=one: status(one)["hold"] == "none", SETTLE_S, "each signs")
            append(one, f"of {one.name}".encode())
            mesh.settled([one, other], LOG, 2, SETTLE_S)
            one.stop()
            other.stop()
        for one, other in ((a, c), (c, a)):
            one.configure(peers=[other])
        a.start()
        c.start()
        for device in (a, c):
            wait_until(lambda device=device: mesh.rows(device)["berta"]["removed"], SETTLE_S, "it is out")
            same(mesh.rows(device)["berta"]["reason"], "equivocated", "why")
            same([row["type"] for row in device.call("circle.alerts")["alerts"]], ["equivocation"], "alerts")


if __name__ == "__main__":
    mesh.main(two_copies_of_one_home, a_copy_comes_in_as_a_new_device, a_restart_after_a_kill,
              a_home_that_was_set_back, two_copies_that_no_sibling_sees_together,
              two_copies_that_only_write)
