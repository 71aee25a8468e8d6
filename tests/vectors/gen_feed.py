#!/usr/bin/python3
"""Makes tests/vectors/feed/feed.json from proto/spec/feed.md, independently of the C code.

Needs nothing but Python's own BLAKE2b.  Bodies are random bytes in place of ciphertext (Python has
no XChaCha20), which is no matter to hashes, segments, trees, proofs and units.  Numbers stand as
text of 16 hexadecimal digits, since they have up to 64 bits.

Usage:  gen_feed.py > feed/feed.json     the same output every time
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import json
import random
import sys

rng = random.Random(20)
CHUNK = 1024


def h(label, data):
    return hashlib.blake2b(data, digest_size=32, person=label.encode().ljust(16, b"\0")).digest()


def be(size, value):
    return value.to_bytes(size, "big")


def num(value):
    return f"{value:016x}"


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


# ---- canonical msgpack: wire 1 ----

def pack(value):
    if isinstance(value, int):
        if value < 128:
            return bytes([value])
        for size, head in ((1, 0xcc), (2, 0xcd), (4, 0xce), (8, 0xcf)):
            if value < 1 << 8 * size:
                return bytes([head]) + be(size, value)
    if isinstance(value, bytes):
        for size, head in ((1, 0xc4), (2, 0xc5), (4, 0xc6)):
            if len(value) < 1 << 8 * size:
                return bytes([head]) + be(size, len(value)) + value
    assert isinstance(value, list)
    head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + be(2, len(value))
    return head + b"".join(pack(item) for item in value)


# ---- 1 entries, 2 segments, 3.4 padding ----

def feed_id(circle, device, stream):
    return h("warren.feed.1", circle + device + be(4, stream))


def padme(length, least):
    if length <= least:
        return least
    e = length.bit_length() - 1
    s = e.bit_length()
    unit = 1 << (e - s)
    return -(-length // unit) * unit


class Entry:
    def __init__(self, seq, hlc, **fields):
        self.seq, self.hlc = seq, hlc
        self.kind = fields.get("kind", 0)
        self.log_no = fields.get("log_no", 0)
        self.expire = fields.get("expire", 0)
        self.tag = fields.get("tag", bytes(8))
        self.nonce = rng.randbytes(24)
        self.body = fields.get("body") or rng.randbytes(16 + rng.randrange(40))
        self.erased = fields.get("erased", False)

    def body_hash(self):
        return h("warren.body.1", self.body)

    def header(self):
        return (bytes([1, self.kind]) + be(2, self.log_no) + be(4, len(self.body)) +
                be(8, self.seq) + be(8, self.hlc) + self.tag + self.nonce +
                be(8, self.expire) + self.body_hash())

    def leaf(self, feed):
        header = self.header()
        assert len(header) == 96
        return h("warren.leaf.1", feed + header)

    def json(self, feed):
        return {
            "kind": self.kind, "log_no": self.log_no, "seq": num(self.seq), "hlc": num(self.hlc),
            "expire": num(self.expire), "epoch_tag": self.tag.hex(), "nonce": self.nonce.hex(),
            "erased": self.erased, "body_len": len(self.body),
            "body": "" if self.erased else self.body.hex(), "body_hash": self.body_hash().hex(),
            "header": self.header().hex(), "leaf": self.leaf(feed).hex(),
        }


def segments(entries):
    """A new segment where epoch or chunk change."""
    out, i = b"", 0
    while i < len(entries):
        first, j = entries[i], i
        body, log_no, hlc = b"", 0, first.hlc
        while j < len(entries) and entries[j].tag == first.tag and \
                (j == i or entries[j].seq % CHUNK != 0):
            e = entries[j]
            step = e.hlc - hlc
            form = (1 * e.erased + 2 * (e.expire != 0) + 4 * (e.log_no != log_no) +
                    8 * (j > i and step != 1))
            body += bytes([form, e.kind])
            body += varint(e.log_no) if form & 4 else b""
            body += varint(step) if form & 8 else b""
            body += be(8, e.expire) if form & 2 else b""
            body += varint(len(e.body)) + e.nonce + (e.body_hash() if e.erased else e.body)
            log_no, hlc, j = e.log_no, e.hlc, j + 1
        out += first.tag + be(8, first.hlc) + be(2, j - i) + be(4, len(body)) + body
        i = j
    return out


# ---- 4 tree, 5 proofs ----

def node(left, right):
    return h("warren.node.1", left + right)


def split(lo, hi):
    k = 1
    while 2 * k < hi - lo:
        k *= 2
    return lo + k


def mth(leaves, lo, hi):
    if hi - lo == 1:
        return leaves[lo]
    mid = split(lo, hi)
    return node(mth(leaves, lo, mid), mth(leaves, mid, hi))


def path(leaves, n, a, b):
    """None if [a, b) is no node."""
    lo, hi, out = 0, n, []
    while (lo, hi) != (a, b):
        if hi - lo < 2:
            return None
        mid = split(lo, hi)
        if b <= mid:
            out.append(mth(leaves, mid, hi))
            hi = mid
        elif a >= mid:
            out.append(mth(leaves, lo, mid))
            lo = mid
        else:
            return None
    return out


# ---- 6 checkpoints, 8 frontiers ----

def checkpoint(feed, k, prev, length, root, hlc, mheads, seen):
    return pack([1, feed, k, prev, length, root, hlc, mheads, seen, 0])


# ---- the vectors ----

def feed_id_vectors():
    for stream in (0, 1):
        circle, device = rng.randbytes(32), rng.randbytes(32)
        yield {"circle_id": circle.hex(), "device_id": device.hex(), "stream": stream,
               "feed_id": feed_id(circle, device, stream).hex()}


def padme_vectors():
    assert (padme(200, 1), padme(257, 1), padme(1025, 1), padme(100001, 1)) == \
        (208, 272, 1088, 100352)
    for content in [0, 1, 127, 128, 199, 200, 207, 208, 255, 256, 1000, 1023, 1024, 4096, 61440]:
        yield {"content_len": content, "body_len": padme(content + 1, 128) + 16}


def random_feed(count, circle, device, stream):
    """Entries with every sort of field, and their leaves."""
    feed, tags = feed_id(circle, device, stream), [rng.randbytes(8) for _ in range(2)]
    entries, hlc, tag = [], rng.randrange(1, 1 << 60), tags[0]
    for seq in range(count):
        hlc += rng.choice([1, 1, 2, 127, 128, 1 << 16, 1 << 40]) if seq else 0
        tag = rng.choice([tag] * 6 + tags)
        entries.append(Entry(seq, hlc, kind=rng.choice([0, 0, 1, 5, 0x80]), tag=tag,
                             log_no=rng.choice([0, 0, 1, 127, 128, 65535]),
                             expire=rng.choice([0, 0, 0, 1, rng.getrandbits(64)]),
                             erased=rng.randrange(8) == 0))
    return feed, entries, [e.leaf(feed) for e in entries]


def leaf_vectors():
    feed, entries, _ = random_feed(12, rng.randbytes(32), rng.randbytes(32), 0)
    for e in entries:
        yield dict(e.json(feed), feed_id=feed.hex())


def tree_leaves(count):
    """Leaf number i of these vectors is H("warren.leaf.1", u64 i)."""
    return [h("warren.leaf.1", be(8, i)) for i in range(count)]


def root_vectors():
    leaves = tree_leaves(2100)
    for n in list(range(1, 70)) + [255, 256, 257, 1023, 1024, 1025, 2047, 2048, 2100]:
        yield {"n": n, "root": mth(leaves, 0, n).hex()}


def proof(n, root, a, b, hash_, hashes, result):
    return {"n": num(n), "root": root.hex(), "a": num(a), "b": num(b), "hash": hash_.hex(),
            "path": [item.hex() for item in hashes], "result": result}


def proof_vectors():
    leaves = tree_leaves(1100)
    for n in (1, 2, 3, 5, 8, 13, 1100):
        root = mth(leaves, 0, n)
        ranges = [(a, b) for a in range(n) for b in range(a + 1, n + 1)] if n <= 13 else \
            [(0, 1024), (1024, 1100), (1024, 1088), (512, 1024), (1099, 1100), (0, 1100), (8, 24)]
        for a, b in ranges:
            way = path(leaves, n, a, b)
            if way is None:
                yield proof(n, root, a, b, leaves[a], [], "format")
                continue
            good = mth(leaves, a, b)
            yield proof(n, root, a, b, good, way, "ok")
            if not way or rng.randrange(4):
                continue
            i = rng.randrange(len(way))
            bad = bytearray(way[i])
            bad[rng.randrange(32)] ^= 1 << rng.randrange(8)
            yield proof(n, root, a, b, good, way[:i] + [bytes(bad)] + way[i + 1:], "auth")
            yield proof(n, root, a, b, good, way[1:], "format")
            yield proof(n, root, a, b, good, way + [leaves[0]], "format")
            yield proof(n, node(root, root), a, b, good, way, "auth")
            if len(way) > 1:
                yield proof(n, root, a, b, good, way[::-1], "auth")
    # Two leaves shown as one, in the tree of one leaf less.
    yield proof(3, mth(leaves, 0, 4), 0, 1, node(leaves[0], leaves[1]),
                [leaves[2], leaves[3]], "auth")
    yield proof(2, mth(leaves, 0, 4), 0, 1, node(leaves[0], leaves[1]),
                [node(leaves[2], leaves[3])], "ok")  # so the size has to be signed, too


def segment_vectors():
    feed, entries, _ = random_feed(40, rng.randbytes(32), rng.randbytes(32), 1)
    shifted = [Entry(1020 + i, 5 + i, tag=b"epoch..1") for i in range(9)]
    for part in (entries, entries[:1], entries[7:23], shifted):
        yield {"feed_id": feed.hex(), "first_seq": num(part[0].seq), "bytes": segments(part).hex(),
               "entries": [e.json(feed) for e in part], "result": "ok"}
    head = b"epoch..1" + be(8, 1000)
    tail = varint(16) + bytes(24 + 16)
    plain = b"\0\0" + tail

    def bad(first_seq, data, count=None, result="refused"):
        data = head + be(2, count) + be(4, len(data)) + data if count is not None else data
        return {"feed_id": feed.hex(), "first_seq": num(first_seq), "bytes": data.hex(),
                "entries": [], "result": result}

    yield bad(0, b"", 0)
    yield bad(0, plain + b"\0", 1)
    yield bad(0, plain, 2)
    yield bad(1023, plain + plain, 2)
    for fields in (b"\4\0\0", b"\4\0\x81\0", b"\4\0\x80\x80\4", b"\x08\0\0", b"\x08\0\1",
                   b"\x08\0\x82\0", b"\2\0" + bytes(8), b"\x10\0", b"\x80\0"):
        yield bad(0, plain + fields + tail, 2)
    yield bad(0, b"\x08\0\2" + tail, 1)
    yield bad(0, b"\0\0" + b"\x90\0" + bytes(24 + 16), 1)
    yield bad(0, b"\0\0" + varint(15) + bytes(24 + 15), 1)
    whole = segments(entries[:2])
    for cut in range(1, len(whole), 7):
        yield bad(0, whole[:cut])


def checkpoint_vectors():
    def fields():
        k = rng.choice([0, 1, 127, 128, 70000])
        heads = sorted(rng.randbytes(32) for _ in range(rng.choice([1, 2, 15, 16, 64])))
        prev = rng.randbytes(32) if k else bytes(32)
        return [rng.randbytes(32), k, prev, k + rng.choice([1, 200, 1 << 20, 1 << 40]),
                rng.randbytes(32), rng.getrandbits(64), heads, rng.randbytes(32)]

    def vector(values, data, result):
        out = {"bytes": data.hex(), "hash": h("warren.cp.1", data).hex(), "result": result}
        if result == "ok":
            out.update(zip(("feed_id", "k", "prev", "len", "root", "hlc", "mheads", "seen"),
                           [v.hex() if isinstance(v, bytes) else num(v) if isinstance(v, int)
                            else [m.hex() for m in v] for v in values]))
        return out

    for _ in range(24):
        values = fields()
        yield vector(values, checkpoint(*values), "ok")
    values = fields()
    values[1:4] = 5, rng.randbytes(32), 6
    data = checkpoint(*values)

    def with_(at, value):
        return checkpoint(*(values[:at] + [value] + values[at + 1:]))

    heads = sorted(rng.randbytes(32) for _ in range(65))
    for wrong in (b"\x99" + data[1:], b"\xdc\0\x0a" + data[1:], b"\x9a\2" + data[2:],
                  data + b"\0", data[:-1], data[:-1] + b"\1", with_(0, bytes(31)),
                  with_(1, 0), with_(1, 6), with_(2, bytes(32)), with_(3, 5), with_(3, 0),
                  with_(3, 1 << 44), with_(6, []), with_(6, heads), with_(6, heads[1::-1]),
                  with_(6, [heads[0], heads[0]]), data[:36] + b"\xcc\5" + data[37:]):
        yield vector(values, wrong, "refused")


def unit_vectors():
    """A feed with the units that bring it to a new device, of each size in turn."""
    n = 45
    circle, device = rng.randbytes(32), rng.randbytes(32)
    feed, entries, leaves = random_feed(n, circle, device, 0)
    data = checkpoint(feed, 2, rng.randbytes(32), n, mth(leaves, 0, n), entries[-1].hlc,
                      [rng.randbytes(32)], rng.randbytes(32))
    for most in (1, 4, 16, 1024):
        first, units = 0, []
        while first < n:
            if n - first <= most:
                lo, end, way = first, n, []
            else:
                lo = first // most * most
                end = lo + most
                way = path(leaves, n, lo, end)
            units.append({"first": num(first), "lo": num(lo), "end": num(end),
                          "entries": segments(entries[first:end]).hex(),
                          "path": [item.hex() for item in way],
                          "root": mth(leaves, 0, end).hex()})
            first = end
        yield {"circle_id": circle.hex(), "device_id": device.hex(), "stream": 0,
               "checkpoint": data.hex(), "units": units}


def frontier_vectors():
    for count in (0, 1, 2, 7):
        items = sorted((rng.randbytes(32), rng.getrandbits(20), rng.getrandbits(40),
                        rng.randbytes(32)) for _ in range(count))
        digest = h("warren.front.1", b"".join(f + be(8, k) + be(8, n) + r for f, k, n, r in items))
        yield {"items": [{"feed_id": f.hex(), "k": num(k), "len": num(n), "root": r.hex()}
                         for f, k, n, r in items], "digest": digest.hex()}


def main():
    groups = [feed_id_vectors, padme_vectors, leaf_vectors, root_vectors, proof_vectors,
              segment_vectors, checkpoint_vectors, unit_vectors, frontier_vectors]
    out = {f.__name__.replace("_vectors", ""): list(f()) for f in groups}
    lines = []
    for name, vectors in out.items():
        rows = ",\n".join("  " + json.dumps(v, separators=(",", ":")) for v in vectors)
        lines.append(f'"{name}": [\n{rows}\n]')
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
