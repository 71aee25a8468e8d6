#!/usr/bin/python3
"""The passphrase of device.key and the recovery words, by file, by pipe and on a terminal.

Usage:  passphrase_test.py BUILD      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import errno
import os
import pty
import re
import select
import time

import mesh
from mesh import FAILED, REFUSED, USAGE, check, has, same, say

RIGHT, WRONG = "correct horse größe", "correct horse grosse"


# ---- a person at a terminal ----------------------------------------------------------------------


class Terminal:
    """A command whose input and output are a terminal; what is shown there."""

    def __init__(self, device, *args):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            command = device.command(*args)
            os.execvp(command[0], command)

    def _more(self, until):
        ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
        if not ready:
            raise mesh.Failed(f"nothing more on the terminal; so far: {self.shown!r}")
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError as problem:
            if problem.errno != errno.EIO:  # the other end has gone
                raise
            data = b""
        self.shown += data.decode(errors="replace")
        return data

    def asked(self, question):
        until = time.monotonic() + mesh.ANSWER_S
        while question not in self.shown:
            check(self._more(until), f"ended before it asked {question!r}:", self.shown)
        return self

    def type(self, text):
        os.write(self.fd, (text + "\n").encode())
        return self

    def ends(self, code):
        until = time.monotonic() + mesh.ANSWER_S
        while self._more(until):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        same(os.waitstatus_to_exitcode(status), code, f"exit code; shown: {self.shown!r}")
        return self.shown


def passphrase_file(world, text):
    path = os.path.join(world.folder, f"passphrase{len(os.listdir(world.folder))}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# ---- passphrase ------------------------------------------------------------------------------


def key_of(device):
    return mesh.sha256_of(device.path("device.key"))


def a_passphrase_seals_the_home(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna")
        a.warren("init", "--yes", "--no-recovery")
        a.warren("log", "append", "text", "hello")
        digest = a.export("text")
        right, wrong = passphrase_file(world, RIGHT + "\n"), passphrase_file(world, WRONG + "\n")
        for text in ("", "\n", "x" * 1025):
            a.warren("passphrase", "set", "--passphrase-file", passphrase_file(world, text),
                     code=USAGE if len(text) < 2 else FAILED)
        has(a.warren("passphrase", "set", code=USAGE).err, "--passphrase-file", "without a terminal")
        a.warren("passphrase", "set", "--passphrase-file", world.folder + "/none", code=FAILED)
        plain = key_of(a)
        done = a.warren("passphrase", "set", "--passphrase-file", right, json_form=True).json()
        same(done, {"sealed": True}, "passphrase set")
        check(key_of(a) != plain, "device.key is as it was")
        same(os.stat(a.path("device.key")).st_mode & 0o777, 0o600, "mode of device.key")
        sealed = key_of(a)
        a.warren("down")

        for how, code, says in (([], FAILED, "device.key is sealed: give --passphrase-file"),
                                (["--passphrase-file", wrong], REFUSED, "does not open"),
                                (["--passphrase-file", passphrase_file(world, "\n")], REFUSED, "seal"),
                                (["--passphrase-file", passphrase_file(world, RIGHT[:-1])], REFUSED,
                                 "does not open"),
                                (["--passphrase-file", world.folder + "/none"], FAILED, "/none")):
            failed = a.warren("up", *how, code=code)
            has(failed.err, says, f"up {how}")
            same(key_of(a), sealed, "device.key after a refused start")
        refused = a.warren("up", "--passphrase-file", wrong, code=REFUSED, json_form=True).json()
        same(refused["error"]["code"], "refused", "up with a wrong passphrase")
        text = a.try_start()
        same(text.split(" ")[0], str(REFUSED), f"warrend without a passphrase: {text!r}")

        a.warren("up", "--passphrase-file", right)
        same(a.export("text"), digest, "export of the sealed home")
        a.warren("down")
        a.warren("up", "--passphrase-file", passphrase_file(world, RIGHT))  # no end of line
        a.warren("log", "append", "text", "hello again")
        with open("/proc/%d/cmdline" % pid_of(a), "rb") as file:
            check(RIGHT.encode() not in file.read(), "the passphrase is an argument")
        with open("/proc/%d/environ" % pid_of(a), "rb") as file:
            check(RIGHT.encode() not in file.read(), "the passphrase is in the environment")
        same(a.warren("passphrase", "clear", "--yes", json_form=True).json(), {"sealed": False}, "clear")
        check(key_of(a) != sealed, "device.key is as it was")
        a.warren("down")
        a.start()
        same(len(a.read("text")), 2, "entries")
        check(RIGHT not in a.logs(), "the passphrase stands in agent.log")


def pid_of(device):
    with open(device.path("agent.lock"), encoding="ascii") as file:
        return int(file.read())


def flipped_bits_of_a_sealed_key_are_refused(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna").start()
        mesh.found(a)
        right = passphrase_file(world, RIGHT)
        a.warren("passphrase", "set", "--passphrase-file", right)
        a.stop()
        with open(a.path("device.key"), "rb") as file:
            good = file.read()
        for at in (3, 8, 9, 10, 20, 50, 90, len(good) // 2, len(good) - 1):
            bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
            with open(a.path("device.key"), "wb") as file:
                file.write(bad)
            text = a.try_start("--passphrase-file", right)
            has(text, "device.key", f"byte {at} changed")
            check(text[0] in "15", "exit code:", text)
            with open(a.path("device.key"), "rb") as file:
                check(file.read() == bad, "device.key was written")
        with open(a.path("device.key"), "wb") as file:
            file.write(good)
        a.start("--passphrase-file", right)


def the_terminal_asks(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna")
        a.warren("init", "--yes", "--no-recovery")
        set_it = Terminal(a, "passphrase", "set")
        set_it.asked("New passphrase: ").type(RIGHT).asked("Once more: ").type(WRONG)
        has(set_it.ends(USAGE), "the two are not the same", "passphrase set")
        set_it = Terminal(a, "passphrase", "set")
        set_it.asked("New passphrase: ").type(RIGHT).asked("Once more: ").type(RIGHT)
        check(RIGHT not in set_it.ends(0), "the passphrase is echoed")
        a.warren("down")
        up = Terminal(a, "up").asked("Passphrase: ").type(WRONG)
        has(up.ends(REFUSED), "does not open", "up")
        up = Terminal(a, "up").asked("Passphrase: ").type(RIGHT)
        check(RIGHT not in up.ends(0), "the passphrase is echoed")
        same(a.warren("status", json_form=True).json()["circle"]["devices"], 1, "devices")
        clear = Terminal(a, "passphrase", "clear").asked("[y/N] ").type("n")
        clear.ends(FAILED)
        clear = Terminal(a, "passphrase", "clear").asked("[y/N] ").type("y")
        clear.ends(0)
        a.warren("down")
        Terminal(a, "up").ends(0)
        a.warren("down")


# ---- the words --------------------------------------------------------------------------------


def check_words(device, words, code):
    answer = device.warren("recovery", "check", stdin=words.encode() + b"\n", code=code)
    return answer


def the_words_are_shown_once(build):
    with mesh.Mesh(build) as world:
        a, b, c = (world.device(name) for name in ("anna", "berta", "cleo"))
        init = a.warren("init", "--yes", "--print-recovery", json_form=True).json()
        words = init["recovery"]
        same(len(words.split()), 24, "words")
        same(a.warren("status", json_form=True).json()["recovery"], "gone", "status")
        has(check_words(a, words, 0).out, "yes", "recovery check")
        has(check_words(a, words.upper().replace(" ", "  "), 0).out, "yes", "in capitals")
        again = a.warren("recovery", "create", "--print-recovery", code=REFUSED)
        has(again.err, "make a new circle", "recovery create, again")

        made = b.warren("init", "--yes")
        has(made.err, "stay sealed in device.key until 'warren recovery create'", "init")
        same(b.warren("status", json_form=True).json()["recovery"], "kept", "status")
        has(b.warren("recovery", "create", code=USAGE).err, "--print-recovery", "recovery create")
        b.warren("down")
        b.warren("up")
        shown = Terminal(b, "recovery", "create").ends(0)
        others = dict((int(i), word) for i, word in re.findall(r"(\d+) (?:\x1b\[\d+m)*([a-z]+)", shown))
        same(sorted(others), list(range(1, 25)), f"numbers of the words in {shown!r}")
        others = " ".join(others[i] for i in range(1, 25))
        has(check_words(b, others, 0).out, "yes", "recovery check")
        has(check_words(b, words, REFUSED).out, "no", "the words of another circle")
        swapped = others.split()
        swapped[0], swapped[1] = swapped[1], swapped[0]
        check(check_words(b, " ".join(swapped), None).code in (USAGE, REFUSED), "swapped words")
        for bad in (others.rsplit(" ", 1)[0], others + " zoo", "frobnicate " + others, ""):
            check_words(b, bad, USAGE)
        same(b.warren("recovery", "check", stdin=others.encode(), json_form=True).json(),
             {"match": True}, "recovery check")
        b.warren("recovery", "create", "--print-recovery", code=REFUSED)
        b.warren("down")
        b.warren("up")
        b.warren("recovery", "create", "--print-recovery", code=REFUSED)

        none = c.warren("init", "--yes", "--no-recovery")
        has(none.err, "No recovery words", "init --no-recovery")
        has(c.warren("recovery", "create", "--print-recovery", code=REFUSED).err, "make a new circle",
            "recovery create without words")
        has(check_words(c, words, REFUSED).out, "no", "words of a circle without")
        has(a.warren("init", "--yes", code=FAILED).err, "this home has a circle", "init again")
        for device in (a, b, c):
            for text in (words, others):
                for i in range(22):
                    check(" ".join(text.split()[i:i + 3]) not in device.logs(), "words in agent.log")
            device.warren("down")
        say(f"words of {words.split()[0]}.. and {others.split()[0]}.. shown once, checked, gone")


MAP_MAX = 64 << 20  # what a sanitizer maps is larger


def stands_in_memory(device, text):
    """Whether what the agent can write to holds these bytes."""
    with open(f"/proc/{device.process.pid}/maps", encoding="ascii") as maps:
        ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps
                  if line.split()[1].startswith("rw")]
    with open(f"/proc/{device.process.pid}/mem", "rb") as memory:
        for low, high in ranges:
            if high - low <= MAP_MAX:
                memory.seek(low)
                if text in memory.read(high - low):
                    return True
    return False


def words_do_not_stay_in_memory(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        words = a.call("recovery.create")["recovery"].encode()
        some = b" ".join(words.split()[5:10])
        try:
            check(not stands_in_memory(a, b"this stands nowhere else"), "the search")
        except PermissionError as problem:
            say(f"no look into the memory of the agent: {problem}")
            return
        a.hang_up()
        for command in ((), ("recovery", "check"),
                        ("device", "role", "berta", "member", "--words-file", "-"),
                        ("device", "remove", "berta", "--yes", "--words-file", "-"),
                        ("circle", "reset", "--yes", "--words-file", "-")):
            if command:
                a.warren(*command, stdin=words + b"\n")
            # The agent learns a moment later that the client has gone.
            mesh.wait_until(lambda: not stands_in_memory(a, some), 10, f"words after {command}")


def init_on_a_terminal(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna")
        no = Terminal(a, "init").asked("[y/N] ").type("n")
        has(no.ends(FAILED), "nothing was made", "init")
        check(not os.path.exists(a.path("device.key")), "a device.key after no")
        yes = Terminal(a, "init", "--name", "Annas Gerät").asked("[y/N] ").type("y")
        shown = yes.ends(0)
        has(shown, "this device is 'Annas Gerät', its first member", "init")
        same(len(re.findall(r"\d+ (?:\x1b\[\d+m)*[a-z]+", shown.split("Recovery words")[1])) >= 24, True,
             "words on the terminal")
        same(a.warren("status", json_form=True).json()["recovery"], "gone", "status")
        a.warren("down")


if __name__ == "__main__":
    mesh.main(a_passphrase_seals_the_home, flipped_bits_of_a_sealed_key_are_refused,
              the_terminal_asks, the_words_are_shown_once, words_do_not_stay_in_memory,
              init_on_a_terminal)
