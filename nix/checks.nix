# What `nix flake check` builds.
{ computes
, deadnix
, nixpkgs-fmt
, runCommand
}:

{
  inherit computes;

  nix = runCommand "computes-nix" { nativeBuildInputs = [ deadnix nixpkgs-fmt ]; } ''
    nixpkgs-fmt --check ${../flake.nix} ${./.}
    deadnix --fail ${../flake.nix} ${./.}
    touch $out
  '';
}
