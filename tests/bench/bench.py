"""The rows of `make bench`: each measures gradd and what it is compared with in the same run,
takes turns between the two, and prints the median of both, their ratio and the target."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1]
SHORT = os.environ.get("BENCH_SHORT", "") not in ("", "0")
STRICT = os.environ.get("BENCH_STRICT", "") not in ("", "0")
ONLY = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
HERE = os.path.dirname(os.path.abspath(__file__))
CORES = len(os.sched_getaffinity(0))
GRADD = os.path.abspath(os.environ.get("GRADD") or f"{BUILD}/gradd")


def tool(name):
    return os.path.abspath(f"{BUILD}/bench/{name}")


# --- running programs --------------------------------------------------------------------------


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
    return server(lambda port: on_core(0, [tool("constant"), str(port), answer]))


def post(port, file, count, out=None):
    """Seconds of each of count requests, one after another on one connection."""
    command = [tool("client"), "post", str(port), "/grad", file, str(count)]
    return [row[0] for row in lines_of_numbers(output(command + ([out] if out else [])))]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port, process, file, seconds):
    """Requests a second, and the server's CPU time for one: the latter hardly cares what else the
    machine does."""
    before = cpu_seconds(process.pid)
    text = output(on_core(1, ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", f"{HERE}/post.lua",
                              f"http://127.0.0.1:{port}/grad", "--", file]))
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"wrk met errors:\n{text}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1))
    return rate, (cpu_seconds(process.pid) - before) / requests


def duel(sides, file, rounds, seconds):
    """Loads the servers in turns; the median rate of each, and the median CPU time."""
    runs = [[load(*side, file, seconds) for side in sides] for _ in range(rounds)]
    return [[statistics.median(run[i][j] for run in runs) for i in range(len(sides))]
            for j in range(2)] + [runs]


# --- rows --------------------------------------------------------------------------------------

ROWS = {}  # name → function(bench), in the order they are run
RESULTS = []


def row(*names):
    def add(function):
        for name in names:
            ROWS[name] = function
        return function
    return add


def report(name, what, ours, theirs, unit, target, at_least=False, detail=None, ratio=None):
    """target None: for information, neither met nor missed."""
    if ratio is None:
        ratio = ours / theirs
    ok = target is None or (ratio >= target if at_least else ratio <= target)
    result = {"row": name, "what": what, "gradd": ours, "other": theirs, "unit": unit,
              "ratio": ratio, "target": target, "sense": ">=" if at_least else "<=",
              "ok": ok, "detail": detail}
    RESULTS.append(result)
    print(f"  {what}: {shown(ours)} against {shown(theirs)} {unit}, ratio {ratio:.3g}"
          f"{aim(result)}", flush=True)
    return result


def shown(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def aim(result):
    if result["target"] is None:
        return ""
    sign = "≥" if result["sense"] == ">=" else "≤"
    return f" (target {sign} {result['target']:g}) {'ok' if result['ok'] else 'MISS'}"


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.kernel, self.gflops = best_kernel()
        self.env = {"OPENBLAS_NUM_THREADS": str(CORES)}
        self.floor_env = dict(self.env)
        if self.kernel:
            self.floor_env["OPENBLAS_CORETYPE"] = self.kernel

    def request(self, *shape):
        """The file with the body of gen_request's arguments."""
        path = os.path.join(self.folder, "-".join(map(str, shape)) + ".json")
        if not os.path.exists(path):
            with open(path, "w") as f:
                subprocess.run([tool("gen_request"), *map(str, shape)], stdout=f, check=True)
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def floor(self, n, count, out=None):
        command = [tool("floor"), self.request("linear", n, n, n), *[str(n)] * 3, str(count)]
        text = output(command + ([out] if out else []), env={**os.environ, **self.floor_env})
        return lines_of_numbers(text)

    def gradd(self):
        return server(gradd, self.env)


