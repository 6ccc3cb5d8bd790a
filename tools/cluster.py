#!/usr/bin/env python3
"""A highly available PostgreSQL on loopback to try things with, until Ctrl-C."""
import argparse
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/cluster"))

from database_cluster import DatabaseCluster, Unanswered, remove  # noqa: E402

HELP = """\
   status        who is primary, who the synchronous standby
   kill [NODE]   kill -9 of Patroni and PostgreSQL; the primary unless named
   freeze [NODE] SIGSTOP of the same; thaw NODE lets it go on
   restart NODE  starts a killed node again; it comes back as a standby
   switch        an orderly change of the primary
   quit"""


def describe(cluster):
    primary, standby = cluster.primary(), cluster.synchronous()
    for member in cluster.members:
        role = {primary: "primary", standby: "synchronous standby"}.get(member, "standby")
        if member.frozen:
            role = "frozen"
        elif not member.running:
            role = "not running"
        elif role == "standby" and not member.is_("replica"):
            role = "coming"
        print(f"   {member.name}   PostgreSQL 127.0.0.1:{member.sql}   "
              f"Patroni http://127.0.0.1:{member.rest}   {role}")


def obey(cluster, words):
    """One command; False for the last."""
    by_name = {member.name: member for member in cluster.members}
    name = words[1] if len(words) > 1 else None
    if name and name not in by_name:
        print(f"   There is no node {name}; there are {', '.join(by_name)}.")
        return True
    if words[0] == "quit":
        return False
    if words[0] == "status":
        describe(cluster)
    elif words[0] in ("kill", "freeze"):
        member = by_name.get(name) or cluster.primary()
        if member is None:
            print("   There is no primary at the moment; name a node.")
            return True
        getattr(member, words[0])()
        print(f"   {words[0]}: {member.name}")
    elif words[0] == "thaw" and name:
        by_name[name].thaw()
    elif words[0] == "restart" and name:
        cluster.restart(by_name[name])
    elif words[0] == "switch":
        print(f"   {cluster.switchover().name} is primary now")
    else:
        print(HELP)
    return True


def talk(cluster, folder):
    print(f"""
A primary with a synchronous standby stands. Logs are in {folder}; Ctrl-C ends everything.

   {cluster.dsn()}
""")
    describe(cluster)
    print(f"\nCommands on standard input:\n{HELP}\n", flush=True)
    while True:
        line = sys.stdin.readline()
        if not line:
            signal.pause()  # no terminal: only a signal ends it
        words = line.split()
        try:
            if words and not obey(cluster, words):
                return
        except (AssertionError, Unanswered) as failed:
            print(f"   That did not work: {failed}")
        sys.stdout.flush()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--nodes", type=int, default=3, choices=(2, 3, 4, 5),
                           help="PostgreSQL nodes; etcd always has three members")
    chosen = arguments.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="latchkey-cluster-")
    print("Starting three etcd members and PostgreSQL under Patroni ...", flush=True)
    try:
        with DatabaseCluster(folder, chosen.nodes) as cluster:
            talk(cluster, folder)
    except KeyboardInterrupt:
        print()
    finally:
        remove(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
