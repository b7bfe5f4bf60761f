//! Finding processes by what they were started with.

use std::fs;

use super::Home;

/// Which processes of a home are meant.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// All that have this home in their environment: workers, jobs and what jobs left behind.
    Home,
    /// Those with this job's id in their environment.
    Job(&'a str),
    /// Those with this text, which no other test has, on their command line.
    CommandLine(&'a str),
}

impl Home {
    /// The processes that live. A zombie has neither environment nor command line.
    pub fn processes(&self, wanted: Wanted<'_>) -> Vec<u32> {
        let home = format!("HOME={}", self.path().display());
        let holds = |pid: u32, file: &str, wanted: &dyn Fn(&[u8]) -> bool| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.split(|byte| *byte == 0).any(wanted)
        };
        let entries = fs::read_dir("/proc").expect("/proc");
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != std::process::id())
            .filter(|pid| match wanted {
                Wanted::Home => holds(*pid, "environ", &|entry| entry == home.as_bytes()),
                Wanted::Job(id) => {
                    let mark = format!("AWS_BATCH_JOB_ID={id}");
                    holds(*pid, "environ", &|entry| entry == mark.as_bytes())
                }
                Wanted::CommandLine(text) => holds(*pid, "cmdline", &|word| {
                    word.windows(text.len()).any(|window| window == text.as_bytes())
                }),
            })
            .collect()
    }
}
