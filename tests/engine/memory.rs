//! The memory limit, which holds for all processes of a job together.

use super::command::end_of;
use super::subject::Subject;
use crate::support::{Home, Run, Wanted};

/// Perl is on every Debian, and its strings lie in memory as they are. `$fill` writes to
/// every page.
const FILL: &str = "sub fill { my $data = chr(65 + $_[1]) x ($_[0] << 20); return \\$data }";

fn perl(home: &Home, limit: &str, program: &str) -> Run {
    home.run(["run", "--memory", limit, "--", "perl", "-e", &format!("{FILL} $| = 1; {program}")])
}

fn assert_out_of_memory(home: &Home, run: &Run) {
    assert_eq!(run.code, 123, "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: failed out_of_memory 137");
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    assert_eq!(home.processes(Wanted::Job(&id)), [] as [u32; 0]);
}

pub fn one_process_over_its_limit_ends_the_job<S: Subject>(home: &Home) {
    let run = perl(home, "64", "my $data = fill(150, 0); sleep 1000;");
    assert_out_of_memory(home, &run);
}

pub fn shared_memory_counts<S: Subject>(home: &Home) {
    let program = "import mmap, time; memory = mmap.mmap(-1, 150 << 20)\n\
        for page in range(0, 150 << 20, 4096): memory[page] = 1\n\
        time.sleep(1000)";
    let run = home.run(["run", "--memory", "64", "--", "python3", "-c", program]);
    assert_out_of_memory(home, &run);
}

pub fn a_tree_over_its_limit_ends_the_job<S: Subject>(home: &Home) {
    // Each of the four is well below the limit.
    let run = perl(home, "96", "fork; fork; my $data = fill(35, 0); sleep 1000;");
    assert_out_of_memory(home, &run);
}

/// Four processes with 50 MiB each, of which they share 40: 80 MiB, though the sum is 200.
pub fn pages_that_forks_share_count_once<S: Subject>(home: &Home) {
    // The job has to live long enough to be looked at often: near its limit that is each 10 ms.
    let run = perl(
        home,
        "110",
        "my $data = fill(40, 0);
         for my $child (1 .. 3) {
             next if fork;
             my $own = fill(10, $child);
             select undef, undef, undef, 0.5;
             exit 0;
         }
         my $own = fill(10, 0);
         1 while wait > 0;
         print length($$data) >> 20;",
    );
    assert_eq!((run.code, run.stdout.as_str()), (0, "40"), "{}", run.stderr);
}