def best_kernel():
    """OpenBLAS's fastest kernel for this CPU, as a value of OPENBLAS_CORETYPE; "" where that is
    what it picks by itself. OpenBLAS of Debian 12 does not know newer CPUs."""
    best, rate = "", 0
    for kernel in ["", "Haswell", "Zen", "SkylakeX"]:
        env = {**os.environ, "OPENBLAS_NUM_THREADS": str(CORES)}
        env.pop("OPENBLAS_CORETYPE", None)
        if kernel:
            env["OPENBLAS_CORETYPE"] = kernel
        with contextlib.suppress(RuntimeError):  # an instruction that the CPU lacks
            found = float(output([tool("floor"), "gemm", "768", "7"], env=env).split()[0])
            if found > rate * 1.05:
                best, rate = kernel, found
    return best, rate


def differs(a, b):
    """Largest difference of two answers' numbers, relative to the largest of their tensor."""
    import numpy

    worst = abs(a["loss"] - b["loss"]) / abs(b["loss"])
    for name, theirs in b["gradients"].items():
        theirs, ours = numpy.array(theirs), numpy.array(a["gradients"][name])
        if ours.shape != theirs.shape:
            raise RuntimeError(f"{name}: shapes {ours.shape} and {theirs.shape}")
        worst = max(worst, abs(ours - theirs).max() / abs(theirs).max())
    return worst


def same(path_a, path_b):
    with open(path_a) as a, open(path_b) as b:
        worst = differs(json.load(a), json.load(b))
    if worst > 1e-12:
        raise RuntimeError(f"the answers differ by {worst:.2g}")
    return worst


@row("small")
def small(bench):
    file, answer = bench.request("linear", 1, 4, 2), bench.path("small-answer.json")
    rounds, seconds = (4, 1) if SHORT else (10, 1)
    with gradd_on_a_core() as side:
        post(side[0], file, 100, answer)
        with constant(answer) as other:
            rates, cpu, runs = duel((side, other), file, rounds, seconds)
    report("small", "smallest /grad ÷ constant answer", *rates, "requests/s", 0.6, True,
           detail={"runs": runs, "cpu": cpu, "answer_bytes": os.path.getsize(answer)})
    print(f"    CPU time of the servers a request: {cpu[0] * 1e6:.1f} and {cpu[1] * 1e6:.1f} µs, "
          f"ratio {cpu[1] / cpu[0]:.2f}")


@row("json_256", "json_1024")
def json_against_floor(bench, name):
    n = int(name.split("_")[1])
    file, a, b = bench.request("linear", n, n, n), bench.path("a.json"), bench.path("b.json")
    rounds, each = {256: (5, 10), 1024: (3 if SHORT else 5, 2)}[n]
    with bench.gradd() as (port, _):
        post(port, file, 2, a)
        bench.floor(n, 1, b)
        worst = same(a, b)
        runs = [(statistics.median(post(port, file, each)),
                 [statistics.median(column) for column in zip(*bench.floor(n, each))])
                for _ in range(rounds)]
    ours = statistics.median(run[0] for run in runs)
    total, parse, compute, write = (
        statistics.median(run[1][i] for run in runs) for i in range(4))
    report(name, f"{n}³ JSON /grad ÷ floor", ours * 1e3, total * 1e3, "ms", 1.5,
           detail={"runs": runs, "floor_parse": parse, "floor_compute": compute,
                   "floor_print": write, "difference": worst})
    print(f"    floor: parse {parse * 1e3:.3g}, three GEMMs {compute * 1e3:.3g}, print "
          f"{write * 1e3:.3g} ms; largest difference of the answers {worst:.1e}")


