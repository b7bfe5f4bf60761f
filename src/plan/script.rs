//! The script of a job that fetches by URLs: POSIX `sh`, with `tar`, `gzip`, `sha256sum`, and `curl`
//! or `wget`.
//!
//! It lies in the bucket, because the URLs in it are long and nobody else's business. The line in
//! front of the command (`plan/files.rs`) fetches it, compares its hash and evaluates it.

use crate::job::{Address, Output, Outputs, Root, shell_word};

/// A parcel that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening<'a> {
    /// Whoever has it can read the parcel.
    pub url: String,
    pub address: &'a Address,
    pub into: &'a str,
}

/// What the command reads on its stdin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feeding<'a> {
    /// Whoever has it can read the parcel.
    pub url: String,
    pub address: &'a Address,
}

/// What the job keeps, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping<'a> {
    /// Whoever has it can write the archive.
    pub url: String,
    pub outputs: &'a Outputs,
}

/// The script, without a newline at its end: a shell takes that away when it reads one.
#[must_use]
pub fn script(
    openings: &[Opening<'_>],
    stdin: Option<&Feeding<'_>>,
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
    if let Some(Feeding { url, address }) = stdin {
        let words = [url, address.as_str()].map(shell_word);
        lines.push(format!("computes_open {} \"$computes_file.in\"", words.join(" ")));
        lines.push(STDIN.to_owned());
    }
    if keeping.is_some_and(|keeping| keeping.outputs.first_in(Root::Source).is_some()) {
        lines.push(BEFORE.to_owned());
    }
    if let Some(directory) = directory {
        let word = shell_word(directory);
        let fail = "computes_fail 'cannot enter the source'";
        lines.push(format!("mkdir -p {word} && cd {word} || {fail}"));
    }
    lines.push("unset COMPUTES_FREIGHT; trap - TERM INT".to_owned());
    let reads = if stdin.is_some() { " <&3 3<&-" } else { "" };
    match keeping {
        None => lines.push(format!("exec \"$@\"{reads}")),
        Some(Keeping { url, outputs }) => {
            // Without being told so a command beside a shell reads nothing.
            lines.push(format!("\"$@\"{reads} &"));
            lines.push(RUN.to_owned());
            lines.push(COLLECT.to_owned());
            lines.push(format!("computes_leave() {{ sed {}; }}", left_out(outputs)));
            lines.extend(outputs.kept().map(collected));
            lines.push(PACK.to_owned());
            lines.push(format!("computes_send {}", shell_word(url)));
            lines.push("exit \"$computes_code\"".to_owned());
        }
    }
    lines.join("\n")
}

/// What `sed` is told of paths that are not kept.
fn left_out(outputs: &Outputs) -> String {
    let named = outputs.iter().filter(|output| output.is_left_out);
    let expressions = named.map(|output| format!("^{}", output.expression()));
    let deleted = expressions
        .chain([GIT.to_owned()])
        .flat_map(|expression| [format!("/{expression}$/d"), format!("/{expression}\\//d")]);
    let words: Vec<_> = deleted.map(|it| format!("-e {}", shell_word(&it))).collect();
    words.join(" ")
}

/// What git would find programs in.
const GIT: &str = "^source\\/\\(.*\\/\\)\\{0,1\\}\\.git";

/// Where to look for an output, what it is like, and what it is called where its absence is told.
fn collected(output: &Output) -> String {
    let (root, plain) = (output.path.root.as_str(), output.plain_part());
    let at = format!("{}/{}", &root[1..], if plain.is_empty() { "." } else { plain });
    let is_all = output.path.below.is_all();
    let called = if is_all { String::new() } else { output.to_string() };
    let words = [at, output.expression(), called];
    format!("computes_output {}", words.map(|word| shell_word(&word).into_owned()).join(" "))
}

const FUNCTIONS: &str = r#"trap 'exit 143' TERM INT
computes_fail() { echo "computes: $1" >&2; exit 125; }
computes_file=${TMPDIR:-/tmp}/computes.${AWS_BATCH_JOB_ID%%:*}.${AWS_BATCH_JOB_ARRAY_INDEX:-0}.$$
computes_open() {
    if command -v curl >/dev/null; then curl -fsS --retry 5 -o "$computes_file" "$1"; else wget -qO "$computes_file" "$1"; fi ||
        computes_fail 'cannot fetch what the job brings along: the URL may have expired'
    [ "$(sha256sum <"$computes_file")" = "$2  -" ] || computes_fail 'what was fetched is not what it should be'
    { mkdir -p "$3" && gzip -dc "$computes_file" | tar -xf - -C "$3" && rm -f "$computes_file"; } ||
        computes_fail 'cannot unpack what the job brings along'
}
"#;

/// Read to its end although its name is gone.
const STDIN: &str = r#"exec 3<"$computes_file.in/stdin"
rm -rf "$computes_file.in""#;

/// Before the command runs for hours.
const CAN_SEND: &str = r#"for computes_one in find sed sort touch uniq; do
    command -v "$computes_one" >/dev/null || computes_fail "outputs are found by \`$computes_one\`, and the image has none"
done
if command -v curl >/dev/null; then
    computes_put() { curl -fsS --retry 5 -o /dev/null -T "$1" "$2"; }
elif wget --help 2>&1 | grep -q body-file; then
    computes_put() { wget -q -O /dev/null --method=PUT --body-file="$1" "$2"; }
else
    computes_fail 'outputs are sent by curl or by GNU wget, and the image has neither'
fi
computes_send() {
    [ -s "$computes_file.list" ] && [ -s "$computes_file.tar.gz" ] || return 0
    computes_put "$computes_file.tar.gz" "$1" && return 0
    echo 'computes: cannot keep the outputs of the job: the URL may have expired' >&2
    [ "$computes_code" -ne 0 ] || computes_code=125
}
"#;

/// The shell stays, and passes on what it is sent. `wait` ends early when that happens.
const RUN: &str = r#"computes_child=$!
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
"#;

/// What is in the source before the command starts. All of it was written in the first minute of
/// 2000.
const BEFORE: &str = r#"(cd / && find source ! -type d) >"$computes_file.before""#;

/// Of the source, what was not there before, and what was written since. A name with a newline would
/// be two, and one with a backslash another for tar.
const COLLECT: &str = r#"[ -e "$computes_file.before" ] || : >"$computes_file.before"
touch -t 200001030000 "$computes_file.stamp"
: >"$computes_file.list"
computes_find() {
    [ -e "/$1" ] || [ -L "/$1" ] || return 0
    computes_at=$1 computes_like=$2
    shift 2
    (cd / && find "$computes_at" \( -name '*
*' -o -name '*\\*' \) -prune -exec sh -c 'echo "computes: not kept: a name holds a newline or a backslash" >&2' \; -o ! -type d "$@" -print) |
        sed -n -e 's/^\([^/]*\)\/\.\//\1\//' -e "/^$computes_like\$/p" -e "/^$computes_like\//p" | computes_leave
}
computes_output() {
    computes_find "$1" "$2" >"$computes_file.all"
    [ -s "$computes_file.all" ] || [ -z "$3" ] || echo "computes: not kept: output \`$3\` is not there" >&2
    case $1 in
    source/*)
        computes_find "$1" "$2" -newer "$computes_file.stamp" >>"$computes_file.list"
        LC_ALL=C sort "$computes_file.before" "$computes_file.before" "$computes_file.all" | uniq -u >>"$computes_file.list" ;;
    *) cat "$computes_file.all" >>"$computes_file.list" ;;
    esac
}"#;

/// Which of two files is older is told by parts of a second, where tar can write them.
const PACK: &str = r#"computes_pack() {
    computes_tar=0 computes_format=
    case $(tar --version 2>/dev/null) in *'GNU tar'*) computes_format=--format=posix ;; esac
    LC_ALL=C sort -u "$computes_file.list" >"$computes_file.all"
    tar $computes_format -cf "$computes_file.tar" -C / -T "$computes_file.all" || computes_tar=$?
    # 1: a file changed meanwhile. The archive is whole all the same, or else it is not.
    { [ "$computes_tar" -eq 0 ] || { [ "$computes_tar" -eq 1 ] && tar -tf "$computes_file.tar" >/dev/null; }; } &&
        gzip -f "$computes_file.tar"
}
if [ -s "$computes_file.list" ] && ! computes_pack; then
    echo 'computes: cannot keep the outputs of the job: they can not be packed' >&2
    rm -f "$computes_file.tar" "$computes_file.tar.gz"
    [ "$computes_code" -ne 0 ] || computes_code=125
fi"#;
