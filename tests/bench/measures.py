"""What is measured, one function for each subject: figures by name, of one round.

Everything is asked over the local socket by one process, so one clock sees both ends.  That process
shares the machine with the agents and takes its part of the figures.
SPDX-License-Identifier: Apache-2.0
"""
import os
import select
import statistics
import subprocess
import threading
import time

import agents
import mesh
import msgpack

BODY = 200       # bytes of an entry
QUIET_S = 0.03   # shorter than the 40 ms after which TCP acknowledges by itself
POLL_S = 0.002
WARM = 50        # samples before those that count
SYNC_S = 100     # a transfer that takes longer has failed
LOG = "bench"


def percentile(samples, part):
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * part))]


# ---- limits of the machine ------------------------------------------------------------------------


def floor(build, folder, entries):
    """The limits that bench_floor finds, by its names."""
    program = os.path.join(build, "tests", "bench_floor")
    done = subprocess.run([program, folder, str(entries)], check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


# ---- initial sync -----------------------------------------------------------------------------------


class Online(threading.Thread):
    """When the device first said that a sibling is linked."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.rpc = device.connect()
        self.rpc.call("events.subscribe")
        self.at = None
        self.start()

    def run(self):
        self.rpc.note("sibling.online")
        self.at = time.monotonic()

    def finish(self):
        self.join(mesh.START_S)
        mesh.check(self.at is not None, "no link came up")
        self.rpc.close()
        return self.at


def all_arrived(net, guest, entries, deadline_s):
    """When the last packet of the transfer passed.  The guest acknowledges what it has stored, so
    nothing is stored later; it is asked only while the wire is quiet, so asking slows nothing."""
    end = time.monotonic() + deadline_s
    seen, changed = net.wire()[0], time.monotonic()
    while True:
        time.sleep(POLL_S)
        have, at = net.wire()[0], time.monotonic()
        if have != seen:
            seen, changed = have, at
        elif at - changed > QUIET_S:
            held = mesh.held(guest, LOG)
            if held == entries:
                return changed
            mesh.check(at < end, f"{held} of {entries} entries came in {deadline_s} s")


def quiet_wire(net):
    """Waits until nothing has passed for a while; the bytes so far."""
    while True:
        before = net.wire()[0]
        time.sleep(0.2)
        if net.wire()[0] == before:
            return before


def reconnect(net, host, guest):
    """The guest ends and starts again; both hold everything."""
    guest.stop()
    online = Online(host)
    wire = quiet_wire(net)
    guest.start()
    ready = time.monotonic()
    figures = {"again_ms": max(0, online.finish() - ready) * 1e3}
    figures["again_bytes"] = quiet_wire(net) - wire
    return figures


def sync(build, net, entries):
    """Device 1 holds the entries when device 2 becomes a member."""
    with agents.Bench(build, net) as bench:
        host, guest = bench.device("host").start(), bench.device("guest").start()
        mesh.found(host)
        agents.append_random(host, LOG, entries, BODY)
        payload = entries * BODY
        for device in (host, guest):
            device.forget_peak()
        cpu = host.cpu_s(), guest.cpu_s()
        wire, packets = net.wire()
        said = [device.call("agent.status")["counters"]["net_bytes_out"] for device in (host, guest)]
        online = Online(guest)
        mesh.pair(host, guest)
        end = all_arrived(net, guest, entries, SYNC_S)
        spent = end - online.finish()
        wire_end, packets_end = net.wire()
        cpu_host, cpu_guest = host.cpu_s() - cpu[0], guest.cpu_s() - cpu[1]
        said_end = [device.call("agent.status")["counters"]["net_bytes_out"]
                    for device in (host, guest)]
        mesh.equal_exports([host, guest], LOG)
        figures = {
            "rate": entries / spent,
            "cpu_us": (cpu_host + cpu_guest) * 1e6 / entries,
            "cpu_host_us": cpu_host * 1e6 / entries,
            "cpu_guest_us": cpu_guest * 1e6 / entries,
            "wire": (wire_end - wire) / payload,
            "packet_bytes": (wire_end - wire) / (packets_end - packets),
            "tcp": (sum(said_end) - sum(said)) / payload,
            "disk": guest.disk_bytes() / payload,
            "peak_host": host.peak(), "peak_guest": guest.peak(),
        }
        figures.update(reconnect(net, host, guest))
        return figures


# ---- live ---------------------------------------------------------------------------------------------


class Asynchronous:
    """A connection whose frames are taken as they come."""

    def __init__(self, device):
        self.rpc = device.connect()

    def close(self):
        self.rpc.close()

    def fileno(self):
        return self.rpc.socket.fileno()

    def frames(self):
        """Of what has come; waits if nothing has."""
        data = self.rpc.socket.recv(1 << 18)
        mesh.check(data, "the agent has closed the connection")
        self.rpc.unpacker.feed(data)
        found = list(self.rpc.unpacker)
        for frame in found:
            mesh.check(frame[0] == 2 or frame[2] is None, frame)
        return found


def request(number, body):
    return msgpack.packb([0, number, "log.append", [{"log": LOG, "body": body}]])


def live(build, net, durability, samples):
    """From the append on one device until the other delivers it, one at a time."""
    with agents.Bench(build, net, durability) as bench:
        host, guest = bench.circle("host", "guest")
        agents.append_random(host, LOG, 1, BODY)
        mesh.settled([host, guest], LOG, 1, mesh.START_S)
        writer, reader = Asynchronous(host), Asynchronous(guest)
        reader.rpc.call("log.subscribe", log=LOG, after="now")
        answers, arrivals = [], []
        for number in range(WARM + samples):
            data = request(number, os.urandom(BODY))
            answered = arrived = None
            start = time.perf_counter()
            writer.rpc.socket.sendall(data)
            while answered is None or arrived is None:
                ready, _, _ = select.select([writer, reader], [], [], mesh.ANSWER_S)
                mesh.check(ready, f"sample {number} is lost")
                at = time.perf_counter()
                if writer in ready and writer.frames():
                    answered = at
                if reader in ready and reader.frames():
                    arrived = at
            answers.append((answered - start) * 1e3)
            arrivals.append((arrived - start) * 1e3)
        writer.close()
        reader.close()
        return {"p50": percentile(arrivals[WARM:], 0.5), "p99": percentile(arrivals[WARM:], 0.99),
                "answer_p50": percentile(answers[WARM:], 0.5),
                "answer_p99": percentile(answers[WARM:], 0.99)}


# ---- appends -------------------------------------------------------------------------------------------


def drive(device, connections, depth, total):
    """Entries/s of so many connections with so many unanswered appends each."""
    writers = [Asynchronous(device) for _ in range(connections)]
    requests = [request(number, os.urandom(BODY)) for number in range(total)]
    left = total
    start = time.perf_counter()
    for writer in writers:
        writer.rpc.socket.sendall(b"".join(requests[-depth:]))
        del requests[-depth:]
    while left:
        ready, _, _ = select.select(writers, [], [], mesh.ANSWER_S)
        mesh.check(ready, f"{left} of {total} appends were not answered")
        for writer in ready:
            answered = len(writer.frames())
            left -= answered
            if requests and answered:
                writer.rpc.socket.sendall(b"".join(requests[-answered:]))
                del requests[-answered:]
    spent = time.perf_counter() - start
    for writer in writers:
        writer.close()
    return total / spent


def batches(device, size, total):
    """Entries/s of log.append_many, one call at a time."""
    frames = [msgpack.packb([0, number, "log.append_many",
                             [{"log": LOG, "entries": [{"body": os.urandom(BODY)}
                                                       for _ in range(size)]}]])
              for number in range(max(1, total // size))]
    writer = Asynchronous(device)
    start = time.perf_counter()
    for frame in frames:
        writer.rpc.socket.sendall(frame)
        while not writer.frames():
            pass
    spent = time.perf_counter() - start
    writer.close()
    return size * len(frames) / spent


def appends(build, net, durability, scale):
    """A device alone; scale 1 is the full size."""
    def count(full, least):
        return max(least, int(full * scale))
    with agents.Bench(build, net, durability) as bench:
        device = bench.device("host").start()
        mesh.found(device)
        agents.append_random(device, LOG, 1, BODY)
        figures = {"one": drive(device, 1, 1, count(3000, 20)),
                   "sixteen": drive(device, 16, 1, count(20000, 64))}
        cpu = device.cpu_s()
        total = count(100000, 2000)
        figures["thousand"] = drive(device, 1, 1000, total)
        figures["thousand_cpu_us"] = (device.cpu_s() - cpu) * 1e6 / total
        cpu = device.cpu_s()
        total = count(100000, 1000)
        figures["batch"] = batches(device, 1000, total)
        figures["batch_cpu_us"] = (device.cpu_s() - cpu) * 1e6 / total
        return figures


# ---- reading --------------------------------------------------------------------------------------------


def cursor_before_newest(device, newest, entries):
    cursor, left = "", entries - newest
    while left:
        page = device.call("log.read", log=LOG, after=cursor, limit=min(left, 4096))
        cursor = page["cursor"]
        left -= len(page["entries"])
    return cursor


def reading(build, net, entries):
    """log.read at both ends of a log, log export of it all, and a start on that store."""
    newest = min(100, entries)
    with agents.Bench(build, net) as bench:
        device = bench.device("host").start()
        mesh.found(device)
        agents.append_random(device, LOG, entries, BODY)
        cursor = cursor_before_newest(device, newest, entries)
        figures = {}
        for name, after in (("oldest_ms", ""), ("newest_ms", cursor)):
            times = []
            for _ in range(21):
                start = time.perf_counter()
                page = device.call("log.read", log=LOG, after=after, limit=newest)
                times.append((time.perf_counter() - start) * 1e3)
                mesh.same(len(page["entries"]), newest, name)
            figures[name] = statistics.median(times)
        start = time.perf_counter()
        with open(os.devnull, "wb") as sink:
            subprocess.run(device.command("log", "export", LOG), stdout=sink, check=True)
        figures["export"] = entries / (time.perf_counter() - start)
        device.stop()
        start = time.perf_counter()
        device.start()
        figures["start_ms"] = (time.perf_counter() - start) * 1e3
        return figures


# ---- idle -------------------------------------------------------------------------------------------------


def at_rest(device):
    """Waits until the agent has slept for a second."""
    def quiet():
        before = device.switches()
        time.sleep(1)
        return device.switches()[0] - before[0] <= 2
    mesh.wait_until(quiet, mesh.START_S, f"{device.name} comes to rest")


def idle(build, net, seconds, entries):
    """Three devices linked each with each, nobody asking them anything; then memory with entries."""
    with agents.Bench(build, net) as bench:
        devices = bench.circle("one", "two", "three")
        device = devices[0]
        for each in devices:
            each.hang_up()
        at_rest(device)
        figures = dict(zip(("rss_0", "pss_0"), device.memory()))
        slept, preempted, cpu = *device.switches(), device.cpu_s()
        wire = net.wire()[0]
        time.sleep(seconds)
        slept_end, preempted_end = device.switches()
        minute = 60 / seconds
        figures.update({"voluntary": (slept_end - slept) * minute,
                        "involuntary": (preempted_end - preempted) * minute,
                        "cpu_ms": (device.cpu_s() - cpu) * 1e3 * minute,
                        "wire_kb": (net.wire()[0] - wire) / 1024 / len(devices) * minute})
        mesh.linked(*devices, deadline_s=0)  # they were all the time
        agents.append_random(device, LOG, entries, BODY)
        mesh.settled(devices, LOG, entries, SYNC_S)
        figures["rss_after"] = device.memory()[0]
        device.stop()
        device.start()
        device.hang_up()
        at_rest(device)
        figures.update(zip(("rss_n", "pss_n"), device.memory()))
        return figures
