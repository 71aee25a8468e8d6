#!/usr/bin/python3
"""Checks that the code and the tests quote the specification truly and completely.

A quote is a comment   spec:channel#4.5 "A message that fails any check MUST .."   which may wrap
over comment lines; a test's quote says   spec:channel#4.5 type=test "..".   Quotation marks inside
a quote are written \\".

 - Every quote occurs in proto/spec/<name>.md, in the section of that number.
 - Every sentence with MUST or MUST NOT is quoted in proto/ or agent/, and by a test in tests/.
   A part of the sentence is enough if it holds the MUST.

Usage:  spec_check.py [ROOT]     prints `path:line: rule: message`, exit 1 if anything was found.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import sys

CODE_FOLDERS = ["proto", "agent", "include"]
TEST_FOLDERS = ["tests"]
# The checkers speak about quotes without making any.
NOT_QUOTING = ("tests/tools/", "proto/spec/")
SUFFIXES = (".c", ".h", ".py", ".sh")

HEADING = re.compile(r"#+\s+(\d+(?:\.\d+)*)\.?\s+\S")
CITE = re.compile(r"spec:(\w+)#(\d+(?:\.\d+)*)")
QUOTE = re.compile(r'spec:(\w+)#(\d+(?:\.\d+)*)\s+(type=test\s+)?"((?:[^"\\]|\\.)*)"', re.S)
MUST = re.compile(r"\bMUST\b")
RULES = ["unknown-spec", "unknown-section", "not-in-spec", "no-quote", "no-code", "no-test", "kind"]


def plain(text):
    """Text without emphasis, code marks and line ends, so that layout does not matter."""
    return " ".join(re.sub(r"[`*]", "", text).split())


class Section:
    def __init__(self, name, number, path):
        self.name, self.number, self.path = name, number, path
        self.chunks = []  # (first line, text) of each paragraph, list item and table cell

    def text(self):
        return plain(" ".join(text for _, text in self.chunks))

    def musts(self):
        """(line, sentence) of every sentence that demands something."""
        for line, text in self.chunks:
            for sentence in re.split(r"(?<=[.!?])\s+(?=[\"`*(]*[A-Z0-9])", text):
                if MUST.search(sentence):
                    yield line, plain(sentence)


def read_spec(path, name, lines):
    """The numbered sections of one chapter; fenced blocks hold layouts, not sentences."""
    sections, current, fenced, open_chunk = {}, None, False, False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced, open_chunk = not fenced, False
            continue
        heading = None if fenced else HEADING.match(line)
        if heading:
            current = Section(name, heading.group(1), path)
            sections[current.number] = current
            open_chunk = False
            continue
        if fenced or current is None:
            continue
        text = line.strip()
        if text.startswith("|"):
            current.chunks += [(number, cell.strip()) for cell in text.strip("|").split("|")]
            open_chunk = False
        elif not text or text.startswith("#"):
            open_chunk = False
        elif open_chunk and not re.match(r"([-*+]|\d+\.)\s", text):
            first, before = current.chunks[-1]
            current.chunks[-1] = (first, before + " " + text)
        else:
            current.chunks.append((number, re.sub(r"^([-*+]|\d+\.)\s+", "", text)))
            open_chunk = True
    return sections


class Quote:
    def __init__(self, path, line, match):
        self.path, self.line = path, line
        self.name, self.number = match.group(1), match.group(2)
        self.is_test = bool(match.group(3))
        self.text = plain(match.group(4).replace('\\"', '"').replace("\\\\", "\\"))


def uncomment(text):
    """Comment leaders at line starts become blanks, so that a wrapped quote is one text."""
    return re.sub(r"(?m)^[ \t]*(\*(?!/)|//|#(?=[ \t]))", lambda m: " " * len(m.group(0)), text)


class Check:
    def __init__(self, root):
        self.root, self.findings = root, []
        self.specs, self.quotes = {}, []

    def say(self, path, line, rule, message):
        assert rule in RULES
        self.findings.append((path, line, rule, message))

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def load_specs(self):
        folder = "proto/spec"
        if not os.path.isdir(os.path.join(self.root, folder)):
            return
        for file in sorted(os.listdir(os.path.join(self.root, folder))):
            if file.endswith(".md"):
                path, name = f"{folder}/{file}", file[:-3]
                self.specs[name] = read_spec(path, name, self.read(path).split("\n"))

    def load_quotes(self, top):
        for folder, folders, names in os.walk(os.path.join(self.root, top)):
            folders.sort()
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if path.endswith(SUFFIXES) and not path.startswith(NOT_QUOTING):
                    self.load_file(path)

    def load_file(self, path):
        text = uncomment(self.read(path))
        quoted = set()
        for match in QUOTE.finditer(text):
            quoted.add(match.start())
            line = text.count("\n", 0, match.start()) + 1
            quote = Quote(path, line, match)
            if quote.is_test != path.startswith("tests/"):
                self.say(path, line, "kind", "type=test belongs to quotes in tests/, and only there")
            self.quotes.append(quote)
        for match in CITE.finditer(text):
            if match.start() not in quoted:
                line = text.count("\n", 0, match.start()) + 1
                self.say(path, line, "no-quote", f"{match.group(0)} without its sentence")

    def check_quote(self, quote):
        if quote.name not in self.specs:
            self.say(quote.path, quote.line, "unknown-spec", f"no proto/spec/{quote.name}.md")
            return
        section = self.specs[quote.name].get(quote.number)
        if section is None:
            self.say(quote.path, quote.line, "unknown-section",
                     f"{quote.name}.md has no section {quote.number}")
        elif not quote.text or quote.text not in section.text():
            self.say(quote.path, quote.line, "not-in-spec",
                     f'{quote.name}#{quote.number} does not say "{quote.text}"')

    def check_musts(self):
        for name in sorted(self.specs):
            for section in self.specs[name].values():
                here = [q for q in self.quotes if (q.name, q.number) == (name, section.number)]
                for line, sentence in section.musts():
                    covers = [q for q in here if sentence in q.text or
                              (q.text in sentence and MUST.search(q.text))]
                    if not any(not q.is_test for q in covers):
                        self.say(section.path, line, "no-code", f'not quoted in code: "{sentence}"')
                    if not any(q.is_test for q in covers):
                        self.say(section.path, line, "no-test", f'not quoted by a test: "{sentence}"')

    def run(self):
        self.load_specs()
        for top in CODE_FOLDERS + TEST_FOLDERS:
            self.load_quotes(top)
        if not self.specs:
            return []  # no chapter yet: nothing to compare with
        for quote in self.quotes:
            self.check_quote(quote)
        self.check_musts()
        return sorted(self.findings)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
    check = Check(os.path.abspath(root))
    findings = check.run()
    for path, line, rule, message in findings:
        print(f"{path}:{line}: {rule}: {message}")
    musts = sum(len(list(s.musts())) for spec in check.specs.values() for s in spec.values())
    print(f"spec_check: {musts} sentences with MUST, {len(check.quotes)} quotes, "
          f"{len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
