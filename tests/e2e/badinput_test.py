#!/usr/bin/python3
"""What strangers and broken programs send: dropped, and nothing has changed.

Usage:  badinput_test.py BUILD [SEED]      BUILD/bin holds warren and warrend.

The first bytes of a real session are recorded at a proxy, then sent again: as they were, with each
bit flipped, cut short.  Noise and other protocols go to the same port.  A low-order key cannot be
put into message 1 from here, as its MAC needs a key of the circle: see tests/unit/
channel_handshake_test.c, low_order_ephemeral_keys_are_refused and
low_order_static_keys_are_refused.
SPDX-License-Identifier: Apache-2.0
"""
import random
import socket
import threading
import time

import mesh
from gate import IN, OUT, Gate
from mesh import Rpc, check, same, say, wait_until

import msgpack  # after mesh, which says what is missing

DROP_S = 5        # a drop, as opposed to the deadline of a handshake
HANDSHAKE_S = 10  # that deadline
STRANGERS = 64    # connections that are not known yet; more are closed at once
SESSION, PAIRING = b"\x01", b"\x81"


# ---- a stranger --------------------------------------------------------------------------------


def stranger(device):
    return socket.create_connection(("127.0.0.1", device.port), timeout=DROP_S)


def until_closed(connection):
    """What came back before the agent closed; Failed if it does not."""
    got = b""
    try:
        while data := connection.recv(1 << 16):
            got += data
    except ConnectionResetError:
        pass
    except socket.timeout as problem:
        raise mesh.Failed("the connection is still open") from problem
    finally:
        connection.close()
    return got


def say_to(device, data, end=False):
    """Sends, and returns the answer up to the agent's drop.  end: nothing more follows."""
    connection = stranger(device)
    try:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return until_closed(connection)


def record(data):
    return len(data).to_bytes(2, "big") + data


def waits_for_more(data):
    """Not enough to tell who speaks, or a record that a stranger may send and that is not whole."""
    return len(data) < 3 or len(data) - 2 < int.from_bytes(data[:2], "big") <= 512


def records(data):
    """The whole records at the start of a stream."""
    found = []
    while len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
        size = 2 + int.from_bytes(data[:2], "big")
        found.append(data[:size])
        data = data[size:]
    return found


class State:
    """What must not change, and that the agent is the same process."""

    def __init__(self, device):
        self.device, self.process = device, device.process
        self.then = self.now()

    def now(self):
        status = self.device.call("agent.status")
        devices = self.device.call("circle.devices")["devices"]
        return (status["circle"], status["entries"], status["pending"],
                [(row["id"], row["name"], row["removed"]) for row in devices],
                self.device.export("text"))

    def check(self, what):
        check(self.device.is_running() and self.device.process is self.process,
              f"{what}: the agent has ended")
        same(self.now(), self.then, f"{what}: state")


# ---- recording ---------------------------------------------------------------------------------


def pair_with_a_gate(world):
    """Two siblings; the second dials the first at `gate_port`, where nobody listens now."""
    a, b = world.device("anna"), world.device("berta")
    for device in (a, b):
        device.start()
    mesh.found(a)
    mesh.pair(a, b)
    a.call("log.append_many", log="text", entries=[{"body": f"line {i}"} for i in range(200)])
    mesh.settled([a, b], "text", 200, 30)
    b.stop()
    a.stop()
    gate_port, a.port = a.port, mesh.free_port()
    a.configure()
    a.start()
    return a, b, gate_port


def record_that_never_arrived(a, b, gate_port):
    """The first record of a session, as the second device meant it."""
    with Gate(a.port, listen=gate_port) as gate:
        gate.hold(IN)
        b.start()
        wait_until(lambda: gate.passages and gate.last.held[IN], 30, "a dial through the gate")
        first = records(gate.last.held[IN])[0]
        b.stop()
    same(first[2:3], SESSION, "the first byte of a session")
    return first


