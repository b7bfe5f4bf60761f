#!/usr/bin/env python3
"""How fast does the local queue of `computes` run jobs that do nothing, and what do others need?

See README.md next to this file.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

AT_ONCE = 2
# The slow ones are measured up to here unless --full is given.
MOST_CALLS = 1000
# Between two latency samples: long enough for every tool to be idle again.
SETTLE = 0.03
UNMOUNTED = {"COMPUTES_LOCAL_MOUNT": "off"}


class Failed(Exception):
    """A result that must not be reported as a number."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- processes ---------------------------------------------------------------------------------


class Processes:
    """Starts processes and ends all of them, those that detached themselves too.

    As the subreaper of its descendants this process becomes the parent of every daemon and
    every orphan they leave behind, so whoever has it as parent is to be ended.
    """

    PR_SET_CHILD_SUBREAPER = 36

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(self.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        self.running: set[int] = set()
        self.ended: dict[int, int] = {}

    def start(self, argv: list[str], env: dict[str, str], *, stdin: Path | None = None,
              stdout: Path | None = None, stderr: Path | None = None) -> int:
        writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        null = os.devnull
        pid = os.posix_spawn(
            argv[0], argv, env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, str(stdin or null), os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(stdout or null), writing, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, str(stderr or null), writing, 0o600),
            ],
            # Ctrl-C is for this process alone: it ends the others in good order.
            setsid=True,
            # Python ignores these, its children should not.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
        self.running.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Waits for one process, and meanwhile reaps orphans as init would."""
        while pid not in self.ended:
            self._note(*os.waitpid(-1, 0))
        return self.ended.pop(pid)

    def reap(self) -> None:
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0] != 0:
                self._note(*found)
        except ChildProcessError:
            pass

    def is_alive(self, pid: int) -> bool:
        self.reap()
        return pid in self.running

    def stop(self, pid: int, with_signal: int = signal.SIGTERM, patience: float = 10) -> None:
        """Ends one process; it has some seconds to do so in good order."""
        deadline = time.monotonic() + patience
        if self.is_alive(pid):
            os.kill(pid, with_signal)
        while self.is_alive(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        self.ended.pop(pid, None)

    def children(self) -> list[int]:
        self.reap()
        mine = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = stat_fields(int(entry))
                except OSError:
                    continue
                if stat[1] == str(os.getpid()):
                    mine.append(int(entry))
        return mine

    def end_all(self) -> None:
        patient_until = time.monotonic() + 3
        while children := self.children():
            late = time.monotonic() > patient_until
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        self.running.clear()
        self.ended.clear()

    def _note(self, pid: int, status: int) -> None:
        # Of an orphan nobody asks the status, and its pid may come again.
        if pid in self.running:
            self.running.remove(pid)
            self.ended[pid] = os.waitstatus_to_exitcode(status)


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: the name before it may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def over(_signal: int, _frame: object) -> None:
        raise Failed(f"not finished after {seconds:.0f} s")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


# --- a place for one run -----------------------------------------------------------------------


def mounts_below(directory: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{directory}/")]


def file_system_of(directory: Path) -> str:
    best, kind = "", "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4]
        inside = f"{directory}/".startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def remove_tree(directory: Path) -> None:
    # Never delete through a mount: what is behind it belongs to somebody else.
    if mounts := mounts_below(directory):
        say(f"left as it is, something is still mounted in it: {', '.join(mounts)}")
        return
    shutil.rmtree(directory, ignore_errors=True)


class Place:
    """A fresh directory for one run, and an environment that knows of no other."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.processes = bench.processes
        self.path = Path(tempfile.mkdtemp(dir=bench.directory))
        self.err = self.path / "stderr"

    def env(self, **more: str) -> dict[str, str]:
        where = str(self.path)
        return {"PATH": os.environ.get("PATH", os.defpath), "SHELL": "/bin/sh", "LANG": "C",
                "HOME": where, "TMPDIR": where, **more}

    def start(self, argv: list[str], env: dict[str, str], **files: Path) -> int:
        return self.processes.start(argv, env, **{"stderr": self.err, **files})

    def run(self, argv: list[str], env: dict[str, str], **files: Path) -> None:
        self.finish(self.start(argv, env, **files), argv)

    def finish(self, pid: int, argv: list[str]) -> None:
        code = self.processes.wait(pid)
        if code != 0:
            raise Failed(f"`{' '.join(argv)[:200]}` ended with {code}{self.last_words()}")

    def last_words(self) -> str:
        files = sorted(self.path.glob("*stderr"))
        text = "".join(file.read_text(errors="replace")[-1500:] for file in files)
        return f", and stderr says:\n{text}" if text else ""

    def leave(self) -> None:
        """Ends what runs here. The files stay until the bench is over: an ext4 without a
        journal looks past every inode that was freed within the last half minute when it
        makes one, so that removing a run's files would slow down the next run."""
        self.processes.end_all()


