#!/usr/bin/env python3
"""The library from a user's side: install, find, compile, link, log in, query.

Every way of finding it is tried with every compiler that is there; what is built first with each is
also run against an emulator, with a scripted browser as the person.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import browse  # noqa: E402

BUILD_SECONDS = 200
RUN_SECONDS = 60
SOQL = "SELECT Id, Name FROM Account ORDER BY Name LIMIT 3"


def run(*command, env=None, cwd=None):
    done = subprocess.run([str(c) for c in command], env=env, cwd=cwd, text=True, timeout=BUILD_SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """Where everything of this test lies; gone at its end."""

    def __init__(self, given, folder):
        self.cmake, self.build = given.cmake, given.build
        self.source = pathlib.Path(given.source).resolve()
        self.folder = pathlib.Path(folder)
        self.prefix = self.folder / "prefix"

    def install(self):
        run(self.cmake, "--install", self.build, "--prefix", self.prefix, "--component", "library")
        # Moved afterwards: an installation must not remember where it was made.
        moved = self.folder / "moved"
        self.prefix.rename(moved)
        self.prefix = moved
        for text in self.prefix.rglob("*"):
            if text.suffix in (".cmake", ".pc") and str(self.source) in text.read_text():
                raise SystemExit(f"{text.name} names the source folder")

    def by_find_package(self, example, compiler):
        """Warnings are errors here: the public headers must be clean in anybody's build."""
        out = self.folder / f"cmake-{example}-{compiler}"
        run(self.cmake, "-G", "Ninja", "-S", self.source / "examples" / example, "-B", out,
            f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        run(self.cmake, "--build", out)
        return out / example

    def by_pkg_config(self, example, compiler):
        out = self.folder / f"make-{example}-{compiler}"
        shutil.copytree(self.source / "examples" / example, out)
        found = list(self.prefix.rglob("pkgconfig"))
        env = dict(os.environ, PKG_CONFIG_PATH=str(found[0]), CXX=compiler)
        run("make", "-C", out, env=env)
        return out / example


class Emulator:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def use(program, emulator, folder):
    """Runs an example; logs in where it says so. Returns the records it printed."""
    database = folder / "store.db"
    redirect = f"http://localhost:{free_port()}/OauthRedirect"
    process = subprocess.Popen([program, database, emulator.url, "example", SOQL, redirect],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killer = threading.Timer(RUN_SECONDS, process.kill)
    killer.start()
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if line.startswith("Log in at "):
                person = browse.Browser("ada@acme.example", "latchkey")
                ok, _, title, text = person.walk(line.removeprefix("Log in at ").strip())
                if not ok or title != "Connected":
                    raise SystemExit(f"the login ended on the page {title!r}: {text}")
        printed = process.stdout.read()
        status = process.wait(RUN_SECONDS)
    finally:
        killer.cancel()
        if process.poll() is None:
            process.kill()
    if status != 0:
        raise SystemExit(f"{program} ended with {status}: {''.join(said)}")
    return [json.loads(line) for line in printed.splitlines()], said


def check_records(program, emulator, folder):
    """An example of many records, on a store that a run of first_query has connected."""
    done = subprocess.run([program, folder / "store.db", emulator.url, "example"],
                          capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    names = [line.split("\t")[0] for line in done.stdout.splitlines()]
    if done.returncode != 0 or not {"Example 1", "Example 2", "Example 3"} <= set(names):
        raise SystemExit(f"{program} ended with {done.returncode}: {done.stderr}")


def check_use(program, emulator, folder):
    """A first run, on an empty store."""
    folder.mkdir()
    records, said = use(program, emulator, folder)
    if len(records) != 3 or not all(r.get("Name") for r in records):
        raise SystemExit(f"{program} printed {records}")
    if not any(line.startswith("Log in at ") for line in said):
        raise SystemExit(f"{program} did not ask for a login on an empty store")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("source", "build", "cmake", "emulator"):
        arguments.add_argument(f"--{name}", required=True)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="latchkey-install-") as folder:
        house = House(given, folder)
        house.install()
        compilers = [c for c in ("clang++-19", "g++") if shutil.which(c)]
        jobs = [(how, example, compiler) for compiler in compilers
                for how, example in ((house.by_find_package, "first_query"),
                                     (house.by_find_package, "awaitable"),
                                     (house.by_find_package, "records"),
                                     (house.by_find_package, "bulk"),
                                     (house.by_pkg_config, "first_query"))]
        with concurrent.futures.ThreadPoolExecutor(2) as two:
            programs = list(two.map(lambda job: job[0](*job[1:]), jobs))

        emulator = Emulator(given.emulator)
        try:
            emulator.post("/__emulator/clients",
                          {"client_id": "example", "any_loopback_redirect": True})
            queries = [one for one in programs if one.name not in ("records", "bulk")]
            for number, program in enumerate(queries):
                check_use(program, emulator, house.folder / f"run-{number}")
                if number == 0:
                    # The grant is kept: a second run needs no login.
                    records, said = use(program, emulator, house.folder / "run-0")
                    if said or len(records) != 3:
                        raise SystemExit(f"the second run said {''.join(said)}")
            # The last login: Salesforce keeps five of a user and an app.
            last = house.folder / f"run-{len(queries) - 1}"
            for program in programs:
                if program.name in ("records", "bulk"):
                    check_records(program, emulator, last)
        finally:
            emulator.stop()
    print(f"{len(programs)} programs built with {' and '.join(compilers)}, each logged in and queried")


if __name__ == "__main__":
    main()
