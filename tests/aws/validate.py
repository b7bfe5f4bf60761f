"""Lets the AWS CLI itself validate SubmitJob requests, one a line on stdin.

Each is given to `aws batch submit-job --cli-input-json REQUEST --generate-cli-skeleton output`, which
validates it and sends nothing. That is done within one process, because a start of the CLI takes half a
second. Prints `ok`, or what the CLI has to say, a line each.
"""

import contextlib
import io
import sys

from awscli.clidriver import create_clidriver


def main():
    driver = create_clidriver()
    for request in sys.stdin:
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            words = ["batch", "submit-job", "--cli-input-json", request, "--generate-cli-skeleton", "output"]
            code = driver.main([*words, "--region", "us-east-1"])
        print("ok" if code == 0 else f"{code}: {' '.join(said.getvalue().split())}", flush=True)


main()
