#!/usr/bin/python3
"""No message text, log name, device name, code or secret word leaves an agent readable, in any
packet or file, nor any plain hash of one.

Usage:  canary_test.py BUILD      BUILD/bin holds warren and warrend.  77: nothing can be captured.

All traffic of the loopback interface is captured while three devices pair, append and sync; then
the capture, its TCP streams put together, and every file of every home are searched for random
texts that only this test knows, in many forms.  The search itself is tested: each form is planted
and must be found, and the capture must hold a text that was sent in the clear.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys

import mesh
from mesh import check, same, say, wait_until

SECRET = random.SystemRandom()
LETTERS = "abcdefghijkmnopqrstuvwxyz"


def canary(what, size=24):
    return f"{what}{''.join(SECRET.choices(LETTERS, k=size))}"


# ---- forms -------------------------------------------------------------------------------------


def hashes(data):
    for name, value in (("SHA-256", hashlib.sha256(data)), ("SHA-512", hashlib.sha512(data)),
                        ("BLAKE2b-256", hashlib.blake2b(data, digest_size=32)),
                        ("BLAKE2b-512", hashlib.blake2b(data))):
        yield name, value.digest()


def base64_forms(data):
    """What every base64 text holds that encodes these bytes at some place: three alignments."""
    for shift in range(3):
        first, last = (0, 2, 3)[shift], {0: 0, 1: 3, 2: 2}[(shift + len(data)) % 3]
        text = base64.b64encode(bytes(shift) + data).rstrip(b"=")
        text = text[first:len(text) - (1 if last else 0)]
        yield f"base64 at {shift}", text
        yield f"base64url at {shift}", text.translate(bytes.maketrans(b"+/", b"-_"))


def forms(data):
    """(name, bytes) of all that must not be found."""
    yield "raw", data
    yield "hex", data.hex().encode()
    yield "HEX", data.hex().upper().encode()
    yield from base64_forms(data)
    text = data.decode("utf-8", "ignore")
    yield "UTF-16LE", text.encode("utf-16-le")
    yield "UTF-16BE", text.encode("utf-16-be")
    for name, value in hashes(data):
        yield name, value
        yield f"{name}, hex", value.hex().encode()
        yield f"{name}, HEX", value.hex().upper().encode()


def patterns(canaries):
    found = {}
    for name, data in canaries.items():
        for form, pattern in forms(data):
            check(len(pattern) >= 12, f"{name}, {form} is too short to search for")
            found[pattern] = f"{name}, {form}"
    return found


def search(wanted, places):
    return [f"{what} in {place}" for place, data in places.items()
            for pattern, what in wanted.items() if pattern in data]


# ---- capture -----------------------------------------------------------------------------------


class Capture:
    """tcpdump on the loopback interface."""

    def __init__(self, path):
        self.path = path
        self.process = subprocess.Popen(
            ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "0", "-B", "65536", "-w", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = self.process.stderr.readline()
        if b"listening on" not in line:
            self.process.wait()
            print("nothing can be captured:", line.decode(errors="replace").strip())
            sys.exit(77)

    def read(self):
        with open(self.path, "rb") as file:
            return file.read()

    def stop(self, last):
        """All that was captured up to the packet with these last bytes."""
        wait_until(lambda: last in self.read(), 30, "the last packet in the capture")
        self.process.send_signal(signal.SIGINT)
        said = self.process.stderr.read().decode()
        self.process.wait()
        self.process.stderr.close()
        mesh.has(said, "\n0 packets dropped by kernel", "tcpdump")
        return self.read()


def packets(pcap):
    same(struct.unpack("<I", pcap[:4])[0], 0xa1b2c3d4, "magic of the capture")
    at = 24
    while at + 16 <= len(pcap):
        size = struct.unpack("<I", pcap[at + 8:at + 12])[0]
        yield pcap[at + 16:at + 16 + size]
        at += 16 + size


def streams(pcap):
    """The bytes of each direction of each TCP connection over IPv4, in order."""
    parts = {}
    for packet in packets(pcap):
        if packet[12:14] != b"\x08\x00" or packet[23] != 6:
            continue
        ip = packet[14:14 + struct.unpack(">H", packet[16:18])[0]]
        tcp = ip[(ip[0] & 15) * 4:]
        payload = tcp[(tcp[12] >> 4) * 4:]
        if payload:
            key = (ip[12:16], ip[16:20], tcp[0:4])
            parts.setdefault(key, {})[struct.unpack(">I", tcp[4:8])[0]] = payload
    return {f"stream {int.from_bytes(key[2][:2], 'big')} to {int.from_bytes(key[2][2:], 'big')}":
            b"".join(part for _, part in sorted(pieces.items())) for key, pieces in parts.items()}


# ---- what happens --------------------------------------------------------------------------------


class Secrets:
    def __init__(self):
        self.canaries = {}  # searched for in all forms
        self.texts = {}     # searched for as they are

    def new(self, what, size=24):
        text = canary(what, size)
        self.canaries[what] = text.encode()
        return text


def pair(secrets, host, guest, name):
    running = host.spawn("pair", "--yes", json_form=True)
    first = running.line()
    number, *words = first["code"].split("-")
    secrets.texts[f"code for {name}"] = "-".join(words)
    secrets.texts[f"code for {name}, with blanks"] = " ".join(words)
    secrets.texts[f"URI for {name}"] = first["uri"]
    guest.warren("join", first["code"], "--name", name, "--peer", host.peer)
    running.finish()


def seal_first_device(secrets, device, folder):
    """Its words shown, its keys under a passphrase, restarted with it."""
    words = device.warren("recovery", "create", "--print-recovery", json_form=True).json()["recovery"]
    words = words.split()
    same(len(words), 24, "words")
    for i in range(22):
        secrets.texts[f"words {i} to {i + 2}"] = " ".join(words[i:i + 3])
    passphrase = secrets.new("passphrase")
    path = os.path.join(folder, "passphrase")
    with open(path, "w", encoding="ascii") as file:
        file.write(passphrase + "\n")
    device.warren("passphrase", "set", "--passphrase-file", path)
    device.stop()
    device.start("--passphrase-file", path)


def fill(secrets, devices):
    """Entries of every kind on all devices, also in a tail; (log, bodies by canary)."""
    log, kind = secrets.new("log"), secrets.new("kind")
    for device in devices:
        name = secrets.new(f"{device.name}'s body ")
        device.call("log.append", log=log, kind=kind, body=name)
        long = secrets.new(f"{device.name}'s long body ")
        body = (long + " " + "x" * 200) * 150
        device.call("log.append", log=log, body=body)
        secrets.canaries[f"{device.name}'s whole long body"] = body.encode()
        secrets.canaries[f"{device.name}'s bytes"] = SECRET.randbytes(40)
        device.call("log.append", log=log, body=secrets.canaries[f"{device.name}'s bytes"])
        device.call("log.append_many", log=secrets.new(f"{device.name}'s log "), entries=[
            {"body": secrets.new(f"{device.name}'s body {i} ")} for i in range(10)])
    return log


def files_of(devices, when):
    found = {}
    for device in devices:
        for name in os.listdir(device.home):
            if os.path.isfile(device.path(name)) and name != "warren.conf":
                with open(device.path(name), "rb") as file:
                    found[f"{os.path.basename(device.home)}/{name} {when}"] = file.read()
    for name in ("store.db", "keys.db", "device.key", "agent.log"):
        check(sum(f"/{name} " in place for place in found) == len(devices), f"no {name} to search")
    return found


def tail_of_a_lone_device(secrets, devices, log):
    """Unsigned entries, in the files of an agent that was killed."""
    for device in devices:
        device.kill()
    lone = devices[1]
    lone.start()
    row = lone.call("log.append", log=log, body=secrets.new("tail"))
    same(row["seq"], None, "seq in the tail")
    other = secrets.new("log in the tail")
    lone.call("log.append", log=other, body=secrets.new("tail of another log"))
    lone.kill()
    places = files_of(devices, "after SIGKILL")
    check(any("store.db-wal" in place and data for place, data in places.items()), "no store.db-wal")
    return places


def control_text(secret):
    """Sent in the clear, to prove that the capture sees what is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            there, _ = server.accept()
            client.sendall(secret[:10])
            wait_until(lambda: there.recv(10), 5, "the first part")
            client.sendall(secret[10:])
            client.shutdown(socket.SHUT_WR)
            while there.recv(100):
                pass
            there.close()


