# What `nix flake check` builds.
{ computes
, deadnix
, file
, lib
, nixpkgs-fmt
, runCommand
, stdenv
}:

{
  inherit computes;

  static = runCommand "computes-static" { nativeBuildInputs = [ file ]; } (lib.optionalString stdenv.hostPlatform.isLinux ''
    file -L ${computes}/bin/computes | grep -E 'statically linked|static-pie linked'
  '' + "touch $out");

  nix = runCommand "computes-nix" { nativeBuildInputs = [ deadnix nixpkgs-fmt ]; } ''
    nixpkgs-fmt --check ${../flake.nix} ${./.}
    deadnix --fail ${../flake.nix} ${./.}
    touch $out
  '';
}
