"""Outputs of a job, kept and got: many small ones, then a large one, by computes and by `aws s3 cp --recursive`.

All call the same server on this machine (tests/aws/server.py) in one run. `./build.sh bench_outputs` sets up what it
needs.
"""

import datetime
import filecmp
import glob
import json
import os
import sys
import threading

from scene import AWS, MIB, lines, run, scene

# Files of noise, in 100 folders. The last line says when the command was done.
MAKE = """
import os, random, sys, time
noise = random.Random(1)
for number in range(int(sys.argv[1])):
    folder = f"{sys.argv[4]}/{number % 100}"
    os.makedirs(folder, exist_ok=True)
    left = noise.randint(int(sys.argv[2]), int(sys.argv[3]))
    with open(f"{folder}/{number}", "wb") as file:
        while left:
            left -= file.write(noise.randbytes(min(left, 1 << 20)))
print(time.time())
"""


class Peak:
    """The most MiB that `computes inside` takes, looked at as long as it runs."""

    def __init__(self):
        self.mib, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.over.wait(0.02):
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    with open(path, "rb") as file:
                        words = file.read().split(b"\0")
                    if b"inside" not in words[1:2] or not words[0].endswith(b"computes"):
                        continue
                    with open(path.replace("cmdline", "status")) as file:
                        peaks = [line.split()[1] for line in file if line.startswith("VmHWM")]
                    self.mib = max([self.mib, *(int(peak) / 1024 for peak in peaks)])
                except OSError:
                    pass

    def stop(self):
        self.over.set()
        self.thread.join()
        return self.mib


def compare(computes, what, count, least, most):
    make = [sys.executable, "-c", MAKE, str(count), str(least), str(most)]
    asked = {"run": True, "hold": False, "program": os.path.dirname(computes), "port": 0}
    with scene(**asked) as (home, bucket, env, _):
        peak = Peak()
        said = lines([computes, "run", "--quiet", "--output", "out", "--timeout", "1h", "--", *make, "/files/out"],
                     env, home)
        memory = peak.stop()
        job = json.loads("".join(lines([computes, "status", "--json", "last"], env, home)))
        kept = datetime.datetime.fromisoformat(job["finished_at"]).timestamp() - float(said[-1])
        os.makedirs(f"{home}/theirs")
        lines([*make, f"{home}/theirs/out"], env, home)
        copy = [AWS, "s3", "cp", "--quiet", "--recursive"]
        theirs, most = run([*copy, "theirs", f"s3://{bucket}/theirs"], env, home)
        tell(f"keep {what}", (kept, memory), (theirs, most))
        got = run([computes, "files", "get", "--quiet", "last", "--into", "got"], env, home)
        tell(f"get {what}", got, run([*copy, f"s3://{bucket}/theirs", "back"], env, home))
        if count > 1:
            few, memory = run([computes, "files", "get", "--quiet", "last", "out/7/7", "--into", "few"], env, home)
            print(f"get one of {what}: computes {few:.2f} s, {memory:.0f} MiB")
        for number in range(count):
            name = f"out/{number % 100}/{number}"
            assert filecmp.cmp(f"{home}/theirs/{name}", f"{home}/got/{name}", shallow=False), name
        print("what came back is what was made")


def tell(what, ours, theirs):
    ratio = ours[0] / theirs[0]
    print(f"{what}: computes {ours[0]:.2f} s, {ours[1]:.0f} MiB; aws s3 cp {theirs[0]:.2f} s, {theirs[1]:.0f} MiB; "
          f"computes takes {ratio:.2f} times as long", flush=True)


def main():
    computes, count, mib = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if count:
        compare(computes, f"{count} files", count, 1024, 4096)
    if mib:
        compare(computes, f"{mib} MiB", 1, mib * MIB, mib * MIB)


main()
