#!/usr/bin/python3
"""An independent MessagePack-RPC client (python3-msgpack on a bare socket) against a real agent.

Usage:  rpc_interop_test.py BUILD      BUILD/bin holds warren and warrend.

Requests, errors, pipelining, notifications, malformed frames; and that the agent survives all of it.
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

try:
    import msgpack
except ImportError:
    print("python3-msgpack is not installed")
    sys.exit(77)

REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2
DEADLINE_S = 20


class Client:
    """Nothing but the socket and msgpack's Unpacker."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)
        self.unpacker = msgpack.Unpacker(raw=False, max_buffer_size=1 << 25)
        self.msgid, self.notifications = 0, []

    def frame(self):
        """The next frame, or None when the agent has closed."""
        for frame in self.unpacker:
            return frame
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.unpacker.feed(data)
            for frame in self.unpacker:
                return frame

    def send(self, method, params=None):
        self.msgid += 1
        self.socket.sendall(msgpack.packb([REQUEST, self.msgid, method, [params or {}]]))
        return self.msgid

    def answer(self, msgid):
        while True:
            frame = self.frame()
            assert frame is not None, "the agent closed the connection"
            if frame[0] == NOTIFICATION:
                self.notifications.append(frame[1:])
                continue
            assert frame[:2] == [RESPONSE, msgid], frame
            return frame[2], frame[3]

    def call(self, method, **params):
        error, result = self.answer(self.send(method, params))
        assert error is None, f"{method}: {error}"
        assert isinstance(result, dict), result
        return result

    def fails(self, method, params, start):
        error, result = self.answer(self.send(method, params))
        assert error is not None and error.startswith(start), f"{method}: {error!r} {result!r}"

    def notification(self):
        if self.notifications:
            return self.notifications.pop(0)
        frame = self.frame()
        assert frame is not None and frame[0] == NOTIFICATION, frame
        return frame[1:]


def methods_and_errors(connect):
    c = connect()
    status = c.call("agent.status")
    assert status["circle"]["devices"] == 1, status
    assert len(status["device"]["id"]) == 52 and status["siblings"] == [], status
    names = {row["name"] for row in c.call("agent.methods")["methods"]}
    assert {"agent.status", "log.append", "circle.pair", "agent.methods"} <= names
    c.fails("frob", {}, "not_found: ")
    c.fails("mailbox.status", {}, "not_found: ")
    c.fails("log.append", {"log": "a"}, "invalid: ")
    c.fails("log.append", {"log": "a", "body": 5}, "invalid: ")
    c.fails("log.append", {"log": "a", "body": "x", "frob": 1}, "invalid: ")
    c.fails("log.append", {"log": "-a", "body": "x"}, "invalid: ")
    c.fails("log.append", {"log": "a", "body": b"x" * (60 * 1024 + 1)}, "too_large: ")
    c.fails("log.read", {"log": "nothing here"}, "not_found: ")
    c.fails("circle.init", {"name": "again"}, "conflict: ")


def the_documented_table_is_the_real_one(connect):
    readme = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../agent/api/README.md")
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    for row in connect().call("agent.methods")["methods"]:
        params = f"`{row['params']}`" if row["params"] else ""
        line = f"| `{row['name']}` | {params} | `{row['result']}` | {row['help']} |"
        assert line in text, f"agent/api/README.md lacks: {line}"


def append_and_read(connect):
    c = connect()
    one = c.call("log.append", log="interop", kind="note", body="größer")
    two = c.call("log.append", log="interop", body=b"\xff\x00raw")
    assert one["id"].startswith(one["device"] + ":") and one["id"] != two["id"]
    assert isinstance(one["time"], int) and (one["seq"] is None or isinstance(one["seq"], int))
    page = c.call("log.read", log="interop")
    first, second = page["entries"]
    assert first["id"] == one["id"] and first["kind"] == "note"
    assert first["body"] == "größer".encode() and second["body"] == b"\xff\x00raw"
    assert page["more"] is False
    rest = c.call("log.read", log="interop", after=page["cursor"])
    assert rest["entries"] == []
    third = c.call("log.append", log="interop", body="later")
    rest = c.call("log.read", log="interop", after=page["cursor"], limit=10)
    assert [e["id"] for e in rest["entries"]] == [third["id"]]
    c.fails("log.read", {"log": "interop", "after": "not a cursor"}, "invalid: ")
    assert {"name": "interop", "entries": 3} in c.call("log.list")["logs"]


def pipelined(connect):
    """A thousand appends before the first answer is read: every one is answered, in order."""
    c = connect()
    ids = [c.send("log.append", {"log": "pipe", "body": str(i)}) for i in range(1000)]
    entries = []
    for msgid in ids:
        error, result = c.answer(msgid)
        assert error is None, error
        entries.append(result["id"])
    assert len(set(entries)) == 1000
    many = c.call("log.append_many", log="pipe", entries=[{"body": str(i)} for i in range(5000)])
    entries += [row["id"] for row in many["entries"]]
    read, cursor, more = [], "", True
    while more:
        page = c.call("log.read", log="pipe", after=cursor, limit=100000)
        read += [(e["id"], e["body"]) for e in page["entries"]]
        cursor, more = page["cursor"], page["more"]
    assert [e[0] for e in read] == entries, "read and append disagree"
    assert [e[1] for e in read[-5000:]] == [str(i).encode() for i in range(5000)]


