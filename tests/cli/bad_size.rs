//! Sizes that no job can have, or no machine.

use super::bad_job::refused;
use super::stage::each;
use crate::support::Home;

#[test]
fn vcpus() {
    let refused = |vcpus: &&str| refused(&["--vcpus", vcpus, "--", "true"]);
    insta::assert_snapshot!(each(&["0", "0.3", "1.5", "two", "1025"], refused), @r"
    > 0
    exit code 2
    --- stderr
    error: cannot submit `true`: `0` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > 0.3
    exit code 2
    --- stderr
    error: cannot submit `true`: `0.3` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > 1.5
    exit code 2
    --- stderr
    error: cannot submit `true`: `1.5` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > two
    exit code 2
    --- stderr
    error: cannot submit `true`: `two` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > 1025
    exit code 2
    --- stderr
    error: cannot submit `true`: `1025` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2
    ");
}

#[test]
fn memory() {
    let refused = |memory: &&str| refused(&["--memory", memory, "--", "true"]);
    insta::assert_snapshot!(each(&["3", "1GX", "much", "1.5", "9999999TiB"], refused), @"
    > 3
    exit code 2
    --- stderr
    error: cannot submit `true`: 3 MiB of memory is less than the 4 MiB that Batch asks for at least
    hint: as in --memory 512 or --memory 2GiB

    > 1GX
    exit code 2
    --- stderr
    error: cannot submit `true`: `1GX` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB

    > much
    exit code 2
    --- stderr
    error: cannot submit `true`: `much` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB

    > 1.5
    exit code 2
    --- stderr
    error: cannot submit `true`: `1.5` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB

    > 9999999TiB
    exit code 2
    --- stderr
    error: cannot submit `true`: `9999999TiB` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB
    ");
}

#[test]
fn gpus() {
    let refused = |gpus: &&str| refused(&["--gpus", gpus, "--", "true"]);
    insta::assert_snapshot!(each(&["1025", "99999999999", "one"], refused), @"
    > 1025
    exit code 2
    --- stderr
    error: cannot submit `true`: `1025` is no number of GPUs: it is a whole number from 0 to 1024
    hint: as in --gpus 1

    > 99999999999
    exit code 2
    --- stderr
    error: invalid value '99999999999' for '--gpus <N>': 99999999999 is not in 0..=4294967295

    For more information, try '--help'.

    > one
    exit code 2
    --- stderr
    error: invalid value 'one' for '--gpus <N>': invalid digit found in string

    For more information, try '--help'.
    hint: --gpus <N> takes a whole number
    ");
}

/// What this machine has differs from that of others.
const MACHINE: &str = r"has \d+(\.\d+)? (vCPU|[MG]iB)";

#[test]
fn a_job_that_fits_no_machine() {
    let home = Home::new();
    for verb in ["run", "submit"] {
        let run = home.run([verb, "--name", "huge", "--vcpus", "1024", "--", "true"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(run.snapshot_without(MACHINE, "has [so many]"), @"
            exit code 2
            --- stderr
            error: cannot submit `huge`: the job asks for 1024 vCPU, and this machine has [so many]
            hint: ask for less with --vcpus, --memory and --gpus, or submit with --engine aws; a worker gives what it is told to give, as in `computes worker --gpus 1`
            ");
        }
        home.assert_nothing_written();
    }
    let memory = home.run(["submit", "--memory", "2000TiB", "--", "true"]);
    insta::assert_snapshot!(memory.snapshot_without(MACHINE, "has [so much]"), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the job asks for 2048000 GiB, and this machine has [so much]
    hint: ask for less with --vcpus, --memory and --gpus, or submit with --engine aws; a worker gives what it is told to give, as in `computes worker --gpus 1`
    ");
    home.assert_nothing_written();
    // Also where there is a ledger, and before anything is packed.
    home.run(["run", "--", "true"]);
    home.write("data", "data");
    let run = home.run(["submit", "--input", "data", "--vcpus", "1024", "--", "true"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let parcels = home.state().join("parcels");
    assert_eq!(std::fs::read_dir(parcels).expect("a folder").count(), 0);
    assert_eq!(home.jobs().len(), 1);
}

#[test]
fn gpus_where_there_are_fewer() {
    let home = Home::new();
    let run = home.run(["submit", "--gpus", "1000", "--", "true"]);
    let gpus = r"has (no|\d+) GPU";
    insta::assert_snapshot!(run.snapshot_without(gpus, "has [so many]"), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the job asks for 1000 GPU, and this machine has [so many]
    hint: ask for less with --vcpus, --memory and --gpus, or submit with --engine aws; a worker gives what it is told to give, as in `computes worker --gpus 1`
    ");
}

#[test]
fn a_worker_may_be_told_to_give_more() {
    let home = Home::new();
    let mut worker = home.worker(["--gpus", "1000", "--queue", "asap"]);
    let job = ["submit", "--gpus", "1000"];
    let job = |queue| [job.as_slice(), &["--queue", queue, "--", "sleep", "1000"]].concat();
    assert_eq!(home.run(job("default")).code, 2, "the worker takes no such job");
    let id = home.run(job("asap")).stdout.trim_end().to_owned();
    home.until(&id, "running");
    worker.signal(rustix::process::Signal::KILL);
    worker.wait();
    assert_eq!(home.run(job("asap")).code, 2, "the worker is gone");
    // Nobody can take what is left of it over but a worker of that size.
    let run = home.run(["wait", &id]);
    let gpus = r"has (no|\d+) GPU";
    insta::assert_snapshot!(run.snapshot_without(gpus, "has [so many]"), @"
    exit code 125
    --- stderr
    [short] attempt 1 of 2 failed: the worker was lost; another follows: a lost worker does not count
    error: nobody runs it: the job asks for 1000 GPU, and this machine has [so many]
    hint: start a worker that gives so much, as in `computes worker --vcpus 16`, or `computes cancel` the job
    ");
}
