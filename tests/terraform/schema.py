"""The types of the AWS provider, cut down to those that the module uses.

No registry that a test could ask has the provider itself, but bindings to it are on PyPI, and they
are generated from its schema. This turns them back:

    python schema.py WHEEL MODULE…             writes schema.json beside this file
    python schema.py WHEEL --check MODULE…     says whether it is as it would be written

What the bindings don't tell: whether a list is a set, and which optional attributes the provider
fills in by itself. Here all lists are lists, and all optional attributes may be filled in.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import config

HERE = Path(__file__).parent
SCALARS = {"string": "string", "number": "number", "boolean": "bool"}


def assembly(wheel):
    """The description of all bindings, from within the package."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(name))) as inner:
            return json.load(inner.extractfile("package/.jsii"))


def text(thing):
    docs = thing.get("docs", {})
    return docs.get("summary", "") + docs.get("remarks", "")


def snake(camel):
    return re.sub(r"([A-Z])", r"_\1", camel).lower()


def argument(thing):
    """What Terraform calls a property: the anchor of the link to its documentation."""
    anchor = re.search(r"docs/(?:resources|data-sources)/\w+#(\w+)", text(thing))
    return anchor[1] if anchor else None


class Bindings:
    def __init__(self, types):
        self.types = types
        self.classes = {}
        for type in types.values():
            named = re.search(r"docs/(resources|data-sources)/\w+ (aws_\w+)\}", text(type))
            if type["kind"] == "class" and named:
                self.classes[named[1], named[2]] = type

    def real(self, type):
        """Without the alternative of a value that is known later."""
        if "union" in type:
            known = [one for one in type["union"]["types"] if one.get("fqn") != "cdktf.IResolvable"]
            return known[0] if known else {"primitive": "any"}
        return type

    def cty(self, type):
        """A type as Terraform writes it, in JSON."""
        type = self.real(type)
        if "primitive" in type:
            return SCALARS.get(type["primitive"], "dynamic")
        if "collection" in type:
            kind = {"array": "list", "map": "map"}[type["collection"]["kind"]]
            return [kind, self.cty(type["collection"]["elementtype"])]
        known = {"cdktf.StringMap": ["map", "string"], "cdktf.BooleanMap": ["map", "bool"]}
        if type["fqn"] in known:
            return known[type["fqn"]]
        if type["fqn"] == "cdktf.IResolvable":
            return "bool"
        properties = self.types.get(type["fqn"], {}).get("properties", [])
        fields = {argument(one): self.cty(one["type"]) for one in properties if argument(one)}
        return ["object", fields] if fields else "dynamic"

    def block(self, fqn):
        attributes, blocks = {}, {}
        for one in self.types[fqn].get("properties", []):
            name = argument(one)
            if name is None:
                continue
            required = {} if one.get("optional", False) else {"required": True}
            if one["docs"]["summary"] == f"{name} block.":
                type = self.real(one["type"])
                many = "collection" in type
                inner = type["collection"]["elementtype"] if many else type
                blocks[name] = {"many": many, **required, **self.block(inner["fqn"])}
            else:
                attributes[name] = {"type": self.cty(one["type"]), **required}
        return {"attributes": attributes, "blocks": blocks}

    def schema(self, kind, name):
        """What a resource or data source takes, and what it tells."""
        type = self.classes[kind, name]
        settings = type["initializer"]["parameters"][-1]["type"]["fqn"]
        schema = self.block(settings)
        for one in type["properties"]:
            tells = snake(one["name"])
            own = one.get("immutable") and not one.get("static") and not one["name"].endswith("Input")
            known = {**schema["attributes"], **schema["blocks"]}
            if own and tells not in known and tells not in ("cdktf_stack", "tf_resource_type"):
                schema["attributes"][tells] = {"type": self.cty(one["type"]), "computed": True}
        return schema


def lines(value, indent=""):
    """JSON with as much on a line as fits."""
    short = json.dumps(value, sort_keys=True)
    if len(indent) + len(short) <= 110 or not isinstance(value, dict):
        return short
    inner = indent + " "
    fields = [f"{inner}{json.dumps(name)}: {lines(value[name], inner)}" for name in sorted(value)]
    return "{\n" + ",\n".join(fields) + f"\n{indent}}}"


def main(wheel, modules, check):
    found = assembly(wheel)
    bindings = Bindings(found["types"])
    used = {kind: set() for kind in ("resource", "data")}
    for path in modules:
        for block in config.read(Path(path)):
            if block.kind in used and block.labels[0].startswith("aws_"):
                used[block.kind].add(block.labels[0])
    folder = {"resource": "resources", "data": "data-sources"}
    link = text(bindings.classes["resources", "aws_batch_job_queue"])
    schema = {
        "bindings": f"{found['name']} {found['version']}",
        "provider": re.search(r"providers/hashicorp/aws/([\d.]+)/", link)[1],
        **{kind: {name: bindings.schema(folder[kind], name) for name in sorted(names)} for kind, names in used.items()},
    }
    written = lines(schema) + "\n"
    path = HERE / "schema.json"
    if check and path.read_text() != written:
        sys.exit(f"{path} is not what the bindings say: ./build.sh terraform_schema")
    path.write_text(written)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--check"]
    main(words[0], words[1:], "--check" in sys.argv)