def session_that_worked(a, b, gate_port):
    """All that the second device said in it."""
    with Gate(a.port, listen=gate_port) as gate:
        b.start()
        wait_until(lambda: gate.passages and len(records(gate.last.sent[IN])) > 2, 30,
                   "a session through the gate")
        mesh.linked(a, b)
        sent = gate.last.sent[IN]
        b.stop()
    return sent


def altered(first, chance):
    """(bytes, whether the agent must wait for more unless this is the end)"""
    for bit in range(len(first) * 8):
        data = bytearray(first)
        data[bit // 8] ^= 1 << bit % 8
        yield bytes(data), bit < 16  # in the length
    for size in range(len(first)):
        yield first[:size], True
    for _ in range(50):
        at = chance.randrange(3, len(first))
        yield first[:at] + chance.randbytes(len(first) - at), False


def what_was_recorded_opens_nothing(build):
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        a, b, gate_port = pair_with_a_gate(world)
        first = record_that_never_arrived(a, b, gate_port)
        state, count = State(a), 0
        silent, half = stranger(a), stranger(a)  # dropped at the deadline of the handshake
        half.sendall(first[:len(first) // 2])
        since = time.monotonic()
        for data, end in altered(first, chance):
            same(say_to(a, data, end), b"", f"the answer to {data.hex()} for {first.hex()}")
            count += 1
        state.check("flipped bits and short messages")
        # As it was, it would have been good, once: so it is the changes that were refused.
        with stranger(a) as connection:
            connection.sendall(first)
            check(connection.recv(1 << 16), "message 1 as it was is not answered")
        same(say_to(a, first), b"", "the answer to message 1 when it comes again")
        sent = session_that_worked(a, b, gate_port)
        for data in (sent, records(sent)[0]):
            same(say_to(a, data), b"", "the answer to what was said in another session")
        later = b"".join(records(sent)[1:])
        same(say_to(a, later, end=True), b"", "the answer to the later part of another session")
        state.check("replays")
        for connection in (silent, half):
            connection.settimeout(max(0.1, since + HANDSHAKE_S + DROP_S - time.monotonic()))
            same(until_closed(connection), b"", "the answer to a stranger that waits")
        took = time.monotonic() - since
        check(took > HANDSHAKE_S - 2, f"a stranger that waits is dropped after {took:.1f} s")
        b.start()
        mesh.linked(a, b)
        state.check("a sibling that came afterwards")
        say(f"message 1 has {len(first)} bytes: {count} altered and short ones and {len(sent)} bytes "
            f"of a session dropped; strangers that wait, after {took:.1f} s")


# ---- strangers that never knew anything ----------------------------------------------------------


def noise_and_other_protocols(build):
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        a.call("log.append_many", log="text", entries=[{"body": f"line {i}"} for i in range(200)])
        mesh.settled([a, b], "text", 200, 30)
        state = State(a)
        hello = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x02\x00\x01",
                 b"\x00" * 600, b"\xff" * 600, record(b""), record(SESSION),
                 record(SESSION + bytes(16)), record(SESSION + bytes(500)),
                 record(SESSION + chance.randbytes(112)), record(b"\x02" + bytes(100)),
                 record(SESSION + bytes(512)), b"\xff\xff" + SESSION + bytes(70000),
                 # no window is open
                 record(PAIRING + b"\x02" + chance.randbytes(32)), record(PAIRING + bytes(33)),
                 record(PAIRING + b"\x03" + bytes(32)), record(PAIRING), record(PAIRING * 300)]
        for data in hello:
            same(say_to(a, data, waits_for_more(data)), b"", f"the answer to {data[:30]!r}")
        for _ in range(300):
            data = chance.randbytes(chance.choice((1, 2, 3, 20, 100, 200, 520, 5000)))
            same(say_to(a, data, waits_for_more(data)), b"", f"the answer to {data[:30].hex()}")
        state.check("noise")
        # The same with a window open: it must still be good for its code.
        with a.connect() as window:
            code = window.call("circle.pair", auto=True)["code"]
            for data in hello:
                same(say_to(a, data, waits_for_more(data)), b"",
                     f"the answer to {data[:30]!r} with a window open")
            for _ in range(100):
                data = PAIRING + bytes([chance.randrange(1, 4)]) + chance.randbytes(32)
                same(say_to(a, record(data)), b"", "the answer to an unknown rid")
            c = world.device("cleo").start()
            c.call("circle.join", code=code, name="cleo", peer=a.peer)
            window.note("pairing.done")
        same(len(a.call("circle.devices")["devices"]), 3, "devices")


def many_strangers_take_no_place_from_siblings(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        a.call("log.append", log="text", body="before")
        mesh.settled([a, b], "text", 1, 30)
        state = State(a)
        crowd = [stranger(a) for _ in range(STRANGERS * 3)]
        mesh.linked(a, b)
        b.kill()
        b.start()
        mesh.linked(a, b, deadline_s=HANDSHAKE_S + DROP_S)
        for connection in crowd:
            connection.settimeout(HANDSHAKE_S + DROP_S)
            same(until_closed(connection), b"", "the answer to one of a crowd")
        state.check("a crowd")


def a_stop_while_strangers_dial_is_in_order(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        over = threading.Event()

        def dial():
            while not over.is_set():
                try:
                    stranger(a).close()
                except OSError:
                    pass  # nobody listens just now

        crowd = [threading.Thread(target=dial) for _ in range(3)]
        for one in crowd:
            one.start()
        try:
            for _ in range(10):
                a.stop()
                a.start()
        finally:
            over.set()
            for one in crowd:
                one.join()
        mesh.linked(a, b)


def members_of_another_circle_are_strangers(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        a.call("log.append", log="text", body="ours")
        mesh.settled([a, b], "text", 1, 30)
        x, y = world.circle("xaver", "yvonne")
        x.call("log.append", log="text", body="theirs")
        mesh.settled([x, y], "text", 1, 30)
        state = State(a)
        y.stop()
        x.stop()
        with Gate(a.port) as gate:  # the address where the other's sibling is said to be
            x.configure(peers=[gate])
            x.start()
            wait_until(lambda: gate.passages and len(gate.last.sent[IN]) > 20, 30, "it dials us")
            wait_until(lambda: len(gate.passages) > 1, 30, "and once more, as we dropped it")
            for passage in gate.passages:
                same(passage.sent[OUT], b"", "the answer to a member of another circle")
            same(mesh.online(x), 0, "siblings it found")
        state.check("a member of another circle")
        same([row["body"] for row in x.read("text")], [b"theirs"], "what the other circle reads")


# ---- the local socket ---------------------------------------------------------------------------


def broken_programs_on_the_socket(build):
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        a = world.device("anna").start()
        mesh.found(a)
        a.call("log.append_many", log="text", entries=[{"body": f"line {i}"} for i in range(200)])
        state = State(a)
        for method, code in (("log.frob", "not_found"), ("", "not_found"), ("x" * 5000, "not_found")):
            try:
                a.call(method)
                raise mesh.Failed(f"method {method[:20]!r} is known")
            except mesh.CallError as error:
                same(error.code, code, f"method {method[:20]!r}")
        frames = [msgpack.packb(frame) for frame in (
            [0, 1, "agent.status", [{}]], [0, 2, "log.read", [{"log": "text", "limit": 5}]],
            [0, 3, "log.subscribe", [{"log": "text", "after": ""}]], [2, "whatever", [{}]])]
        for i in range(400):
            data = bytearray(b"".join(chance.sample(frames, 3)))
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            if i % 4 == 0:
                data = data[:chance.randrange(len(data))]
            if i % 10 == 0:
                data = chance.randbytes(chance.randrange(1, 4000))
            with Rpc(a.path("agent.sock")) as rpc:
                try:
                    rpc.socket.sendall(data)
                    rpc.socket.shutdown(socket.SHUT_WR)
                    while rpc.socket.recv(1 << 16):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        state.check("malformed frames")


if __name__ == "__main__":
    mesh.main(what_was_recorded_opens_nothing, many_strangers_take_no_place_from_siblings,
              noise_and_other_protocols, a_stop_while_strangers_dial_is_in_order,
              members_of_another_circle_are_strangers,
              broken_programs_on_the_socket, at_once=3)
