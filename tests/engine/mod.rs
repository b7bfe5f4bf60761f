//! One suite for every engine. An engine plugs in with one line: see the end of this file.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

pub mod command;
mod environment;
mod files;
mod gpus;
mod leaving;
mod memory;
mod once;
mod order;
mod retry;
mod slow_end;
mod sources;
mod stop;
mod subject;
mod timeout;
mod two_workers;

/// Makes a test of each function for one subject. The functions of `every` need an engine;
/// those of `workers` need one whose workers are processes of this machine.
macro_rules! suite {
    ($name:ident: $subject:ident, every engine) => {
        mod $name {
            tests! { $subject, command: succeeds, exit_codes_pass_through, a_fault_ends_the_job,
            what_can_not_be_started_says_why, arguments_arrive_untouched,
            stdout_and_stderr_keep_their_order, the_log_can_be_read_while_the_job_runs,
            the_working_directory_is_the_callers }
            tests! { $subject, environment: it_is_what_was_declared_and_what_batch_sets,
            declared_variables_win_over_the_defaults }
            tests! { $subject, files: it_is_empty_and_writable,
            it_survives_from_attempt_to_attempt, each_job_has_its_own,
            each_attempt_may_have_its_own }
            tests! { $subject in carrying, sources: the_tree_goes_along_as_it_stands, the_commit_is_what_head_holds,
            inputs_are_there_when_the_command_starts, stdin_is_what_was_given, outputs_come_back_from_a_job_that_fails,
            what_a_job_makes_in_its_source_comes_back, patterns_name_what_is_kept,
            a_job_that_leaves_nothing_is_no_product,
            outputs_come_back_into_the_checkout, what_was_changed_here_meanwhile_is_left,
            an_output_that_is_not_there_is_told,
            what_is_put_to_a_job_that_runs_arrives,
            links_and_rights_stay, a_file_that_is_there_is_not_overwritten,
            what_is_not_there_is_said_before_there_is_a_job }
            tests! { $subject, once: the_same_work_is_not_submitted_twice,
            work_that_is_over_is_submitted_again }
            tests! { $subject, retry: a_failure_is_tried_again_until_attempts_are_used_up,
            success_ends_it, the_first_rule_that_matches_decides, reasons_decide_as_well,
            each_end_is_told_and_why_another_follows }
            tests! { $subject, stop: a_running_job_is_cancelled,
            a_job_that_ignores_sigterm_goes_with_all_its_children,
            children_go_when_the_command_ends,
                children_go_as_well_where_the_log_is_masked, what_is_over_can_not_be_cancelled,
                several_are_cancelled_by_what_they_are }
            tests! { $subject in patient, slow_end: an_end_is_waited_for, it_is_retried_when_it_is_over }
        }
    };
    ($name:ident: $subject:ident, workers) => {
        mod $name {
            suite! { every_engine: $subject, every engine }
            tests! { $subject in carrying, sources: what_is_put_to_a_job_that_waits_is_there }
            tests! { $subject, stop: a_waiting_job_is_cancelled_at_once,
            a_signal_from_outside_ends_the_job }
            tests! { $subject, timeout: it_ends_the_whole_tree_and_is_never_retried }
            tests! { $subject, memory: one_process_over_its_limit_ends_the_job, shared_memory_counts,
            a_tree_over_its_limit_ends_the_job, pages_that_forks_share_count_once }
            tests! { $subject, gpus: each_job_has_gpus_of_its_own }
            tests! { $subject, order: urgent_jobs_go_first, a_small_job_passes_a_large_one,
            a_worker_takes_jobs_of_its_queues_alone }
            tests! { $subject, two_workers: they_never_run_a_job_twice }
            tests! { $subject, leaving: an_interrupted_job_goes_back_and_counts_no_attempt,
            a_job_of_an_uninterruptible_queue_is_waited_for,
            a_background_worker_outlives_the_session_and_leaves_when_idle }
        }
    };
}

macro_rules! tests {
    ($subject:ident, $file:ident: $($test:ident),+) => {
        tests! { $subject in home, $file: $($test),+ }
    };
    ($subject:ident in $home:ident, $file:ident: $($test:ident),+) => {
        mod $file {
            $(
                #[test]
                fn $test() {
                    use $crate::engine::subject::Subject;
                    if let Some(home) = <$crate::engine::subject::$subject as Subject>::$home() {
                        $crate::engine::$file::$test::<$crate::engine::subject::$subject>(&home);
                    }
                }
            )+
        }
    };
}

suite! { local: Mounted, workers }
suite! { local_without_mounts: NotMounted, workers }
suite! { local_as_nobody: Nobody, workers }
suite! { aws: OnAws, every engine }

mod aws_by_urls {
    tests! { ByUrls in carrying, sources: the_tree_goes_along_as_it_stands, the_commit_is_what_head_holds,
    inputs_are_there_when_the_command_starts, stdin_is_what_was_given, outputs_come_back_from_a_job_that_fails,
    what_a_job_makes_in_its_source_comes_back, patterns_name_what_is_kept,
    a_job_that_leaves_nothing_is_no_product, outputs_come_back_into_the_checkout,
    what_was_changed_here_meanwhile_is_left, links_and_rights_stay, a_file_that_is_there_is_not_overwritten,
    what_is_not_there_is_said_before_there_is_a_job }
}