# --- the bench ---------------------------------------------------------------------------------


@dataclass
class Contestant:
    name: str
    program: str
    # Runs that many jobs and returns the seconds they took.
    run: Callable[[Place, int], float]
    most_jobs: int | None = None


class Bench:
    def __init__(self, options: argparse.Namespace, processes: Processes,
                 directory: Path) -> None:
        self.options = options
        self.processes = processes
        self.directory = directory
        self.computes = str(Path(options.computes).resolve())
        self.true = find_program("true")
        self.floor = self.build("floor")
        self.stamp = self.build("stamp")
        self.notes: list[str] = []

    def build(self, name: str) -> str:
        target = TARGET / "bench" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        compiler = find_program(os.environ.get("CC", "cc"))
        argv = [compiler, "-O2", "-o", str(target), str(HERE / f"{name}.c")]
        if self.processes.wait(self.processes.start(argv, dict(os.environ))) != 0:
            raise Failed(f"`{' '.join(argv)}` failed")
        return str(target)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            say(text)

    @contextmanager
    def place(self) -> Iterator[Place]:
        place = Place(self)
        try:
            yield place
        finally:
            place.leave()

    def timed(self, contestant: Contestant, jobs: int) -> float:
        """Milliseconds a job."""
        # What the one before left unwritten should not be paid for by this one.
        os.sync()
        with self.place() as place, time_limit(60 + 0.1 * jobs):
            try:
                ms = contestant.run(place, jobs) * 1000 / jobs
            except Failed as failure:
                raise Failed(f"{contestant.name}, {jobs} jobs: {failure}") from None
        say(f"  {contestant.name:<28}{ms:8.3f} ms a job")
        return ms


def find_program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Failed(f"`{name}` is not installed")
    return path


# --- the contestants ---------------------------------------------------------------------------


def run_floor(place: Place, jobs: int) -> float:
    argv = [place.bench.floor, str(jobs), str(AT_ONCE), place.bench.true]
    began = time.perf_counter()
    place.run(argv, {})
    return time.perf_counter() - began


def calls(place: Place, jobs: int, argv: list[str]) -> list[str]:
    """The command line that runs another once a job, one after the other."""
    return [place.bench.floor, str(jobs), "1", *argv]


def numbered_lines(place: Place, jobs: int) -> Path:
    path = place.path / "lines"
    path.write_text("".join(f"{n}\n" for n in range(jobs)))
    return path


def run_over_lines(place: Place, jobs: int, argv: list[str]) -> float:
    lines = numbered_lines(place, jobs)
    began = time.perf_counter()
    place.run(argv, place.env(), stdin=lines)
    return time.perf_counter() - began


def run_xargs(place: Place, jobs: int) -> float:
    argv = [find_program("xargs"), f"-P{AT_ONCE}", "-n1", place.bench.true]
    return run_over_lines(place, jobs, argv)


def run_parallel(place: Place, jobs: int, *flags: str) -> float:
    argv = [find_program("parallel"), "--will-cite", f"-j{AT_ONCE}", *flags, place.bench.true]
    return run_over_lines(place, jobs, argv)


