{
  description = "Submits build jobs to AWS Batch, or runs the very same job on this machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs = { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      linux = [ "x86_64-linux" "aarch64-linux" ];
      darwin = [ "aarch64-darwin" ];
      each = systems: of: lib.genAttrs systems (system: of (import nixpkgs {
        inherit system;
        overlays = [ self.overlays.default ];
      }));
      everywhere = each (linux ++ darwin);
      onLinux = each linux;
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = lib.recursiveUpdate
        (everywhere (pkgs: {
          default = pkgs.computes;
          inherit (pkgs) computes;
        }))
        (onLinux (pkgs: {
          image = pkgs.computes-image;
        }));

      devShells = everywhere (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix { };
      });

      checks = everywhere (pkgs: pkgs.callPackages ./nix/checks.nix { });

      # `nix fmt` names no files.
      formatter = everywhere (pkgs: pkgs.writeShellScriptBin "format" ''
        exec ${lib.getExe pkgs.nixpkgs-fmt} "''${@:-.}"
      '');
    };
}
