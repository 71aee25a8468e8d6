#!/usr/bin/python3
"""Pairing by the command line, and everything that can go wrong with it.

Usage:  pairing_test.py BUILD [SEED]      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import re

import mesh
from gate import IN, OUT, Gate
from mesh import DONE, FAILED, REFUSED, TIMED_OUT, USAGE, check, has, same, say, wait_until

YES, NO = "y\n", "n\n"
SETTLE_S = 30


# ---- steps -----------------------------------------------------------------------------------


def host_of(world, name="anna"):
    host = world.device(name).start()
    mesh.found(host)
    return host


def window(host, *options):
    """(the running `pair`, its code)."""
    running = host.spawn("pair", *options, json_form=True)
    first = running.line()
    same(sorted(first), ["code", "expires_s", "uri"], "the first line of pair")
    check(re.fullmatch(r"\d{4}(-[a-z]+){3}", first["code"]), "not a code:", first["code"])
    check(re.fullmatch(r"warren:[a-z2-7]+", first["uri"]), "not a URI:", first["uri"])
    return running, first["code"]


def wrong(code, turn=1):
    """A code of the same form that is not this one: its words in another order, or its number."""
    number, *words = code.split("-")
    turned = words[turn:] + words[:turn]
    if turned == words:
        number = f"{(int(number) + turn) % 8192:04}"
    return "-".join([number] + turned)


def join(guest, code, peer, name=None):
    return guest.spawn("join", code, "--peer", peer, *(["--name", name] if name else []))


def members(device):
    return [row for row in device.call("circle.devices")["devices"] if not row["removed"]]


def has_no_circle(guest):
    same(guest.call("agent.status")["circle"], None, f"{guest.name}'s circle")
    check(not os.path.exists(guest.path("device.key")), "a device.key was left")
    check(not os.path.exists(guest.path("store.db")), "a store.db was left")


def admits(host, guest, peer=None):
    """A pairing that works, from a new window."""
    running, code = window(host, "--yes")
    joined = join(guest, code, peer or host.peer)
    joined.finish(DONE)
    running.finish(DONE)
    guest.id = guest.call("agent.status")["device"]["id"]
    check(guest.id in [row["id"] for row in members(host)], "the host does not know the guest")


def syncs(*devices):
    """What one appends, all read."""
    for device in devices:
        device.call("log.append", log="sync", body=device.name)
    names = sorted(device.name.encode() for device in devices)
    for device in devices:
        wait_until(lambda: mesh.held(device, "sync") == len(names), SETTLE_S,
                   f"{device.name} has what all appended")
        same(sorted(row["body"] for row in device.read("sync")), names, "bodies")


# ---- the right code ---------------------------------------------------------------------------


def the_right_code_admits_after_the_owner_has_seen_the_words(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running = host.spawn("pair", "--role", "member")
        running.until("Waiting for 5 min")
        code = re.search(r"^Code: (\S+)$", running.out, re.M).group(1)
        has(running.out, "URI: warren:", "pair")
        joined = join(guest, code, host.peer, name="Bertas Telefon")
        # The question and what stands above it come through two pipes.
        running.until("Admit it? [y/N]").until("'Bertas Telefon' asks to join.")
        here = wait_until(lambda: re.search(r"These four words .*:  ((?:[a-z]+ ?){4})\n", running.out),
                          20, "the words").group(1)
        joined.until("it must show these words: ")
        there = re.search(r"it must show these words: (.*)$", joined.err, re.M).group(1)
        same(here.split(), there.split(), "the four words")
        same(len(here.split()), 4, "words")
        same([row["id"] for row in members(host)], [host.id], "members before the owner's yes")
        has_no_circle(guest)
        running.write(YES)
        has(running.finish(DONE).out, "'Bertas Telefon' is now a device of this circle.", "pair")
        has(joined.finish(DONE).out, "of 2 devices as 'Bertas Telefon'.", "join")
        # Its name comes with its first entries.
        guests = wait_until(lambda: [row for row in members(host) if row["name"] == "Bertas Telefon"], 20,
                            "the name of the guest")
        same(guests[0]["role"], "member", "role")
        syncs(host, guest)
        failed = guest.warren("pair", code=None)
        same(failed.code, REFUSED, f"a member that is no admin: {failed}")


def the_json_forms(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running, code = window(host, "--yes")
        joined = guest.warren("join", f"  {code.upper().replace('-', ' ')} ", "--name", "Ännchen",
                              "--peer", host.peer, json_form=True).rows()
        rows = [json.loads(line) for line in running.finish(DONE).out.splitlines()]
        same([next(iter(row)) for row in rows], ["code", "request", "joined"], "lines of pair")
        words, joined = joined
        same(sorted(joined), ["circle", "device"], "join")
        same(joined["device"]["name"], "Ännchen", "join")
        same(joined["circle"], {"id": host.call("agent.status")["circle"]["id"], "devices": 2}, "join")
        same(rows[2]["joined"], joined["device"], "joined")
        same(len(rows[1]["request"]["words"].split()), 4, "words")
        same(words, {"words": rows[1]["request"]["words"]}, "words of join")
        error = guest.warren("join", code, "--peer", host.peer, json_form=True, code=FAILED).json()
        same(sorted(error["error"]), ["code", "message"], "error")


def a_uri_joins_without_an_address(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running = host.spawn("pair", "--yes", json_form=True)
        uri = running.line()["uri"]
        secret = 52  # a letter of the secret in it
        broken = uri[:secret] + ("a" if uri[secret] != "a" else "b") + uri[secret + 1:]
        has(guest.warren("join", uri[:40], code=USAGE).err, "this pairing URI is damaged", "join")
        guest.warren("join", broken, code=REFUSED)
        has_no_circle(guest)
        guest.warren("join", uri)
        running.finish(DONE)
        syncs(host, guest)


def a_code_alone_is_enough_near_by(build):
    with mesh.Mesh(build) as world:
        host, guest, late = (world.device(name) for name in ("anna", "guest", "late"))
        for device in (host, guest, late):
            device.configure(discovery="multicast")
            device.start()
        mesh.found(host)
        running, code = window(host, "--yes")
        guest.warren("join", code)
        running.finish(DONE)
        joined = late.spawn("join", wrong(code, 2))  # looks for a window that opens later, if ever
        joined.until("Looking for the pairing device")
        check(joined.process.poll() is None, "gave up at once:", joined.result())
        joined.kill()
        has_no_circle(late)
        syncs(host, guest)


# ---- wrong codes -------------------------------------------------------------------------------


def a_wrong_code_is_refused_on_both_sides(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running = host.spawn("pair", "--yes")
        running.until("Waiting for")
        code = re.search(r"^Code: (\S+)$", running.out, re.M).group(1)
        number, first, *rest = code.split("-")
        for text, says in ((f"{number}-{first}", "a pairing code is a number and three words"),
                           (f"{number}-{first}-{rest[0]}-frobnicate", "word 3 of the code"),
                           (f"9999-{first}-{rest[0]}-{rest[1]}", "four digits up to 8191"),
                           ("", "a pairing code is")):
            has(guest.warren("join", text, "--peer", host.peer, code=USAGE).err, says, "join")
        for peer in ("nohost", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "[::1", "::1:7117"):
            has(guest.warren("join", code, "--peer", peer, code=USAGE).err, "peer", "join")
        refused = guest.warren("join", wrong(code), "--peer", host.peer, code=REFUSED)
        has(refused.err, "the code was not accepted", "join")
        running.until("a device tried a wrong code")
        has_no_circle(guest)
        same(len(members(host)), 1, "members")
        joined = join(guest, code, host.peer)
        joined.finish(DONE)
        running.finish(DONE)
        same(len(members(host)), 2, "members")


def three_wrong_codes_burn_the_right_one(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        other = world.device("other").start()
        running, code = window(host, "--yes")
        bad = wrong(code)
        for _ in range(3):
            check(running.process.poll() is None, "the window is over too soon")
            guest.warren("join", bad, "--peer", host.peer, code=REFUSED)
        over = running.finish(REFUSED)
        has(over.out, "three wrong codes were tried: the code is void", "pair")
        same(json.loads(over.out.splitlines()[-1])["error"]["code"], "refused", "pair's error")
        # The joining device stops as well: no fourth run leaves it, whoever would answer.
        with Gate(host.port) as gate:
            again = guest.warren("join", bad, "--peer", gate.peer, code=REFUSED)
            has(again.err, "this code failed three times", "the fourth try")
            same(len(gate.passages), 0, "connections of the fourth try")
        late = other.warren("join", code, "--peer", host.peer, code=REFUSED)
        has(late.err, "no open pairing for this code", "the right code, after it was burnt")
        for device in (guest, other):
            has_no_circle(device)
        same(len(members(host)), 1, "members")
        admits(host, guest)


def a_code_admits_one_device_once(build):
    with mesh.Mesh(build) as world:
        host = host_of(world)
        first, second = world.device("first").start(), world.device("second").start()
        with host.connect() as rpc:  # stays open: so does the window, for the device it admitted
            code = rpc.call("circle.pair", auto=True)["code"]
            first.warren("join", code, "--peer", host.peer)
            rpc.note("pairing.done")
            late = second.warren("join", code, "--peer", host.peer, code=REFUSED)
            has(late.err, "no open pairing for this code", "a used code")
        has_no_circle(second)
        same(len(members(host)), 2, "members")
        admits(host, second)
        mesh.wait_until(lambda: len(members(first)) == 3, SETTLE_S, "the first device knows it, too")


# ---- no, too late, not here ---------------------------------------------------------------------


def the_owner_says_no(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        for answer in (NO, "\n"):
            running, code = window(host)
            joined = join(guest, code, host.peer)
            running.line(1)
            running.write(answer)
            has(joined.finish(REFUSED).err, "the other device refused", "join")
            over = running.finish(REFUSED)
            has(over.out, "you refused the device", "pair")
            has_no_circle(guest)
            same(len(members(host)), 1, "members")
        admits(host, guest)


def a_window_expires(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        for seconds in ("9", "3601", "x"):
            host.warren("pair", "--timeout", seconds, code=USAGE)
        running, code = window(host, "--timeout", "10")
        same(running.line()["expires_s"], 10, "expires_s")
        joined = join(guest, code, host.peer)  # asked, but nobody answers
        running.line(1)
        over = running.finish(TIMED_OUT, deadline_s=20)
        has(over.out, "the code expired", "pair")
        check(joined.finish(None).code != DONE, "joined after the end of the window")
        has_no_circle(guest)
        same(len(members(host)), 1, "members")
        admits(host, guest)


def homes_that_do_not_fit(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        none = guest.warren("pair", code=FAILED, json_form=True).json()
        same(none["error"]["code"], "no_circle", "pair on a home without a circle")
        running, code = window(host)
        has(host.warren("pair", code=FAILED).err, "a pairing is under way", "a second window")
        own = host.warren("join", code, "--peer", host.peer, code=FAILED)
        has(own.err, "this home has a circle", "join on a home with a circle")
        far = guest.warren("join", code, code=REFUSED)
        has(far.err, "--peer", "join without an address, without discovery")
        has_no_circle(guest)
        joined = join(guest, code, host.peer)
        running.line(1)
        has(guest.warren("join", code, "--peer", host.peer, code=FAILED).err, "a join is under way",
            "a second join")
        running.write(YES)
        joined.finish(DONE)
        running.finish(DONE)


# ---- somebody goes away -------------------------------------------------------------------------


def a_join_that_is_given_up_frees_the_window(build):
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running, code = window(host)
        for i in range(2):  # more often than there are tries for wrong codes, with the last
            joined = join(guest, code, host.peer)
            running.line(1 + i)
            joined.kill()
        has_no_circle(guest)
        joined = join(guest, code, host.peer)
        request = running.line(3)["request"]
        running.kill()  # and a window goes with its command
        check(request["words"], "words:", request)
        check(joined.finish(None).code != DONE, "joined without the owner's yes")
        has_no_circle(guest)
        admits(host, guest)
        syncs(host, guest)


def a_wrong_code_does_not_take_the_question_away(build):
    with mesh.Mesh(build) as world:
        host, guest, other = (world.device(name) for name in ("anna", "guest", "other"))
        for device in (host, guest, other):
            device.start()
        mesh.found(host)
        for json_form in (False, True):
            running = host.spawn("pair", json_form=json_form)
            running.until("URI: " if not json_form else "expires_s")
            code = re.search(r"\d{4}(-[a-z]+){3}", running.out).group()
            joined = join(guest, code, host.peer)
            running.until("asks to join" if not json_form else "request")
            check(other.warren("join", wrong(code), "--peer", host.peer, code=None).code != DONE,
                  "a wrong code while the owner is asked")
            running.write(YES)
            joined.finish(DONE)
            running.finish(DONE)
            same(len(members(host)), 2 + json_form, "members")
            guest, other = other, world.device("third").start()


def a_guest_killed_before_the_yes_needs_a_new_code(build):
    """It comes back as another device, and the owner's yes is for the one that was shown."""
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        running = host.spawn("pair")
        running.until("Waiting for")
        code = re.search(r"^Code: (\S+)$", running.out, re.M).group(1)
        joined = join(guest, code, host.peer)
        running.until("Admit it? [y/N]")
        guest.kill()
        check(joined.finish(None).code != DONE, "joined without an agent")
        guest.start()
        has_no_circle(guest)
        check(join(guest, code, host.peer).finish(None).code != DONE, "joined in another's place")
        running.until("another device came with the same code")
        same(running.out.count("asks to join"), 1, "times that the owner was asked")
        has_no_circle(guest)
        running.kill()
        admits(host, guest)
        same(len(members(host)), 2, "members")
        syncs(host, guest)


