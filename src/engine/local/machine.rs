//! What this machine has to give.

use std::fs;

use crate::job::{Memory, Resources, Vcpus};

/// Processors that this process may use, memory that it may fill, and GPUs that are there.
#[must_use]
pub fn capacity() -> Resources {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Resources {
        vcpus: Vcpus::from_thousandths(u32::try_from(processors * 1000).unwrap_or(u32::MAX)),
        memory: Memory::of_machine(
            u32::try_from(memory_bytes() / (1024 * 1024)).unwrap_or(u32::MAX),
        ),
        gpus: gpus(),
    }
}

/// The machine's memory, or less where a container is given less.
fn memory_bytes() -> u64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    limits.into_iter().filter_map(number).chain([total_memory()]).min().unwrap_or_default()
}

fn total_memory() -> u64 {
    rustix::system::sysinfo().totalram
}

/// One device file a GPU: `/dev/nvidia0`, `/dev/nvidia1`, ….
fn gpus() -> u32 {
    let Ok(devices) = fs::read_dir("/dev") else { return 0 };
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let count =
        devices.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_gpu)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Which start of the machine this is. Empty where the kernel does not tell, as it is then
/// for every worker.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
