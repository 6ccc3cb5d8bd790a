#!/usr/bin/env python3
"""Fails on an include that points up or sideways.

The table below is the house: a room may include itself and any room of a lower floor. Rooms of one
floor do not know each other, except where `beside` says so. Public headers (include/latchkey) hold
the words of floors 0 and 1, which everybody may use, and the library's face, which only the facade
and what stands above it may use.
"""
import pathlib
import re
import sys

FLOORS = [
    ["base"],
    ["model"],
    ["oauth", "salesforce", "crypto"],
    ["net", "store"],
    ["endpoint", "vault"],
    ["access", "connect", "refresh", "gateway", "rest"],
    ["facade"],
    ["service", "cli"],
    ["main"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FACE = {"latchkey.h", "options.h", "rest.h", "bulk.h"}

# Rooms that know less than their floor would let them.
ONLY = {
    "net": {"base", "model"},
    "store": {"base", "model"},
    "oauth": {"base", "model"},
    "salesforce": {"base", "model"},
    "crypto": {"base", "model"},
    "vault": {"base", "model", "crypto", "store"},
    "rest": {"base", "model", "salesforce"},
    "endpoint": {"base", "model", "oauth", "salesforce", "net"},
    "service": {"base", "net", "facade"},
    "cli": {"base"},
    "emulator": {"base", "net"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def room_of(path: str) -> str | None:
    parts = path.split("/")
    if parts[0] == "src":
        return parts[1]
    return parts[0] if parts[0] in FLOOR or parts[0] == "emulator" else None


def included_room(name: str) -> str | None:
    first = name.split("/")[0]
    return first if first in FLOOR or first == "emulator" else None


def allowed(room: str, other: str) -> bool:
    if room == other:
        return True
    if room == "main":
        return other in {"service", "cli", "emulator", "facade", "base"}
    if room in ONLY:
        return other in ONLY[room]
    return other in FLOOR and FLOOR[other] < FLOOR[room]


def complaints(root: pathlib.Path):
    for folder in ("src", "service", "cli", "emulator", "main", "include"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cpp"}:
                continue
            relative = path.relative_to(root).as_posix()
            room = room_of(relative)
            # Tests and the benches that they share may bring the emulator as the other side.
            is_test = path.name.endswith(("_test.cpp", "_bench.h"))
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                name = found.group(1)
                where = f"{relative}:{number}"
                if folder == "include":
                    if not name.startswith("latchkey/") and included_room(name):
                        yield f"{where}: a public header includes {name}, which is not installed"
                    continue
                if name.startswith("latchkey/"):
                    face = name.split("/")[1] in FACE
                    if face and FLOOR.get(room, 99) < FLOOR["facade"]:
                        yield f"{where}: {room} includes the library's face {name}"
                    continue
                other = included_room(name)
                if other is None or (is_test and other == "emulator"):
                    continue
                if not allowed(room, other):
                    yield f"{where}: {room} may not include {other} ({name})"


def main() -> int:
    found = list(complaints(pathlib.Path(sys.argv[1])))
    for line in found:
        print(line)
    print(f"floors: {len(found)} includes point up or sideways")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
