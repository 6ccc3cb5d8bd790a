#!/usr/bin/env python3
"""Switches known defects on, one at a time: each must be caught by the test that is named for it.

Usage: defects.py [--check] [NAME...]

A defect is a change of the sources, kept in defects.toml. It is made in a copy of them below
build/defects, what it touches is built, and the named tests run: every one of them must fail, and
without the defect pass. The sources themselves have no switch. Prints a table; status 0 only if
every defect was caught. --check builds nothing: every change still fits the sources, and every named
test is there.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HOME = pathlib.Path(__file__).resolve().parents[2]
LIST = HOME / "tests" / "defects" / "defects.toml"
SCRATCH = HOME / "build" / "defects"
BUILD = SCRATCH / "build" / "release"
BUILD_MINUTES = 20
TEST_SECONDS = 240

NAMED = re.compile(r'\bTEST_CASE(?:_FIXTURE|_TEMPLATE)?\(\s*(?:[\w:]+,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Wrong(Exception):
    """A defect that does not fit the sources any more, or cannot be built."""


def read_list():
    listed = tomllib.loads(LIST.read_text())
    defects, absent = listed["defect"], listed["absent"]
    names = [one["name"] for one in defects + absent]
    for name in names:
        if names.count(name) > 1:
            raise Wrong(f"{name} is listed twice")
    return defects, absent


def tests_in_sources():
    """The names of all tests, and the files' own text for those that are no doctest cases."""
    found = set()
    for folder in ("src", "service", "cli", "emulator", "tests"):
        for file in (HOME / folder).rglob("*_test.cpp"):
            for match in NAMED.finditer(file.read_text()):
                found.add("".join(LITERAL.findall(match[1])).replace('\\"', '"'))
    return found


def changed(text, defect, edit):
    """The file's text with the defect in it."""
    if text.count(edit["old"]) != 1:
        raise Wrong(f"{defect['name']}: {edit['file']} has the text to change "
                    f"{text.count(edit['old'])} times, not once: write the defect anew")
    if edit["old"] == edit["new"]:
        raise Wrong(f"{defect['name']}: nothing is changed in {edit['file']}")
    return text.replace(edit["old"], edit["new"])


def check(defects, absent):
    """What no longer fits, in words."""
    known = tests_in_sources()
    wrong = []
    for defect in defects:
        texts = {}
        try:
            for edit in defect["edit"]:
                file = HOME / edit["file"]
                text = texts.get(file) or file.read_text()
                texts[file] = changed(text, defect, edit)
        except (Wrong, OSError) as problem:
            wrong.append(str(problem))
        for test in defect.get("tests", []):
            if test not in known:
                wrong.append(f"{defect['name']}: there is no test named '{test}'")
        if not (defect.get("tests") or defect.get("seeds") or defect.get("system")):
            wrong.append(f"{defect['name']}: no test is named")
    for one in absent:
        for folder in ("src", "service", "include"):
            for file in (HOME / folder).rglob("*"):
                if file.suffix not in (".cpp", ".h") or file.name.endswith("_test.cpp"):
                    continue
                if re.search(one["never"], file.read_text()):
                    wrong.append(f"{one['name']} was left out because {one['why']}, but "
                                 f"{file.relative_to(HOME)} has it now: list a defect of it")
    return wrong


