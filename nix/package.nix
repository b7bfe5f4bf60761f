# The program, its manual and its completions.
{ lib
, glibc
, installShellFiles
, rustPlatform
, stdenv
}:

let
  cargo = (lib.importTOML ../Cargo.toml).package;
  canRun = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
in
rustPlatform.buildRustPackage {
  pname = cargo.name;
  inherit (cargo) version;

  # What the build reads and nothing else, so that a change of a document builds nothing.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../.cargo
      ../Cargo.lock
      ../Cargo.toml
      ../README.md
      ../migrations
      ../src
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;

  # As .cargo/config.toml has it, which Cargo does not read where this variable is set, as
  # nixpkgs sets it.
  env.RUSTFLAGS = lib.optionalString stdenv.hostPlatform.isLinux "-C target-feature=+crt-static";

  nativeBuildInputs = [ installShellFiles ];
  buildInputs = lib.optionals stdenv.hostPlatform.isLinux [ glibc.static ];

  # The other tests need servers from PyPI: `./build.sh test` runs them.
  cargoTestFlags = [ "--lib" ];

  postInstall = lib.optionalString canRun ''
    mkdir man
    $out/bin/computes man --into man
    installManPage man/*
    installShellCompletion --cmd computes \
      --bash <($out/bin/computes completions bash) \
      --fish <($out/bin/computes completions fish) \
      --zsh <($out/bin/computes completions zsh)
  '';

  meta = {
    inherit (cargo) description;
    license = with lib.licenses; [ asl20 mit ];
    mainProgram = "computes";
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
