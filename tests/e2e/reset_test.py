#!/usr/bin/python3
"""A circle begins anew with its recovery words: who slept follows, who was left behind hears nothing.

Usage:  reset_test.py BUILD      BUILD/bin holds warren and warrend.

SPDX-License-Identifier: Apache-2.0
"""
import mesh
from mesh import append, bodies, check, has, rows, same, wait_until

SETTLE_S = 60
LOG = "text"


def who_slept_follows_and_who_was_left_hears_nothing(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        words = a.call("recovery.create")["recovery"].encode() + b"\n"
        append(c, b"of c")
        mesh.settled([a, b, c], LOG, 1, SETTLE_S)
        b.stop()
        epoch = a.call("agent.status")["circle"]["epoch"]
        reset = ("circle", "reset", "--without", "cleo", "--yes", "--words-file", "-")
        a.warren(*reset, code=mesh.REFUSED, stdin=b"abandon " * 23 + b"art\n")
        check(not rows(a)["cleo"]["removed"], "nothing happened")
        has(a.warren(*reset, stdin=words).err, "begins anew")
        wait_until(lambda: mesh.online(a) == 0, SETTLE_S, "no session of the one left behind")
        check(a.call("agent.status")["circle"]["epoch"] != epoch, "a new epoch was made")
        append(a, b"after, of a")
        append(c, b"after, of c")
        b.start()
        wait_until(lambda: rows(b)["cleo"]["removed"], SETTLE_S, "the sleeper follows")
        wait_until(lambda: bodies(b) == ["after, of a", "of c"], SETTLE_S,
                   lambda: f"what counts is in the log: {bodies(b)}")
        append(b, b"after, of b")
        wait_until(lambda: len(bodies(a)) == 3, SETTLE_S, "and writes")
        same(bodies(c), ["after, of c", "of c"], "the one left behind")
        acts = [op for op in b.call("circle.log")["ops"] if op["type"] == "reset"]
        same((len(acts), acts[0]["by_recovery"], acts[0]["counts"]), (1, True, True), "the history")
        same((rows(b)["cleo"]["by_recovery"], rows(b)["cleo"]["reason"]), (True, "reset"), "who put it out")
        out = a.warren("circle", "reset", "--without", "cleo", "--yes", "--words-file", "-",
                       code=mesh.FAILED, stdin=words)
        has(out.err, "no member any more", "it is out already")
        out = a.warren("circle", "reset", code=mesh.FAILED)
        has(out.err, f"These begin anew, signed by the 24 words: anna ({a.id[:8]}), berta ({b.id[:8]})",
            "who stays")
        has(out.err, f"These never come back under their ids: cleo ({c.id[:8]})", "who does not")

        for device in (a, b):  # from what was stored
            device.stop()
        for device in (a, b):
            device.start()
        mesh.linked(a, b)
        append(a, b"again, of a")
        wait_until(lambda: len(bodies(b)) == 4, SETTLE_S, "after a restart")
        same(bodies(a), bodies(b), "both")
        check(rows(a)["cleo"]["removed"] and not rows(a)["berta"]["removed"], "members")
        # The words hold on, also for the next time.
        a.warren("circle", "reset", "--yes", "--words-file", "-", stdin=words)
        wait_until(lambda: len([op for op in b.call("circle.log")["ops"]
                                if op["type"] == "reset"]) == 2, SETTLE_S, "the second time")
        append(b, b"in the third")
        wait_until(lambda: len(bodies(a)) == 5, SETTLE_S, "in the third generation")


def a_removal_that_the_owner_did_not_know_is_told(build):
    with mesh.Mesh(build) as world:
        a, b, c = world.circle("anna", "berta", "cleo")
        words = a.call("recovery.create")["recovery"].encode() + b"\n"
        append(a, b"of a")
        mesh.settled([a, b, c], LOG, 1, SETTLE_S)
        a.stop()
        b.call("circle.remove", device="cleo")
        b.stop()
        a.start()
        mesh.linked(a, c)
        a.warren("circle", "reset", "--yes", "--words-file", "-", stdin=words)
        b.start()
        wait_until(lambda: not rows(b)["cleo"]["removed"], SETTLE_S, "the removal is void")
        alerts = wait_until(lambda: a.call("circle.alerts")["alerts"], SETTLE_S, "it is told")
        same([(alert["type"], alert["device"]["name"]) for alert in alerts],
             [("accusation_overridden", "cleo")], "what about")
        a.call("circle.resolve", alert=alerts[0]["id"], accept=True)
        wait_until(lambda: rows(a)["cleo"]["removed"] and rows(b)["cleo"]["removed"], SETTLE_S,
                   "accused anew")


if __name__ == "__main__":
    mesh.main(who_slept_follows_and_who_was_left_hears_nothing,
              a_removal_that_the_owner_did_not_know_is_told)