def copy_sources():
    """The sources as they are, in the scratch folder; what is equal there keeps its time."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=HOME,
                            check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    wanted = {name for name in listed if name and (HOME / name).is_file()}
    for name in sorted(wanted):
        to = SCRATCH / name
        data = (HOME / name).read_bytes()
        if to.is_file() and to.read_bytes() == data:
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
        shutil.copymode(HOME / name, to)
    for file in list(SCRATCH.rglob("*")):
        inside = file.relative_to(SCRATCH)
        if inside.parts[0] != "build" and file.is_file() and str(inside) not in wanted:
            file.unlink()


def environment():
    return os.environ | {"CCACHE_BASEDIR": str(SCRATCH), "CCACHE_NOHASHDIR": "1",
                         "CCACHE_SLOPPINESS": "pch_defines,time_macros",
                         "LATCHKEY_SOURCE_DIR": str(SCRATCH), "LATCHKEY_BUILD_DIR": str(BUILD),
                         "LATCHKEY_BINARY": str(BUILD / "latchkey")}


def build(targets):
    if not (BUILD / "build.ninja").is_file():
        run(["cmake", "--preset", "release"], 300)
    run(["ninja", "-C", str(BUILD), "-j", "2", *sorted(targets)], BUILD_MINUTES * 60)


def run(command, seconds):
    try:
        done = subprocess.run(command, cwd=SCRATCH, env=environment(), timeout=seconds, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        raise Wrong(f"{' '.join(command[:3])} took more than {seconds} s") from None
    if done.returncode != 0:
        raise Wrong(f"{' '.join(command[:3])} failed:\n{done.stdout[-4000:]}")


def binary_of(target):
    for place in (BUILD / target, BUILD / "tests" / target.removeprefix("test_") / target):
        if place.is_file():
            return place
    raise Wrong(f"{target} was not built")


def runs_of(defect):
    """What the named tests are to a shell: (name, command, folder) each."""
    for test in defect.get("tests", []):
        # Doctest takes a comma for the next filter.
        wanted = test.replace("\\", "\\\\").replace(",", "\\,")
        yield test, [str(binary_of(defect["target"])), "-tc=" + wanted, "-nv=false"], SCRATCH
    if "seeds" in defect:
        first = defect.get("first_seed", 1)
        yield (f"simulation, {defect['seeds']} seeds from {first}",
               [str(BUILD / "simulate"), "--seeds", str(defect["seeds"]), "--first-seed",
                str(first)], SCRATCH)
    for test in defect.get("system", []):
        yield test, [sys.executable, "-B", "-m", "unittest", test], SCRATCH / "tests" / "system"


def passes(command, folder):
    """Whether a test passes; one that hangs does not."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment(), timeout=TEST_SECONDS,
                              text=True, errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return False
    if "-tc=" in " ".join(command) and re.search(r"test cases:\s*0 \|", done.stdout):
        raise Wrong(f"no test ran: {command[1]}")
    return done.returncode == 0


def switch_on(defect):
    """Whether every named test catches the defect; the copy is as before afterwards."""
    before = {}
    try:
        for edit in defect["edit"]:
            file = SCRATCH / edit["file"]
            text = file.read_text()
            before.setdefault(file, text)
            file.write_text(changed(text, defect, edit))
        build({defect["target"]})
        missed = [name for name, command, folder in runs_of(defect) if passes(command, folder)]
    finally:
        for file, text in before.items():
            file.write_text(text)
    return missed


def main():
    names = [name for name in sys.argv[1:] if name != "--check"]
    defects, absent = read_list()
    wrong = check(defects, absent)
    if wrong:
        sys.exit("\n".join(wrong))
    if "--check" in sys.argv[1:]:
        print(f"{len(defects)} defects fit the sources; {len(absent)} have nothing to be switched "
              "on in")
        return
    for name in names:
        if name not in [defect["name"] for defect in defects]:
            sys.exit(f"There is no defect {name}; there are " +
                     ", ".join(defect["name"] for defect in defects))
    defects = [defect for defect in defects if not names or defect["name"] in names]

    began = time.monotonic()
    copy_sources()
    build({defect["target"] for defect in defects})
    for defect in defects:
        for name, command, folder in runs_of(defect):
            if not passes(command, folder):
                sys.exit(f"'{name}' fails without any defect")
    print(f"built and passing without a defect after {time.monotonic() - began:.0f} s\n", flush=True)

    print(f"{'defect':32}{'caught':>8}{'s':>7}  by", flush=True)
    uncaught = 0
    for defect in defects:
        started = time.monotonic()
        try:
            missed = switch_on(defect)
        except Wrong as problem:
            missed = [str(problem)]
        seconds = time.monotonic() - started
        by = [*defect.get("tests", []), *defect.get("system", [])]
        if "seeds" in defect:
            by.append(f"simulation within {defect['seeds']} seeds")
        uncaught += 1 if missed else 0
        print(f"{defect['name']:32}{'NO' if missed else 'yes':>8}{seconds:>7.0f}  {by[0]}",
              flush=True)
        for other in by[1:]:
            print(f"{'':49}{other}", flush=True)
        for name in missed:
            print(f"{'':40}MISSED: {name}", flush=True)
    for one in absent:
        print(f"{one['name']:32}{'-':>8}{'':>7}  {one['why']}")
    print(f"\n{len(defects) - uncaught} of {len(defects)} defects caught in "
          f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if uncaught else 0)


if __name__ == "__main__":
    try:
        main()
    except Wrong as problem:
        sys.exit(str(problem))