def test_the_search(wanted, pcap, places):
    """Each form, planted in a copy, is found there and nowhere else."""
    chance = random.Random(1)
    place = next(place for place in places if "/store.db " in place)
    for what, data in (("capture", pcap), (place, places[place])):
        small = data[:100000]
        for pattern, name in wanted.items():
            at = chance.randrange(len(small))
            planted = small[:at] + pattern + small[at:]
            check(f"{name} in copy" in search({pattern: name}, {"copy": planted}),
                  f"{name}, planted into the {what}, is not found")
    for shift in range(3):  # and the three alignments are those of real base64
        inside = base64.b64encode(b"z" * (3 + shift) + b"an example of a text" + b"z" * 5)
        check(any(form in inside for _, form in base64_forms(b"an example of a text")), "base64", shift)


def nothing_is_readable(build):
    secrets = Secrets()
    with mesh.Mesh(build) as world:
        capture = Capture(os.path.join(world.folder, "capture"))
        devices = [world.device(name) for name in ("first", "second", "third")]
        for device in devices:
            device.configure(peers=[other for other in devices if other is not device],
                             discovery="multicast", log_level="debug")
            device.start()
        a, b, c = devices
        a.warren("init", "--yes", "--name", secrets.new("name of the first "))
        pair(secrets, a, b, secrets.new("name of the second "))
        pair(secrets, a, c, secrets.new("name of the third "))
        mesh.linked(*devices)
        seal_first_device(secrets, a, world.folder)
        mesh.linked(*devices)
        log = fill(secrets, devices)
        a.warren("device", "rename", secrets.canaries["name of the first "].decode(),
                 secrets.new("new name of the first "))
        mesh.settled(devices, log, 9, 30)
        for device in devices:  # what is searched for was there, everywhere
            bodies = [row["body"] for row in device.read(log)]
            for name, data in secrets.canaries.items():
                if name.endswith(("s body ", "bytes", "whole long body")):
                    check(data in bodies, f"{device.name} does not read {name}")
            names = [row["name"] for row in device.call("circle.devices")["devices"]]
            wait_until(lambda: secrets.canaries["new name of the first "].decode() in
                       [row["name"] for row in device.call("circle.devices")["devices"]], 30,
                       lambda: f"{device.name} knows {names}")
        places = files_of(devices, "while running")
        places |= tail_of_a_lone_device(secrets, devices, log)
        a.start("--passphrase-file", os.path.join(world.folder, "passphrase"))
        b.start()
        c.start()
        mesh.settled(devices, log, 10, 30)
        for device in devices:
            device.stop()
        control = canary("control").encode()
        control_text(control)
        pcap = capture.stop(control[10:])
        places |= files_of(devices, "at rest")

        whole = streams(pcap)
        check(any(control == data for data in whole.values()), "the capture lacks the control text")
        sent = sum(map(len, whole.values()))
        bodies = sum(map(len, secrets.canaries.values()))
        check(sent > 2 * bodies, f"a capture of {sent} bytes cannot hold {bodies} twice")
        places |= whole | {"capture": pcap}
        wanted = patterns(secrets.canaries)
        for name, text in secrets.texts.items():
            wanted[text.encode()] = name
        test_the_search(wanted, pcap, places)
        found = search(wanted, places)
        for line in found:
            say(f"found: {line}")
        check(not found, f"{len(found)} readable")
        say(f"{len(secrets.canaries)} texts, {len(wanted)} patterns; {len(pcap)} bytes captured, "
            f"{len(whole)} streams, {sum(map(len, places.values()))} bytes searched in "
            f"{len(places)} places: nothing found")


if __name__ == "__main__":
    if not shutil.which("tcpdump"):
        print("tcpdump is not installed")
        sys.exit(77)
    mesh.main(nothing_is_readable)
