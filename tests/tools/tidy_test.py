#!/usr/bin/python3
"""Plants one violation per rule into a clean tree and expects tidy.py to name each of them.

SPDX-License-Identifier: Apache-2.0
"""
import os
import tempfile
import unittest

import tidy

HEAD = "/* What this file is, in one sentence.\n *\n * Layer:  some\n" \
       " * SPDX-License-Identifier: Apache-2.0\n */\n"
CLEAN = {
    "proto/wire/good.c": HEAD + '''#include "base/base.h"
#include "wire/good.h"
#include <msgpack.h>
#define TWICE(x) do { (void)(x); \\
    } while (0)

/* memcmp( and goto in a comment are words, sprintf("too"). */
struct table { int a; };
static const struct table rows[] = {{1}, {2}};

wr_thing *wr_thing_new(void) {
    const char *text = "goto time(NULL) { malloc(";
    return malloc(sizeof *text);
}
''',
    "proto/wire/good.h": HEAD,
    "agent/core/clock.c": HEAD + "static long f(void) {\n    return time(NULL);\n}\n",
    "agent/agent.c": HEAD + '#include "agent.h"\n#include "engine/link.h"\n#include "net/tcp.h"\n',
    "tests/unit/a_test.c": HEAD + "#include <sodium.h>\nint main(void) {\n    return memcmp(a, b, 1);\n}\n",
    "tests/run.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ncat /usr/share/dict/words\n",
}

BODY = "static void f(void) {\n    %s;\n}\n"
# rule, path, content, words of the message
PLANTS = [
    ("layer", "proto/wire/x.c", HEAD + '#include "crypto/crypto.h"\n', "proto/wire may not include"),
    ("layer", "proto/base/x.h", HEAD + '#include "wire/pack.h"\n', "only nothing"),
    ("layer", "proto/engine/x.c", HEAD + '#include "core/loop.h"\n', "core/loop.h"),
    ("layer", "agent/mesh/x.c", HEAD + '#include "net/tcp.h"\n', "net/tcp.h"),
    ("layer", "agent/cli/x.c", HEAD + '#include "base/base.h"\n', "only warren"),
    ("layer", "agent/store/store_sqlite.c", HEAD + '#include "crypto/crypto.h"\n', "agent/store"),
    ("layer", "include/warren/x.h", HEAD + '#include "base/base.h"\n', "include/warren"),
    ("include-form", "proto/feed/x.c", HEAD + '#include "tree.h"\n', "include root"),
    ("include-form", "proto/feed/x.c", HEAD + '#include "../base/base.h"\n', "include root"),
    ("owner", "proto/channel/x.c", HEAD + "#include <sodium.h>\n", "sodium.h"),
    ("owner", "agent/flow/x.c", HEAD + "#include <uv.h>\n", "uv.h"),
    ("owner", "agent/flow/x.c", HEAD + "#  include <sqlite3.h>\n", "sqlite3.h"),
    ("owner", "agent/api/server.c", HEAD + "#include <msgpack/object.h>\n", "msgpack"),
    ("owner", "tests/vectors/x.c", HEAD + "#include <jansson.h>\n", "jansson.h"),
    ("banned", "proto/feed/x.c", HEAD + BODY % "memcmp(a, b, 1)", "memcmp: use wr_equal"),
    ("banned", "agent/flow/x.c", HEAD + BODY % "memcmp(a, b, 1)", "memcmp"),
    ("banned", "agent/flow/x.c", HEAD + BODY % "clock_gettime(0, &t)", "wr_now"),
    ("banned", "proto/circle/x.c", HEAD + BODY % "randombytes_buf(a, 1)", "wr_rng"),
    ("banned", "agent/net/x.c", HEAD + BODY % "system(a)", "uv_spawn"),
    ("banned", "tests/unit/x.c", HEAD + BODY % "usleep(100)", "deadline"),
    ("banned", "proto/feed/x.c", HEAD + BODY % 'printf("x")', "never prints"),
    ("goto", "agent/net/x.c", HEAD + BODY % "goto out", "return early"),
    ("alloc", "proto/feed/x.c", HEAD + BODY % "p = malloc(3)", "f: allocation"),
    ("alloc", "proto/feed/x.c", HEAD + BODY.replace("f(", "wr_f_new(") % "p = realloc(p, 3)", "grows"),
    ("ifdef", "agent/net/x.c", HEAD + "void f(void)\n{\n#ifdef __linux__\n    g();\n#endif\n}\n",
     "two files"),
    ("file-length", "proto/feed/x.c", HEAD + "int a;\n" * 600, "limit is 600"),
    ("file-length", "proto/feed/x.h", HEAD + "int a;\n" * 200, "limit is 200"),
    ("function-length", "proto/feed/x.c", HEAD + "static int f(int a)\n{\n" + "    g();\n" * 69 + "}\n",
     "f has 71 lines"),
    ("head", "agent/net/x.c", "/* SPDX-License-Identifier: Apache-2.0 */\nint a;\n", "sentence"),
    ("head", "agent/net/x.c", "#include <a.h>\n/* SPDX-License-Identifier: Apache-2.0 */\n", "starts"),
    ("spdx", "agent/net/x.c", "/* What this file is, in one sentence. */\n", "SPDX"),
    ("spdx", "tests/x.sh", "#!/bin/sh\n", "SPDX"),
    ("layer-line", "agent/net/x.h", HEAD.replace("Layer:", "Floor:"), "Layer:"),
    ("leftover", "agent/net/x.c", HEAD + "/* TO" "DO: later */\n", "finish"),
    ("leftover", "proto/spec/x.md", "This is a st" "ub.\n", "finish"),
    ("machine-path", "README.md", "Look into /ro" "ot/notes.\n", "one machine"),
    ("machine-path", "tests/x.sh", "# SPDX-License-Identifier: Apache-2.0\ncd '/ho" "me/me/x'\n",
     "one machine"),
    ("document", "README.md", None, "missing"),
    ("name", "proto/feed/x.c", HEAD + "int feed_size(int a) {\n    return a;\n}\n", "wr_feed_size"),
    ("exception", "tests/tools/tidy.py", "# SPDX-License-Identifier: Apache-2.0\n", "not there"),
]