def status_bytes(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{field}:\s*(\d+) kB", f.read(), re.M).group(1)) * 1024


@row("memory")
def memory(bench):
    n = 1024
    tensors = 8 * (3 * n * n + n + n * n + 2 * n * n + n)  # x, W, target; b; y; dx, dW; db
    file, tiny = bench.request("linear", n, n, n), bench.request("linear", 1, 4, 2)
    with bench.gradd() as (port, process):
        post(port, tiny, 1)
        idle = status_bytes(process.pid, "VmRSS")
        post(port, file, 1)
        peak = status_bytes(process.pid, "VmHWM")
        for _ in range(2):
            post(port, file, 1)
        later, rest = (status_bytes(process.pid, f) for f in ("VmHWM", "VmRSS"))
    mib = 2**20
    report("memory", "1024³: peak over idle ÷ its tensors", (peak - idle) / mib, tensors / mib,
           "MiB", 1.5, detail={"idle": idle, "peak": peak, "peak_after_three": later,
                               "resident_after_three": rest, "tensors": tensors})
    print(f"    idle {idle / mib:.0f}, peak {peak / mib:.0f}, after two more: peak "
          f"{later / mib:.0f}, resident {rest / mib:.0f} MiB")


@row("size")
def size(bench):
    top = 6 if SHORT else 7
    sizes = [round(10 ** (i / 2)) for i in range(6, 2 * top + 1)]
    with bench.gradd() as (port, _):
        least = bench.request("squares", 1)
        post(port, least, 20)
        fixed = statistics.median(post(port, least, 200))
        best = {n: float("inf") for n in sizes}
        for _ in range(3):
            for n in sizes:
                file = bench.request("squares", n)
                count = max(1 if n >= 10**7 else 2, min(200, 10**6 // n))
                best[n] = min(best[n], statistics.median(post(port, file, count)))
    cost = {n: (best[n] - fixed) / n * 1e9 for n in sizes}
    print(f"    one number: {fixed * 1e6:.0f} µs; beyond that, ns a number:")
    for n in sizes:
        print(f"    {n:>10,} {cost[n]:6.1f}  {'#' * round(cost[n] / 4)}")
    steps = [(max(cost[m], cost[n]) / min(cost[m], cost[n]), m, n)
             for m, n in zip(sizes, sizes[1:])]
    worst, m, n = max(steps)
    report("size", f"cost a number, {m:,} and {n:,}: worst neighbours", cost[n], cost[m], "ns",
           1.3, ratio=worst, detail={"fixed_s": fixed, "ns": cost})


@row("start")
def start(bench):
    count, port = 20, free_port()
    file = bench.request("linear", 1, 4, 2)
    times = lines_of_numbers(output(
        [tool("client"), "start", str(port), "/grad", file, str(count), *gradd(port)]))
    times = sorted(t[0] * 1e3 for t in times)
    median = statistics.median(times)
    report("start", f"start to first answer, median of {count}", median, 20, "ms", 1,
           detail={"times": times})
    print(f"    fastest {times[0]:.1f}, slowest {times[-1]:.1f} ms")


def alternative(bench, core, threads, module):
    def command(port):
        line = ["/usr/bin/python3", "-B", "-m", "uvicorn", "--app-dir", f"{HERE}/alternative",
                "app:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
        return on_core(0, line) if core else line
    return server(command, {**bench.floor_env, "ALTERNATIVE_THREADS": str(threads),
                            "ALTERNATIVE_JSON": module, "OPENBLAS_NUM_THREADS": str(threads)})


@row("alternative_small", "alternative_small_ujson")
def alternative_small(bench, name):
    module = "ujson" if name.endswith("ujson") else "json"
    file, a, b = bench.request("linear", 1, 4, 2), bench.path("a.json"), bench.path("b.json")
    rounds, seconds = (2, 1) if SHORT else (5, 1)
    with gradd_on_a_core() as side, alternative(bench, True, 1, module) as other:
        post(side[0], file, 100, a)
        post(other[0], file, 100, b)
        worst = same(a, b)
        with constant(a) as bare:
            rates, cpu, runs = duel((side, other, bare), file, rounds, seconds)
    report(name, f"smallest /grad ÷ FastAPI + PyTorch ({module})", *rates[:2], "requests/s",
           30 if module == "json" else None, True,
           {"runs": runs, "cpu": cpu, "constant": rates[2], "difference": worst})
    print(f"    a constant answer: {shown(rates[2])} requests/s, ×{rates[2] / rates[1]:.0f}; by "
          f"CPU time a request gradd is ×{cpu[1] / cpu[0]:.0f}")


@row("alternative_1024", "alternative_1024_ujson")
def alternative_1024(bench, name):
    module = "ujson" if name.endswith("ujson") else "json"
    file = bench.request("linear", 1024, 1024, 1024)
    a, b = bench.path("a.json"), bench.path("b.json")
    rounds = 1 if SHORT else 3
    with bench.gradd() as (port, _), alternative(bench, False, CORES, module) as (other, _):
        post(port, file, 1, a)
        post(other, file, 1, b)
        worst = same(a, b)
        pairs = [(min(post(port, file, 2)), min(post(other, file, 1))) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) * 1e3 for side in zip(*pairs))
    report(name, f"1024³ JSON: FastAPI + PyTorch ({module}) ÷ gradd", ours, theirs, "ms",
           8 if module == "json" else None, True, {"pairs": pairs, "difference": worst},
           ratio=theirs / ours)


# --- all of it ---------------------------------------------------------------------------------


def machine(bench):
    with open("/proc/cpuinfo") as f:
        cpu = re.search(r"model name\s*:\s*(.*)", f.read())
    return {"cpu": cpu.group(1) if cpu else "unknown", "cores": CORES,
            "gemm_threads": CORES, "floor_kernel": bench.kernel or "OpenBLAS's own choice",
            "floor_gflops": bench.gflops}


def table():
    cells = [("row", "gradd", "other", "unit", "ratio", "target", "")]
    for r in RESULTS:
        target = "" if r["target"] is None else \
            f"{'≥' if r['sense'] == '>=' else '≤'} {r['target']:g}"
        verdict = "" if r["target"] is None else "ok" if r["ok"] else "MISS"
        cells.append((r["what"], shown(r["gradd"]), shown(r["other"]), r["unit"],
                      f"{r['ratio']:.2f}", target, verdict))
    widths = [max(len(line[i]) for line in cells) for i in range(7)]
    for line in cells:
        print("  ".join(f"{c:<{w}}" if i in (0, 3, 6) else f"{c:>{w}}"
                        for i, (c, w) in enumerate(zip(line, widths))).rstrip())


def main():
    started = time.monotonic()
    failures = []
    folder = tempfile.mkdtemp(prefix="gradd-bench-")
    try:
        bench = Bench(folder)
        about = machine(bench)
        print(f"{about['cpu']}, {CORES} cores; GEMM threads of both sides: {CORES}; the floor's "
              f"kernel: {about['floor_kernel']}, {bench.gflops:.0f} GFLOP/s")
        for name, function in ROWS.items():
            if ONLY and name not in ONLY or SHORT and name.endswith("_ujson"):
                continue
            print(f"{name}", flush=True)
            try:
                function(bench, name) if function.__code__.co_argcount == 2 else function(bench)
            except Exception as error:  # a row that cannot run must not hide the others
                failures.append({"row": name, "error": str(error)})
                print(f"  FAILED: {error}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print()
    table()
    for failure in failures:
        print(f"{failure['row']}: FAILED: {failure['error']}")
    seconds = time.monotonic() - started
    path = os.path.join(BUILD, "bench.json")
    with open(path, "w") as f:
        json.dump({"machine": about, "short": SHORT, "seconds": seconds, "rows": RESULTS,
                   "failures": failures}, f, indent=1)
        f.write("\n")
    missed = [r["row"] for r in RESULTS if not r["ok"]]
    print(f"\n{seconds:.0f} s; {path}; "
          + (f"missed: {', '.join(missed)}" if missed else "every target met"
             if RESULTS and not failures else "not every row could be measured"))
    return 1 if STRICT and (missed or failures) else 0


if __name__ == "__main__":
    sys.exit(main())
