//! The script of a job that fetches by URLs: POSIX `sh`, with `tar`, `gzip`, `sha256sum`, and `curl`
//! or `wget`.
//!
//! It lies in the bucket, because the URLs in it are long and nobody else's business. The line in
//! front of the command (`plan/files.rs`) fetches it, compares its hash and evaluates it.

use crate::job::{Address, FilesPath, shell_word};

/// A parcel that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening<'a> {
    /// Whoever has it can read the parcel.
    pub url: String,
    pub address: &'a Address,
    pub into: &'a str,
}

/// What the job keeps, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping<'a> {
    /// Whoever has it can write the archive.
    pub url: String,
    pub outputs: &'a [FilesPath],
}

/// The script, without a newline at its end: a shell takes that away when it reads one.
#[must_use]
pub fn script(
    openings: &[Opening<'_>],
    directory: Option<&str>,
    keeping: Option<&Keeping<'_>>,
) -> String {
    let mut lines = vec![FUNCTIONS.to_owned()];
    if keeping.is_some() {
        lines.push(CAN_SEND.to_owned());
    }
    for Opening { url, address, into } in openings {
        let words = [url, address.as_str(), into].map(shell_word);
        lines.push(format!("computes_open {}", words.join(" ")));
    }
    if let Some(directory) = directory {
        let word = shell_word(directory);
        let fail = "computes_fail 'cannot enter the source'";
        lines.push(format!("mkdir -p {word} && cd {word} || {fail}"));
    }
    lines.push("unset COMPUTES_FREIGHT; trap - TERM INT".to_owned());
    match keeping {
        None => lines.push("exec \"$@\"".to_owned()),
        Some(Keeping { url, outputs }) => {
            let outputs: Vec<_> =
                outputs.iter().map(|output| shell_word(&output.to_string()).into_owned()).collect();
            lines.push(RUN.to_owned());
            lines.push(format!("for computes_one in {}; do", outputs.join(" ")));
            lines.push(COLLECT.to_owned());
            lines.push(format!("computes_send {}", shell_word(url)));
            lines.push("exit \"$computes_code\"".to_owned());
        }
    }
    lines.join("\n")
}

const FUNCTIONS: &str = r#"trap 'exit 143' TERM INT
computes_fail() { echo "computes: $1" >&2; exit 125; }
computes_file=${TMPDIR:-/tmp}/computes.$$
computes_open() {
    if command -v curl >/dev/null; then curl -fsS --retry 5 -o "$computes_file" "$1"; else wget -qO "$computes_file" "$1"; fi ||
        computes_fail 'cannot fetch what the job brings along: the URL may have expired'
    [ "$(sha256sum <"$computes_file")" = "$2  -" ] || computes_fail 'what was fetched is not what it should be'
    { mkdir -p "$3" && gzip -dc "$computes_file" | tar -xf - -C "$3" && rm -f "$computes_file"; } ||
        computes_fail 'cannot unpack what the job brings along'
}
"#;

/// Before the command runs for hours.
const CAN_SEND: &str = r#"if command -v curl >/dev/null; then
    computes_put() { curl -fsS --retry 5 -o /dev/null -T "$1" "$2"; }
elif wget --help 2>&1 | grep -q body-file; then
    computes_put() { wget -q -O /dev/null --method=PUT --body-file="$1" "$2"; }
else
    computes_fail 'outputs are sent by curl or by GNU wget, and the image has neither'
fi
computes_send() {
    [ $# -gt 0 ] && [ -s "$computes_file.tar.gz" ] || return 0
    computes_put "$computes_file.tar.gz" "$1" && return 0
    echo 'computes: cannot keep the outputs of the job: the URL may have expired' >&2
    [ "$computes_code" -ne 0 ] || computes_code=125
}
"#;

/// The shell stays, and passes on what it is sent. `wait` ends early when that happens.
const RUN: &str = r#""$@" &
computes_child=$!
for computes_one in TERM INT HUP QUIT USR1 USR2; do trap "kill -$computes_one $computes_child 2>/dev/null" "$computes_one"; done
while :; do
    computes_code=0
    wait "$computes_child" || computes_code=$?
    [ "$computes_code" -gt 128 ] || break
    kill -0 "$computes_child" 2>/dev/null && continue
    # It may have been a signal to this shell, and the command have ended since.
    computes_again=0
    wait "$computes_child" 2>/dev/null || computes_again=$?
    [ "$computes_again" -eq 127 ] || computes_code=$computes_again
    break
done
trap '' TERM INT HUP QUIT USR1 USR2
set --
"#;

const COLLECT: &str = r#"    if [ -e "/files/$computes_one" ] || [ -L "/files/$computes_one" ]; then set -- "$@" "./$computes_one"
    else echo "computes: not kept: output \`$computes_one\` is not there" >&2; fi
done
computes_pack() {
    computes_tar=0
    tar -cf "$computes_file.tar" -C /files "$@" || computes_tar=$?
    # 1: a file changed meanwhile. The archive is whole all the same, or else it is not.
    { [ "$computes_tar" -eq 0 ] || { [ "$computes_tar" -eq 1 ] && tar -tf "$computes_file.tar" >/dev/null; }; } &&
        gzip -f "$computes_file.tar"
}
if [ $# -gt 0 ] && ! computes_pack "$@"; then
    echo 'computes: cannot keep the outputs of the job: they can not be packed' >&2
    rm -f "$computes_file.tar" "$computes_file.tar.gz"
    [ "$computes_code" -ne 0 ] || computes_code=125
fi
"#;
