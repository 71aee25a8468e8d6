"""Agents to be measured: a private network, devices in it, and what the kernel says of them.

What counts as evidence comes from the kernel, never from the agent: bytes from the counters of the
interface (/proc/net/dev, which shows the same counters as /sys/class/net/*/statistics and follows
the namespace), CPU and switches from /proc/PID.
SPDX-License-Identifier: Apache-2.0
"""
import array
import fcntl
import os
import random
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import mesh  # noqa: E402

INSIDE = "WARREN_BENCH_INSIDE"
ETHTOOL, OFFLOADS = 0x8946, (0x1f, 0x24, 0x2c)  # SIOCETHTOOL; tso, gso, gro off


# ---- the network --------------------------------------------------------------------------------


def enter_namespace():
    """Runs this program again in a network namespace of its own; returns inside it."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if subprocess.run(enter + ["true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("this machine allows no network namespaces")
        sys.exit(77)
    command = enter + [sys.executable, os.path.abspath(sys.argv[0])] + sys.argv[1:]
    os.execvpe(command[0], command, dict(os.environ, **{INSIDE: "1"}))


def counters(interface, process="self"):
    """(received bytes, received packets, sent bytes, sent packets)"""
    with open(f"/proc/{process}/net/dev", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name.strip() == interface:
                fields = [int(field) for field in rest.split()]
                return fields[0], fields[1], fields[8], fields[9]
    raise mesh.Failed(f"no interface {interface}")


class Loopback:
    """Both agents on 127.0.0.1.  The kernel counts a packet of lo once as sent and once as received,
    so the sent side alone is the sum of both directions; and it counts from the IP header on."""

    name = "lo"

    def address(self, _index):
        return "127.0.0.1"

    def prefix(self, _index):
        return []

    def wire(self):
        """(bytes, packets) so far, both directions."""
        _, _, sent, packets = counters("lo")
        return sent, packets

    def close(self):
        pass


class Cable:
    """Two namespaces and a pair of veth at MTU 1500 without offloads, as on a real wire: with them
    the kernel would pass, and count, packets of 64 KiB with one header each.  The counters of one end
    have each packet once, sent or received, with the 14 bytes of its Ethernet header."""

    name = "veth"

    def __init__(self):
        self.far = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        mesh.wait_until(self._is_apart, 5, "a second namespace")
        ip = ["ip", "link"]
        subprocess.run(ip + ["add", "v0", "type", "veth", "peer", "name", "v1"], check=True)
        for name in ("v0", "v1"):
            self._no_offloads(name)
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
                file.write("1")  # no neighbour discovery among what is counted
        subprocess.run(ip + ["set", "v1", "netns", str(self.far.pid)], check=True)
        for name, index in (("v0", 0), ("v1", 1)):
            for args in (["addr", "add", self.address(index) + "/24", "dev", name],
                         ["link", "set", name, "up"], ["link", "set", "lo", "up"]):
                subprocess.run(self.prefix(index) + ["ip"] + args, check=True)

    def _is_apart(self):
        return os.readlink(f"/proc/{self.far.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    @staticmethod
    def _no_offloads(name):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            for feature in OFFLOADS:
                value = array.array("B", struct.pack("II", feature, 0))
                request = struct.pack("16sP", name.encode(), value.buffer_info()[0])
                fcntl.ioctl(door, ETHTOOL, request)

    def address(self, index):
        return f"10.77.0.{index + 1}"

    def prefix(self, index):
        return ["nsenter", "--net", "--target", str(self.far.pid)] if index else []

    def wire(self):
        """(bytes, packets) so far, both directions, at one end."""
        received, packets_in, sent, packets_out = counters("v0")
        return received + sent, packets_in + packets_out

    def close(self):
        subprocess.run(["ip", "link", "del", "v0"], check=False)
        self.far.kill()
        self.far.wait()


def datagram_counts(net):
    """What the counters make of a datagram of 1,000 bytes: (bytes, packets)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        before = net.wire()
        sender.sendto(bytes(1000), receiver.getsockname())
        receiver.recv(2000)
        after = net.wire()
    return after[0] - before[0], after[1] - before[1]


