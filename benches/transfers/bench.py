"""A large file to the bucket and back: computes beside `aws s3 cp`, and computes with a line that is cut.

Both call the same server on this machine (tests/aws/server.py), in turn, in one run. Prints medians, the
ratios of the pairs, peak memory, and how much more was sent than the file has where the connection was cut.
`./build.sh bench_transfers` sets up what it needs.
"""

import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import uuid

from scene import AWS, MIB, lines, run, scene

CUTS = 20


class CuttingProxy:
    """Passes bytes on and, whenever so many have gone one way, cuts the connection that they went by."""

    def __init__(self, upstream, to_server, every):
        self.upstream, self.to_server, self.every = upstream, to_server, every
        self.passed, self.cuts, self.lock = 0, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.upstream))
            for source, target, counts in ((client, server, self.to_server), (server, client, not self.to_server)):
                threading.Thread(target=self.pump, args=(source, target, counts), daemon=True).start()

    def pump(self, source, target, counts):
        try:
            while data := source.recv(256 << 10):
                if counts and self.is_cut(len(data)):
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def is_cut(self, count):
        with self.lock:
            self.passed += count
            cut = self.cuts < CUTS and self.passed >= (self.cuts + 1) * self.every
            self.cuts += cut
            return cut


def main():
    computes, mib, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with scene(run=False, hold=True) as (home, bucket, direct, port):

        def noise(name):
            with open(f"{home}/{name}", "wb") as file:
                for _ in range(mib):
                    file.write(os.urandom(MIB))

        def kept():
            """A job that keeps the file `down`, as if it had written it."""
            lines([computes, "submit", "--quiet", "--output", ".", "--", "true"], direct, home)
            job = json.loads("".join(lines([computes, "status", "--json", "last"], direct, home)))["id"]
            with open(f"{home}/down", "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            blob = str(uuid.uuid4())
            entry = {"path": "got", "bytes": mib * MIB, "sha256": sha256, "blob": blob, "modified": None}
            with open(f"{home}/index", "w") as file:
                json.dump({"format": 1, "attempt": 1, "entries": [entry]}, file)
            for name, key in (("index", "index/job.json"), ("down", f"blobs/{blob}")):
                run([AWS, "s3", "cp", "--quiet", name, f"s3://{bucket}/jobs/{job}/{key}"], direct, home)
            return sha256

        noise("down")
        sha256 = kept()
        times = {}
        for turn in range(rounds):
            # Another file each time: what is there is not sent again.
            noise("up")
            commands = {
                "up, computes": [computes, "submit", "--quiet", "--input", "up", "--", "true"],
                "up, aws s3 cp": [AWS, "s3", "cp", "--quiet", "up", f"s3://{bucket}/up-{turn}"],
                "down, computes": [computes, "files", "get", "--quiet", "--force", "last", "--into", "got"],
                "down, aws s3 cp": [AWS, "s3", "cp", "--quiet", f"s3://{bucket}/up-{turn}", "theirs"],
            }
            # `last` is the job that keeps the file.
            for name in ("down, computes", "up, aws s3 cp", "down, aws s3 cp", "up, computes"):
                if name == "down, computes" and turn:
                    sha256 = kept()
                if name == "down, computes" and os.path.exists(f"{home}/got/got"):
                    os.remove(f"{home}/got/got")
                times.setdefault(name, []).append(run(commands[name], direct, home))
        for way in ("up", "down"):
            ours, theirs = times[f"{way}, computes"], times[f"{way}, aws s3 cp"]
            ratio = statistics.median(our[0] / their[0] for our, their in zip(ours, theirs))
            for name, all_of_them in ((f"{way}, computes", ours), (f"{way}, aws s3 cp", theirs)):
                seconds = statistics.median(it[0] for it in all_of_them)
                print(f"{name:16} {seconds:6.2f} s  {max(it[1] for it in all_of_them):6.0f} MiB of memory")
            print(f"{way:16} computes takes {ratio:.2f} times as long")

        noise("up")
        proxy = CuttingProxy(port, True, mib * MIB // (CUTS + 1))
        cut = {**direct, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        seconds, memory = run([computes, "submit", "--quiet", "--input", "up", "--", "true"], cut, home)
        dry = lines([computes, "submit", "--dry-run", "--json", "--input", "up", "--", "true"], direct, home)
        cargo = json.loads(json.loads("".join(dry))["containerOverrides"]["environment"][0]["value"])
        address = cargo["freight"]["inputs"][0]["address"]
        run([AWS, "s3", "cp", "--quiet", f"s3://{bucket}/parcels/{address}", "there"], direct, home)
        with open(f"{home}/there", "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == address
        more = (proxy.passed - mib * MIB) / MIB
        print(f"up, {proxy.cuts} cuts      {seconds:6.2f} s  {memory:6.0f} MiB of memory, {more:.1f} MiB sent more than the file has")

        sha256 = kept()
        if os.path.exists(f"{home}/got/got"):
            os.remove(f"{home}/got/got")
        proxy = CuttingProxy(port, False, mib * MIB // (CUTS + 1))
        cut = {**direct, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        seconds, memory = run([computes, "files", "get", "--quiet", "last", "--into", "got"], cut, home)
        more = (proxy.passed - mib * MIB) / MIB
        print(f"down, {proxy.cuts} cuts    {seconds:6.2f} s  {memory:6.0f} MiB of memory, {more:.1f} MiB received more than the file has")
        with open(f"{home}/got/got", "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == sha256
        print("what is there and what came back is what was sent")


main()
