let
  lib = builtins // {
    genAttrs = names: of: builtins.listToAttrs (map (name: { inherit name; value = of name; }) names);
    importTOML = path: builtins.fromTOML (builtins.readFile path);
    optionals = condition: list: if condition then list else [ ];
    optionalString = condition: text: if condition then text else "";
    getExe = package: "${package}/bin/${package.name}";
    mapAttrsToList = of: set: map (name: of name set.${name}) (builtins.attrNames set);
    recursiveUpdate = one: other:
      one // builtins.mapAttrs
        (name: value:
          if builtins.isAttrs value && one ? ${name} && value.type or null != "derivation"
          then lib.recursiveUpdate one.${name} value
          else value)
        other;

    # Files have to be there.
    fileset = {
      unions = paths: map (path: assert builtins.pathExists path; path) paths;
      toSource = { root, fileset }: builtins.deepSeq fileset root;
    };

    licenses = lib.genAttrs [ "asl20" "mit" ] (name: { spdxId = name; });
    platforms = { linux = [ ]; darwin = [ ]; };
  };
in
lib
