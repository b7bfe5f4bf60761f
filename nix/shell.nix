# Everything that ./build.sh calls.
{ lib
, awscli2
, bash
, busybox
, cargo
, clippy
, dash
, deadnix
, git
, glibc
, jq
, mkShell
, nixpkgs-fmt
, opentofu
, python3
, rustc
, rustfmt
, shellcheck
, skopeo
, stdenv
}:

mkShell {
  packages = [
    awscli2
    bash
    cargo
    clippy
    dash
    deadnix
    git
    jq
    nixpkgs-fmt
    opentofu
    python3
    rustc
    rustfmt
    shellcheck
    skopeo
  ] ++ lib.optionals stdenv.hostPlatform.isLinux [ busybox glibc.static ];
}