def left_the_host(gate):
    """Something waits at the gate that the host has sent."""
    wait_until(lambda: gate.last.held[OUT], SETTLE_S, "the host's next bytes")


def stored_by(guest):
    wait_until(lambda: guest.call("agent.status")["circle"], SETTLE_S, "the guest stored the circle")


def a_guest_killed_after_the_yes(build):
    """Once before it knew, once after it had stored the circle and before the host heard so."""
    with mesh.Mesh(build) as world:
        host = host_of(world)
        lost, kept = world.device("lost").start(), world.device("kept").start()
        with Gate(host.port) as gate:
            running, code = window(host)
            joined = join(lost, code, gate.peer)
            running.line(1)
            gate.hold(OUT)
            running.write(YES)
            left_the_host(gate)
            lost.kill()
            joined.finish(None)
            lost.start()
            has_no_circle(lost)
            running.kill()
        wait_until(lambda: len(members(host)) == 2, SETTLE_S, "an ADD that may have left counts")
        with Gate(host.port) as gate:
            running, code = window(host)
            joined = join(kept, code, gate.peer)
            running.line(1)
            gate.hold(IN)
            running.write(YES)
            stored_by(kept)
            kept.kill()
            joined.finish(None)
            running.kill()
        wait_until(lambda: len(members(host)) == 3, SETTLE_S, "and the second, too")
        kept.start()
        same(len(members(kept)), 3, "the guest's members")
        syncs(host, kept)
        admits(host, lost)
        syncs_again(host, kept, lost)


