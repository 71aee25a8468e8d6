#!/usr/bin/python3
"""The command line against a real agent: logs, cursors, following, settings, JSON, exit codes.

Usage:  cli_test.py BUILD      BUILD/bin holds warren and warrend.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import os
import subprocess

import mesh
from mesh import (DONE, FAILED, NOT_FOUND, NOT_RUNNING, REFUSED, USAGE, check, has, same,
                  wait_until)

RAW = b"\xff\x00raw\n"


def bodies(result):
    return [row.get("body", row.get("body_base64")) for row in result.rows()]


# ---- append ------------------------------------------------------------------------------------


def every_way_to_append(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        row = a.warren("log", "append", "notes", "größer", "--kind", "todo", json_form=True).json()
        same(sorted(row), ["device", "id", "log", "seq", "time"], "log append")
        same((row["log"], row["device"]), ("notes", a.id), "log append")
        check(row["id"].startswith(a.id + ":"), row)
        a.warren("log", "append", "notes", "-- text that looks like an option", code=USAGE)
        a.warren("log", "append", "notes", "--", "--text after two dashes")
        check(a.warren("log", "append", "notes", "plain").out.startswith(a.id + ":"), "its id")
        a.warren("log", "append", "notes", stdin=RAW)
        path = os.path.join(world.folder, "body")
        with open(path, "wb") as file:
            file.write(b"out of a file")
        a.warren("log", "append", "notes", "--file", path)
        a.warren("log", "append", "notes", "")
        many = a.warren("log", "append", "notes", "--lines", "--kind", "line",
                        stdin=b"one\n\nthree", json_form=True)
        rows = many.rows()
        same(len(rows), 3, "answers of --lines")
        same(len({row["id"] for row in rows}), 3, "ids")
        same([row["seq"] for row in rows], list(range(rows[0]["seq"], rows[0]["seq"] + 3)), "seqs")
        want = ["größer", "--text after two dashes", "plain", base64.b64encode(RAW).decode(),
                "out of a file", "", "one", "", "three"]
        got = a.warren("log", "read", "notes", json_form=True)
        same(bodies(got), want, "bodies")
        same([row["kind"] for row in got.rows() if row.get("body") in ("größer", "one")],
             ["todo", "line"], "kinds")
        check("body_base64" in got.rows()[3], "bytes that are no text:", got.rows()[3])
        mesh.settled([a, b], "notes", len(got.rows()), 30)
        same(bodies(b.warren("log", "read", "notes", json_form=True)), bodies(got), "on the other")

        biggest = b"x" * (60 * 1024)
        a.warren("log", "append", "big", stdin=biggest)
        for args, stdin in ((("big",), biggest + b"x"),
                            (("big", "--lines"), b"a\n" + biggest + b"x\nb\n")):
            failed = a.warren("log", "append", *args, stdin=stdin, code=FAILED, json_form=True)
            same(failed.rows()[-1]["error"]["code"], "too_large", "a body over 60 KiB")
        same(a.read("big")[0]["body"], biggest, "the largest body")
        for log in ("", "-x", "a" * 129, "a\nb", b"\xff"):
            a.warren("log", "append", "--", log, "text", code=USAGE)
        a.warren("log", "append", "notes", "text", "--file", path, code=USAGE)
        a.warren("log", "append", "notes", "--file", path + ".not", code=FAILED)
        a.warren("log", "append", "a" * 128, "the longest name")
        same(sorted(row["name"] for row in a.warren("log", "list", json_form=True).rows()),
             sorted(["notes", "big", "a" * 128]), "log list")


def lines_that_come_slowly_leave_at_once(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna").start()
        mesh.found(a)
        running = a.spawn("log", "append", "slow", "--lines")
        for count in range(1, 4):
            running.write(f"line {count}\n")
            wait_until(lambda: mesh.held(a, "slow") == count, 10, f"line {count} in an open pipe")
        running.process.stdin.close()
        running.finish()
        same([row["body"] for row in a.read("slow")], [b"line 1", b"line 2", b"line 3"], "bodies")


# ---- read ---------------------------------------------------------------------------------------


def cursors_and_limits(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        for turn in range(5):  # entries of two devices, in turns
            for count, device in enumerate((a, b), 1):
                device.call("log.append_many", log="text", entries=[
                    {"body": f"{device.name} {turn} {i}"} for i in range(1000)])
                mesh.settled([a, b], "text", turn * 2000 + count * 1000, 30)
        whole = a.warren("log", "read", "text", json_form=True).rows()
        same(len(whole), 10000, "entries")
        same(sorted(whole[0]),
             ["body", "deleted", "device", "id", "kind", "log", "seq", "time"], "fields")
        for limit in (1, 2, 999, 4096, 4097, 9999, 10000, 20000):
            page = a.warren("log", "read", "text", "--limit", str(limit), json_form=True).rows()
            same([row["id"] for row in page], [row["id"] for row in whole[:limit]], f"--limit {limit}")
        got, cursor = [], ""
        while True:  # by pages of an odd size
            page = a.warren("log", "read", "text", "--limit", "1777", "--after", cursor,
                            json_form=True).rows()
            if not page:
                break
            got += page
            cursor = page[-1]["cursor"]
        same([row["id"] for row in got], [row["id"] for row in whole], "pages by cursor")
        same([row["id"] for row in b.warren("log", "read", "text", json_form=True).rows()],
             [row["id"] for row in whole], "the other device's order")
        keys = [(int(row["id"].split(":")[1]), row["seq"]) for row in whole]
        same(keys, sorted(keys), "mesh order")
        text = a.warren("log", "read", "text", "--limit", "2")
        has(text.err, "more: --after ", "log read for people")
        same(len(text.out.splitlines()), 2, "lines for people")
        has(text.out.splitlines()[0], "anna  anna 0 0", "a line for people")
        for bad in (("--limit", "x"), ("--limit", "-1"), ("--format", "xml"), ("--after", "frob"),
                    ("--after", "x" * 600), ("--frob",)):
            a.warren("log", "read", "text", *bad, code=USAGE)
        a.warren("log", "read", "nothing", code=NOT_FOUND)
        a.warren("log", "export", "nothing", code=NOT_FOUND)

        path = os.path.join(world.folder, "exported")
        a.warren("log", "export", "text", "--output", path)
        same(mesh.sha256_of(path), mesh.equal_exports([a, b], "text")[0], "export to a file")
        check(not os.path.exists(path + ".part"), "a part was left")
        a.warren("log", "export", "nothing", "--output", path, code=NOT_FOUND)
        same(mesh.sha256_of(path), a.export("text")[0], "the file after a failed export")
        done = subprocess.run(a.command("log", "export", "text"), stdout=open("/dev/full", "wb"),
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
        same(done.returncode, FAILED, "export to a full disk")


def following(build):
    """What is there, then what arrives, each once, also while entries come in fast."""
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        early = b.spawn("log", "read", "text", "--follow", "--format", "jsonl")  # before it exists
        a.call("log.append_many", log="text", entries=[{"body": f"old {i}"} for i in range(500)])
        mesh.settled([a, b], "text", 500, 30)
        late = b.spawn("log", "read", "text", "--follow", "--format", "jsonl")
        few = b.spawn("log", "read", "text", "--follow", "--limit", "600", json_form=True)
        for i in range(200):
            a.call("log.append", log="text", body=f"new {i}")
            b.call("log.append", log="text", body=f"own {i}")
        want = {row["id"] for row in a.read("text")} | {row["id"] for row in b.read("text")}
        same(len(want), 900, "entries")
        for running in (early, late):
            wait_until(lambda: running.out.count("\n") >= 900, 30,
                       lambda: f"900 entries, not {len(running.out.splitlines())}")
            rows = [json.loads(line) for line in running.out.splitlines()]
            same(len(rows), 900, "entries that were printed")
            same({row["id"] for row in rows}, want, "their ids")
            running.kill()
        same(len(few.finish(DONE).out.splitlines()), 600, "--follow --limit 600")
        same([body for body in bodies(late.result()) if body.startswith("old")],
             [f"old {i}" for i in range(500)], "what was there")
        gone = a.spawn("log", "read", "text", "--follow", json_form=True)
        wait_until(lambda: gone.out.count("\n") == 900, 30, "what is there")
        a.kill()
        check(gone.finish(None).code in (FAILED, NOT_RUNNING), "follows an agent that was killed")
        a.start()


# ---- everything else ----------------------------------------------------------------------------


def status_devices_and_names(build):
    with mesh.Mesh(build) as world:
        a, b = world.circle("anna", "berta")
        b.call("log.append", log="text", body="x")
        mesh.settled([a, b], "text", 1, 30)
        status = a.warren("status", json_form=True).json()
        for key in ("device", "circle", "uptime_s", "mode", "power", "entries", "bytes", "siblings",
                    "mailbox"):
            check(key in status, f"status has no {key}:", status)
        same(sorted(status["circle"]), ["devices", "epoch", "id"], "circle")
        same(status["device"], {"id": a.id, "name": "anna"}, "device")
        sibling = status["siblings"][0]
        for key, value in (("id", b.id), ("name", "berta"), ("state", "online"), ("path", "lan"),
                           ("behind", 0), ("ahead", 0)):
            same(sibling[key], value, key)
        check(isinstance(sibling["last_seen"], int) and "rtt_ms" in sibling, sibling)
        rows = a.warren("devices", json_form=True).rows()
        same([(row["name"], row["this"], row["removed"], row["verified"]) for row in rows],
             [("anna", True, False, False), ("berta", False, False, False)], "devices")
        check(all(isinstance(row["added"], int) for row in rows), "added")
        people = a.warren("devices").out
        has(people, "anna *", "devices for people")
        has(people, "berta", "devices for people")
        same(status["alerts"], 0, "alerts")
        same(a.warren("alerts", json_form=True).rows(), [], "alerts")

        new = a.warren("device", "rename", "anna", "Annas Rechner", json_form=True).json()
        same(new["device"], {"id": a.id, "name": "Annas Rechner"}, "device rename")
        wait_until(lambda: "Annas Rechner" in b.warren("devices").out, 30, "the other knows the name")
        a.warren("device", "rename", a.id[:8], "by id")
        a.warren("device", "rename", "berta", "x", code=REFUSED)  # another's name
        a.warren("device", "rename", "nobody", "x", code=NOT_FOUND)
        for name in ("", "-x", "n" * 129, "a\tb"):
            a.warren("device", "rename", "--", a.id[:8], name, code=USAGE)
        watch = a.spawn("status", "--watch", json_form=True)
        watch.line(0)
        b.stop()
        wait_until(lambda: any(json.loads(line)["siblings"][0]["state"] == "offline"
                               for line in watch.out.splitlines()), 30, "status --watch tells it")
        watch.kill()


def settings(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna").start()
        with open(a.path("warren.conf"), "a", encoding="utf-8") as conf:
            conf.write("; a comment that stays\n[durability]\nsync = normal ; faster\n")
        a.stop()
        a.start()
        every = a.warren("config", "get", json_form=True).json()
        for key, value in (("agent.name", "anna"), ("network.discovery", "off"), ("network.mode", "full"),
                           ("durability.sync", "normal"), ("power.mode", "normal")):
            same(every[key], value, key)
        same(a.warren("config", "get", "durability.sync").out, "normal\n", "config get")
        same(a.warren("config", "get", "agent.name", json_form=True).json(),
             {"key": "agent.name", "value": "anna"}, "config get")
        done = a.warren("config", "set", "durability.sync", "full", json_form=True).json()
        same(done, {"key": "durability.sync", "value": "full", "live": False}, "config set")
        done = a.warren("config", "set", "agent.log_level", "debug", json_form=True).json()
        same(done["live"], True, "log_level applies at once")
        has(a.warren("config", "set", "agent.name", "büro").err, "from the next start", "config set")
        with open(a.path("warren.conf"), encoding="utf-8") as conf:
            has(conf.read(), "; a comment that stays", "warren.conf")
        a.stop()
        a.start()
        same(a.warren("config", "get", "agent.name").out, "büro\n", "after a restart")
        same(a.warren("config", "get", "durability.sync").out, "full\n", "after a restart")
        a.warren("init", "--yes", "--no-recovery")
        same(a.call("agent.status")["device"]["name"], "büro", "the name of a new device")
        a.warren("config", "set", "network.mode", "offline")
        a.stop()
        a.start()
        same(a.call("agent.status")["listen"], [], "listens in offline mode")
        has(a.warren("pair", code=REFUSED).err, "offline", "pair in offline mode")


def wrong_usage_and_help(build):
    with mesh.Mesh(build) as world:
        a = world.device("anna")
        for command in (["frob"], ["log"], ["log", "frob"], [], ["--frob"], ["status", "--frob"],
                        ["log", "append"], ["devices", "too", "many"], ["log", "read"],
                        ["device", "rename", "x"], ["device", "remove"], ["circle"], ["verify", "--mark"],
                        ["alerts", "accept"], ["device", "role", "x", "root"], ["completion", "tcsh"], ["log", "append", "--file"]):
            failed = a.warren(*command, code=USAGE)
            check(failed.out == "" and failed.err.startswith("warren: "), failed)
            same(len(failed.err.splitlines()), 1, f"lines of the error: {failed}")
        for command in (["status"], ["devices"], ["log", "list"], ["log", "append", "a", "b"], ["pair"],
                        ["log", "read", "a"], ["config", "get"], ["recovery", "check"],
                        ["passphrase", "clear", "--yes"], ["leave", "--yes"], ["verify"],
                        ["device", "remove", "x", "--yes"], ["device", "role", "x", "member"],
                        ["circle", "log"], ["alerts"], ["alerts", "reject", "x"]):
            failed = a.warren(*command, code=NOT_RUNNING)
            has(failed.err, "cannot reach the agent at", "without an agent")
            has(failed.err, "start it with 'warren up'", "without an agent")
            error = a.warren(*command, code=NOT_RUNNING, json_form=True).json()["error"]
            same(error["code"], "not_running", "without an agent")
        for command in (["--help"], ["help"], ["log", "append", "--help"], ["help", "pair"]):
            has(a.warren(*command).out, "usage: warren", "help")
        same(a.warren("--version").out.split()[0], "warren", "version")
        for shell in ("bash", "zsh", "fish"):
            has(a.warren("completion", shell).out, "passphrase", f"completion {shell}")
        done = subprocess.run(["bash", "-n"], input=a.warren("completion", "bash").out.encode(),
                              timeout=30, check=False)
        same(done.returncode, 0, "bash reads the completion")
        a.start()
        for command in (["devices"], ["log", "list"], ["log", "append", "a", "b"], ["log", "read", "a"]):
            error = a.warren(*command, code=FAILED, json_form=True).json()["error"]
            same(error["code"], "no_circle", f"{command} without a circle")
        has(a.warren("status").out, "none yet", "status without a circle")


if __name__ == "__main__":
    mesh.main(every_way_to_append, lines_that_come_slowly_leave_at_once, cursors_and_limits, following,
              status_devices_and_names, settings, wrong_usage_and_help, at_once=2)
