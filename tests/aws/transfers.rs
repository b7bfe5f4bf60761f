//! Transfers that are cut, again and again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::files::carrying_through;
use crate::support::{Account, Aws, Fault, Jobs, Proxy, Request};

/// Larger than a part, and not a whole number of them.
const BYTES: usize = (48 << 20) + 12_345;
const PART: usize = 8 << 20;
const CUTS: usize = 20;

/// What can't be made smaller.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(BYTES).collect()
}

/// Lets every second request of a kind fail, so many times.
fn cutting(kind: fn(&Request) -> bool, fault: Fault) -> (Proxy, Arc<AtomicUsize>) {
    let cuts = Arc::new(AtomicUsize::new(0));
    let (ours, mut turn) = (Arc::clone(&cuts), false);
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        turn = kind(request) && !turn;
        if turn && ours.load(Ordering::Relaxed) < CUTS {
            ours.fetch_add(1, Ordering::Relaxed);
            return fault.clone();
        }
        Fault::None
    });
    (proxy, cuts)
}

fn is_part(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("partNumber")
}

fn is_blob(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("/blobs/")
}

#[test]
fn an_upload_is_whole_whatever_is_cut_and_sends_one_part_again_for_each_cut() {
    let account = Account::with_program(Jobs::Run, 0);
    let (proxy, cuts) = cutting(is_part, Fault::RequestCut);
    let home = carrying_through(&account, proxy.port());
    let content = noise();
    fs::write(home.work().join("large"), &content).expect("written");
    // The job compares what it fetched before it unpacks it.
    let run = home.run(["run", "--input", "large", "--", "sha256sum", "/files/large"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let here = std::process::Command::new("sha256sum").arg(home.work().join("large")).output();
    let here = String::from_utf8(here.expect("it runs").stdout).expect("text");
    assert_eq!(run.stdout.split(' ').next(), here.split(' ').next());
    let sent: usize =
        proxy.requests().iter().filter(|it| is_part(it)).map(Request::body_length).sum();
    let cuts = cuts.load(Ordering::Relaxed);
    assert!(cuts > 5, "{cuts}");
    assert!(sent < BYTES + (cuts + 1) * PART, "{sent} bytes, {cuts} cuts");
    // S3 is told each part's checksum again, and refuses to put others together.
    let requests = proxy.requests();
    let end = |it: &&Request| it.method == "POST" && it.path.contains("uploadId");
    let end = requests.iter().find(end).expect("the end of the upload").body();
    assert_eq!(end.matches("<ChecksumCRC32>").count(), BYTES.div_ceil(PART), "{end}");
}

#[test]
fn a_download_goes_on_at_the_very_byte() {
    let account = Account::with_program(Jobs::Run, 0);
    let (proxy, cuts) = cutting(is_blob, Fault::AnswerCut { after: 3 << 20 });
    let home = carrying_through(&account, proxy.port());
    let content = noise();
    fs::write(home.work().join("large"), &content).expect("written");
    let run = home.run([
        "run",
        "--input",
        "large=in",
        "--output",
        "out",
        "--",
        "cp",
        "/files/in",
        "/files/out",
    ]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    let there = fs::read(home.work().join("results/out")).expect("a file");
    assert!(there == content);
    assert!(cuts.load(Ordering::Relaxed) > 5);
    // No byte is asked for twice: each range begins where an earlier one was cut, or is new.
    let mut from: Vec<usize> = Vec::new();
    for request in proxy.requests().iter().filter(|it| is_blob(it)) {
        let range = request.header("range").expect("a range");
        let (start, _) = range["bytes=".len()..].split_once('-').expect("a range");
        from.push(start.parse().expect("a number"));
    }
    let asked = from.len();
    from.sort_unstable();
    from.dedup();
    assert_eq!(asked, from.len());
    let left: Vec<_> = fs::read_dir(home.work().join("results")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// Parts that S3 has, of the one upload that is not complete.
fn there(account: &Account) -> usize {
    let bucket = account.field("bucket");
    let begun = account.aws(&["s3api", "list-multipart-uploads", "--bucket", &bucket]);
    let (Some(key), Some(id)) =
        (begun["Uploads"][0]["Key"].as_str(), begun["Uploads"][0]["UploadId"].as_str())
    else {
        return 0;
    };
    let of = ["--bucket", &bucket, "--key", key, "--upload-id", id];
    let parts = account.aws(&[&["s3api", "list-parts"], &of[..]].concat());
    parts["Parts"].as_array().map_or(0, Vec::len)
}

#[test]
fn who_comes_after_a_killed_process_sends_only_what_is_missing() {
    let account = Account::new(Jobs::Stay);
    let parts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&parts);
    // The connection stands still after three parts.
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if is_part(request) && count.fetch_add(1, Ordering::Relaxed) >= 3 {
            return Fault::RequestLost;
        }
        Fault::None
    });
    let home = carrying_through(&account, proxy.port());
    fs::write(home.work().join("large"), noise()).expect("written");
    let mut first =
        home.command(["submit", "--input", "large", "--", "true"]).spawn().expect("it starts");
    crate::support::eventually("three parts are there", || (there(&account) == 3).then_some(()));
    first.kill().expect("killed");
    first.wait().expect("a child");
    drop(proxy);
    assert_eq!(account.jobs().len(), 0);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let again = home.with("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port()));
    let run = again.run(["submit", "--input", "large", "--", "true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let sent = proxy.requests().iter().filter(|it| is_part(it)).count();
    assert_eq!(sent, BYTES.div_ceil(PART) - 3);
    assert_eq!(account.jobs().len(), 1);
}