def a_host_killed_after_the_yes(build):
    """The ADD counts after its restart, whether the guest has it or not."""
    with mesh.Mesh(build) as world:
        host = host_of(world)
        lost, kept = world.device("lost").start(), world.device("kept").start()
        with Gate(host.port) as gate:
            running, code = window(host)
            joined = join(kept, code, gate.peer)
            running.line(1)
            gate.hold(IN)
            running.write(YES)
            stored_by(kept)
            host.kill()
            check(running.finish(None).code != DONE, "pair cannot know how it ended")
            host.start()
            gate.cut_all()
            gate.let(IN)
            joined.finish(DONE)
        same([row["id"] for row in members(host)], [row["id"] for row in members(kept)], "members")
        same(len(members(host)), 2, "members after the restart")
        syncs(host, kept)
        with Gate(host.port) as gate:
            running, code = window(host)
            joined = join(lost, code, gate.peer)
            running.line(1)
            gate.hold(OUT)
            running.write(YES)
            left_the_host(gate)
            host.kill()
            running.finish(None)
            host.start()
            gate.cut_all()
            gate.let(OUT)
            check(joined.finish(None).code != DONE, "joined a circle it never saw")
        has_no_circle(lost)
        same(len(members(host)), 3, "members after the second restart")
        may_sign(host)
        admits(host, lost)
        syncs_again(host, kept, lost)


