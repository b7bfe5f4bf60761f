"""Many small outputs of a job, kept and got: computes beside `aws s3 cp --recursive`.

All call the same server on this machine (tests/aws/server.py) in one run. `./build.sh bench_small_files` sets up
what it needs.
"""

import datetime
import filecmp
import glob
import json
import os
import sys
import threading

from scene import AWS, lines, run, scene

# Files of 1 to 4 KiB of noise, in 100 folders. The last line says when the command was done.
MAKE = """
import os, random, sys, time
noise = random.Random(1)
for number in range(int(sys.argv[1])):
    folder = f"{sys.argv[2]}/{number % 100}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{number}", "wb") as file:
        file.write(noise.randbytes(noise.randint(1024, 4096)))
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


def main():
    computes, count = os.path.abspath(sys.argv[1]), sys.argv[2]
    asked = {"run": True, "hold": False, "program": os.path.dirname(computes), "port": 0}
    with scene(**asked) as (home, bucket, env, _):
        peak = Peak()
        said = lines([computes, "run", "--quiet", "--output", "out", "--timeout", "1h", "--",
                      sys.executable, "-c", MAKE, count, "/files/out"], env, home)
        memory = peak.stop()
        job = json.loads("".join(lines([computes, "status", "--json", "last"], env, home)))
        ended = datetime.datetime.fromisoformat(job["finished_at"]).timestamp()
        kept = ended - float(said[-1])
        os.makedirs(f"{home}/theirs")
        lines([sys.executable, "-c", MAKE, count, f"{home}/theirs/out"], env, home)
        theirs, _ = run([AWS, "s3", "cp", "--quiet", "--recursive", "theirs", f"s3://{bucket}/theirs"], env, home)
        print(f"keep {count}: computes {kept:6.2f} s, {memory:.0f} MiB of memory; "
              f"aws s3 cp --recursive {theirs:6.2f} s, {theirs / kept:.1f} times as long")
        got, memory = run([computes, "files", "get", "--quiet", "last", "--into", "got"], env, home)
        theirs, theirs_memory = run([AWS, "s3", "cp", "--quiet", "--recursive", f"s3://{bucket}/theirs", "back"],
                                    env, home)
        print(f"get  {count}: computes {got:6.2f} s, {memory:.0f} MiB of memory; "
              f"aws s3 cp --recursive {theirs:6.2f} s, {theirs_memory:.0f} MiB, {theirs / got:.1f} times as long")
        few, memory = run([computes, "files", "get", "--quiet", "last", "out/7/7", "--into", "few"], env, home)
        print(f"get  1 of {count}: computes {few:6.2f} s, {memory:.0f} MiB of memory")
        for number in range(int(count)):
            name = f"out/{number % 100}/{number}"
            assert filecmp.cmp(f"{home}/theirs/{name}", f"{home}/got/{name}", shallow=False), name
        print("what came back is what was made")


main()
