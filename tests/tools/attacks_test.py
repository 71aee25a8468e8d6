#!/usr/bin/python3
"""A small table with tests around it: true rows pass, each fault is named.

SPDX-License-Identifier: Apache-2.0
"""
import os
import tempfile
import unittest

import attacks

ROW = "{}\tan attack\tcircle#4.6 sync#1\tunit/a_test.c:it_is_refused e2e/b_test.py:it_is_too"
GOOD = {
    "proto/spec/circle.md": "# Circle\n\n### 4.6 The guard\n",
    "proto/spec/sync.md": "# Sync\n\n## 1 Beginning\n",
    "tests/unit/a_test.c": "static void it_is_refused(void **state) {\n}\n"
                           "    cmocka_unit_test(it_is_refused),\n",
    "tests/e2e/b_test.py": "def it_is_too(build):\n    pass\n\nmain(it_is_too)\n",
    "tests/sim/canary_map.h": "    X(takes_all, \"everything is taken\")\n",
    "tests/sim/scenario.c": "    {\"story\", \"a story\", 3, a_story},\n",
    "tests/sim/scenario_members.c": "void a_story(world *w) {\n}\n",
    "tests/attacks.tsv": "# comment\n" + "\n".join(ROW.format(n) for n in
                                                   sorted(attacks.REQUIRED)) + "\n",
}


class AttacksTest(unittest.TestCase):
    def rules(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**GOOD, **changes}.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as stream:
                    stream.write(text)
            return sorted({rule for _, rule, _ in attacks.check(root)})

    def row(self, old, new):
        table = GOOD["tests/attacks.tsv"]
        return {"tests/attacks.tsv": table.replace(old, new, 1)}

    def test_true_rows_pass(self):
        self.assertEqual(self.rules({}), [])
        self.assertEqual(self.rules(self.row("unit/a_test.c:it_is_refused",
                                             "sim/canary_map.h:takes_all")), [])
        self.assertEqual(self.rules(self.row("unit/a_test.c:it_is_refused",
                                             "sim/scenario_members.c:a_story")), [])

    def test_a_test_has_to_exist_and_to_be_run(self):
        self.assertEqual(self.rules(self.row("it_is_refused", "it_is_ref")), ["no-test"])
        self.assertEqual(self.rules(self.row("it_is_too", "it_is")), ["no-test"])
        self.assertEqual(self.rules(self.row("a_test.c", "c_test.c")), ["no-file"])
        self.assertEqual(self.rules(self.row("a_test.c:it_is_refused", "a_test.c")), ["no-file"])
        self.assertEqual(self.rules(self.row("unit/a_test.c:it_is_refused",
                                             "sim/canary_map.h:takes_none")), ["no-test"])
        text = GOOD["tests/unit/a_test.c"].splitlines()[:2]
        self.assertEqual(self.rules({"tests/unit/a_test.c": "\n".join(text)}), ["not-run"])
        self.assertEqual(self.rules({"tests/sim/scenario.c": "",
                                     **self.row("unit/a_test.c:it_is_refused",
                                                "sim/scenario_members.c:a_story")}), ["not-run"])

    def test_a_section_has_to_exist(self):
        self.assertEqual(self.rules(self.row("circle#4.6", "circle#4.7")), ["no-section"])
        self.assertEqual(self.rules(self.row("circle#4.6", "round#4.6")), ["no-section"])

    def test_rows_are_whole_and_in_order(self):
        self.assertEqual(self.rules(self.row("16\tan attack", "16\t")), ["form", "missing"])
        self.assertEqual(self.rules(self.row("16\tan attack", "x\tan attack")),
                         ["form", "missing"])
        self.assertEqual(self.rules(self.row("16\t", "18\t")), ["missing", "order"])

    def test_numbers_are_all_there(self):
        table = GOOD["tests/attacks.tsv"].splitlines()
        self.assertEqual(self.rules({"tests/attacks.tsv": "\n".join(table[:-1])}), ["missing"])
        self.assertEqual(self.rules({"tests/attacks.tsv": ""}), ["missing"])


if __name__ == "__main__":
    unittest.main()