def the_only_device_killed_after_the_yes(build):
    """Nobody else is there to confirm what it signed; it must be able to go on."""
    with mesh.Mesh(build) as world:
        host, guest = host_of(world), world.device("guest").start()
        with Gate(host.port) as gate:
            running, code = window(host)
            joined = join(guest, code, gate.peer)
            running.line(1)
            gate.hold(OUT)
            running.write(YES)
            left_the_host(gate)
            host.kill()
            running.finish(None)
            host.start()
            gate.cut_all()
            gate.let(OUT)
            joined.finish(None)
        has_no_circle(guest)
        admits(host, guest)
        syncs(host, guest)


def may_sign(device):
    """After a start: until a sibling has confirmed what the device signed last."""
    device.call("log.append", log="probe", body="probe")
    wait_until(lambda: device.call("agent.status")["pending"] == 0, SETTLE_S, "it signs again")


def syncs_again(*devices):
    devices[0].call("log.append", log="again", body="again")
    for device in devices:
        wait_until(lambda: mesh.held(device, "again") == 1, SETTLE_S, f"{device.name} has it")


# ---- cut connections ---------------------------------------------------------------------------


CUTS = 4  # in each direction


def a_cut_connection_goes_on_with_one_add(build):
    """Wherever it is cut, at most three joins with one code end with one new member."""
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        host = host_of(world)
        guest = world.device("whole").start()
        with Gate(host.port) as gate:
            admits(host, guest, gate.peer)
            same(len(gate.passages), 1, "connections")
            whole = {direction: len(gate.last.sent[direction]) for direction in (IN, OUT)}
        guest.stop()
        cuts = [(direction, chance.randrange(1, size))
                for direction, size in whole.items() for _ in range(CUTS)]
        tries = []
        for count, (direction, size) in enumerate(cuts):
            guest = world.device(f"cut{count}").start()
            with Gate(host.port, cut_after={direction: size}) as gate:
                running, code = window(host, "--yes")
                for left in (2, 1, 0):
                    joined = join(guest, code, gate.peer).finish(None)
                    tries.append(joined.code)
                    if joined.code == DONE:
                        break
                    same(joined.code, REFUSED, f"{direction} cut after {size}: {joined}")
                    check(left, f"{direction} cut after {size}: three tries failed:", joined)
                    has_no_circle(guest)
                running.finish(DONE)
                check(len(gate.passages) > 1, "nothing was cut")
            same(len(members(host)), count + 3, f"members, {direction} cut after {size} bytes")
            guest.stop()
        say(f"pairing is {whole[IN]} and {whole[OUT]} bytes; cut at {cuts}: exit codes {tries}")


if __name__ == "__main__":
    mesh.main(the_right_code_admits_after_the_owner_has_seen_the_words,
              a_window_expires,
              three_wrong_codes_burn_the_right_one,
              a_cut_connection_goes_on_with_one_add,
              the_json_forms,
              a_uri_joins_without_an_address,
              a_code_alone_is_enough_near_by,
              a_wrong_code_is_refused_on_both_sides,
              a_code_admits_one_device_once,
              the_owner_says_no,
              homes_that_do_not_fit,
              a_join_that_is_given_up_frees_the_window,
              a_wrong_code_does_not_take_the_question_away,
              a_guest_killed_before_the_yes_needs_a_new_code,
              a_guest_killed_after_the_yes,
              a_host_killed_after_the_yes,
              the_only_device_killed_after_the_yes,
              at_once=4)
