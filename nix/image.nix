# The image of the job definition: what builds ask for, Nix, and computes itself.
#
# It has no ENTRYPOINT, because the command of a job is a shell line that makes /files. That line
# takes sh, mkdir, ln and rmdir.
{ lib
, bashInteractive
, buildEnv
, cacert
, computes
, coreutils
, curl
, dockerTools
, findutils
, gawk
, git
, gnugrep
, gnused
, gnutar
, gzip
, nix
, writeTextDir
, xz
}:

let
  programs = [
    bashInteractive
    computes
    coreutils
    curl
    findutils
    gawk
    git
    gnugrep
    gnused
    gnutar
    gzip
    nix
    xz
  ];
  # A container is the sandbox, and has one user.
  settings = writeTextDir "etc/nix/nix.conf" ''
    build-users-group =
    experimental-features = nix-command flakes
    sandbox = false
  '';
in
dockerTools.buildLayeredImageWithNixDb {
  name = "computes";
  tag = computes.version;

  contents = [
    (buildEnv {
      name = "programs";
      paths = programs;
      pathsToLink = [ "/bin" "/share" ];
    })
    cacert
    dockerTools.binSh
    dockerTools.fakeNss
    dockerTools.usrBinEnv
    settings
  ];

  # Whoever a job runs as needs somewhere to write.
  extraCommands = ''
    mkdir -m 1777 tmp
    mkdir -p root var/tmp
    chmod 1777 var/tmp
  '';

  config = {
    Cmd = [ "/bin/sh" ];
    Env = lib.mapAttrsToList (name: value: "${name}=${value}") {
      GIT_SSL_CAINFO = "/etc/ssl/certs/ca-bundle.crt";
      HOME = "/root";
      NIX_SSL_CERT_FILE = "/etc/ssl/certs/ca-bundle.crt";
      PATH = "/bin:/usr/bin";
      SSL_CERT_FILE = "/etc/ssl/certs/ca-bundle.crt";
      USER = "root";
    };
    WorkingDir = "/";
  };
}
