{ system, overlays ? [ ] }:

let
  lib = import ./lib.nix;
  isLinux = builtins.match ".*-linux" system != null;

  # A derivation that nobody builds, and what it was made of, all of which has to be there.
  made = name: arguments: builtins.deepSeq arguments (derivation { inherit name system; builder = "/bin/sh"; } // { inherit arguments; });
  package = name: made name { };

  base = {
    inherit lib;
    stdenv =
      let platform = { inherit isLinux; isDarwin = !isLinux; canExecute = other: platform == other; inherit system; };
      in { buildPlatform = platform; hostPlatform = platform; };

    mkShell = { packages }: made "shell" { inherit packages; };
    runCommand = name: { nativeBuildInputs }: script: made name { inherit nativeBuildInputs script; };
    writeShellScriptBin = name: text: made name { inherit text; };
    writeTextDir = path: text: made (baseNameOf path) { inherit path text; };
    buildEnv = { name, paths, pathsToLink }: made name { inherit paths pathsToLink; };
    glibc = package "glibc" // (if isLinux then { static = package "glibc-static"; } else { });

    rustPlatform.buildRustPackage =
      { pname, version, src, cargoLock, env, nativeBuildInputs, buildInputs, cargoTestFlags, postInstall, meta }:
        assert builtins.pathExists cargoLock.lockFile;
        made "${pname}-${version}" { inherit src env nativeBuildInputs buildInputs cargoTestFlags postInstall meta; } // { inherit version; };

    dockerTools = {
      buildLayeredImageWithNixDb = { name, tag, contents, extraCommands, config }:
        made name { inherit tag contents extraCommands config; };
      binSh = package "bin-sh";
      fakeNss = package "fake-nss";
      usrBinEnv = package "usr-bin-env";
    };
  } // lib.genAttrs [
    "awscli2"
    "bash"
    "bashInteractive"
    "busybox"
    "cacert"
    "cargo"
    "clippy"
    "coreutils"
    "curl"
    "dash"
    "deadnix"
    "file"
    "findutils"
    "gawk"
    "git"
    "gnugrep"
    "gnused"
    "gnutar"
    "gzip"
    "installShellFiles"
    "jq"
    "nix"
    "nixpkgs-fmt"
    "opentofu"
    "python3"
    "rustc"
    "rustfmt"
    "shellcheck"
    "skopeo"
    "xz"
  ]
    package;

  # A package gets what its function asks for, and says so if that is not there.
  callPackage = all: path: given:
    let function = import path;
    in function (builtins.intersectAttrs (builtins.functionArgs function) (all // given));

  extended = builtins.foldl'
    (before: overlay: before // overlay all before)
    (base // { callPackage = callPackage all; callPackages = callPackage all; })
    overlays;
  all = extended;
in
all
