#!/usr/bin/env bash
# terraform, or tofu, with provider.py in the place of the real AWS provider.
#
#     terraform.sh FOLDER WORD…      as terraform -chdir=FOLDER WORD…
#
# What it makes goes to TF_DATA_DIR, or to target/terraform.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(cd "$1" && pwd)
shift
binary=$(command -v terraform || command -v tofu)
home=$root/target/terraform
data=${TF_DATA_DIR:-$home/data/$(basename "$folder")}
mkdir -p "$home/bin" "$data"

# Several may do this at once, so each file appears whole.
put() {
    local file=$1
    cat >"$file.$$"
    chmod +x "$file.$$"
    mv "$file.$$" "$file"
}
put "$home/bin/terraform-provider-aws" <<SH
#!/bin/sh
exec "$root/target/python/bin/python" "$root/tests/terraform/provider.py" "\$@"
SH
put "$home/settings" <<HCL
disable_checkpoint = true
provider_installation {
  dev_overrides {
    "hashicorp/aws" = "$home/bin"
  }
}
HCL

export TF_CLI_CONFIG_FILE=$home/settings TF_DATA_DIR=$data TF_IN_AUTOMATION=1
"$binary" -chdir="$folder" get >/dev/null
exec "$binary" -chdir="$folder" "$@"
