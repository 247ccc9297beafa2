"""The rows of `make bench`: each measures gradd and what it is compared with in the same run,
takes turns between the two, and prints the median of both, their ratio and the target."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import networks
from harness import (BUILD, CORES, HERE, awake, constant, duel, free_port, gradd,
                     gradd_on_a_core, lines_of_numbers, on_core, output, post, server, tool, wrk)

SHORT = os.environ.get("BENCH_SHORT", "") not in ("", "0")
STRICT = os.environ.get("BENCH_STRICT", "") not in ("", "0")
ONLY = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]

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


@row("small", "small_awake")
def small(bench, name):
    client, how = (wrk, "") if name == "small" else (awake, ", client awake")
    file, answer = bench.request("linear", 1, 4, 2), bench.path("small-answer.json")
    with gradd_on_a_core() as side:
        post(side[0], file, 100, answer)
        with constant(answer) as other:
            rates, cpu, runs = duel(client, (side, other), file, 4 if SHORT else 10, 1)
    report(name, f"smallest /grad ÷ constant answer{how}", *rates, "requests/s", 0.6, True,
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
    """The fastest of many requests: a bend is to be told from a busy machine."""
    sizes = [round(10 ** (i / 2)) for i in range(6, 13 if SHORT else 15)]
    best = {n: float("inf") for n in [1, *sizes]}
    with bench.gradd() as (port, _):
        for _ in range(3 if SHORT else 5):
            for n in best:
                count = max(2, min(300, 10**6 // n))
                file = bench.request("squares", n, count if n < 10**5 else 1)
                best[n] = min(best[n], *post(port, file, count))
    cost = {n: (best[n] - best[1]) / (n - 1) * 1e9 for n in sizes}
    print(f"    a request of one number {best[1] * 1e6:.0f} µs; beyond that, ns a number:")
    for n in sizes:
        print(f"    {n:>10,} {cost[n]:6.1f}  {'#' * round(cost[n] / 4)}")
    worst, m, n = max((max(cost[m], cost[n]) / min(cost[m], cost[n]), m, n)
                      for m, n in zip(sizes, sizes[1:]))
    report("size", f"ns a number, {n:,} and {m:,}: the worst neighbours", cost[n], cost[m], "ns",
           1.5, ratio=worst, detail={"one": best[1], "ns": cost})


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


def times(command, threads, kernel_env):
    """Seconds and CPU seconds of each run but the first, which warms up."""
    env = {**os.environ, **kernel_env, "OPENBLAS_NUM_THREADS": str(threads),
           "OMP_NUM_THREADS": str(threads)}
    return lines_of_numbers(output(command, env=env))[1:]


def apart(path_a, path_b, dtype, shapes):
    """Largest difference of two answers, relative to the largest element of each tensor."""
    import numpy

    a, b = (numpy.fromfile(path, dtype) for path in (path_a, path_b))
    sizes = [int(numpy.prod(shape)) for shape in shapes]
    if a.size != b.size or a.size != sum(sizes):
        raise RuntimeError(f"{a.size} and {b.size} numbers instead of {sum(sizes)}")
    cuts = numpy.cumsum(sizes)[:-1]
    return max(float(abs(x - y).max() / max(abs(y).max(), 1e-30))
               for x, y in zip(numpy.split(a, cuts), numpy.split(b, cuts)))


@row(*networks.NETWORKS)
def network(bench, name):
    """Forward and all gradients, without reading and writing, in both dtypes."""
    rounds, each = (2, 6) if SHORT else (5, 12)
    kernel = {"OPENBLAS_CORETYPE": bench.kernel} if bench.kernel else {}
    for dtype in "float64", "float32":
        what, text = networks.request(name, dtype)
        file, a, b = (bench.path(f) for f in (f"{name}.json", "a.bin", "b.bin"))
        with open(file, "w") as f:
            f.write(text)
        spec = json.loads(text)
        shapes = [(), *(spec["tensors"][key]["shape"] for key in spec["wrt"])]
        for threads in sorted({1, CORES}):
            runs = [], []
            for _ in range(rounds):
                try:
                    runs[0].extend(times([tool("compute"), file, str(threads), str(each), a],
                                         threads, kernel))
                except RuntimeError as error:
                    if "unknown_op" not in str(error):
                        raise
                    print(f"  left out: {error}", flush=True)
                    return
                runs[1].extend(times(["/usr/bin/python3", "-B", f"{HERE}/networks.py", name, dtype,
                                      str(threads), str(each), file, b], threads, kernel))
            difference = apart(a, b, dtype, shapes)
            if difference > (1e-10 if dtype == "float64" else 1e-3):
                raise RuntimeError(f"{dtype}: the answers differ by {difference:.2g}")
            wall, cpu = ([statistics.median(run[i] for run in side) for side in runs]
                         for i in range(2))
            best = [min(run[0] for run in side) for side in runs]
            report(f"{name}_{dtype}_{threads}", f"{what}, {dtype}, {threads} "
                   f"thread{'s' if threads > 1 else ''} ÷ PyTorch", *(t * 1e3 for t in wall), "ms",
                   1, detail={"runs": runs, "cpu": cpu, "best": best, "difference": difference})
            print(f"    fastest {best[0] * 1e3:.3g} and {best[1] * 1e3:.3g} ms, ratio "
                  f"{best[0] / best[1]:.2f}; by CPU time {cpu[0] / cpu[1]:.2f}; largest difference "
                  f"{difference:.1e}")


def alternative(bench, core, threads, module):
    def command(port):
        line = ["/usr/bin/python3", "-B", "-m", "uvicorn", "--app-dir", f"{HERE}/alternative",
                "app:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
        return on_core(0, line) if core else line
    return server(command, {**bench.floor_env, "ALTERNATIVE_THREADS": str(threads),
                            "ALTERNATIVE_JSON": module, "OPENBLAS_NUM_THREADS": str(threads)})


def reader(name):
    """How the alternative reads its requests: the last word of the row's name."""
    word = name.rsplit("_", 1)[1]
    return word if word in ("ujson", "pydantic") else "json"


