"""A TCP proxy on 127.0.0.1 between two agents, to look, to wait and to cut.

    with Gate(host.port) as gate:
        gate.hold(OUT)                     # nothing more from the host to whoever dialled
        guest.warren("join", code, "--peer", gate.peer)
        gate.last.sent[IN]                 # all bytes of the newest connection, from the guest

SPDX-License-Identifier: Apache-2.0
"""
import socket
import threading

IN, OUT = "to the host", "to the guest"  # the guest is who dials


class Passage:
    """One connection through the gate."""

    def __init__(self, gate, guest, cut_after):
        self.gate, self.cut_after = gate, cut_after
        self.host = socket.create_connection(("127.0.0.1", gate.target))
        self.guest = guest
        self.sent = {IN: b"", OUT: b""}
        self.held = {IN: b"", OUT: b""}  # what has come and may not go on
        self.lock = threading.Lock()
        for direction, source, sink in ((IN, self.guest, self.host), (OUT, self.host, self.guest)):
            threading.Thread(target=self._pass, args=(direction, source, sink), daemon=True).start()

    def _pass(self, direction, source, sink):
        limit = self.cut_after.get(direction)
        try:
            while True:
                data = source.recv(1 << 16)
                self.held[direction] = data
                self.gate.open[direction].wait()
                if self.gate.closed:
                    break  # what was held stays here
                self.held[direction] = b""
                if limit is not None:
                    data = data[:limit - len(self.sent[direction])]
                if data:
                    sink.sendall(data)
                    self.sent[direction] += data
                if not data or len(self.sent[direction]) == limit:
                    break
        except OSError:
            pass
        self.cut()

    def cut(self):
        with self.lock:
            for end in (self.guest, self.host):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Gate:
    """Listens, and connects whoever comes with the target."""

    def __init__(self, target, cut_after=None, listen=0):
        """cut_after {direction: bytes}: the first connection ends when so much has passed."""
        self.target, self.cut_after = target, cut_after or {}
        self.open = {IN: threading.Event(), OUT: threading.Event()}
        self.passages, self.closed = [], False
        for event in self.open.values():
            event.set()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", listen))
        self.listener.listen(16)
        self.peer = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                guest, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.passages.append(Passage(self, guest, {} if self.passages else self.cut_after))
            except OSError:
                guest.close()

    @property
    def last(self):
        return self.passages[-1]

    def hold(self, direction):
        self.open[direction].clear()

    def let(self, direction):
        self.open[direction].set()

    def cut_all(self):
        for passage in self.passages:
            passage.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for event in self.open.values():
            event.set()
        self.cut_all()
