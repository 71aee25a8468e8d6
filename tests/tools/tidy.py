#!/usr/bin/python3
"""Checks what a reviewer would have to say twice: layers, header owners, banned calls, form.

Usage:  tidy.py [ROOT]     prints `path:line: rule: message`, exit 1 if anything was found.

The tables at the top are the architecture; the code below only applies them.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import sys

# ---- the architecture ----------------------------------------------------------------------------

PROTO = ["base", "crypto", "wire", "channel", "circle", "feed", "sync", "engine"]
AGENT = ["core", "mesh", "store", "net", "flow", "api", "cli", "mailbox"]

# folder -> layers it may include besides its own
LAYERS = {
    "proto/base": [],
    "proto/crypto": ["base"],
    "proto/wire": ["base"],
    "proto/channel": ["base", "crypto"],
    "proto/circle": ["base", "crypto", "wire", "channel"],
    "proto/feed": ["base", "crypto", "wire"],
    "proto/sync": ["base", "crypto", "wire", "channel", "circle", "feed"],
    "proto/engine": ["base", "crypto", "wire", "channel", "circle", "feed", "sync"],
    "agent/core": ["base"],
    "agent/mesh": ["base"],
    "agent/store": ["base", "engine", "core"],
    "agent/net": ["base", "core"],
    "agent/flow": ["base", "engine", "core", "mesh", "store", "net"],
    "agent/api": ["base", "core", "store", "flow"],
    "agent/cli": ["warren"],
    "agent/mailbox": ["base", "wire", "core", "crypto"],
    "agent": PROTO + AGENT + ["warren"],  # agent.c and main.c connect the parts
    "include/warren": ["warren"],
}

# (files, headers they may include beyond that, reason)
LAYER_EXCEPTIONS = [
    (r"agent/flow/founding\.c", r"circle/recovery\.h", "the words are made and checked here"),
    (r"agent/flow/members\.c", r"circle/recovery\.h", "the words sign removals"),
    (r"agent/flow/members\.h", r"circle/op_change\.h", "the reason of a removal"),
    (r"agent/flow/reader_names\.c", r"wire/pack\.h", "content of control entries is canonical msgpack"),
    (r"proto/feed/entry\.h", r"circle/keyring\.h", "the keys of a feed, which the keyring derives"),
    (r"agent/store/keystore\.[ch]", r"crypto/.*", "seals and opens secrets at rest"),
    (r"agent/api/(client|value|rpc)\.[ch]", r"warren/.*", "these three make up libwarren"),
    (r"agent/\w+/\w+\.c", r"warren/version\.h", "the version, defined once for all"),
]

# header of others -> the only files that may include it
OWNERS = {
    r"sodium\.h": r"proto/crypto/(crypto|secret)\.c|proto/base/base\.c|agent/store/keystore\.c",
    r"msgpack(\.h|/.*)": r"proto/wire/\w+\.[ch]|agent/api/(rpc|value)\.c",
    r"sqlite3\.h": r"agent/store/(store_sqlite|sqlite|migrations)\w*\.[ch]"
                   r"|agent/mailbox/db_sqlite\.c",
    r"libpq-fe\.h": r"agent/mailbox/db_postgres\.c",
    r"uv\.h": r"agent/core/loop\w*\.[ch]|agent/net/\w+\.[ch]|agent/api/server\w*\.[ch]"
              r"|agent/mailbox/\w+\.[ch]",
    r"nice/.*|glib.*\.h": r"agent/net/(ice|glib_bridge)\.[ch]",
    r"(ngtcp2|gnutls)/.*": r"agent/net/quic\.c",
    r"microhttpd\.h": r"agent/api/web\w*\.c|agent/mailbox/http\.c",
    r"curl/.*": r"agent/net/mailbox_client\.c",
    r"jansson\.h": r"agent/cli/print\.[ch]|tests/vectors/json\.[ch]",
    r"ini\.h": r"agent/core/config\w*\.c",
    r"qrencode\.h": r"agent/cli/\w+\.c|agent/api/web\w*\.c",
    r"cmocka\.h": r"tests/harness/harness\.h",
}

# (call, where it is allowed, what to use instead)
NOWHERE = r"$^"
BANNED = [
    (r"memcmp|bcmp", r"proto/base/base\.c|tests/.*", "wr_equal, or wr_order for public bytes"),
    (r"strcpy|stpcpy|strcat|strncpy|strncat", NOWHERE, "wr_buf_put or snprintf"),
    (r"sprintf|vsprintf", NOWHERE, "snprintf"),
    (r"gets|strtok", NOWHERE, "wr_slice functions"),
    (r"atoi|atol|atoll|atof", NOWHERE, "strtol with its checks"),
    (r"alloca", NOWHERE, "a fixed array bounded by a limit"),
    (r"rand|srand|random|srandom|rand_r|drand48", NOWHERE, "the injected wr_rng"),
    (r"randombytes\w*|getrandom|getentropy|arc4random\w*", r"proto/crypto/crypto\.c",
     "the injected wr_rng"),
    (r"time|gettimeofday|clock_gettime|clock|uv_hrtime|uv_now",
     r"agent/core/.*|agent/cli/when\.c|tests/.*",
     "the wr_now handed down"),
    (r"sleep|usleep|nanosleep", r"tests/e2e/.*|tests/bench/.*|examples/.*", "an event with a deadline"),
    (r"system|popen", r"tests/.*", "uv_spawn through core/loop"),
    (r"crypto_sign_ed25519_\w+_to_curve25519", NOWHERE, "a key of its own for each purpose"),
    (r"setjmp|longjmp", r"tests/.*", "an error value"),
]
# In proto only: no output, no allocation outside of *_new.
PROTO_BANNED = [
    (r"printf|fprintf|vfprintf|puts|fputs|perror", r"proto/base/base\.c",
     "events and counters; proto never prints"),
    (r"exit|_exit|abort", r"proto/base/base\.c", "an error value, or WR_ASSERT"),
    (r"fopen|open|socket|pthread_create|getenv", NOWHERE, "the agent: proto does no I/O"),
]
ALLOC = r"malloc|calloc|aligned_alloc|posix_memalign"
REALLOC = r"realloc|reallocarray|strdup|strndup|asprintf"
# (path, function that allocates though it is no *_new) -> reason
ALLOC_EXCEPTIONS = {
    ("proto/engine/link_sync.c", "hear_data"): "a unit's bytes, bounded, only while it arrives",
    ("proto/engine/self_grow.c", "open_run"): "the run's memory, once",
    ("proto/wire/record.c", "start_message"): "one message, so that an idle link holds none",
}

FILE_LINES = 600
HEADER_LINES = 200
FUNCTION_LINES = 70
FILE_EXCEPTIONS = {  # path -> (lines, reason)
    "proto/base/base.h": (260, "the error table, bytes, keys and times that all layers share"),
}
FUNCTION_EXCEPTIONS = {}  # (path, function) -> (lines, reason)

# Documents that must be there.
DOCUMENTS = ["README.md", "LICENSE", "proto/README.md", "agent/README.md",
             "proto/spec/overview.md", "proto/spec/decisions.md"]

# Written in pieces, so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|\b[Ss]tub(s|bed)?\b")
MACHINE = re.compile(r"(?<![\w.$}/])/(wo" r"rk|ro" r"ot|ho" r"me/\w+)(/|\b)")

SKIP_FOLDERS = {".git", "build", "__pycache__", ".cache"}
TEXT_SUFFIXES = (".c", ".h", ".def", ".py", ".sh", ".md", ".txt", ".cmake", ".map", ".json", ".html",
                 ".js", ".service")
# Files of others: checked for nothing.
FOREIGN = re.compile(r"tests/vectors/.*\.(json|txt|md)$|tests/fuzz/corpus/|LICENSE$")

RULES = ["layer", "include-form", "owner", "banned", "goto", "alloc", "ifdef", "file-length",
         "function-length", "head", "spdx", "layer-line", "leftover", "machine-path", "document",
         "name", "exception"]


# ---- reading C ----------------------------------------------------------------------------------

LEX = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    """The code with comments and the insides of strings replaced by blanks; lines stay."""
    def cover(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1]
        return re.sub(r"[^\n]", " ", token)
    return LEX.sub(cover, text)


class Function:
    def __init__(self, name, head, first, last):
        self.name, self.head, self.first, self.last = name, head, first, last


def without_preprocessor(code):
    """Blanks directives with their continuation lines, so that only braces of code count."""
    return re.sub(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), code)


def functions(code):
    """Function definitions: a `{` at depth 0 whose head ends with `)`."""
    found, depth, start, head_from, opened = [], 0, None, 0, ""
    code = without_preprocessor(code)
    for match in re.finditer(r"[{};]", code):
        at, sign = match.start(), match.group(0)
        if sign == "{":
            if depth == 0:
                opened = code[head_from:at].strip()
                start = at
            depth += 1
        elif sign == "}":
            depth = max(0, depth - 1)
            if depth == 0:
                name = re.search(r"(\w+)\s*\([^{}]*\)\s*$", opened, re.S)
                first = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", opened))
                if name and first and "=" not in opened.split("(")[0]:
                    found.append(Function(first.group(1), opened, code.count("\n", 0, start) + 1,
                                          code.count("\n", 0, at) + 1))
                head_from = at + 1
        elif depth == 0:
            head_from = at + 1
    return found


# ---- the rules ----------------------------------------------------------------------------------

class Tidy:
    def __init__(self, root):
        self.root, self.findings, self.seen_functions = root, [], set()

    def say(self, path, line, rule, message):
        assert rule in RULES
        self.findings.append((path, line, rule, message))

    def files(self):
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIP_FOLDERS)
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                known = name.endswith(TEXT_SUFFIXES) or name in ("CMakeLists.txt", "run")
                if known and not FOREIGN.search(path):
                    yield path

    def run(self):
        paths = list(self.files())
        for path in paths:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                text = file.read()
            self.check_text(path, text)
            if path.endswith((".c", ".h")):
                self.check_c(path, text)
        for document in DOCUMENTS:
            if not os.path.exists(os.path.join(self.root, document)):
                self.say(document, 1, "document", "missing")
        self.check_exceptions(paths)
        return sorted(self.findings)

    def check_text(self, path, text):
        for number, line in enumerate(text.split("\n"), 1):
            if LEFTOVERS.search(line):
                self.say(path, number, "leftover", "finish it, or write the limit down as a fact")
            if MACHINE.search(line):
                self.say(path, number, "machine-path", "a path of one machine")
        if path.endswith((".c", ".h", ".py", ".sh", "CMakeLists.txt")):
            if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n")[:40]):
                self.say(path, 1, "spdx", "no line `SPDX-License-Identifier: Apache-2.0` on top")

    def check_c(self, path, text):
        code = blank(text)
        self.check_head(path, text)
        self.check_length(path, text)
        self.check_includes(path, text, code)
        self.check_functions(path, code)
        self.check_calls(path, code)

    def check_head(self, path, text):
        head = re.match(r"/\* (.+?)\*/", text, re.S)
        if not head:
            self.say(path, 1, "head", "a file starts with a comment that says what it is")
        elif not re.match(r"(?!SPDX)[^\n]{8,}.*?[.:?](\s|$)", head.group(1), re.S):
            self.say(path, 1, "head", "the first comment is a whole sentence about the file")
        if re.match(r"(proto|agent)/\w+/", path) and path.endswith(".h"):
            if head and "Layer:" not in head.group(1):
                self.say(path, 1, "layer-line", "the head of a header names its `Layer:`")

    def check_length(self, path, text):
        lines = text.count("\n")
        limit = HEADER_LINES if path.endswith(".h") else FILE_LINES
        if path in FILE_EXCEPTIONS:
            limit = FILE_EXCEPTIONS[path][0]
        if lines > limit:
            self.say(path, lines, "file-length", f"{lines} lines, the limit is {limit}: split it")

    def check_includes(self, path, text, code):
        folder = os.path.dirname(path)
        for match in re.finditer(r'(?m)^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text):
            line = text.count("\n", 0, match.start()) + 1
            if code.split("\n")[line - 1].lstrip()[:1] != "#":
                continue  # inside a comment
            name = match.group(2)
            for header, owner in OWNERS.items():
                if not re.fullmatch(header, name) or re.fullmatch(owner, path):
                    continue
                if header != r"jansson\.h" and header != r"cmocka\.h" and path.startswith("tests/"):
                    continue  # a test may compare with the original
                self.say(path, line, "owner", f"<{name}> belongs to {owner}")
            if folder in LAYERS:
                self.check_layer(path, line, folder, name, match.group(1) == '"')

    def check_layer(self, path, line, folder, name, quoted):
        layer = name.split("/")[0]
        known = PROTO + AGENT + ["warren"]
        if layer not in known or "/" not in name:
            own_top = folder == "agent" and re.fullmatch(r"\w+\.(h|def)", name)
            if quoted and not own_top:
                self.say(path, line, "include-form", f'"{name}": write it from the include root')
            return
        if layer == os.path.basename(folder) or layer in LAYERS[folder]:
            return
        for files, headers, _ in LAYER_EXCEPTIONS:
            if re.fullmatch(files, path) and re.fullmatch(headers, name):
                return
        allowed = " ".join(LAYERS[folder]) or "nothing"
        self.say(path, line, "layer", f"{folder} may not include {name} (only {allowed})")

    def check_functions(self, path, code):
        found = functions(code)
        for function in found:
            self.seen_functions.add((path, function.name))
            length = function.last - function.first + 1
            limit = FUNCTION_EXCEPTIONS.get((path, function.name), (FUNCTION_LINES,))[0]
            if length > limit:
                self.say(path, function.first, "function-length",
                         f"{function.name} has {length} lines, the limit is {limit}")
            public = not re.search(r"\bstatic\b", function.head)
            if path.startswith("proto/") and public and not function.name.startswith("wr_"):
                self.say(path, function.first, "name", f"{function.name}: static, or wr_{function.name}")
        lines = code.split("\n")
        for function in found:
            for number in range(function.first, function.last + 1):
                if re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", lines[number - 1]):
                    self.say(path, number, "ifdef", "a platform difference is two files, not a branch")
        if re.match(r"proto/\w+/", path):
            self.check_alloc(path, lines, found)

    def check_alloc(self, path, lines, found):
        for number, line in enumerate(lines, 1):
            inside = next((f for f in found if f.first <= number <= f.last), None)
            where = inside.name if inside else ""
            if re.search(rf"\b({REALLOC})\s*\(", line):
                self.say(path, number, "alloc", "nothing grows: allocate once, in a *_new")
            elif re.search(rf"\b({ALLOC})\s*\(", line):
                if not where.endswith("_new") and (path, where) not in ALLOC_EXCEPTIONS:
                    self.say(path, number, "alloc", f"{where or 'file'}: allocation outside a *_new")

    def check_calls(self, path, code):
        table = BANNED + (PROTO_BANNED if path.startswith("proto/") else [])
        for number, line in enumerate(code.split("\n"), 1):
            if re.search(r"\bgoto\b", line):
                self.say(path, number, "goto", "return early, and let WR_AUTO or WR_SECRET clean up")
            for call, allowed, instead in table:
                match = re.search(rf"(?<![\w.>])({call})\s*\(", line)
                if match and not re.fullmatch(allowed, path):
                    self.say(path, number, "banned", f"{match.group(1)}: use {instead}")

    def check_exceptions(self, paths):
        """An exception for code that is gone is a hole for the next of that name."""
        if "tests/tools/tidy.py" not in paths:
            return  # not the tree whose exceptions these are
        for path in FILE_EXCEPTIONS:
            if path not in paths:
                self.say(path, 1, "exception", "listed in tidy.py, but not there")
        for path, function in list(FUNCTION_EXCEPTIONS) + list(ALLOC_EXCEPTIONS):
            if (path, function) not in self.seen_functions:
                self.say(path, 1, "exception", f"{function} is listed in tidy.py, but not there")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
    findings = Tidy(os.path.abspath(root)).run()
    for path, line, rule, message in findings:
        print(f"{path}:{line}: {rule}: {message}")
    print(f"tidy: {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
