"""What the benchmarks share: ports, starting, and what a process used."""
import pathlib
import select
import socket
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"a proxy ended with status {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("a proxy does not listen")


def family(pid):
    """A process and its children, which do nginx's work."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            for child in (task / "children").read_text().split():
                found += family(int(child))
        except OSError:
            pass
    return found


def run_time_us(pid):
    """Time on a processor of all threads, as the scheduler counts it."""
    total = 0
    for one in family(pid):
        for task in pathlib.Path(f"/proc/{one}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def memory_kb(pid):
    total = 0
    for one in family(pid):
        for line in pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def first_line(process, what):
    """What a program says when it is ready. One that says nothing must not hold the run up for ever."""
    ready, _, _ = select.select([process.stdout], [], [], 60)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        raise SystemExit(f"{what} did not start")
    return line
