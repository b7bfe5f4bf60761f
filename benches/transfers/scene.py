"""What both comparisons share: a server that speaks AWS's protocols, an account there, and measured commands."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AWS = f"{ROOT}/target/python/bin/aws"
PYTHON = f"{ROOT}/target/python/bin/python"
MIB = 1 << 20


@contextlib.contextmanager
def scene(**asked):
    """A home folder, the bucket of a new account, its variables, and the server's port."""
    server = subprocess.Popen([PYTHON, f"{ROOT}/tests/aws/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = json.loads(server.stdout.readline())["port"]
    try:
        with tempfile.TemporaryDirectory() as home:
            body = json.dumps(asked).encode()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/computes-test/account", body) as answer:
                made = json.load(answer)
            env = {
                "HOME": home,
                "PATH": os.environ["PATH"],
                "COMPUTES_ENGINE": "aws",
                "COMPUTES_BUCKET": made["bucket"],
                "AWS_ACCESS_KEY_ID": made["accessKeyId"],
                "AWS_SECRET_ACCESS_KEY": made["secretAccessKey"],
                "AWS_SESSION_TOKEN": made["sessionToken"],
                "AWS_REGION": made["region"],
                "AWS_DEFAULT_REGION": made["region"],
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            }
            yield home, made["bucket"], env, port
    finally:
        server.stdin.close()
        server.wait()


def run(command, env, folder):
    """Seconds, and the most MiB of memory."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} failed: {said.decode()}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def lines(command, env, folder):
    """What it prints, line by line."""
    said = subprocess.run(command, env=env, cwd=folder, stdout=subprocess.PIPE, check=True, text=True)
    return said.stdout.splitlines()
