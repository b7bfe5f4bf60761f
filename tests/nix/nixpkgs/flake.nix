# A nixpkgs that builds nothing: as much of it as ours are evaluated with. A name that it has not is
# an error, as it would be with the real one, if it has the same ones.
{
  outputs = _: {
    lib = import ./lib.nix;
  };
}
