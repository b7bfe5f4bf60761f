# What computes adds to a nixpkgs.
final: _prev: {
  computes = final.callPackage ./package.nix { };
  computes-image = final.callPackage ./image.nix { };
}