def run_parallel_joblog(place: Place, jobs: int) -> float:
    log = place.path / "joblog"
    seconds = run_parallel(place, jobs, "--joblog", str(log))
    if (lines := len(log.read_text().splitlines())) != jobs + 1:
        raise Failed(f"the joblog has {lines} lines")
    return seconds


def tsp_env(place: Place) -> dict[str, str]:
    socket = str(place.path / "socket")
    return place.env(TS_SOCKET=socket, TS_SLOTS=str(AT_ONCE))


def start_tsp(place: Place) -> None:
    # The first call starts the server; the workers of others are there before the clock, too.
    place.run([find_program("tsp"), "-S", str(AT_ONCE)], tsp_env(place))


def run_tsp(place: Place, jobs: int) -> float:
    tsp, env, ids = find_program("tsp"), tsp_env(place), place.path / "ids"
    start_tsp(place)
    began = time.perf_counter()
    place.run(calls(place, jobs, [tsp, place.bench.true]), env, stdout=ids)
    # It starts jobs in order, two at once. There is no waiting for all.
    for job in ids.read_text().split()[-AT_ONCE:]:
        place.run([tsp, "-w", job], env)
    seconds = time.perf_counter() - began
    place.run([tsp, "-K"], env)
    return seconds


def run_nq(place: Place, jobs: int) -> float:
    # A queue of nq runs one job at a time: two queues, half of the jobs each.
    nq = find_program("nq")
    queues = [place.env(NQDIR=str(place.path / f"queue{n}")) for n in range(AT_ONCE)]
    shares = [jobs // AT_ONCE + (n < jobs % AT_ONCE) for n in range(AT_ONCE)]
    adding = [calls(place, share, [nq, place.bench.true]) for share in shares]
    began = time.perf_counter()
    pids = [place.start(argv, env) for argv, env in zip(adding, queues)]
    for pid, argv in zip(pids, adding):
        place.finish(pid, argv)
    for env in queues:
        place.run([nq, "-w"], env)
    return time.perf_counter() - began


# --- computes ----------------------------------------------------------------------------------

SMALL = {"vcpus": 1, "memory": 64}
SMALL_FLAGS = ["--vcpus", "1", "--memory", "64"]


class Computes:
    """A worker in its own state directory, and the calls made to it."""

    def __init__(self, place: Place, worker_env: dict[str, str], name: str = "state") -> None:
        self.place = place
        self.program = place.bench.computes
        self.name = name
        self.env = place.env(COMPUTES_STATE_DIR=str(place.path / name))
        self.worker = self._start_worker({**self.env, **worker_env})

    def _start_worker(self, env: dict[str, str]) -> int:
        place, err = self.place, self.place.path / f"{self.name}.worker.stderr"
        pid = place.start([self.program, "worker", "--vcpus", str(AT_ONCE)], env, stderr=err)
        deadline = time.monotonic() + 15
        # Its first line says that it is ready.
        while b"\n" not in (err.read_bytes() if err.exists() else b""):
            if not place.processes.is_alive(pid):
                raise Failed(f"the worker ended at once{place.last_words()}")
            if time.monotonic() > deadline:
                raise Failed("the worker did not say that it is ready")
            time.sleep(0.005)
        return pid

    def call(self, *arguments: str, **files: Path) -> None:
        self.place.run([self.program, *arguments], self.env, **files)

    def submit_batch(self, jobs: int, lines: Path) -> None:
        ids = self.place.path / "ids"
        self.call("submit", "--from", str(lines), stdout=ids)
        if (got := len(ids.read_text().split())) != jobs:
            raise Failed(f"submit printed {got} ids for {jobs} jobs")

    def submit_calls(self, jobs: int) -> None:
        argv = [self.program, "submit", *SMALL_FLAGS, "--", self.place.bench.true]
        self.place.run(calls(self.place, jobs, argv), self.env)

    def check(self, jobs: int) -> None:
        """The ledger must say that all jobs succeeded, and know of no other."""
        listed = self.place.path / f"{self.name}.listed"
        self.call("list", "--all", "--json", stdout=listed)
        states = Counter(json.loads(line)["state"] for line in listed.read_text().splitlines())
        if states != {"succeeded": jobs}:
            raise Failed(f"WRONG COUNT: {jobs} jobs were submitted and the ledger says "
                         f"{dict(states)}{self.place.last_words()}")

    def stop(self) -> None:
        self.place.processes.stop(self.worker)


def batch_file(place: Place, jobs: int) -> Path:
    job = {"command": [place.bench.true], "name": "bench", **SMALL}
    path = place.path / "jobs.jsonl"
    path.write_text((json.dumps(job) + "\n") * jobs)
    return path


def run_batch(place: Place, jobs: int, worker_env: dict[str, str]) -> float:
    lines = batch_file(place, jobs)
    return run_computes(place, jobs, worker_env, lambda it: it.submit_batch(jobs, lines))


def run_calls(place: Place, jobs: int, worker_env: dict[str, str]) -> float:
    return run_computes(place, jobs, worker_env, lambda it: it.submit_calls(jobs))


def run_computes(place: Place, jobs: int, worker_env: dict[str, str],
                 submit: Callable[[Computes], None]) -> float:
    computes = Computes(place, worker_env)
    began = time.perf_counter()
    submit(computes)
    computes.call("wait", "--all")
    seconds = time.perf_counter() - began
    computes.check(jobs)
    # A second worker would mean that more than two jobs ran at a time.
    if others := set(place.processes.children()) - {computes.worker}:
        place.bench.note(f"computes left {len(others)} more process(es) behind than its worker")
    computes.stop()
    return seconds


def contestants(bench: Bench) -> list[Contestant]:
    most_calls = None if bench.options.full else MOST_CALLS
    mine = bench.computes
    return [
        Contestant("computes-batch", mine, lambda p, n: run_batch(p, n, {})),
        Contestant("computes-batch-unmounted", mine, lambda p, n: run_batch(p, n, UNMOUNTED)),
        Contestant("computes-calls", mine, lambda p, n: run_calls(p, n, {}), most_calls),
        Contestant("computes-calls-unmounted", mine, lambda p, n: run_calls(p, n, UNMOUNTED),
                   most_calls),
        Contestant("xargs", "xargs", run_xargs),
        Contestant("parallel", "parallel", run_parallel),
        Contestant("parallel-joblog", "parallel", run_parallel_joblog),
        Contestant("tsp", "tsp", run_tsp),
        # Each waiting nq looks at all before it: with 10,000 jobs a run takes minutes.
        Contestant("nq", "nq", run_nq, most_calls),
    ]


def chosen(bench: Bench, everyone: list[Contestant]) -> list[Contestant]:
    """Those that were asked for and are installed; says which are not."""
    prefixes = tuple(name for part in bench.options.only or [] for name in part.split(","))
    for prefix in prefixes:
        if not any(one.name.startswith(prefix) for one in everyone):
            names = ", ".join(one.name for one in everyone)
            raise Failed(f"there is no contestant `{prefix}`; there are {names}")
    wanted = [one for one in everyone if not prefixes or one.name.startswith(prefixes)]
    for one in wanted:
        if shutil.which(one.program) is None:
            bench.note(f"SKIPPED {one.name}: `{one.program}` is not installed")
    entered = [one for one in wanted if shutil.which(one.program) is not None]
    if not entered:
        raise Failed("none of them is installed")
    return entered


# --- throughput --------------------------------------------------------------------------------


def throughput(bench: Bench, entered: list[Contestant], jobs: int) -> dict[str, Any]:
    floor = Contestant("floor", bench.floor, run_floor)
    running = [one for one in entered if one.most_jobs is None or jobs <= one.most_jobs]
    for one in entered:
        if one not in running:
            bench.note(f"SKIPPED {one.name} with {jobs} jobs: --full runs it")
    times: dict[str, list[float]] = {one.name: [] for one in running}
    ratios: dict[str, list[float]] = {one.name: [] for one in running}
    floors: list[float] = []
    for number in range(bench.options.rounds):
        say(f"{jobs} jobs, round {number + 1} of {bench.options.rounds}")
        # Nobody always comes first, nor always after the same.
        turn = number % max(len(running), 1)
        before = bench.timed(floor, jobs)
        for one in running[turn:] + running[:turn]:
            times[one.name].append(bench.timed(one, jobs))
        after = bench.timed(floor, jobs)
        floors += [before, after]
        for one in running:
            ratios[one.name].append(times[one.name][-1] / statistics.mean([before, after]))
    rows = [{"name": "floor", "ms": floors, "ms_median": statistics.median(floors)}]
    for one in running:
        rows.append({
            "name": one.name,
            "ms": times[one.name],
            "ms_median": statistics.median(times[one.name]),
            "ratios": ratios[one.name],
            "ratio_median": statistics.median(ratios[one.name]),
            "ratio_min": min(ratios[one.name]),
            "ratio_max": max(ratios[one.name]),
        })
    return {"jobs": jobs, "rows": rows}


# --- latency -----------------------------------------------------------------------------------


def latency(bench: Bench, entered: list[Contestant], samples: int) -> list[dict[str, Any]]:
    """From the start of the call to the first instruction of its job, in milliseconds."""
    names = {one.name for one in entered}
    with bench.place() as place, time_limit(60 + samples * 10):
        # Name, the command line up to the job's own, and its environment.
        ways: list[tuple[str, list[str], dict[str, str]]] = [("no queue", [], place.env())]
        workers: list[Computes] = []
        for name, worker_env in (("computes-batch", {}), ("computes-batch-unmounted", UNMOUNTED)):
            if name in names:
                label = name.replace("-batch", "")
                computes = Computes(place, worker_env, label)
                workers.append(computes)
                submit = [computes.program, "submit", *SMALL_FLAGS, "--"]
                ways.append((label, submit, computes.env))
        if "tsp" in names:
            start_tsp(place)
            ways.append(("tsp", [find_program("tsp")], tsp_env(place)))
        say(f"latency, {samples} times each way")
        found: dict[str, dict[str, list[float]]] = {
            name: {"python": [], "c": []} for name, _, _ in ways}
        for number in range(samples):
            for name, argv, env in ways:
                found[name]["python"].append(from_python(place, argv, env))
                found[name]["c"].append(from_c(place, argv, env))
        for computes in workers:
            computes.call("wait", "--all")
            computes.check(2 * samples)
            computes.stop()
    return [{"name": name, **{f"from_{launcher}": spread(values)
                              for launcher, values in launchers.items()}}
            for name, launchers in found.items()]


def from_python(place: Place, argv: list[str], env: dict[str, str]) -> float:
    after = place.path / "after"
    command = [*argv, place.bench.stamp, str(after)]
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    place.run(command, env)
    return (take_stamp(after) - before) / 1e6


def from_c(place: Place, argv: list[str], env: dict[str, str]) -> float:
    before, after = place.path / "before", place.path / "after"
    place.run([place.bench.stamp, str(before), *argv, place.bench.stamp, str(after)], env)
    began = take_stamp(before)
    return (take_stamp(after) - began) / 1e6


def take_stamp(path: Path) -> int:
    """Waits until the job wrote its stamp, empties it, and lets the queue become idle.

    The file stays: some file systems look past every inode that was freed a moment ago, and
    the next job would pay for it.
    """
    deadline = time.monotonic() + 10
    while not (text := path.read_text() if path.exists() else "").endswith("\n"):
        if time.monotonic() > deadline:
            raise Failed("the job did not start within 10 s")
        time.sleep(0.002)
    os.truncate(path, 0)
    time.sleep(SETTLE)
    return int(text)


def spread(values: list[float]) -> dict[str, Any]:
    ordered = sorted(values)
    p95 = ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
    return {"ms": values, "median": statistics.median(ordered), "p95": p95}


# --- profile -----------------------------------------------------------------------------------


def cpu_ms(pid: int) -> dict[str, float]:
    """User and system time of a process, and of the children it waited for."""
    fields = stat_fields(pid)
    tick = 1000 / os.sysconf("SC_CLK_TCK")
    names = ["worker_user", "worker_system", "jobs_user", "jobs_system"]
    return {name: int(fields[11 + n]) * tick for n, name in enumerate(names)}


def peak_memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def profile(bench: Bench, jobs: int) -> dict[str, Any]:
    result: dict[str, Any] = {"jobs": jobs}
    # The two apart: under strace the times would mean nothing.
    with bench.place() as place, time_limit(60 + 0.1 * jobs):
        say(f"profile, {jobs} jobs")
        lines = batch_file(place, jobs)
        computes = Computes(place, {})
        before = cpu_ms(computes.worker)
        began = time.perf_counter()
        computes.submit_batch(jobs, lines)
        submitted = time.perf_counter()
        computes.call("wait", "--all")
        ended = time.perf_counter()
        after = cpu_ms(computes.worker)
        computes.check(jobs)
        result["ms_a_job"] = {name: (after[name] - before[name]) / jobs for name in after}
        result["ms_a_job"]["submit_wall"] = (submitted - began) * 1000 / jobs
        result["ms_a_job"]["wall"] = (ended - began) * 1000 / jobs
        result["peak_memory_kb"] = peak_memory_kb(computes.worker)
        computes.stop()
    if strace := shutil.which("strace"):
        say("profile under strace")
        with bench.place() as place, time_limit(120 + jobs):
            result["strace"] = under_strace(place, strace, jobs)
    else:
        bench.note("SKIPPED the system calls of the worker: `strace` is not installed")
    return result


def under_strace(place: Place, strace: str, jobs: int) -> str:
    lines, counts = batch_file(place, jobs), place.path / "counts"
    computes = Computes(place, {})
    tracer = place.start([strace, "-c", "-f", "-o", str(counts), "-p", str(computes.worker)],
                         place.env())
    while "TracerPid:\t0\n" in Path(f"/proc/{computes.worker}/status").read_text():
        if not place.processes.is_alive(tracer):
            raise Failed(f"strace cannot follow the worker{place.last_words()}")
        time.sleep(0.01)
    computes.submit_batch(jobs, lines)
    computes.call("wait", "--all")
    # On this it lets go of the worker and writes its table.
    place.processes.stop(tracer, signal.SIGINT)
    computes.check(jobs)
    computes.stop()
    return counts.read_text()


# --- what comes out ----------------------------------------------------------------------------


def machine(bench: Bench) -> dict[str, Any]:
    kind = file_system_of(bench.directory)
    if kind in ("tmpfs", "ramfs"):
        bench.note(f"{bench.options.dir} is in memory, where a durable write costs nothing: "
                   "choose another with --dir")
    return {"cpus": os.cpu_count(), "kernel": platform.release(), "python":
            platform.python_version(), "directory": bench.options.dir, "file_system": kind,
            "load_before": os.getloadavg()[0]}


def show(result: dict[str, Any]) -> None:
    about = result["machine"]
    print(f"{about['cpus']} CPUs, Linux {about['kernel']}, {about['directory']} on "
          f"{about['file_system']}, load {about['load_before']:.2f} before, "
          f"{AT_ONCE} jobs at a time")
    for part in result["throughput"]:
        title = f"{part['jobs']} jobs, {result['rounds']} round(s)"
        print(f"\n{title:<30}{'ms a job':>10}{'ratio to the floor':>20}{'min':>8}{'max':>8}")
        for row in part["rows"]:
            line = f"  {row['name']:<28}{row['ms_median']:>10.3f}"
            if "ratio_median" in row:
                line += (f"{row['ratio_median']:>20.2f}{row['ratio_min']:>8.2f}"
                         f"{row['ratio_max']:>8.2f}")
            print(line)
    if result["latency"]:
        print("\nStart of the call to first instruction of the job, ms")
        print(f"  {'':<28}{'from Python':>18}{'from C':>18}")
        print(f"  {'':<28}{'median':>10}{'p95':>8}{'median':>10}{'p95':>8}")
        for row in result["latency"]:
            python, c = row["from_python"], row["from_c"]
            print(f"  {row['name']:<28}{python['median']:>10.2f}{python['p95']:>8.2f}"
                  f"{c['median']:>10.2f}{c['p95']:>8.2f}")
    if part := result["profile"]:
        print(f"\nWhere the time of computes-batch goes, ms a job, {part['jobs']} jobs")
        for name, value in part["ms_a_job"].items():
            print(f"  {name.replace('_', ' '):<28}{value:>10.3f}")
        print(f"  {'peak memory of the worker':<28}{part['peak_memory_kb'] / 1024:>10.1f} MB")
        if "strace" in part:
            print(f"\nSystem calls of the worker and its jobs, {part['jobs']} jobs\n"
                  f"{part['strace']}")
    for note in result["notes"]:
        print(f"\n{note}")


# --- the command line --------------------------------------------------------------------------


def job_counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",")]
    if min(counts) < 1:
        raise ValueError
    return counts


