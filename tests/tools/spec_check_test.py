#!/usr/bin/python3
"""A small specification with code and tests around it: true quotes pass, each fault is named.

SPDX-License-Identifier: Apache-2.0
"""
import os
import tempfile
import unittest

import spec_check

SPEC = """# Channel

## 4 Messages

Introduction without a demand.  A peer may do as it likes.

### 4.5 Checks

A message that fails any check MUST leave the
handshake as it `was`. It may be logged.  The key **MUST NOT** be shown.

| field | rule |
|---|---|
| size | The size MUST be even. |

- The item MUST say "stop"
  at the end.

```
layouts MUST not be read as sentences
```
"""
CODE = '''/* spec:channel#4.5 "A message that fails any check MUST leave the handshake as it
 * was."  So work on a copy. */
/* spec:channel#4.5 "The key MUST NOT be shown." */
    /* spec:channel#4.5
     * "The size MUST be even." */
// spec:channel#4.5 "The item MUST say \\"stop\\"
// at the end."
'''
GOOD = {
    "proto/spec/channel.md": SPEC,
    "proto/channel/a.c": CODE,
    "tests/unit/a_test.c": CODE.replace("#4.5", "#4.5 type=test"),
}


class SpecCheckTest(unittest.TestCase):
    def rules(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, content in {**GOOD, **changes}.items():
                if content is None:
                    continue
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(content)
            return [rule for _, _, rule, _ in spec_check.Check(root).run()]

    def test_true_and_complete_quotes_pass(self):
        self.assertEqual(self.rules({}), [])

    def test_no_specification_and_no_quotes_pass(self):
        self.assertEqual(self.rules(dict.fromkeys(GOOD)), [])
        self.assertEqual(self.rules({"proto/spec/channel.md": None}), [])

    def test_a_quote_in_a_python_test_counts(self):
        quotes = CODE.replace("#4.5", "#4.5 type=test")
        lines = [line.strip(" /*") for line in quotes.split("\n")]
        test = "\n".join("# " + line for line in lines)
        self.assertEqual(self.rules({"tests/unit/a_test.c": None, "tests/e2e/a_test.py": test}), [])

    def test_a_part_of_the_sentence_is_enough_if_it_holds_the_must(self):
        part = CODE.replace('"A message that fails any check MUST', '"any check MUST')
        self.assertEqual(self.rules({"proto/channel/a.c": part}), [])
        part = CODE.replace('"A message that fails any check MUST leave the handshake',
                            '"the handshake')
        self.assertEqual(self.rules({"proto/channel/a.c": part}), ["no-code"])

    def test_a_changed_word_is_found(self):
        self.assertEqual(sorted(self.rules({"proto/channel/a.c": CODE.replace("even", "odd")})),
                         ["no-code", "not-in-spec"])

    def test_a_changed_specification_is_found(self):
        self.assertEqual(sorted(self.rules({"proto/spec/channel.md": SPEC.replace("even", "odd")})),
                         ["no-code", "no-test", "not-in-spec", "not-in-spec"])

    def test_a_quote_under_another_section_is_found(self):
        moved = CODE.replace('#4.5 "The key', '#4 "The key')
        self.assertEqual(sorted(self.rules({"proto/channel/a.c": moved})), ["no-code", "not-in-spec"])
        moved = CODE.replace('#4.5 "The key', '#4.6 "The key')
        self.assertEqual(sorted(self.rules({"proto/channel/a.c": moved})),
                         ["no-code", "unknown-section"])

    def test_a_quote_of_an_unknown_chapter_is_found(self):
        extra = '/* spec:feed#1 "Anything." */\n'
        self.assertEqual(self.rules({"proto/feed/a.c": extra}), ["unknown-spec"])

    def test_a_cite_without_its_sentence_is_found(self):
        self.assertEqual(self.rules({"proto/feed/a.c": "/* see spec:channel#4.5 */\n"}), ["no-quote"])
        self.assertEqual(self.rules({"proto/feed/a.c": '/* spec:channel#4.5 "" */\n'}),
                         ["not-in-spec"])

    def test_a_demand_without_code_or_without_test_is_found(self):
        self.assertEqual(self.rules({"proto/channel/a.c": None}), ["no-code"] * 4)
        self.assertEqual(self.rules({"tests/unit/a_test.c": None}), ["no-test"] * 4)

    def test_a_quote_of_the_wrong_kind_is_found(self):
        self.assertEqual(sorted(self.rules({"tests/unit/a_test.c": CODE})),
                         ["kind"] * 4 + ["no-test"] * 4)
        marked = CODE.replace("#4.5", "#4.5 type=test")
        self.assertEqual(sorted(self.rules({"proto/channel/a.c": marked})),
                         ["kind"] * 4 + ["no-code"] * 4)

    def test_every_rule_is_tested_here(self):
        with open(__file__, encoding="utf-8") as file:
            text = file.read()
        for rule in spec_check.RULES:
            self.assertIn(f'"{rule}"', text)


if __name__ == "__main__":
    unittest.main()
