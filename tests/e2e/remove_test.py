#!/usr/bin/python3
"""A device is removed: it hears nothing more, and what it goes on to say is not heard.

Usage:  remove_test.py BUILD      BUILD/bin holds warren and warrend.

The removed device stays up as a thief would keep it: it dials, it writes, and it waits for a sibling
that slept through its removal.
SPDX-License-Identifier: Apache-2.0
"""
import time

import mesh
from mesh import append, bodies, check, has, rows, same, say, wait_until

SETTLE_S = 60
LOG = "text"


def gone(device, name):
    return rows(device)[name]["removed"]


def links(device):
    return mesh.online(device)


def next_entry(rpc):
    entry = rpc.note("log.entry")[1]
    return entry["body"].decode(), entry.get("late", False)


def a_stolen_device_hears_nothing_more(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        for device, body in ((a, b"of a"), (b, b"of b"), (c, b"of c")):
            append(device, body)
        mesh.settled([a, b, c], LOG, 3, SETTLE_S)
        epoch = a.call("agent.status")["circle"]["epoch"]

        foreseen = a.call("circle.foresee", device="cleo")
        same((foreseen["along"], foreseen["struck"]), ([], []), "what the removal would do")
        start = time.monotonic()
        a.call("circle.remove", device="cleo")
        wait_until(lambda: links(a) == 1, SETTLE_S, "the session of the first is closed")
        wait_until(lambda: gone(b, "cleo"), SETTLE_S, "the second knows")
        wait_until(lambda: links(c) == 0, SETTLE_S, "no session of the removed one is left")
        say(f"no session of it {time.monotonic() - start:.3f} s after the removal")
        check(a.call("agent.status")["circle"]["epoch"] != epoch, "a new epoch was made")
        same(rows(a)["cleo"]["reason"], "lost", "why it is out")

        append(a, b"after, of a")
        append(b, b"after, of b")
        append(c, b"after, of c")  # answered: it is durable there
        mesh.settled([a, b], LOG, 5, SETTLE_S)
        same(bodies(a), sorted(["of a", "of b", "of c", "after, of a", "after, of b"]), "the first")
        same(bodies(b), bodies(a), "the second")
        same(bodies(c), sorted(["of a", "of b", "of c", "after, of c"]), "the removed one")
        same(links(c), 0, "sessions of the removed one")

        row = [op for op in b.call("circle.log")["ops"] if op["type"] == "remove"]
        same((len(row), row[0]["devices"][0]["name"]), (1, "cleo"), "the removal in the history")

        before = len(a.call("circle.log")["ops"]), a.call("agent.status")["circle"]["epoch"]
        again = a.warren("device", "remove", "cleo", "--yes", code=mesh.FAILED)
        has(again.err, "is out already (lost, by anna, since 20", "who removes it again")
        same((len(a.call("circle.log")["ops"]), a.call("agent.status")["circle"]["epoch"]), before,
             "and nothing was signed")
        a.warren("device", "remove", "cleo", "--reason", "compromised", "--yes")
        has(a.warren("devices").out, "removed: compromised", "but what says more is")


def a_sleeper_that_wakes_to_the_thief_catches_up(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        append(c, b"before")
        mesh.settled([a, b, c], LOG, 1, SETTLE_S)
        b.stop()
        a.call("circle.remove", device="cleo")
        append(a, b"secret")
        a.stop()
        append(c, b"of the thief")
        b.start()  # only the thief is there
        wait_until(lambda: links(b) == 1, SETTLE_S, "the sleeper meets the thief")
        wait_until(lambda: mesh.held(b, LOG) == 2, SETTLE_S, "it does not know better yet")
        a.start()
        followers = a.connect(), b.connect()
        for rpc in followers:
            rpc.call("log.subscribe", log=LOG)
        wait_until(lambda: gone(b, "cleo"), SETTLE_S, "the sleeper hears of the removal")
        wait_until(lambda: bodies(b) == ["before", "secret"], SETTLE_S,
                   lambda: f"what counts is in the log: {bodies(b)}")
        alerts = wait_until(lambda: b.call("circle.alerts")["alerts"], SETTLE_S, "the owner is asked")
        same((len(alerts), alerts[0]["type"]), (1, "received_while_lost"), "what about")
        wait_until(lambda: bodies(a) == ["before", "secret"], SETTLE_S, "the first likewise")
        same(bodies(c), ["before", "of the thief"], "the thief has no secret")
        b.call("circle.resolve", alert=alerts[0]["id"], accept=True)
        same(bodies(b), ["before", "of the thief", "secret"], "taken over by the owner")
        same(b.call("circle.alerts")["alerts"], [], "nothing is left to ask")
        what_is_accepted_comes_late(a, b, followers)
        b.stop()
        b.start()
        same(bodies(b), ["after", "before", "of the thief", "secret"], "after a restart")


def what_is_accepted_comes_late(a, b, followers):
    """b heard the thief before it heard of the removal, a only when that was hidden already."""
    alert = wait_until(lambda: a.call("circle.alerts")["alerts"], SETTLE_S, "a is asked, too")[0]
    a.call("circle.resolve", alert=alert["id"], accept=True)
    append(a, b"after")
    same([next_entry(followers[0]) for _ in range(4)],
         [("before", False), ("secret", False), ("of the thief", True), ("after", False)],
         "who follows on a")
    got = [next_entry(followers[1]) for _ in range(4)]
    same(sorted(body for body, _ in got), ["after", "before", "of the thief", "secret"],
         "who follows on b gets each once")
    followers[1].call("agent.version")
    same(followers[1].notes, [], "and nothing more")


def who_leaves_is_retired(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        out = a.warren("device", "remove", "cleo", "--reason", "retired", "--yes", code=mesh.FAILED)
        has(out.err, "leave", "the way to retire a device")
        c.warren("leave", "--yes")
        wait_until(lambda: gone(a, "cleo") and gone(b, "cleo"), SETTLE_S, "it said goodbye")
        out = c.warren("log", "append", LOG, "too late", code=mesh.REFUSED)
        has(out.err, "no member", "who left writes to nobody")
        append(a, b"without cleo")
        mesh.settled([a, b], LOG, 1, SETTLE_S)
        a.warren("device", "remove", "cleo", "--reason", "retired", "--yes")
        has(a.warren("devices").out, "left", "why it is out")


def a_role_is_lowered_and_kept(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        a.warren("device", "role", "berta", "member")
        wait_until(lambda: rows(b)["berta"]["role"] == "member", SETTLE_S, "it knows")
        out = b.warren("device", "remove", "cleo", "--yes", code=mesh.REFUSED)
        has(out.err, "admin", "who may remove")
        check(not gone(a, "cleo"), "nothing happened")
        b.stop()
        b.start()
        same(rows(b)["berta"]["role"], "member", "after a restart")


def the_last_admin_stays_one(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        words = a.call("recovery.create")["recovery"].encode() + b"\n"
        a.warren("device", "role", "berta", "member")
        acts = len(a.call("circle.log")["ops"])
        a.warren("device", "role", "berta", "member")  # it is one: nothing is signed
        has(a.warren("device", "role", "anna", "member", code=mesh.FAILED).err, "last admin",
            "lowering the last one")
        same(rows(a)["anna"]["role"], "admin", "its role")
        wait_until(lambda: rows(b)["berta"]["role"] == "member", SETTLE_S, "it knows")
        out = b.warren("device", "role", "anna", "member", code=mesh.REFUSED)
        has(out.err, "this device has the role member: an admin changes roles", "who may")
        same(len(a.call("circle.log")["ops"]), acts, "what was signed")
        has(a.warren("leave", code=mesh.FAILED).err, "No other device is an admin", "the farewell")
        a.warren("device", "role", "anna", "member", "--words-file", "-", stdin=words)
        same(rows(a)["anna"]["role"], "member", "by the words")
        wait_until(lambda: rows(b)["anna"]["role"] == "member", SETTLE_S, "everywhere")


def who_is_out_is_told_so_and_comes_in_anew(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        words = a.call("recovery.create")["recovery"].encode() + b"\n"
        append(b, b"before")
        mesh.settled([a, b], LOG, 1, SETTLE_S)
        has(b.warren("leave", code=mesh.FAILED).err, "Leave the circle?", "the question")
        b.warren("leave", "--yes")
        wait_until(lambda: gone(a, "berta"), SETTLE_S, "it said goodbye")
        for command in (("leave", "--yes"), ("log", "append", LOG, "x"), ("device", "rename", "berta", "x"),
                        ("device", "role", "anna", "member", "--words-file", "-"),
                        ("device", "remove", "anna", "--yes", "--words-file", "-"),
                        ("circle", "reset", "--yes", "--words-file", "-")):
            out = b.warren(*command, code=mesh.REFUSED, stdin=words)
            has(out.err, "this device is no member of its circle any more", command)
        status = b.call("agent.status")
        same((status["hold"], status["circle"]["epoch"]), ("out", None), "what it says of itself")
        has(b.warren("status").out, "no member of the circle any more", "what a person reads")
        has(a.warren("leave", code=mesh.FAILED).err, "It is the last device", "the farewell of the last")

        former = b.id
        host = a.spawn("pair", "--yes", json_form=True)
        b.warren("join", host.line()["code"], "--again", "--name", "bertha", "--peer", a.peer)
        host.finish()
        check(b.call("agent.status")["device"]["id"] != former, "it is a new device")
        append(b, b"after")
        mesh.settled([a, b], LOG, 2, SETTLE_S)
        same((bodies(a), bodies(b)), (["after", "before"], ["after", "before"]), "what both show")


if __name__ == "__main__":
    mesh.main(a_stolen_device_hears_nothing_more, a_sleeper_that_wakes_to_the_thief_catches_up,
              who_leaves_is_retired, a_role_is_lowered_and_kept, the_last_admin_stays_one,
              who_is_out_is_told_so_and_comes_in_anew)
