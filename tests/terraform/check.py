"""Checks Terraform modules against the types of the AWS provider, without the provider.

    python check.py FOLDER…

Says file, line and what is wrong: resources, arguments and blocks that there are not or that are
missing, names that nothing has, variables that nobody uses, templates whose gaps don't fit, and
actions of IAM that AWS does not know. What only a value would tell, `terraform plan` tells.
"""

import difflib
import json
import re
import sys
from pathlib import Path

import botocore.session
import config

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text())
META = {"count", "for_each", "depends_on", "provider"}
META_BLOCKS = {"lifecycle", "dynamic"}
WORDS = {"path", "terraform", "each", "count", "self"}
ACTION = re.compile(r"([a-z][a-z0-9-]*):([A-Z]\w*)")
# Prefixes of IAM that are no names of services' descriptions.
SERVICES = {"elasticfilesystem": "efs"}
# Rights that are no calls.
RIGHTS = {f"elasticfilesystem:Client{what}" for what in ("Mount", "RootAccess", "Write")} | {"iam:PassRole", "s3:*"}


class Module:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.wrong = []
        self.blocks = config.read(self.folder)
        self.declared = {kind: {} for kind in ("variable", "local", "output", "module", "resource", "data")}
        for block in self.blocks:
            if block.kind == "locals":
                self.declared["local"] |= {name: block for name in block.attributes}
            elif block.kind in self.declared:
                self.declare(block)
        self.used = {"variable": set(), "local": set(), "data": set()}

    def declare(self, block):
        known = self.declared[block.kind]
        name = tuple(block.labels) if len(block.labels) == 2 else block.labels[0]
        if name in known:
            self.say(block.file, block.line, f"{block.kind} {name} is there twice")
        known[name] = block

    def say(self, file, line, what, near=None, known=()):
        close = difflib.get_close_matches(near, sorted(known), 1) if near else []
        hint = f"; `{close[0]}`?" if close else ""
        self.wrong.append(f"{file}:{line}: {what}{hint}")

    def check(self):
        for block in self.blocks:
            if block.kind in ("resource", "data"):
                self.object(block)
            elif block.kind == "module":
                self.call(block)
            self.names(block)
            self.templates(block)
            self.actions(block)
        for kind, names in self.used.items():
            for name in self.declared[kind].keys() - names:
                block = self.declared[kind][name]
                self.say(block.file, block.line, f"nothing uses the {kind} `{name}`")
        return self.wrong

    # Arguments and blocks

    def object(self, block):
        types, type = SCHEMA[block.kind], block.labels[0]
        if type not in types:
            what = f"there is no {block.kind} `{type}` among those of schema.json"
            return self.say(block.file, block.line, what, type, types)
        return self.fits(block, types[type], f"{type}.{block.labels[1]}", META)

    def fits(self, block, schema, where, meta=frozenset()):
        attributes, blocks = schema["attributes"], schema["blocks"]
        known = attributes.keys() | blocks.keys()
        for name, (line, value) in block.attributes.items():
            if name in meta:
                continue
            if name in blocks:
                self.say(block.file, line, f"`{name}` of {where} is a block and takes no `=`")
            elif name not in attributes:
                self.say(block.file, line, f"{where} has no argument `{name}`", name, known)
            elif attributes[name].get("computed"):
                self.say(block.file, line, f"`{name}` of {where} can only be read")
            elif isinstance(attributes[name]["type"], str) and self.is_list(value):
                self.say(block.file, line, f"`{name}` of {where} is one {attributes[name]['type']}, not many")
        given = set(block.attributes)
        for inner in block.blocks:
            if inner.kind in META_BLOCKS and inner.kind != "dynamic":
                continue
            name, content = inner.kind, inner
            if inner.kind == "dynamic":
                name, content = inner.labels[0], next(one for one in inner.blocks if one.kind == "content")
            if name not in blocks:
                self.say(inner.file, inner.line, f"{where} has no block `{name}`", name, known)
                continue
            if name in given and not blocks[name]["many"]:
                self.say(inner.file, inner.line, f"{where} takes one block `{name}`")
            given.add(name)
            self.fits(content, blocks[name], f"{where}.{name}")
        for name, one in {**attributes, **blocks}.items():
            if one.get("required") and name not in given:
                self.say(block.file, block.line, f"{where} lacks `{name}`")

    @staticmethod
    def is_list(value):
        return config.is_tree(value, "expr_term") and any(config.is_tree(one, "tuple") for one in value.children)

    def call(self, block):
        line, source = block.attributes["source"]
        called = Module(self.folder / config.word(source))
        given = block.attributes.keys() - {"source"} - META
        for name in given - called.declared["variable"].keys():
            what = f"the module has no variable `{name}`"
            self.say(block.file, block.attributes[name][0], what, name, called.declared["variable"])
        for name, variable in called.declared["variable"].items():
            if "default" not in variable.attributes and name not in given:
                self.say(block.file, block.line, f"the module lacks `{name}`")
        block.outputs = called.declared["output"].keys()

    # Names

    def names(self, top):
        bound = {block.labels[0] for block in top.all() if block.kind == "dynamic"}
        for file, line, expression in top.expressions():
            here = bound | config.bound(expression)
            for reference in config.references(line, expression):
                if reference.root not in here:
                    self.name(file, reference, top)

    def name(self, file, reference, top):
        line, root = reference.line, reference.root
        steps = [step for step in reference.steps if step is not None]
        if root in ("var", "local"):
            kind = {"var": "variable", "local": "local"}[root]
            self.used[kind].add(steps[0])
            if steps[0] not in self.declared[kind]:
                self.say(file, line, f"there is no `{root}.{steps[0]}`", steps[0], self.declared[kind])
        elif root == "module":
            called = self.declared["module"].get(steps[0])
            if called is None:
                self.say(file, line, f"there is no `module.{steps[0]}`")
            elif len(steps) > 1 and steps[1] not in called.outputs:
                self.say(file, line, f"the module has no output `{steps[1]}`", steps[1], called.outputs)
        elif root in ("each", "count"):
            if {"each": "for_each", "count": "count"}[root] not in top.attributes:
                self.say(file, line, f"`{root}` where nothing is made several times")
        elif root == "data" or root in SCHEMA["resource"] or root.startswith("aws_"):
            kind = "data" if root == "data" else "resource"
            type, name, *rest = steps if kind == "data" else [root, *steps]
            self.thing(file, line, kind, (type, name), rest)
        elif root not in WORDS:
            self.say(file, line, f"nothing is called `{root}`")

    def thing(self, file, line, kind, called, rest):
        if kind == "data":
            self.used["data"].add(called)
        if called not in self.declared[kind]:
            others = [".".join(one) for one in self.declared[kind]]
            return self.say(file, line, f"there is no {kind} `{'.'.join(called)}`", ".".join(called), others)
        block, schema = self.declared[kind][called], SCHEMA[kind].get(called[0])
        if schema is None or not rest or ("for_each" in block.attributes and rest[0] not in schema["attributes"]):
            return None
        known = schema["attributes"].keys() | schema["blocks"].keys()
        if rest[0] not in known:
            return self.say(file, line, f"{called[0]} has no `{rest[0]}`", rest[0], known)
        return None

    # Templates and policies

    def templates(self, top):
        for file, line, expression in top.expressions():
            for call in expression.find_data("function_call"):
                if config.word(call.children[0]) == "templatefile":
                    self.template(file, line, call)

    def template(self, file, line, call):
        path = self.folder / next(config.strings(call))[0].removeprefix("${path.module}/")
        if not path.exists():
            return self.say(file, line, f"there is no {path}")
        given = {config.word(key) for key in call.find_data("object_elem_key")}
        gaps = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        for name in sorted(gaps ^ given):
            where = f"{path} has no gap" if name in given else f"nothing fills the gap of {path}"
            self.say(file, line, f"{where} `{name}`")
        for verb, statements in json.loads(path.read_text()).items():
            for statement in statements:
                if set(statement) - {"Condition"} != {"Effect", "Action", "Resource"}:
                    self.say(str(path), 1, f"a statement of `{verb}` is none: {sorted(statement)}")
                for action in statement["Action"]:
                    self.action(str(path), 1, action)
        return None

    def actions(self, top):
        """Texts that look like actions are some; keys that do are conditions."""
        for file, line, expression in top.expressions():
            keys = config.keys(expression)
            for text, tree in config.strings(expression):
                if id(tree) not in keys and ACTION.fullmatch(text):
                    self.action(file, line, text)

    def action(self, file, line, action):
        prefix, name = action.split(":")
        service = SERVICES.get(prefix, prefix)
        if action in RIGHTS:
            return
        if service not in SESSION.get_available_services():
            self.say(file, line, f"no service of AWS has actions `{prefix}:…`")
        elif name not in (calls := SESSION.get_service_model(service).operation_names):
            self.say(file, line, f"there is no action `{action}`", name, calls)


SESSION = botocore.session.Session()


def main(folders):
    wrong = []
    for folder in folders:
        try:
            wrong += Module(folder).check()
        except config.Unreadable as error:
            wrong.append(str(error))
    for one in sorted(set(wrong)):
        print(one, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{', '.join(folders)}: as aws {SCHEMA['provider']} has it")


if __name__ == "__main__":
    main(sys.argv[1:])