class TidyTest(unittest.TestCase):
    def findings(self, extra):
        with tempfile.TemporaryDirectory() as root:
            tree = {document: "Text.\n" for document in tidy.DOCUMENTS}
            tree.update(CLEAN)
            tree.update(extra)
            for path, content in tree.items():
                if content is None:
                    continue
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(content)
            return tidy.Tidy(root).run()

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.findings({}), [])

    def test_each_planted_violation_is_found_where_it_is_and_nothing_else(self):
        for rule, path, content, words in PLANTS:
            with self.subTest(rule=rule, path=path, words=words):
                found = self.findings({path: content})
                self.assertTrue(found)
                for at, line, name, message in found:
                    self.assertEqual(name, rule)
                    self.assertGreater(line, 0)
                    if rule != "exception":
                        self.assertEqual(at, path)
                self.assertIn(words, " ".join(message for _, _, _, message in found))

    def test_every_rule_has_a_plant(self):
        self.assertEqual({rule for rule, _, _, _ in PLANTS}, set(tidy.RULES))

    def test_a_finding_names_the_line(self):
        found = self.findings({"agent/net/x.c": HEAD + "\n\n" + BODY % "goto out"})
        self.assertEqual([line for _, line, _, _ in found], [HEAD.count("\n") + 4])

    def test_every_call_of_the_ban_table_is_found(self):
        for calls, _, _ in tidy.BANNED + tidy.PROTO_BANNED:
            for call in calls.replace(r"\w*", "").replace(r"\w+", "pk").split("|"):
                with self.subTest(call=call):
                    found = self.findings({"proto/feed/x.c": HEAD + BODY % f"x = {call}(y)"})
                    self.assertIn("banned", [rule for _, _, rule, _ in found])

    def test_every_folder_of_the_layer_table_refuses_what_it_does_not_list(self):
        for folder, allowed in tidy.LAYERS.items():
            for layer in tidy.PROTO + tidy.AGENT:
                good = layer in allowed or layer == os.path.basename(folder)
                with self.subTest(folder=folder, layer=layer):
                    found = self.findings({folder + "/z.c": HEAD + f'#include "{layer}/a.h"\n'})
                    self.assertEqual([rule for _, _, rule, _ in found], [] if good else ["layer"])


if __name__ == "__main__":
    unittest.main()
