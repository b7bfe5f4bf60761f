#!/usr/bin/env bash
# The project's own job file: `./build.sh TARGET`, here or in a job of computes.
set -euo pipefail
cd "$(dirname "$0")"

help() { # what there is
    echo "usage: ./build.sh TARGET [ARG...]"
    sed -n 's/^\([a-z_]*\)() { # \(.*\)$/  \1\t\2/p' "$0" | expand -t 14
}

build() { # the program, optimised
    cargo build --release --locked
}

lint() { # format and warnings of everything that is written here
    cargo fmt --check
    cargo clippy --locked --all-targets -- --deny warnings
    # What a machine gets that has no local engine.
    cargo clippy --quiet --locked --lib --bins -- --cfg elsewhere --deny warnings
    lint_scripts
    lint_terraform
    lint_nix
}

lint_scripts() {
    if command -v shellcheck >/dev/null; then
        shellcheck build.sh .ci/run tests/terraform/terraform.sh
    else
        echo "skipped: shellcheck is not installed"
    fi
}

lint_terraform() {
    python_tools
    target/python/bin/python tests/terraform/check.py terraform terraform/examples/*
    local binary example
    if ! binary=$(command -v terraform || command -v tofu); then
        echo "skipped: neither terraform nor tofu is installed"
        return
    fi
    "$binary" fmt -check -diff -recursive terraform
    for example in terraform/examples/*; do
        tests/terraform/terraform.sh "$example" validate -no-color >/dev/null
    done
}

lint_nix() {
    cargo_tools nixpkgs-fmt@1.3.0 deadnix@1.3.1
    target/tools/bin/nixpkgs-fmt --check flake.nix nix tests/nix
    target/tools/bin/deadnix --fail flake.nix nix tests/nix
}

test() { # all tests
    python_tools
    # What tests say themselves is seen only when they fail.
    command -v nix >/dev/null || echo "skipped: tests of the flake, because nix is not installed"
    command -v terraform >/dev/null || command -v tofu >/dev/null ||
        echo "skipped: applying the module, because neither terraform nor tofu is installed"
    # Most tests wait for processes most of their time.
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))} cargo test --locked "$@"
}

# What the tests and checks take of Python's: once for each version of the list.
python_tools() {
    local home=target/python list=tests/requirements.txt
    if ! cmp -s "$list" "$home/installed"; then
        rm -rf "$home"
        python3 -m venv "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list"
        cp "$list" "$home/installed"
    fi
}

# Tools that are Rust programs: once for each version.
cargo_tools() {
    cargo install --quiet --locked --root target/tools --target-dir target/tools/build "$@"
}

terraform_schema() { # writes tests/terraform/schema.json; with --check: is it current?
    local bindings=cdktf-cdktf-provider-aws==21.22.1 wheels=target/wheels
    python_tools
    target/python/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$wheels" "$bindings"
    target/python/bin/python tests/terraform/schema.py "$wheels"/cdktf_cdktf_provider_aws-*.whl "$@" \
        terraform terraform/examples/*
}

test_job() { # a small real build: compiles, runs, leaves an artifact and a report in /files
    # A job finds its directory at /files, or in COMPUTES_FILES where the machine has no
    # namespaces. Called by hand it has neither.
    local files=${COMPUTES_FILES:-/files} work
    if [ -z "${AWS_BATCH_JOB_ID:-}" ]; then
        files=$(mktemp -d)
    fi
    work=$(mktemp -d)
    # The directory is known now; in the trap it would be gone.
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT

    echo "[1/4] writing the source"
    cat >"$work/greet.c" <<'C'
#include <stdio.h>

int main(int count, char **words) {
    for (int i = 1; i < count; i++)
        printf("%s%s", i > 1 ? " " : "", words[i]);
    putchar('\n');
    return count > 1 ? 0 : 1;
}
C
    echo "[2/4] compiling"
    "${CC:-cc}" -O2 -Wall -Werror -o "$work/greet" "$work/greet.c"
    echo "[3/4] running"
    "$work/greet" "$@"
    echo "[4/4] keeping the artifact and the report"
    mkdir -p "$files"
    cp "$work/greet" "$files/greet"
    {
        echo "job:      ${AWS_BATCH_JOB_ID:-none}"
        echo "attempt:  ${AWS_BATCH_JOB_ATTEMPT:-none}"
        echo "queue:    ${AWS_BATCH_JQ_NAME:-none}"
        echo "words:    $*"
        echo "artifact: greet, $(wc -c <"$files/greet") bytes"
    } >"$files/report.txt"
    echo "done: $files/report.txt"
}

licences() { # are they accepted, and what do they say: target/staged/THIRD-PARTY
    cargo_tools cargo-about@0.9.3 --no-default-features --features cli
    mkdir -p target/staged
    target/tools/bin/cargo-about generate --config packaging/about.toml --fail --locked \
        packaging/third-party.hbs --output-file target/staged/THIRD-PARTY
}

package() { # a Debian package and an archive of the static program: target/packages
    local version triple name
    rm -rf target/staged target/packages
    mkdir -p target/staged/man target/staged/completions target/packages
    licences
    cargo install --path . --locked --no-track --root target/staged
    target/staged/bin/computes man --into target/staged/man
    target/staged/bin/computes completions bash >target/staged/completions/computes
    target/staged/bin/computes completions fish >target/staged/completions/computes.fish
    target/staged/bin/computes completions zsh >target/staged/completions/_computes

    cargo_tools cargo-deb@3.8.0
    # The same files give the same bytes.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    target/tools/bin/cargo-deb --no-build --no-strip --locked --output target/packages/
    version=$(target/staged/bin/computes --version | cut -d' ' -f2)
    triple=$(host_triple)
    name=computes-$version-$triple
    cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE target/staged/
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --transform="s,^\./,$name/," -C target/staged -cf - ./bin ./man ./completions ./THIRD-PARTY \
        ./README.md ./CHANGELOG.md ./LICENSE-MIT ./LICENSE-APACHE | gzip -n9 >"target/packages/$name.tar.gz"
    try_packages "$version"
    (cd target/packages && sha256sum -- * | tee SHA256SUMS)
}

# Each is unpacked, and what it holds works where there is no C library.
try_packages() {
    local version=$1 root
    root=$(mktemp -d)
    # The directory is known now; in the trap it would be gone. A worker that is about to leave may
    # write there while it is removed.
    # shellcheck disable=SC2064
    trap "until rm -rf '$root' 2>/dev/null; do :; done" EXIT
    mkdir "$root/archive"
    tar -xzf target/packages/computes-*.tar.gz -C "$root/archive" --strip-components=1
    if command -v dpkg-deb >/dev/null; then
        dpkg-deb --extract target/packages/computes_*.deb "$root/deb"
        ls "$root"/deb/usr/share/man/man1/computes-run.1* \
            "$root"/deb/usr/share/bash-completion/completions/computes >/dev/null
    else
        echo "skipped: dpkg-deb is not installed"
    fi
    local program said
    for program in "$root"/archive/bin/computes "$root"/deb/usr/bin/computes; do
        if [ ! -e "$program" ]; then continue; fi
        if ldd "$program" 2>&1 | grep -q '=>'; then
            echo "error: $program needs libraries of the machine" >&2
            return 1
        fi
        said=$(env -i HOME="$root" COMPUTES_LOCAL_IDLE_EXIT=0s "$program" run -- sh -c 'echo hello >/files/it && cat /files/it')
        [ "$said" = hello ]
        [ "$(env -i "$program" --version)" = "computes $version" ]
    done
}

image() { # the image of the job definition, with Nix; --push URL:TAG pushes it
    local push
    if [ $# -gt 0 ]; then
        if [ $# -ne 2 ] || [ "$1" != --push ]; then
            echo "error: image takes nothing or --push URL:TAG" >&2
            return 2
        fi
        push=$2
        need skopeo "it pushes images without a container engine; nix develop has it"
    fi
    need nix "install it from https://nixos.org/download"
    nix --extra-experimental-features 'nix-command flakes' build --out-link target/image .#image
    echo "built: $(readlink -f target/image)"
    if [ -n "${push:-}" ]; then
        skopeo copy --insecure-policy docker-archive:target/image "docker://$push"
        echo "pushed: $push"
    fi
}

# As Cargo names this machine, and the folder that it builds into.
host_triple() {
    rustc -vV | sed -n 's/^host: //p'
}

need() {
    if ! command -v "$1" >/dev/null; then
        echo "error: $1 is not installed" >&2
        echo "hint: $2" >&2
        return 1
    fi
}

bench() { # the local queue beside other tools, as ratios
    build
    python3 benches/local_queue/bench.py "$@"
}

bench_submit() { # one submit to AWS Batch beside the AWS CLI and a minimal SDK program
    build
    python_tools
    (cd benches/aws_submit/minimal && CARGO_TARGET_DIR=../../../target/bench cargo build --release)
    local triple
    triple=$(host_triple)
    python3 benches/aws_submit/bench.py "target/$triple/release/computes" "target/bench/$triple/release/minimal" "$@"
}

bench_transfers() { # a large file to the bucket and back beside the AWS CLI: MiB, rounds
    build
    python_tools
    local triple
    triple=$(host_triple)
    python3 benches/transfers/bench.py "target/$triple/release/computes" "${1:-1024}" "${2:-3}"
}

bench_outputs() { # outputs of a job beside the AWS CLI: how many small files, MiB of a large one
    build
    python_tools
    local triple
    triple=$(host_triple)
    python3 benches/transfers/outputs.py "target/$triple/release/computes" "${1:-20000}" "${2:-1024}"
}

case "${1:-}" in
    help | build | lint | test | terraform_schema | licences | package | image | test_job | bench | bench_submit | bench_transfers | bench_outputs)
        "$@"
        ;;
    *)
        help >&2
        exit 2
        ;;
esac
