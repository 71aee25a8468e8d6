"""Real agents on one machine for the tests of this folder: homes, processes, calls, waiting.

    with Mesh(build) as mesh:
        a, b, c = mesh.circle("anna", "berta", "cleo")
        a.call("log.append", log="notes", body="hello")
        wait_until(lambda: b.call("agent.status")["entries"] == 1, 20, "b has it")

Agents are children of the test, so that their exit codes count: an agent that a test does not kill
must end with 0, and no agent.log may hold a report of a sanitizer.  Every agent listens on
127.0.0.1 only, at a port of its own that it keeps over restarts.
SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

try:
    import msgpack
except ImportError:
    print("python3-msgpack is not installed")
    sys.exit(77)

ANSWER_S = 60   # any one call, any one command
START_S = 30
LOG_TAIL = 6000
REPORTS = ("Sanitizer", "runtime error:", "assertion", "Assertion")

DONE, FAILED, USAGE, NOT_RUNNING, NOT_FOUND, REFUSED, TIMED_OUT = range(7)  # exit codes


class Failed(Exception):
    """What the test expected did not happen."""


class AgentGone(Exception):
    """The agent closed the connection, or there is none."""


class CallError(Exception):
    """The agent answered with an error; .code is the part before the colon."""

    def __init__(self, method, text):
        super().__init__(f"{method}: {text}")
        self.code, self.text = text.split(":")[0], text


def say(text):
    print(text, flush=True)


def check(fact, *what):
    if not fact:
        raise Failed(" ".join(str(part) for part in what) or "check failed")


def same(have, want, what=""):
    if have != want:
        raise Failed(f"{what}: have {have!r}, want {want!r}")


def has(text, part, what=""):
    if part not in text:
        raise Failed(f"{what}: {part!r} does not stand in {text!r}")


def wait_until(condition, deadline_s, what):
    """The first true value of condition(); Failed when there was none in time."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {deadline_s} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def free_port():
    """Below the ports that the system gives to others, so it is still free after a kill."""
    while True:
        port = random.SystemRandom().randrange(20000, 32700)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seed_of_run():
    """The second argument of the test, else a new one; printed, so that it can be run again."""
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    say(f"seed {seed}")
    return seed


# ---- the local socket -----------------------------------------------------------------------


class Rpc:
    """One connection: calls, and calls whose answers are taken later."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_S)
        try:
            self.socket.connect(path)
        except OSError as problem:
            self.socket.close()
            raise AgentGone(str(problem)) from problem
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 26,
                                         unicode_errors="surrogateescape")
        self.msgid, self.notes = 0, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _frame(self):
        while True:
            for frame in self.unpacker:
                return frame
            try:
                data = self.socket.recv(1 << 18)
            except socket.timeout as problem:
                raise Failed(f"no answer within {ANSWER_S} s") from problem
            except OSError as problem:
                raise AgentGone(str(problem)) from problem
            if not data:
                raise AgentGone("closed")
            self.unpacker.feed(data)

    def send(self, method, **params):
        self.msgid += 1
        try:
            self.socket.sendall(msgpack.packb([0, self.msgid, method, [params]]))
        except OSError as problem:
            raise AgentGone(str(problem)) from problem
        return self.msgid

    def answer(self, msgid, method=""):
        while True:
            frame = self._frame()
            if frame[0] == 2:
                self.notes.append((frame[1], frame[2][0]))
                continue
            same(frame[:2], [1, msgid], "the next answer")
            if frame[2] is not None:
                raise CallError(method, frame[2])
            return frame[3]

    def call(self, method, **params):
        return self.answer(self.send(method, **params), method)

    def note(self, *names):
        """The next notification of one of these names; others are dropped."""
        while True:
            while self.notes:
                name, params = self.notes.pop(0)
                if name in names:
                    return name, params
            frame = self._frame()
            same(frame[0], 2, "a notification was due")
            self.notes.append((frame[1], frame[2][0]))


# ---- a device ---------------------------------------------------------------------------------


class Result:
    """What a command printed, and its exit code."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def json(self):
        return json.loads(self.out)

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"{self.command}: exit {self.code}, out {self.out[-800:]!r}, err {self.err[-800:]!r}"


