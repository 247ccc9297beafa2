"""Programs, servers and load for the rows in bench.py."""

import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
CORES = len(os.sched_getaffinity(0))
GRADD = os.path.abspath(os.environ.get("GRADD") or f"{BUILD}/gradd")


def tool(name):
    return os.path.abspath(f"{BUILD}/bench/{name}")


def output(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def lines_of_numbers(text):
    return [[float(word) for word in line.split()] for line in text.splitlines()]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def on_core(core, command):
    """With two cores the server has one and the load the other; with one there is no choice."""
    if CORES < 2:
        return command
    return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[core]), *command]


@contextlib.contextmanager
def server(make_command, env=None):
    """Starts make_command(port), waits until it listens, yields (port, process)."""
    port = free_port()
    command = make_command(port)
    process = subprocess.Popen(
        command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} does not serve")
            time.sleep(0.01)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def gradd(port):
    return [GRADD, "--port", str(port)]


def gradd_on_a_core():
    return server(lambda port: on_core(0, gradd(port) + ["--threads", "1"]))


def constant(answer):
    with open(f"{HERE}/../../server/http.c") as f:
        kib = re.search(r"POOL_BYTES = (\d+) \* 1024\b", f.read())
    if not kib:
        raise RuntimeError("server/http.c no longer says POOL_BYTES = … * 1024")
    pool = str(int(kib.group(1)) * 1024)
    return server(lambda port: on_core(0, [tool("constant"), str(port), answer, pool]))


def post(port, file, count, out=None):
    """Seconds of each of count requests, one after another on one connection."""
    command = [tool("client"), "post", str(port), "/grad", file, str(count)]
    return [row[0] for row in lines_of_numbers(output(command + ([out] if out else [])))]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(port, file, seconds):
    """Requests, and requests a second."""
    text = output(on_core(1, ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", f"{HERE}/post.lua",
                              f"http://127.0.0.1:{port}/grad", "--", file]))
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"wrk met errors:\n{text}")
    return (int(re.search(r"(\d+) requests in", text).group(1)),
            float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1)))


def awake(port, file, seconds):
    """The same by a client that never sleeps (load.c)."""
    requests, took = output(on_core(1, [tool("load"), str(port), "/grad", file, "16",
                                        str(seconds)])).split()
    return int(requests), int(requests) / float(took)


def duel(client, sides, file, rounds, seconds):
    """Loads servers in turns. The median of the requests a second of each; and of their CPU time
    for one, which cares less what else the machine does."""
    runs = []
    for _ in range(rounds):
        runs.append([])
        for port, process in sides:
            before = cpu_seconds(process.pid)
            requests, rate = client(port, file, seconds)
            runs[-1].append((rate, (cpu_seconds(process.pid) - before) / requests))
    rates, cpu = ([statistics.median(run[i][j] for run in runs) for i in range(len(sides))]
                  for j in range(2))
    return rates, cpu, runs
