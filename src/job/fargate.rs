//! The sizes that Fargate has.

use super::{Memory, Requested, Vcpus};

/// Thousandths of vCPUs; the least and the most MiB that go with them, and the step between
/// (AWS Batch API, `ResourceRequirement`).
const SIZES: [(u32, u32, u32, u32); 8] = [
    (250, 512, 512, 512),
    (250, 1024, 2048, 1024),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16_384, 1024),
    (4000, 8192, 30_720, 1024),
    (8000, 16_384, 61_440, 4096),
    (16_000, 32_768, 122_880, 8192),
];

/// How many are named in the place of one that Fargate has not.
const NAMED: usize = 2;

/// What Fargate has not, and what comes near.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOnFargate {
    #[error("Fargate has no {asked}")]
    Size { asked: String, nearest: Vec<Requested> },
    #[error("Fargate has no GPUs")]
    Gpus,
}

impl NotOnFargate {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self::Size { nearest, .. } = self else {
            return "leave out --gpus, or submit to a queue on EC2".to_owned();
        };
        let options = nearest.iter().map(|size| {
            let vcpus = size.vcpus.map(|vcpus| format!("--vcpus {vcpus}"));
            let memory = size.memory.map(|memory| format!("--memory {}", memory.as_mib()));
            vcpus.into_iter().chain(memory).collect::<Vec<_>>().join(" ")
        });
        format!("the nearest it has: {}", options.collect::<Vec<_>>().join(", or "))
    }
}

/// Whether there is a size with what was said of it.
///
/// # Errors
/// When there is none, with those that are nearest.
pub fn check(asked: Requested) -> Result<(), NotOnFargate> {
    if asked.gpus.is_some_and(|gpus| gpus > 0) {
        return Err(NotOnFargate::Gpus);
    }
    let Requested { vcpus, memory, .. } = asked;
    let fits = |(v, m): &(u32, u32)| {
        vcpus.is_none_or(|it| it.thousandths() == *v) && memory.is_none_or(|it| it.as_mib() == *m)
    };
    if sizes().any(|size| fits(&size)) {
        return Ok(());
    }
    let named = match (vcpus, memory) {
        (Some(vcpus), Some(memory)) => format!("{vcpus} vCPU with {} MiB", memory.as_mib()),
        (Some(vcpus), None) => format!("{vcpus} vCPU"),
        (None, memory) => format!("{} MiB", memory.map_or(0, Memory::as_mib)),
    };
    Err(NotOnFargate::Size { asked: named, nearest: nearest(vcpus, memory) })
}

/// The pair in which Batch says that Fargate has not its like, as in
/// `Fargate resource requirements (1.00 vCPU, 4000 MiB) not valid.`
#[must_use]
pub fn refused(message: &str) -> Option<NotOnFargate> {
    let (_, rest) = message.split_once("Fargate resource requirements (")?;
    let (vcpus, rest) = rest.split_once(" vCPU")?;
    let thousandths = vcpus.trim().parse::<f64>().ok().filter(|it| (0.0..1e6).contains(it))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is below what a u32 holds, and above nothing"
    )]
    let vcpus = Vcpus::from_thousandths((thousandths * 1000.0).round() as u32);
    let mib = rest.trim_start_matches([',', ' ']).split(' ').next()?;
    let memory = mib.parse().ok().map(Memory::of_machine);
    check(Requested { vcpus: Some(vcpus), memory, gpus: None }).err()
}

/// All that there are: thousandths of vCPUs, and MiB.
fn sizes() -> impl Iterator<Item = (u32, u32)> {
    SIZES.into_iter().flat_map(|(vcpus, least, most, step)| {
        (least..=most).step_by(step as usize).map(move |memory| (vcpus, memory))
    })
}

/// The smallest that holds what was asked for; with as many vCPUs; with as much memory. What was
/// not said is not named.
fn nearest(vcpus: Option<Vcpus>, memory: Option<Memory>) -> Vec<Requested> {
    let v = vcpus.map_or(0, Vcpus::thousandths);
    let m = memory.map_or(0, Memory::as_mib);
    let far = |size: &(u32, u32)| (size.0.abs_diff(v), size.1.abs_diff(m));
    let holds = sizes().filter(|size| size.0 >= v && size.1 >= m).min();
    let as_many = sizes().filter(|size| size.0 == v).min_by_key(far);
    let as_much = sizes().filter(|size| size.1 == m).min_by_key(far);
    let largest = sizes().max();
    let mut found: Vec<Requested> = Vec::new();
    for (v, m) in [holds, as_many, as_much].into_iter().flatten().chain(largest) {
        let size = Requested {
            vcpus: vcpus.map(|_| Vcpus::from_thousandths(v)),
            memory: memory.map(|_| Memory::of_machine(m)),
            gpus: None,
        };
        if !found.contains(&size) && (found.is_empty() || Some((v, m)) != largest) {
            found.push(size);
        }
    }
    found.truncate(NAMED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(vcpus: &str, mib: u32) -> Requested {
        let memory = (mib > 0).then(|| Memory::of_machine(mib));
        Requested { vcpus: vcpus.parse().ok(), memory, gpus: None }
    }

    fn hint(asked: Requested) -> String {
        check(asked).expect_err("no such size").hint()
    }

    #[test]
    fn sizes_that_there_are() {
        for (vcpus, mib) in [
            ("0.25", 512),
            ("0.25", 2048),
            ("1", 2048),
            ("4", 30_720),
            ("8", 61_440),
            ("16", 122_880),
            ("2", 0),
            ("", 1024),
        ] {
            assert_eq!(check(asked(vcpus, mib)), Ok(()), "{vcpus} {mib}");
        }
        assert_eq!(check(Requested::default()), Ok(()));
    }

    #[test]
    fn one_that_is_not_there_names_the_nearest() {
        for (vcpus, mib, nearest) in [
            ("1", 1024, "--vcpus 1 --memory 2048, or --vcpus 0.5 --memory 1024"),
            ("1", 4000, "--vcpus 1 --memory 4096"),
            ("1", 16_384, "--vcpus 2 --memory 16384, or --vcpus 1 --memory 8192"),
            ("8", 17_000, "--vcpus 8 --memory 20480, or --vcpus 8 --memory 16384"),
            ("3", 8192, "--vcpus 4 --memory 8192, or --vcpus 2 --memory 8192"),
            ("3", 0, "--vcpus 4"),
            ("", 3000, "--memory 3072"),
            ("64", 4096, "--vcpus 2 --memory 4096"),
        ] {
            let said = hint(asked(vcpus, mib));
            assert!(said.contains(nearest), "{vcpus} {mib}: {said}");
        }
        let gpus = Requested { gpus: Some(1), ..Requested::default() };
        assert_eq!(check(gpus), Err(NotOnFargate::Gpus));
    }

    #[test]
    fn what_batch_says_of_it_is_understood() {
        let says = "Error executing request, Exception : Fargate resource requirements (1.00 vCPU, \
                    4000 MiB) not valid., RequestId: 1";
        let refused = refused(says).expect("a pair");
        assert_eq!(refused.to_string(), "Fargate has no 1 vCPU with 4000 MiB");
        let alone = super::refused("Fargate resource requirements (1.25 vCPU) not valid");
        assert_eq!(alone.map(|it| it.to_string()).as_deref(), Some("Fargate has no 1.25 vCPU"));
        assert_eq!(super::refused("JobQueue x not found"), None);
    }
}