def built() -> Path:
    """Where cargo leaves the program for this machine: the target is named in .cargo/config.toml."""
    host = subprocess.run(["rustc", "--print", "host-tuple"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    return TARGET / host / "release" / "computes"


def at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--computes", metavar="PATH", help="the program to measure [as ./build.sh build makes it]")
    add("--jobs", type=job_counts, metavar="N,N", help="how many jobs [1000,10000]")
    add("--rounds", type=at_least_one, metavar="N", help="how often each one runs [5]")
    add("--only", action="append", metavar="NAME",
        help="only contestants whose name begins with this; several with commas")
    add("--latency", type=int, metavar="N", help="latency samples, 0 for none [100]")
    add("--full", action="store_true",
        help=f"computes-calls and nq with more than {MOST_CALLS} jobs, too")
    add("--quick", action="store_true", help="200 jobs, 1 round, 20 latency samples")
    add("--profile", action="store_true",
        help="instead: where the worker's time goes, with the first of --jobs")
    add("--dir", default="/var/tmp", metavar="DIR",
        help="where temporary directories are made, not in memory and short [/var/tmp]")
    add("--json", action="store_true", help="JSON on stdout instead of tables")
    options = parser.parse_args(arguments)
    options.computes = options.computes or str(built())
    options.jobs = options.jobs or ([200] if options.quick else [1000, 10000])
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.latency is None:
        options.latency = 20 if options.quick else 100
    return options


def measure(bench: Bench) -> dict[str, Any]:
    options = bench.options
    result: dict[str, Any] = {"machine": machine(bench), "rounds": options.rounds,
                              "throughput": [], "latency": [], "profile": None}
    if options.profile:
        find_program(bench.computes)
        result["profile"] = profile(bench, options.jobs[0])
    else:
        entered = chosen(bench, contestants(bench))
        result["throughput"] = [throughput(bench, entered, jobs) for jobs in options.jobs]
        if options.latency > 0:
            result["latency"] = latency(bench, entered, options.latency)
    result["notes"] = bench.notes
    return result


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    def leave(number: int, _frame: object) -> None:
        ignore_signals()
        sys.exit(128 + number)

    for number in SIGNALS:
        signal.signal(number, leave)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    options = parse(sys.argv[1:])
    processes = Processes()
    directory = Path(tempfile.mkdtemp(prefix="cqb-", dir=options.dir)).resolve()
    end_on_signals()
    try:
        result = measure(Bench(options, processes, directory))
    except Failed as failure:
        say(f"FAILED: {failure}")
        return 1
    finally:
        # Cleaning up is not to be interrupted.
        ignore_signals()
        processes.end_all()
        remove_tree(directory)
    if options.json:
        json.dump(result, sys.stdout, indent=2)
        print()
    else:
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