def subscribe(connect):
    """Each entry once, also across a reconnect in the middle of a burst."""
    writer, reader = connect(), connect()
    reader.call("log.subscribe", log="live")
    writer.call("log.append_many", log="live", entries=[{"body": str(i)} for i in range(500)])
    seen, cursor = [], ""
    for _ in range(123):
        method, [params] = reader.notification()
        assert method == "log.entry" and params["log"] == "live", method
        seen.append(params["body"])
        cursor = params["cursor"]
    reader.socket.close()
    reader = connect()
    reader.call("log.subscribe", log="live", after=cursor)
    writer.call("log.append", log="live", body="500")
    while len(seen) < 501:
        method, [params] = reader.notification()
        seen.append(params["body"])
    assert seen == [str(i).encode() for i in range(501)], "lost or doubled"
    reader.fails("log.subscribe", {"log": "live", "after": "frob"}, "invalid: ")
    page = reader.call("log.read", log="live", limit=1)
    reader.fails("log.subscribe", {"log": "live", "after": page["cursor"]}, "invalid: ")
    reader.fails("log.read", {"log": "live", "after": cursor}, "invalid: ")


def slow_subscriber(connect):
    """A subscriber that sleeps costs the agent no memory and no other client any time."""
    sleeper, other = connect(), connect()
    other.call("log.append_many", log="heavy",
               entries=[{"body": b"x" * 50000} for _ in range(200)])
    sleeper.send("log.subscribe", {"log": "heavy"})
    for i in range(50):
        other.call("log.append", log="light", body=str(i))
    assert sleeper.frame()[0] == RESPONSE
    for _ in range(200):
        _, [params] = sleeper.notification()
        assert len(params["body"]) == 50000


def malformed(connect):
    """An answer where there is a message id, a closed connection where there is none."""
    c = connect()
    c.socket.sendall(msgpack.packb([REQUEST, 7, "agent.status", [5]]))
    frame = c.frame()
    assert frame[:2] == [RESPONSE, 7] and frame[2].startswith("invalid: "), frame
    c.call("agent.version")  # the stream is still in step
    for call in (b"\xa2\xff\xfe\x91\x80", b"\xadcircle.verify\x91\x81\xa6device\xa4\xff\n\x1b["):
        c.socket.sendall(b"\x94\x00\x08" + call)  # what the error repeats
        frame = c.frame()
        assert frame[:2] == [RESPONSE, 8] and frame[2].isprintable(), frame
    c.socket.sendall(msgpack.packb([NOTIFICATION, "whatever", [{}]]))
    c.call("agent.version")
    closing = [
        b"\xc1", msgpack.packb("hello"), msgpack.packb([9, 1, "x", []]),
        msgpack.packb([REQUEST, -1, "x", []]), b"\x91" * 40,
        b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 16,
    ]
    for data in closing:
        c = connect()
        try:
            c.socket.sendall(data)
        except BrokenPipeError:
            pass
        assert c.frame() is None, data[:20]
    c = connect()
    c.socket.sendall(b"\x94\x00\x2a\xa3foo\x91\x81\xa1x\xc1")
    frame = c.frame()
    assert frame[:2] == [RESPONSE, 42] and frame[2].startswith("invalid: "), frame
    assert c.frame() is None
    c = connect()
    c.socket.sendall(b"\x94\x00\x2b\xa3foo\x91\x81\xa1x\xdb\x02\x00\x00\x00")  # 32 MiB to come
    assert c.frame()[2].startswith("invalid: ")


def half_closed(connect):
    """A client that has said all it wants still gets its answer: printf | socat works."""
    c = connect()
    c.send("agent.version")
    c.socket.shutdown(socket.SHUT_WR)
    assert c.frame()[0] == RESPONSE
    assert c.frame() is None


def main():
    build = sys.argv[1]
    warren = os.path.join(build, "bin", "warren")
    home = tempfile.mkdtemp(prefix="warren-rpc-")
    run = [warren, "--home", home]
    failed = 0
    try:
        subprocess.run(run + ["init", "--name", "interop", "--yes"], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
        for test in (methods_and_errors, the_documented_table_is_the_real_one, append_and_read,
                     pipelined, subscribe, slow_subscriber, malformed, half_closed):
            try:
                test(lambda: Client(os.path.join(home, "agent.sock")))
                print(f"ok      {test.__name__}")
            except (AssertionError, OSError) as problem:
                failed += 1
                print(f"FAILED  {test.__name__}: {problem}")
    finally:
        subprocess.run(run + ["down"], timeout=60)
        if failed:
            log = os.path.join(home, "agent.log")
            if os.path.exists(log):
                print(open(log, encoding="utf-8", errors="replace").read()[-4000:])
        shutil.rmtree(home, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
