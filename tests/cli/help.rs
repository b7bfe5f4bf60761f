//! What the program says of itself.

use super::stage::{each, words};
use crate::support::Home;

#[test]
fn the_program() {
    insta::assert_snapshot!(Home::new().looks(&["--help"]), @"
    exit code 0
    --- stdout
    Submit a build job to AWS Batch, or run the very same job here

    Usage: computes [OPTIONS] <COMMAND>

    Commands:
      run          Run a job and follow it to the end; exits with the job's own code
      submit       Hand a job over and print its id; returns at once
      wait         Wait for jobs; exits with the code of the first, as given, that did not succeed
      status       Show all that is known of jobs
      list         List jobs, newest first [aliases: ls, ps]
      logs         Print what a job wrote, while it runs and after
      files        List the files of a job, bring them here and there
      cancel       End jobs: those that wait at once, those that run by SIGTERM, 30 s, SIGKILL
      retry        Submit jobs that are over, or being ended, once more as they were; prints the new ids
      prune        Remove jobs that have been over for long, with their logs and files
      queues       Show the queues, their jobs and their workers
      explain      Say why a job waits or why it ended, and what to do
      doctor       Look at everything on AWS that a job needs, and say what mends it
      policy       Print the least IAM policy for what is done, as JSON
      worker       Run jobs of the local engine until asked to leave; `submit` starts one by itself
      init         Write a commented computes.toml into this directory
      completions  Print the script by which a shell asks what completes a line
      man          Print a manual page: `computes man | man -l -`
      help         Print help, as --help does

    Options:
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help
      -V, --version          Print version

    Exit codes: the job's own; 2 usage, 120 cancelled, 121 timed out, 122 interrupted, 123 out of
    memory, 124 wait limit reached, 125 computes or the engine failed
    ");
}

#[test]
fn the_version() {
    let run = Home::new().run(["--version"]);
    assert_eq!(run.stdout, concat!("computes ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn run() {
    insta::assert_snapshot!(Home::new().looks(&["run", "-h"]), @"
    exit code 0
    --- stdout
    Run a job and follow it to the end; exits with the job's own code

    Usage: computes run [OPTIONS] [-- <COMMAND>...]

    Options:
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    The job:
          --name <TEXT>             What the job is called; any text becomes a valid name [alias:
                                    --job-name]
          --queue <QUEUE>           default, asap, default-uninterruptible or asap-uninterruptible
                                    [alias: --job-queue]
          --vcpus <N>               How many vCPUs: 0.25, 0.5 or a whole number
          --memory <SIZE>           How much memory: MiB, or with a unit as in 1GiB
          --gpus <N>                How many GPUs
          --attempts <N>            How often the job is started at the most, 1 to 10
          --retry-on <WHAT>         What is tried again: interruption (the default with several
                                    attempts) or any
          --timeout <DURATION>      How long an attempt may run, from 60 s on: 3600, 1h, or
                                    attemptDurationSeconds=3600
      -e, --env <NAME[=VALUE]>      A variable for the job; without a value it takes yours
          --env-file <FILE>         Variables from a file: NAME=VALUE or NAME a line, # starts a comment
          --secret <NAME[=SOURCE]>  A variable whose value is yours and is never shown, or one that AWS
                                    has: ssm:PARAMETER, secretsmanager:SECRET
          --tag <KEY=VALUE>         A tag of the job
          --job-definition <NAME>   The job definition on AWS: a name, name:revision or an ARN
          --source <WHAT>           What of your repository goes along: tree (as it stands), commit
                                    (HEAD) or image (nothing)
          --input <LOCAL[=PATH]>    A file or folder that is at /files/PATH when the command starts
          --stdin <FILE>            A file that the command reads on its stdin; - is what is on your own
          --output <PATH>           What is kept as the result, also of a job that fails: a path or
                                    pattern in /files, or with /source before it in the source; . and
                                    /source are all of it, !PATH leaves out
          --fresh-files             Give each attempt an empty /files of its own
          --no-files                Leave the command as it is, without /files
          --share <SHARE>           Whose share of a fair-share queue it uses [alias:
                                    --share-identifier]
          --priority <N>            Within a share, higher goes first: 0 to 9999 [alias:
                                    --scheduling-priority-override]
          --once                    If a job that does the same is waiting or running, take that one
          --from <FILE>             A job as TOML or JSON, several as a list or as .jsonl; - reads stdin
          --dry-run                 Print the SubmitJob request, secrets masked, and do nothing
      [COMMAND]...                  The command and its arguments

    As aws batch submit-job takes them:
          --container-overrides <JSON>  JSON, `file://PATH`, or - for stdin
          --retry-strategy <STRATEGY>   attempts=N, or JSON
          --cli-input-json <JSON>       The whole request: JSON, `file://PATH`, or - for stdin

    Following it:
          --get[=<FOLDER>]
              When the job is over bring its outputs back: of the source into the checkout, of /files
              into FOLDER
          --no-get
              Leave them where they are kept, whatever settings say
          --cancel-on-interrupt
              Cancel the job on Ctrl-C or SIGTERM, without asking; for CI
          --limit <DURATION>
              Stop waiting after so long, with exit code 124; the job goes on
          --rehearse-interruption[=<AFTER>]
              Show the job a host that is taken away so long after its start: SIGTERM, 30 s, SIGKILL
    ");
}

#[test]
fn the_job_of_submit_has_the_options_of_run() {
    let home = Home::new();
    let (run, submit) = (home.run(["run", "-h"]).stdout, home.run(["submit", "-h"]).stdout);
    let job = |help: &str| {
        let from = help.find("\nThe job:").expect("the job");
        let to = help.find("\nFollowing it:").unwrap_or(help.len());
        help[from..to].trim_end().to_owned()
    };
    assert_eq!(job(&run), job(&submit));
    assert!(!submit.contains("--rehearse-interruption"));
}

/// The short help of some verbs.
fn help(verbs: &str) -> String {
    let home = Home::new();
    each(&words(verbs), |verb| home.looks(&[verb, "-h"]))
}

#[test]
fn verbs_for_jobs_that_are_there() {
    insta::assert_snapshot!(help("wait status list"), @"
    > wait
    exit code 0
    --- stdout
    Wait for jobs; exits with the code of the first, as given, that did not succeed

    Usage: computes wait [OPTIONS] [JOB]...

    Arguments:
      [JOB]...  Ids, the beginning of ids, or `last`

    Options:
          --all                  Every job that is not over yet
          --limit <DURATION>     Stop waiting after so long, with exit code 124; the jobs go on
          --cancel-on-interrupt  Cancel the jobs on Ctrl-C or SIGTERM, without asking; for CI
          --get[=<FOLDER>]       When the job is over bring its outputs back: of the source into the
                                 checkout, of /files into FOLDER
          --no-get               Leave them where they are kept, whatever settings say
          --json                 Print JSON, one object a line
          --engine <ENGINE>      Who runs the jobs: local, or aws
      -q, --quiet                Say nothing but what was asked for
      -h, --help                 Print help

    > status
    exit code 0
    --- stdout
    Show all that is known of jobs

    Usage: computes status [OPTIONS] <JOB>...

    Arguments:
      <JOB>...  Ids, the beginning of ids, or `last`

    Options:
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    > list
    exit code 0
    --- stdout
    List jobs, newest first

    Usage: computes list [OPTIONS]

    Options:
          --state <STATE>    Only jobs in these states, as in queued,running; `unfinished` is all that
                             are not over
          --queue <QUEUE>    Only jobs of these queues
          --name <TEXT>      Only jobs whose name holds this text
          --since <WHEN>     Only jobs submitted since: 2h or 7d ago, on 2026-03-01, at 2026-03-01T14:30
                             or in RFC 3339
          --before <WHEN>    Only jobs submitted before, in the same words
      -n, --limit <N>        How many at the most [default: 20]
          --all              However many there are
          --dates            Show when they were submitted, in the place of how long ago
          --watch            Stay, and show how they change, until `q` or Ctrl-C
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help
    ");
}

#[test]
fn verbs_for_what_jobs_wrote_and_for_their_end() {
    insta::assert_snapshot!(help("logs cancel retry"), @r#"
    > logs
    exit code 0
    --- stdout
    Print what a job wrote, while it runs and after

    Usage: computes logs [OPTIONS] <JOB>...

    Arguments:
      <JOB>...  Ids, the beginning of ids, or `last`; with several the job's name is before each line

    Options:
      -f, --follow           Go on until the jobs are over
      -n, --tail <N>         Only so many lines at the end; with --follow of the newest attempt, and all
                             that follows
      -t, --timestamps       When each line was written; of jobs on this machine to a second
          --attempt <N>      Which attempt, from 1; without it the newest, or all with --follow
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    > cancel
    exit code 0
    --- stdout
    End jobs: those that wait at once, those that run by SIGTERM, 30 s, SIGKILL

    Usage: computes cancel [OPTIONS] [JOB]...

    Arguments:
      [JOB]...  Ids, the beginning of ids, or `last`

    Options:
          --all               Every job that is not over yet
          --state <STATE>     Only jobs in these states, as in queued,running; `unfinished` is all that
                              are not over
          --queue <QUEUE>     Only jobs of these queues
          --name <TEXT>       Only jobs whose name holds this text
          --since <WHEN>      Only jobs submitted since: 2h or 7d ago, on 2026-03-01, at
                              2026-03-01T14:30 or in RFC 3339
          --before <WHEN>     Only jobs submitted before, in the same words
          --wait              Wait until they are over, however they end
          --limit <DURATION>  Stop waiting after so long, with exit code 124; they are being ended all
                              the same
          --give-up           Look no more for a job of which nobody can tell whether AWS Batch has it;
                              it may go on there
          --reason <TEXT>     Why; it is kept with the job [default: "cancelled by the user"]
          --json              Print JSON, one object a line
          --engine <ENGINE>   Who runs the jobs: local, or aws
      -q, --quiet             Say nothing but what was asked for
      -h, --help              Print help

    > retry
    exit code 0
    --- stdout
    Submit jobs that are over, or being ended, once more as they were; prints the new ids

    Usage: computes retry [OPTIONS] <JOB>...

    Arguments:
      <JOB>...  Ids, the beginning of ids, or `last`

    Options:
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help
    "#);
}

#[test]
fn removing_jobs() {
    insta::assert_snapshot!(help("prune"), @"
    > prune
    exit code 0
    --- stdout
    Remove jobs that have been over for long, with their logs and files

    Usage: computes prune [OPTIONS]

    Options:
          --older-than <DURATION>  How long a job has to be over: 30d, 12h [default: 30d]
          --dry-run                Only say what would go
          --only <WHAT>            Keep the jobs and their logs, and remove only what they have at
                                   /files and brought along [possible values: files]
          --file-system            Have a job remove what jobs left on the file system of AWS, and
                                   nobody has written to since. To read there does not count
          --json                   Print JSON, one object a line
          --engine <ENGINE>        Who runs the jobs: local, or aws
      -q, --quiet                  Say nothing but what was asked for
      -h, --help                   Print help
    ");
}

#[test]
fn the_other_verbs() {
    insta::assert_snapshot!(help("queues worker init completions man"), @"
    > queues
    exit code 0
    --- stdout
    Show the queues, their jobs and their workers

    Usage: computes queues [OPTIONS]

    Options:
          --workers          Show the workers instead
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    > worker
    exit code 0
    --- stdout
    Run jobs of the local engine until asked to leave; `submit` starts one by itself

    Usage: computes worker [OPTIONS]

    Options:
          --vcpus <N>             How many vCPUs it gives to jobs; without it all of the machine's
          --memory <SIZE>         How much memory it gives to jobs: MiB, or with a unit as in 8GiB
          --gpus <N>              How many GPUs it gives to jobs
          --queue <QUEUE>         Take jobs of this queue only; may be given several times
          --idle-exit <DURATION>  Leave after so long without a job; without it the worker stays
          --json                  Print JSON, one object a line
          --engine <ENGINE>       Who runs the jobs: local, or aws
      -q, --quiet                 Say nothing but what was asked for
      -h, --help                  Print help

    > init
    exit code 0
    --- stdout
    Write a commented computes.toml into this directory

    Usage: computes init [OPTIONS]

    Options:
          --print            Print it instead
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    > completions
    exit code 0
    --- stdout
    Print the script by which a shell asks what completes a line

    Usage: computes completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  [possible values: bash, elvish, fish, powershell, zsh]

    Options:
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help

    > man
    exit code 0
    --- stdout
    Print a manual page: `computes man | man -l -`

    Usage: computes man [OPTIONS] [VERB]...

    Arguments:
      [VERB]...  Of which verb, as in `files get`; without it of the program

    Options:
          --into <FOLDER>    Write the pages of the program and of all verbs to files there, for a
                             package
          --json             Print JSON, one object a line
          --engine <ENGINE>  Who runs the jobs: local, or aws
      -q, --quiet            Say nothing but what was asked for
      -h, --help             Print help
    ");
}

#[test]
fn help_is_a_verb() {
    let home = Home::new();
    for verb in [&[][..], &["list"], &["files", "get"], &["help"]] {
        let asked = home.run(["help"].iter().chain(verb));
        let option = home.run(verb.iter().chain(&["--help"]));
        assert_eq!((asked.code, &asked.stdout, asked.stderr.as_str()), (0, &option.stdout, ""));
    }
    let (asked, verb) = (home.run(["help", "sumbit"]), home.run(["sumbit"]));
    assert_eq!((asked.code, asked.stderr), (2, verb.stderr));
    home.assert_nothing_written();
}

#[test]
fn list_has_the_names_that_other_tools_give_it() {
    let home = Home::new();
    for alias in ["ls", "ps"] {
        let run = home.run([alias, "--json"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{alias}");
    }
}