@row("jacobian")
def jacobian(bench, name):
    text = output([tool("jacobian"), "10" if SHORT else "30"], env={**os.environ, **bench.env})
    ours, theirs, _ = lines_of_numbers(text)[0]
    report(name, "1000×784 Jacobian of a two-layer network ÷ by hand", ours, theirs, "ms", 2)


@row("alternative_small", "alternative_small_ujson", "alternative_small_pydantic")
def alternative_small(bench, name):
    module = reader(name)
    file, a, b = bench.request("linear", 1, 4, 2), bench.path("a.json"), bench.path("b.json")
    rounds, seconds = (2, 1) if SHORT else (5, 1)
    with gradd_on_a_core() as side, alternative(bench, True, 1, module) as other:
        post(side[0], file, 100, a)
        post(other[0], file, 100, b)
        worst = same(a, b)
        with constant(a) as bare:
            rates, cpu, runs = duel(wrk, (side, other, bare), file, rounds, seconds)
    report(name, f"smallest /grad ÷ FastAPI + PyTorch ({module})", *rates[:2], "requests/s",
           None if module == "ujson" else 30, True,
           {"runs": runs, "cpu": cpu, "constant": rates[2], "difference": worst})
    print(f"    a constant answer: {shown(rates[2])} requests/s, ×{rates[2] / rates[1]:.0f}; by "
          f"CPU time a request gradd is ×{cpu[1] / cpu[0]:.0f}")


@row("alternative_1024", "alternative_1024_ujson")
def alternative_1024(bench, name):
    module = reader(name)
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
            if ONLY and name not in ONLY or name.endswith(("_ujson", "_pydantic")) and SHORT:
                continue
            if name.endswith("_ujson") and not importlib.util.find_spec("ujson"):
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
