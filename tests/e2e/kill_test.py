#!/usr/bin/python3
"""SIGKILL at any time loses no answered append and changes none.

Usage:  kill_test.py BUILD [SEED]      BUILD/bin holds warren and warrend.

Three devices, a client on each that always has appends without an answer.  Agents are killed at
random times: while they append, while they sync, while they start, one, two or all of them.  Each
client keeps the id and body of every answer it got.  At the end all agents run, and every device
must hold every answered entry once, under its id, with its body, signed; and nothing that was never
sent.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import os
import random
import threading
import time

import mesh
from mesh import AgentGone, check, same, say, wait_until

SECONDS = 15        # of random kills at least,
KILLS = 50          # .. so many of them,
SIGNING_KILLS = 4   # .. and of these so many while the device signs
PACE_S = 0.0015     # between the answers that a client takes
UNDER_WAY_MAX = 6   # requests of a client without an answer


class Client(threading.Thread):
    """Appends on one device as long as its agent lives, and again when it lives again."""

    def __init__(self, device, seed):
        super().__init__(daemon=True)
        self.device, self.random = device, random.Random(seed)
        self.over = threading.Event()
        self.answered = {}       # id -> body
        self.unanswered = set()  # bodies that may or may not be there
        self.without_seq = 0     # answers from the pending tail
        self.served = -1         # how often the agent had been killed when it answered last
        self.signed = -1         # .. with an entry that was signed
        self.cut = set()         # of these lives, those that ended with requests under way
        self.count, self.problem = 0, None

    def body(self):
        self.count += 1
        size = self.random.choice((0, 20, 200, 200, 1000, 5000))
        return f"{self.device.name} {self.count} ".encode() + self.random.randbytes(size).hex().encode()

    def send(self, rpc, under_way):
        if self.random.random() < 0.1:
            bodies = [self.body() for _ in range(self.random.randrange(1, 30))]
            under_way.append((None, bodies))
            msgid = rpc.send("log.append_many", log="load", entries=[{"body": b} for b in bodies])
        else:
            bodies = [self.body()]
            under_way.append((None, bodies))
            msgid = rpc.send("log.append", log="load", body=bodies[0])
        under_way[-1] = (msgid, bodies)

    def take(self, rpc, under_way, life):
        msgid, bodies = under_way[0]
        answer = rpc.answer(msgid, "append")
        rows = answer.get("entries", [answer])
        same(len(rows), len(bodies), "answers")
        for row, body in zip(rows, bodies):
            check(row["id"] not in self.answered, "an id was answered twice:", row)
            self.answered[row["id"]] = body
            self.without_seq += row["seq"] is None
            if row["seq"] is not None:
                self.signed = life
        under_way.pop(0)
        self.served = life

    def drain(self, rpc, under_way, life):
        """What was answered before the agent died is in the socket still."""
        try:
            while under_way and under_way[0][0] is not None:
                self.take(rpc, under_way, life)
        except AgentGone:
            pass

    def live(self):
        """One connection."""
        under_way, life = [], self.device.kills
        try:
            rpc = self.device.connect()
        except AgentGone:
            self.over.wait(0.003)
            return
        try:
            while not self.over.is_set() or under_way:
                while len(under_way) < UNDER_WAY_MAX and not self.over.is_set():
                    self.send(rpc, under_way)
                self.take(rpc, under_way, life)
                time.sleep(PACE_S)
        except AgentGone:
            self.drain(rpc, under_way, life)
            # Without any answer, it may have met a process that was dead already.
            if under_way and self.served == life:
                self.cut.add(life)
        finally:
            for _, bodies in under_way:
                self.unanswered.update(bodies)
            rpc.close()

    def run(self):
        try:
            while not self.over.is_set():
                self.live()
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem


class Killer:
    """Random events from one seed."""

    def __init__(self, clients, seed):
        self.clients = {client.device: client for client in clients}
        self.devices = list(self.clients)
        self.random, self.kills, self.signing_kills = random.Random(seed), 0, 0

    def pause(self, longest_s):
        time.sleep(self.random.random() * longest_s)

    def kill(self, *victims):
        for device in victims:
            device.kill()
        self.kills += len(victims)

    def under_load(self, device):
        """Waits until its client has an answer of this life, and so has more under way."""
        client = self.clients[device]
        wait_until(lambda: client.served == device.kills or client.problem, 20,
                   f"an answer of {device.name}")

    def signing(self, device):
        """Waits until a sibling has confirmed it in this life: seconds after a kill."""
        client = self.clients[device]
        wait_until(lambda: client.signed == device.kills or client.problem, 30,
                   f"a signed entry of {device.name}")
        self.signing_kills += 1

    def one(self):
        victim = self.random.choice(self.devices)
        if self.signing_kills < 2 * SIGNING_KILLS and self.random.random() < 0.5:
            self.signing(victim)
        else:
            self.under_load(victim)
        self.pause(0.15)
        self.kill(victim)
        self.pause(0.1)
        victim.start()

    def while_it_catches_up(self):
        """Away for longer, then killed again and again as the others' entries come in."""
        victim = self.random.choice(self.devices)
        self.kill(victim)
        self.pause(0.8)
        for _ in range(4):
            victim.start()
            self.pause(0.04)
            self.kill(victim)
        victim.start()

    def while_it_starts(self):
        victim = self.random.choice(self.devices)
        self.kill(victim)
        os.close(victim.launch())
        self.pause(0.03)
        self.kill(victim)
        victim.start()

    def two(self):
        """The one that stays has no sibling; a restart there makes a tail that waits."""
        lone, *others = self.random.sample(self.devices, 3)
        self.under_load(others[0])
        self.under_load(others[1])
        self.kill(*others)
        self.pause(0.1)
        self.kill(lone)
        lone.start()
        self.pause(0.1)
        self.kill(lone)
        lone.start()
        self.pause(0.1)
        for device in others:
            device.start()

    def all(self):
        for device in self.devices:
            self.under_load(device)
        self.pause(0.2)
        self.kill(*self.devices)
        for device in self.random.sample(self.devices, 3):
            device.start()

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.kills < KILLS or self.signing_kills < SIGNING_KILLS:
            what = self.random.choices(
                (self.one, self.while_it_catches_up, self.while_it_starts, self.two, self.all),
                weights=(10, 3, 1, 2, 1))[0]
            what()