# ---- devices ----------------------------------------------------------------------------------------


class Device(mesh.Device):
    """A device at its place in the network, with the durability that is measured."""

    def __init__(self, folder, name, net, index, sync):
        self.net, self.index, self.sync = net, index, sync
        super().__init__(folder, name)

    @property
    def peer(self):
        return f"{self.net.address(self.index)}:{self.port}"

    def configure(self, peers=(), discovery="off"):
        super().configure(peers, discovery)
        with open(self.path("warren.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"[durability]\nsync = {self.sync}\n")

    def launch(self, *options):
        """As of any device, but in its own namespace; exec keeps the process the agent's."""
        plain = self.mesh.warrend
        prefix = self.net.prefix(self.index)
        if not prefix:
            return super().launch(*options)
        self.mesh.warrend = self.path("start")
        with open(self.mesh.warrend, "w", encoding="utf-8") as script:
            script.write(f"#!/bin/sh\nexec {' '.join(prefix)} {plain} \"$@\"\n")
        os.chmod(self.mesh.warrend, 0o700)
        try:
            return super().launch(*options)
        finally:
            self.mesh.warrend = plain

    @property
    def pid(self):
        return self.process.pid

    # -- what the kernel says

    def cpu_s(self):
        """CPU time so far, in seconds; nanoseconds are counted, not ticks."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) * 1e-9

    def switches(self):
        """(voluntary, involuntary); a voluntary one is a sleep, and its end a wakeup."""
        status = self._fields("status")
        return status["voluntary_ctxt_switches"], status["nonvoluntary_ctxt_switches"]

    def memory(self):
        """(RSS, PSS) in MiB"""
        rollup = self._fields("smaps_rollup")
        return rollup["Rss"] / 1024, rollup["Pss"] / 1024

    def peak(self):
        """The largest RSS since forget_peak, in MiB."""
        return self._fields("status")["VmHWM"] / 1024

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def _fields(self, name):
        fields = {}
        with open(f"/proc/{self.pid}/{name}", encoding="ascii") as file:
            for line in file:
                key, _, rest = line.partition(":")
                words = rest.split()
                if words and words[0].isdigit():
                    fields[key] = int(words[0])
        return fields

    def disk_bytes(self):
        """What the store's files take, the write-ahead log included."""
        names = [name for name in os.listdir(self.home) if name.startswith("store.db")]
        return sum(os.path.getsize(self.path(name)) for name in names)


class Bench(mesh.Mesh):
    """Devices for one measurement; what it leaves is removed at its end."""

    def __init__(self, build, net, sync="full"):
        super().__init__(build)
        self.net, self.sync = net, sync

    def device(self, name):
        device = Device(self, name, self.net, len(self.devices), self.sync)
        self.devices.append(device)
        return device


def append_random(device, log, count, body_bytes=200, batch=10000):
    """That many entries of random bytes, in batches."""
    source = random.Random(count)
    for start in range(0, count, batch):
        entries = [{"body": source.randbytes(body_bytes)} for _ in range(min(batch, count - start))]
        device.call("log.append_many", log=log, entries=entries)


# ---- the rest of the machine ----------------------------------------------------------------------------


def load_average():
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def others(seconds=0.3):
    """How many cores are busy while this bench does nothing."""
    def busy():
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4]  # without idle and waiting for disks
    before, start = busy(), time.monotonic()
    time.sleep(seconds)
    return (busy() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start)


def quiet(wait_s, limit=0.2):
    """Waits for others to use no more cores than that, but not longer; what they used at last."""
    end = time.monotonic() + wait_s
    while True:
        used = others()
        if used <= limit or time.monotonic() > end:
            return used
