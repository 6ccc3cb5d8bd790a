#!/usr/bin/env python3
"""Which numbered case is tested where: the table of tests/README.md, made from the tests' names.

    cases.py           prints the table
    cases.py --write   puts it into tests/README.md
    cases.py --check   exit status 1 if tests/README.md holds another table
    cases.py --gaps    prints the cases of the complete groups that no test names

A test names its cases at the beginning of its name: "A3: ..." or "A26, CP38 to CP40: ..." in C++,
test_a3_... or test_a8_and_a9_... in Python.
"""
import collections
import pathlib
import re
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent
README = HOME / "tests" / "README.md"
FOLDERS = ("src", "service", "cli", "emulator", "tests")
BEGIN, END = "<!-- cases: begin -->\n", "<!-- cases: end -->\n"

GROUPS = {
    "A": "Connect and callback",
    "B": "Answers of the token endpoint",
    "C": "id_token, keys, userinfo, discovery",
    "D": "Return and redirect URLs",
    "E": "Browser sessions and cookies",
    "F": "Keys, operators' interface, CLI",
    "G": "Framing of requests and answers",
    "H": "What the proxy lets pass",
    "I": "Storage, keys, cryptography",
    "J": "Rotation, crashes, many nodes",
    "K": "Network",
    "L": "Load",
    "M": "Operation",
    "N": "Logs, metrics, audit",
    "CP": "Crash points",
}
COMPLETE = {"A": 28, "B": 28, "D": 8, "G": 17, "H": 19, "I": 22, "J": 37, "K": 9, "L": 10, "CP": 54}
LATER = {
    "A23": "the device flow",
    "B27": "proofs of possession (DPoP)",
}

NAMED = re.compile(r'\bTEST_CASE(?:_FIXTURE|_TEMPLATE)?\(\s*(?:[\w:]+,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)')
ONE = r"(?:cp|[a-n])\d+"
FUNCTION = re.compile(rf"\bdef test_({ONE}(?:_(?:and_|to_)?{ONE})*)_(\w+)")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CASE = r"(?:CP|[A-N])\d+"
NUMBERED = re.compile(rf"({CASE}(?:(?:, | and | to |-){CASE})*): (.+)", re.DOTALL)


def names_in(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".cpp":
        for found in NAMED.finditer(text):
            yield "".join(LITERAL.findall(found.group(1))).replace('\\"', '"')
    else:
        for found in FUNCTION.finditer(text):
            numbers = found.group(1).upper()
            for link, sign in (("_AND_", ", "), ("_TO_", "-"), ("_", ", ")):
                numbers = numbers.replace(link, sign)
            yield f"{numbers}: {found.group(2).replace('_', ' ')}"


def split(case):
    letters = case.rstrip("0123456789")
    return letters, int(case[len(letters):])


def cases_of(numbers):
    """ "A26, CP38 to CP40" -> A26, CP38, CP39, CP40 """
    for part in re.split(r", | and ", numbers):
        ends = [split(end) for end in re.split(r" to |-", part)]
        for number in range(ends[0][1], ends[-1][1] + 1):
            yield ends[0][0], number


def collect():
    tests = collections.defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((HOME / folder).rglob("*")):
            if path.suffix not in (".cpp", ".py") or "node_modules" in path.parts:
                continue
            for name in names_in(path):
                numbered = NUMBERED.fullmatch(name)
                if not numbered:
                    continue
                for case in cases_of(numbered.group(1)):
                    tests[case].append((numbered.group(2), path.relative_to(HOME).as_posix()))
    return tests


def row(case, found):
    by_file = collections.defaultdict(list)
    for name, path in found:
        by_file[path].append(name)
    cell = "<br>".join("; ".join(names) + f" ([{path}](../{path}))"
                       for path, names in sorted(by_file.items()))
    label = f"{case[0]}{case[1]}"
    if label in LATER:
        cell = f"{cell}<br>*Later:* {LATER[label]}" if cell else f"*Later:* {LATER[label]}"
    return f"| {label} | {cell.replace('|', chr(92) + '|')} |\n"


def table(tests):
    later = [split(label) for label in LATER]
    out = ""
    for group, title in GROUPS.items():
        cases = sorted(case for case in {*tests, *later} if case[0] == group)
        if not cases:
            continue
        out += f"\n### {group}. {title}\n\n| case | tests |\n| --- | --- |\n"
        out += "".join(row(case, tests.get(case, [])) for case in cases)
    return out + "\n"


def gaps(tests):
    return [f"{group}{number}" for group, last in COMPLETE.items() for number in range(1, last + 1)
            if (group, number) not in tests and f"{group}{number}" not in LATER]


def main():
    act = sys.argv[1] if len(sys.argv) > 1 else ""
    if act not in ("", "--write", "--check", "--gaps") or len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    tests = collect()
    if act == "--gaps":
        print("\n".join(gaps(tests)))
        return 0
    made = table(tests)
    if act == "":
        print(made, end="")
        return 0
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    kept, after = rest.split(END)
    if act == "--check":
        if kept == made:
            return 0
        print("tests/README.md is not what the tests say; run: python3 tools/cases.py --write",
              file=sys.stderr)
        return 1
    README.write_text(before + BEGIN + made + END + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