def append(device, body):
    """One append: its id; and its seq, None in the tail."""
    row = device.call("log.append", log="load", body=body)
    return row["id"], row["seq"]


def tail_survives(lone, others):
    """Answers while nobody could confirm what was signed last, over two kills; ids to bodies."""
    kept = {}
    for device in others:
        device.kill()
    for life in range(3):
        lone.kill()
        lone.start()
        for i in range(5):
            body = f"tail of {lone.name}, life {life}, {i}".encode()
            entry, seq = append(lone, body)
            same(seq, None, "seq of an answer that nobody can confirm")
            check(entry not in kept, "an id came twice:", entry)
            kept[entry] = body
        same(lone.call("agent.status")["pending"], len(kept), "pending")
        rows = {row["id"]: row for row in lone.read("load")}
        for entry, body in kept.items():
            same(rows[entry]["body"], body, "a tail entry, read at once")
    for device in others:
        device.start()
    wait_until(lambda: lone.call("agent.status")["pending"] == 0, 30, "the tail is signed")
    return kept


def at_rest(devices):
    """All linked, nothing pending, as many entries here as there."""
    counts = set()
    for device in devices:
        status = device.call("agent.status")
        if status["pending"] or any(row["state"] != "online" or row["behind"] or row["ahead"]
                                    for row in status["siblings"]):
            return False
        counts.add(mesh.held(device, "load"))
    return len(counts) == 1


def restless(devices):
    rows = []
    for device in devices:
        status = device.call("agent.status")
        rows.append({"name": device.name, "pending": status["pending"], "hold": status.get("hold"),
                     "held": mesh.held(device, "load"), "siblings": status["siblings"]})
    return f"all at rest: {rows}"


def what_stands(device):
    """id -> body of an export; ids and places are unique, and every entry is signed."""
    entries, places = {}, set()
    with open(device.exported, encoding="utf-8") as file:
        for row in map(json.loads, file):
            check(row["id"] not in entries, "an id stands there twice:", row["id"])
            check(isinstance(row["seq"], int), "without a seq:", row["id"])
            check((row["device"], row["seq"]) not in places, "a place is used twice:", row)
            places.add((row["device"], row["seq"]))
            same(row["id"].split(":")[0], row["device"], "whose id")
            entries[row["id"]] = (row["body"].encode() if "body" in row
                                  else base64.b64decode(row["body_base64"]))
    return entries


def check_all(devices, answered, maybe):
    digest, count = mesh.equal_exports(devices, "load")
    entries = what_stands(devices[0])
    same(len(entries), count, "lines of the export")
    for entry, body in answered.items():
        check(entry in entries, "an answered append is lost:", entry, body[:60])
        check(entries[entry] == body, "an answered id has another body:", entry, body[:60])
    bodies = list(entries.values())
    check(len(bodies) == len(set(bodies)), "a body stands there twice")
    extra = set(bodies) - set(answered.values())
    check(extra <= maybe, "nobody sent this:", list(extra - maybe)[:3])
    return digest, count, len(extra)


def kills_lose_nothing(build):
    seed = mesh.seed_of_run()
    with mesh.Mesh(build) as world:
        devices = world.circle("anna", "berta", "cleo")
        answered = {}
        append(devices[0], b"first")
        for lone in devices:
            kept = tail_survives(lone, [device for device in devices if device is not lone])
            answered.update(kept)
        same(len(answered), 45, "answers out of the tails")
        maybe = {b"first"}

        clients = [Client(device, f"{seed} {device.name}") for device in devices]
        killer = Killer(clients, seed)
        for client in clients:
            client.start()
        start = time.monotonic()
        killer.run(SECONDS)
        took = time.monotonic() - start
        for client in clients:
            client.over.set()
        for client in clients:
            client.join(mesh.ANSWER_S)
            check(client.problem is None, client.device.name, "client:", client.problem)
            same(len(answered.keys() & client.answered.keys()), 0, "ids answered twice")
            answered.update(client.answered)
            maybe |= client.unanswered
        start = time.monotonic()
        wait_until(lambda: at_rest(devices), 60, lambda: restless(devices))
        settled = time.monotonic() - start
        killer.kill(*devices)  # what counts is what the disks hold
        for device in devices:
            device.start()
        wait_until(lambda: at_rest(devices), 60, "all at rest after the last start")
        digest, count, extra = check_all(devices, answered, maybe)

        cut = sum(len(client.cut) for client in clients)
        say(f"{killer.kills} kills in {took:.0f} s, {cut} of them between a write and its answer, "
            f"{killer.signing_kills} while it signed; "
            f"{len(answered)} appends answered, {sum(c.without_seq for c in clients) + 45} of them "
            f"out of the pending tail")
        say(f"{len(maybe) - 1} appends without an answer, of which {extra} are there; "
            f"at rest {settled:.2f} s later; {count} entries everywhere, sha256 {digest}")
        check(cut * 2 >= killer.kills, "not half of the kills met appends under way")


if __name__ == "__main__":
    mesh.main(kills_lose_nothing)
