#!/usr/bin/python3
"""Damaged and foreign files of a home: a clear error that names the file, and nothing is touched.

Usage:  badfiles_test.py BUILD [SEED]      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import os
import random
import sqlite3
import subprocess

import mesh
from mesh import DONE, FAILED, NOT_FOUND, NOT_RUNNING, USAGE, check, has, same, say

KEEP = ("device.key", "store.db", "keys.db", "warren.conf")
FLIPS = 40


# ---- a home, and copies of it -----------------------------------------------------------------


class Home:
    """A device with some entries that rests, and the bytes of its files."""

    def __init__(self, world, name):
        self.device = world.device(name).start()
        mesh.found(self.device)
        rows = [{"body": f"{name} {i}"} for i in range(2000)]
        self.device.call("log.append_many", log="text", entries=rows)
        self.status = self.device.call("agent.status")["circle"]
        self.digest = self.device.export("text")
        self.device.stop()
        self.bytes = {name: self.read(name) for name in KEEP}
        same(sorted(os.listdir(self.device.home)),
             ["agent.lock", "agent.log", "device.key", "keys.db", "stderr", "store.db", "warren.conf"],
             "files of a home at rest")

    def read(self, name):
        with open(self.device.path(name), "rb") as file:
            return file.read()

    def restore(self):
        """The home as it was at first."""
        for name in os.listdir(self.device.home):
            if name.startswith(KEEP):
                path = self.device.path(name)
                if os.path.isdir(path):
                    os.rmdir(path)
                else:
                    os.unlink(path)
        for name, data in self.bytes.items():
            self.put(name, data)

    def put(self, name, data):
        with open(self.device.path(name), "wb") as file:
            file.write(data)
        os.chmod(self.device.path(name), 0o600)

    def picture(self):
        """Every file but the diagnostics: bytes, mode."""
        return {name: (mesh.sha256_of(self.device.path(name)) if os.path.isfile(self.device.path(name))
                       else None, os.stat(self.device.path(name)).st_mode)
                for name in os.listdir(self.device.home)
                if name not in ("agent.log", "agent.lock", "stderr")}

    def is_whole(self):
        """Starts, and has everything."""
        self.device.start()
        same(self.device.call("agent.status")["circle"], self.status, "circle")
        same(self.device.export("text"), self.digest, "export")
        self.device.stop()


def refuses(home, name, what, code=FAILED, options=()):
    """The agent does not start, names the file, and leaves all files as they are."""
    before = home.picture()
    text = home.device.try_start(*options)
    if text == "ready":
        status = home.device.call("agent.status")["circle"]
        home.device.kill()
        raise mesh.Failed(f"{name}, {what}: the agent started; its circle: {status}")
    same(text.split(" ")[0], str(code), f"{name}, {what}: {text!r}, exit code to be")
    has(text, name, f"{name}, {what}: the error")
    same(home.device.exit_code, code, f"{name}, {what}: exit code of warrend")
    after = home.picture()
    same({file: after.get(file) for file in before}, before, f"{name}, {what}: files afterwards")
    return text


def flip(data, at):
    return data[:at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1:]


# ---- tests ------------------------------------------------------------------------------------


def a_second_agent_is_refused(build):
    with mesh.Mesh(build) as world:
        home = Home(world, "anna")
        first = home.device.start().process
        home.device.process = None
        text = home.device.try_start()
        same(text.split(" ")[0], "busy", text)
        has(text, f"another agent (process {first.pid}) runs on this home", "the second agent")
        has(text, home.device.home, "the second agent")
        same(home.device.exit_code, FAILED, "exit code of the second agent")
        second = subprocess.run([world.warrend, "--home", home.device.home, "--foreground"],
                                capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        same(second.returncode, FAILED, "exit code of a second agent in the foreground")
        has(second.stderr.decode(), "another agent", "the second agent")
        same(home.device.warren("up", json_form=True).json(), {"running": True, "started": False}, "up")
        home.device.process = first
        same(home.device.export("text"), home.digest, "export of the first")
        home.device.stop()
        home.is_whole()


def damaged_and_foreign_files_are_refused(build):
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        home, other = Home(world, "anna"), Home(world, "berta")
        for name in ("device.key", "store.db", "keys.db"):
            good = home.bytes[name]
            cases = {"no bytes": b"", "one byte": good[:1], "half": good[:len(good) // 2],
                     "all zero": bytes(len(good)), "noise": chance.randbytes(len(good)),
                     "text": b"this is no such file\n" * 40, "of another home": other.bytes[name],
                     "another application's database": database_of_another_program(world)}
            if name.endswith(".db"):
                cases["a newer version"] = with_version(world, good, 99)
            else:
                cases["one byte short"] = good[:-1]
                cases["one byte more"] = good + b"x"
                cases["a newer version"] = good[:8] + b"\x02" + good[9:]
            for what, data in cases.items():
                home.restore()
                home.put(name, data)
                refuses(home, name, what)
            home.restore()
            os.unlink(home.device.path(name))
            os.mkdir(home.device.path(name))
            refuses(home, name, "a folder")
            home.restore()
            os.unlink(home.device.path(name))
            refuses(home, name, "missing beside the others")
        home.restore()
        os.chmod(home.device.path("device.key"), 0o644)
        has(refuses(home, "device.key", "0644"), "can be read by others: run chmod 600", "0644")
        home.restore()
        for name in ("store.db", "keys.db"):  # both at once: the other device's whole store
            home.put(name, other.bytes[name])
        refuses(home, "keys.db", "store.db and keys.db of another home")
        up = home.device.warren("up", code=FAILED)
        has(up.err, home.device.path("keys.db"), "warren up")
        home.restore()
        home.is_whole()


def database_of_another_program(world):
    path = os.path.join(world.folder, "another.db")
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS books (title TEXT)")
    db.commit()
    db.close()
    with open(path, "rb") as file:
        return file.read()


def with_version(world, data, version):
    path = os.path.join(world.folder, "newer.db")
    with open(path, "wb") as file:
        file.write(data)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with open(path, "rb") as file:
        return file.read()


def flipped_bits_never_pass_for_something_else(build):
    """Refused, or all is as it was, or the reader says what is wrong; never another content."""
    chance = random.Random(mesh.seed_of_run())
    with mesh.Mesh(build) as world:
        home = Home(world, "anna")
        for name in ("device.key", "store.db", "keys.db"):
            fates = {"refused": 0, "unharmed": 0, "an error on reading": 0, "no such log": 0}
            for _ in range(FLIPS):
                home.restore()
                at = chance.randrange(len(home.bytes[name]) * 8)
                home.put(name, flip(home.bytes[name], at))
                fates[fate_of(home, name, at)] += 1
            if name == "device.key":
                same(fates["refused"], FLIPS, "every flipped bit of device.key is seen")
            say(f"{name}, {len(home.bytes[name])} bytes, one bit flipped {FLIPS} times: {fates}")
        home.restore()
        home.is_whole()


def values_of_every_table_are_guarded(build):
    """As chance seldom meets the short ones: a bit in the middle of some values of each column."""
    with mesh.Mesh(build) as world:
        home = Home(world, "anna")
        fates = {}
        for name in ("store.db", "keys.db"):
            data = home.bytes[name]
            for what, value in blobs_of(world, data):
                at = data.find(value)
                while at >= 0:  # wherever it stands: in its table, in an index, in another table
                    home.restore()
                    bit = (at + len(value) // 2) * 8 + 1
                    home.put(name, flip(data, bit))
                    fate = fate_of(home, name, bit, what)
                    fates[fate] = fates.get(fate, 0) + 1
                    at = data.find(value, at + 1)
        check(fates["refused"] > 10, "hardly any value is guarded:", fates)
        say(f"a bit flipped in {sum(fates.values())} values of all tables: {fates}")


def blobs_of(world, data):
    """(table.column, value): some of each column."""
    path = os.path.join(world.folder, "looked-at.db")
    with open(path, "wb") as file:
        file.write(data)
    db = sqlite3.connect(path)
    found = []
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in [row[1] for row in db.execute(f"PRAGMA table_info({table})")]:
            values = db.execute(f"SELECT DISTINCT {column} FROM {table} WHERE typeof({column}) = "
                                f"'blob' AND length({column}) BETWEEN 8 AND 2000 LIMIT 3")
            found += [(f"{table}.{column}", value) for (value,) in values]
    db.close()
    return found


def fate_of(home, name, at, what=""):
    before, device = home.picture(), home.device
    what = f"{name}, bit {at} {what}"
    text = device.try_start()
    if text != "ready":
        has(text, name, f"{what}: the error")
        after = home.picture()
        same({file: after.get(file) for file in before}, before, f"{what}: files")
        return "refused"
    try:
        same(device.call("agent.status")["circle"], home.status, f"{what}: circle")
    except mesh.CallError as error:
        device.kill()
        has(error.text, name, f"{what}: the error of status")
        return "an error on reading"
    result = device.warren("log", "export", "text", code=None)
    device.kill()
    if result.code == DONE:
        digest = hashlib.sha256(result.out.encode()).hexdigest()
        lines = len(result.out.splitlines())
        same((digest, lines), home.digest, f"{what}: an export that says it is done")
        return "unharmed"
    if result.code == NOT_FOUND:  # what is altered is the key that the log's name is found by
        return "no such log"
    same(result.code, FAILED, f"{what}: export")
    has(result.err, name, f"{what}: the error of export")
    return "an error on reading"


def bad_settings_are_refused(build):
    with mesh.Mesh(build) as world:
        home = Home(world, "anna")
        cases = (("[agent]\nnmae = anna\n", ":2: agent.nmae"),
                 ("[agnet]\nname = anna\n", ":1: [agnet]"),
                 ("name = anna\n", ":1: name"),
                 ("[agent]\nname = anna\nname = berta\n", ":3: agent.name"),
                 ("[agent]\nlog_level = loud\n", ":2: agent.log_level"),
                 ("[network]\nmode = fast\n", ":2: network.mode"),
                 ("[agent]\nname = " + "n" * 129 + "\n", ":2: agent.name"),
                 ("[agent]\nname = -anna\n", ":2: agent.name"),
                 ("[agent]\nfrobnicate\n", ":2: "),
                 ("[agent\nname = anna\n", ":1: "),
                 ("[agent]\nname = \xff\xfe\n", ":2: agent.name"),
                 ("[agent]\n; " + "x" * 70000 + "\n", ""),
                 ("[agent]\nname = " + "x" * 300 + "\n", ":2: "),
                 ("[agent]\nlisten = 127.0.0.1\n", "agent.listen"),
                 ("[network]\npeers = example.org:1\n", "network.peers"))
        for text, says in cases:
            home.put("warren.conf", text.encode("latin-1"))
            error = refuses(home, "warren.conf", repr(text[:40]))
            has(error, says, repr(text[:40]))
        home.put("warren.conf", cases[0][0].encode())
        has(home.device.warren("up", code=FAILED).err, "warren.conf:2: agent.nmae", "warren up")
        home.restore()
        home.device.start()
        before = home.read("warren.conf")
        for key, value in (("agent.nmae", "x"), ("name", "x"), ("network.mode", "fast"),
                           ("agent.name", "two\nlines"), ("agent.name", "n" * 129)):
            failed = home.device.warren("config", "set", key, value, code=USAGE)
            has(failed.err, key, "config set")
        has(home.device.warren("config", "get", "agent.nmae", code=USAGE).err, "agent.nmae", "get")
        same(home.read("warren.conf"), before, "warren.conf after refused changes")
        home.device.stop()
        home.is_whole()


def homes_that_cannot_be_one(build):
    with mesh.Mesh(build) as world:
        device = world.device("anna")
        deep = os.path.join(world.folder, "d" * 60, "e" * 40)
        for command in (["up"], ["status"], ["init", "--yes"]):
            done = subprocess.run([world.warren, "--home", deep, *command], capture_output=True,
                                  timeout=30, stdin=subprocess.DEVNULL)
            check(done.returncode in (FAILED, NOT_RUNNING), "a path that is too long:", done)
            has(done.stderr.decode(), "107", "warren, with a path that is too long")
        done = subprocess.run([world.warrend, "--home", deep, "--foreground"], capture_output=True,
                              timeout=30, stdin=subprocess.DEVNULL)
        same(done.returncode, FAILED, "warrend with a path that is too long")
        has(done.stderr.decode(), "107", "warrend with a path that is too long")
        check(not os.path.exists(os.path.dirname(deep)), "a folder was made")
        with open(device.path("agent.sock"), "w", encoding="ascii") as file:
            file.write("not a socket")
        text = device.try_start()
        has(text, "agent.sock: is there and is not a socket", "a file in the socket's place")
        with open(device.path("agent.sock"), encoding="ascii") as file:
            same(file.read(), "not a socket", "the file in the socket's place")
        os.unlink(device.path("agent.sock"))
        path = os.path.join(world.folder, "file")
        with open(path, "w", encoding="ascii"):
            pass
        done = subprocess.run([world.warrend, "--home", path, "--foreground"], capture_output=True,
                              timeout=30, stdin=subprocess.DEVNULL)
        same(done.returncode, FAILED, "a home that is a file")
        has(done.stderr.decode(), path, "a home that is a file")
        os.chmod(device.home, 0o755)
        device.start()
        same(os.stat(device.home).st_mode & 0o777, 0o700, "mode of a home that others could read")
        for name in ("agent.log", "agent.sock", "agent.lock"):
            same(os.stat(device.path(name)).st_mode & 0o077, 0, f"mode of {name}")


if __name__ == "__main__":
    mesh.main(a_second_agent_is_refused, damaged_and_foreign_files_are_refused,
              flipped_bits_never_pass_for_something_else, values_of_every_table_are_guarded,
              bad_settings_are_refused, homes_that_cannot_be_one, at_once=2)