class Running:
    """A command under way: what it printed so far, and what to tell it."""

    def __init__(self, command):
        self.name = " ".join(command[3:])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.out, self.err = "", ""
        self.readers = [threading.Thread(target=self._take, args=args, daemon=True)
                        for args in (("out", self.process.stdout), ("err", self.process.stderr))]
        for reader in self.readers:
            reader.start()

    def _take(self, where, pipe):
        for data in iter(lambda: pipe.read1(1 << 16), b""):
            setattr(self, where, getattr(self, where) + data.decode(errors="replace"))
        pipe.close()

    def result(self):
        return Result(self.name, self.process.returncode, self.out, self.err)

    def until(self, part, deadline_s=ANSWER_S):
        """Waits until it has printed this, to either pipe."""
        wait_until(lambda: part in self.out or part in self.err, deadline_s,
                   lambda: f"{part!r} of {self.result()}")
        return self

    def line(self, number=0):
        """A whole line of its output, as JSON."""
        wait_until(lambda: self.out.count("\n") > number, ANSWER_S,
                   lambda: f"line {number} of {self.result()}")
        return json.loads(self.out.splitlines()[number])

    def write(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def finish(self, code=DONE, deadline_s=ANSWER_S):
        """Waits for its end; the exit code must be `code` (None: any)."""
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired as problem:
            raise Failed(f"goes on for {deadline_s} s: {self.result()}") from problem
        for reader in self.readers:
            reader.join()
        self.process.stdin.close()
        check(code is None or self.process.returncode == code, f"exit code must be {code}:",
              self.result())
        return self.result()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.finish(None)


class Device:
    """A home and its agent."""

    def __init__(self, mesh, name):
        self.mesh, self.name = mesh, name
        self.home = os.path.join(mesh.folder, f"home{len(mesh.devices)}")
        self.port = free_port()
        self.process = None
        self.rpc = None
        self.id = None
        self.kills = 0
        os.mkdir(self.home, 0o700)
        self.configure()

    def configure(self, peers=(), discovery="off", log_level="info"):
        """Writes warren.conf, for the next start."""
        with open(self.path("warren.conf"), "w", encoding="utf-8") as conf:
            conf.write(f"[agent]\nname = {self.name}\nlisten = {self.peer}\n"
                       f"log_level = {log_level}\n[network]\ndiscovery = {discovery}\n[web]\nlisten = off\n")
            if peers:
                conf.write(f"[network]\npeers = {','.join(peer.peer for peer in peers)}\n")

    def path(self, name):
        return os.path.join(self.home, name)

    @property
    def peer(self):
        return f"127.0.0.1:{self.port}"

    # -- commands

    def command(self, *args, json_form=False):
        return [self.mesh.warren, "--home", self.home] + (["--json"] if json_form else []) + list(args)

    def warren(self, *args, code=DONE, stdin=None, json_form=False, timeout=ANSWER_S):
        """Runs the command line; its exit code must be `code` (None: any)."""
        done = subprocess.run(self.command(*args, json_form=json_form), input=stdin or b"",
                              capture_output=True, timeout=timeout)
        result = Result(" ".join(map(str, args)), done.returncode, done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"))
        check(not any(report in result.err for report in REPORTS), result)
        check(code is None or result.code == code, f"exit code must be {code}:", result)
        return result

    def spawn(self, *args, json_form=False):
        """A command that goes on; at the latest the mesh ends it."""
        child = Running(self.command(*args, json_form=json_form))
        self.mesh.children.append(child)
        return child

    def export(self, log):
        """(sha256, number of lines) of `log export`."""
        path = os.path.join(self.mesh.folder, f"export-{os.path.basename(self.home)}")
        with open(path, "wb") as file:
            done = subprocess.run(self.command("log", "export", log), stdout=file,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=ANSWER_S * 2)
        same(done.returncode, 0, f"log export: {done.stderr.decode(errors='replace')}")
        with open(path, "rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        self.exported = path
        return sha256_of(path), lines

    # -- calls

    def connect(self):
        return Rpc(self.path("agent.sock"))

    def call(self, method, **params):
        if self.rpc is None:
            self.rpc = self.connect()
        return self.rpc.call(method, **params)

    def hang_up(self):
        if self.rpc is not None:
            self.rpc.close()
        self.rpc = None

    def read(self, log):
        """All entries, in mesh order."""
        entries, cursor, more = [], "", True
        while more:
            page = self.call("log.read", log=log, after=cursor, limit=4096)
            entries += page["entries"]
            cursor, more = page["cursor"], page["more"]
        return entries

    # -- the process

    def launch(self, *options):
        """Starts warrend and waits for nothing; the end of a pipe that its report comes to."""
        check(self.process is None, f"{self.name} runs already")
        here, there = os.pipe()
        with open(self.path("stderr"), "ab") as errors:
            self.process = subprocess.Popen(
                [self.mesh.warrend, "--home", self.home, "--report-fd", str(there), *options],
                pass_fds=(there,), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        os.close(there)
        return here

    def try_start(self, *options):
        """Starts warrend; its one line: 'ready', or why not."""
        here = self.launch(*options)
        line = b""
        end = time.monotonic() + START_S
        with os.fdopen(here, "rb", buffering=0) as report:
            while not line.endswith(b"\n"):
                ready, _, _ = select.select([report], [], [], max(0, end - time.monotonic()))
                if not ready:
                    raise Failed(f"{self.name}: no report within {START_S} s")
                data = report.read(4096)
                if not data:
                    break
                line += data
        text = line.decode(errors="replace").rstrip("\n")
        if text != "ready":
            self.process.wait(START_S)
            self.exit_code = self.process.returncode
            self.process = None
        return text

    def start(self, *options):
        same(self.try_start(*options), "ready", f"start of {self.name}")
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        check(self.is_running(), f"{self.name} has ended by itself, code",
              self.process.returncode if self.process else None)
        self.kills += 1
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.hang_up()

    def stop(self):
        """agent.stop; the exit code must be 0."""
        check(self.is_running(), f"{self.name} has ended by itself, code",
              self.process.returncode if self.process else None)
        self.hang_up()
        with self.connect() as rpc:
            rpc.call("agent.stop")
        self.ended()

    def ended(self):
        """Waits for the end that something else asked for."""
        code = self.process.wait(START_S)
        self.process = None
        self.hang_up()
        same(code, 0, f"exit code of {self.name}'s agent")

    def end_detached(self):
        """Ends an agent that a command has started: whoever holds the home's lock."""
        try:
            with open(self.path("agent.lock"), encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except BlockingIOError:
            with open(self.path("agent.lock"), encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)

    def logs(self):
        text = ""
        for name in ("agent.log.1", "agent.log", "stderr"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text


# ---- all of them --------------------------------------------------------------------------------


class Mesh:
    """A folder of homes.  At its end: agents stopped in order, or, after a failure, their logs."""

    def __init__(self, build):
        self.warren = os.path.join(build, "bin", "warren")
        self.warrend = os.path.join(build, "bin", "warrend")
        self.folder = tempfile.mkdtemp(prefix="warren-e2e-")
        self.devices, self.children = [], []

    def __enter__(self):
        return self

    def device(self, name):
        device = Device(self, name)
        self.devices.append(device)
        return device

    def circle(self, *names):
        """Devices that run, paired and linked each with each: all know all others' addresses."""
        devices = [self.device(name) for name in names]
        for device in devices:
            device.configure(peers=[other for other in devices if other is not device])
            device.start()
        found(devices[0])
        for guest in devices[1:]:
            pair(devices[0], guest)
        linked(*devices)
        return devices

    def _end_children(self):
        for child in self.children:
            if child.process.poll() is None:
                child.kill()

    def _stop_all(self):
        for device in self.devices:
            if device.process is not None:
                device.stop()
        for device in self.devices:
            for report in REPORTS:
                check(report not in device.logs(), f"{device.name}: '{report}' in its log")

    def _show_logs(self):
        for device in self.devices:
            say(f"---- {device.name} ({device.peer}), the end of its log")
            say(device.logs()[-LOG_TAIL:])

    def __exit__(self, kind, *_):
        try:
            self._end_children()
            if kind is None:
                try:
                    self._stop_all()
                except (Failed, AgentGone, OSError, subprocess.SubprocessError):
                    self._show_logs()
                    raise
            else:
                self._show_logs()
        finally:
            for device in self.devices:
                if device.process is not None and device.process.poll() is None:
                    device.process.kill()
                    device.process.wait()
                device.end_detached()
            shutil.rmtree(self.folder, ignore_errors=True)


def found(device):
    """A new circle; the words stay unseen."""
    device.id = device.call("circle.init", name=device.name)["device"]["id"]


def pair(host, guest):
    """The guest becomes a member, by code."""
    with host.connect() as window:
        code = window.call("circle.pair", auto=True, timeout_s=60)["code"]
        joined = guest.call("circle.join", code=code, name=guest.name, peer=host.peer)
        _, params = window.note("pairing.done", "pairing.failed")
        check("device" in params, "pairing failed:", params)
        same(params["device"]["id"], joined["device"]["id"], "who was admitted")
    guest.id = joined["device"]["id"]


def online(device):
    return sum(row["state"] == "online" for row in device.call("agent.status")["siblings"])


def linked(*devices, deadline_s=30):
    """Each has a link to each."""
    for device in devices:
        wait_until(lambda: online(device) == len(devices) - 1, deadline_s,
                   lambda: f"{device.name} is not linked: {device.call('agent.status')['siblings']}")


def held(device, log):
    """How many entries of the log the device holds."""
    return next((row["entries"] for row in device.call("log.list")["logs"] if row["name"] == log), 0)


def append(device, body, log="text"):
    """One entry; its id."""
    return device.call("log.append", log=log, body=body)["id"]


def bodies(device, log="text"):
    return sorted(row["body"].decode() for row in device.read(log))


def rows(device):
    """Devices of the circle by name, removed ones included."""
    return {row["name"]: row for row in device.call("circle.devices")["devices"]}


def settled(devices, log, entries, deadline_s):
    """Every device holds that many entries of the log, all signed."""
    def states():
        return [(device.name, held(device, log), device.call("agent.status")["pending"])
                for device in devices]
    wait_until(lambda: all(have == entries and not pending for _, have, pending in states()),
               deadline_s, lambda: f"{entries} entries of {log} everywhere: {states()}")


def equal_exports(devices, log):
    """The digest and number of entries that `log export` gives on all of them."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = pool.map(lambda device: device.export(log), devices)
    digests = {device.name: result for device, result in zip(devices, results)}
    check(len(set(digests.values())) == 1, f"exports of {log} differ:", digests)
    return next(iter(digests.values()))


def run_test(test):
    start = time.monotonic()
    try:
        test(sys.argv[1])
    except Exception:  # pylint: disable=broad-except
        say(f"{traceback.format_exc()}FAILED  {test.__name__}, {time.monotonic() - start:.1f} s")
        return False
    say(f"ok      {test.__name__}, {time.monotonic() - start:.1f} s")
    return True


def main(*tests, at_once=1):
    """Runs each test(build), as many at once, and prints how it went."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        fine = list(pool.map(run_test, tests))
    sys.exit(0 if all(fine) else 1)
