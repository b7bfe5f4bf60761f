"""One submit as a whole process: computes, the AWS CLI, and the least that the SDK takes.

All three call the same server on this machine (tests/aws/server.py), in turn, in one run. Prints medians,
and the ratios of the pairs. `./build.sh bench_submit` sets up what it needs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REQUEST = ["--job-name", "one", "--job-queue", "default", "--job-definition", "default"]


def account(port):
    body = json.dumps({"run": False, "hold": True}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/computes-test/account", body) as answer:
        made = json.load(answer)
    return {
        "AWS_ACCESS_KEY_ID": made["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["secretAccessKey"],
        "AWS_SESSION_TOKEN": made["sessionToken"],
        "AWS_REGION": made["region"],
        "AWS_DEFAULT_REGION": made["region"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }


def took(command, env):
    start = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return time.perf_counter() - start


def main():
    computes, minimal, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 20
    aws = f"{ROOT}/target/python/bin/aws"
    python = f"{ROOT}/target/python/bin/python"
    server = subprocess.Popen([python, f"{ROOT}/tests/aws/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with tempfile.TemporaryDirectory() as home:
        port = json.loads(server.stdout.readline())["port"]
        env = {"HOME": home, "PATH": os.environ["PATH"], "COMPUTES_ENGINE": "aws", **account(port)}
        commands = {
            "computes submit": [computes, "submit", "--quiet", "--", "true"],
            "minimal SDK program": [minimal],
            "aws batch submit-job": [aws, "batch", "submit-job", *REQUEST],
        }
        for command in commands.values():
            took(command, env)
        times = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(took(command, env))
        ours = times["computes submit"]
        for name, all_of_them in times.items():
            ratio = statistics.median(theirs / mine for theirs, mine in zip(all_of_them, ours))
            print(f"{name:22} {statistics.median(all_of_them) * 1000:7.1f} ms  {ratio:5.2f} times computes")
    server.stdin.close()
    server.wait()


main()
