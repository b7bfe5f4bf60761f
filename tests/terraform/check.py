"""Checks Terraform modules against the types of the AWS provider, without the provider.

    python check.py FOLDER…

Says file, line and what is wrong: resources, arguments and blocks that there are not or that are
missing, names that nothing has, variables that nobody uses, templates whose gaps don't fit, and
actions of IAM that AWS does not know. What only a value would tell, `terraform plan` tells.
"""

import difflib
import functools
import json
import re
import sys
from pathlib import Path

import config
from policy_sentry.querying.actions import get_action_data, get_actions_for_service

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text())
# Terraform's own.
OWN = {"input": {"type": "dynamic"}, "triggers_replace": {"type": "dynamic"}, "output": {"type": "dynamic", "computed": True}}
SCHEMA["resource"]["terraform_data"] = {"attributes": {**OWN, "id": {"type": "string", "computed": True}}, "blocks": {}}
META = {"count", "for_each", "depends_on", "provider", "providers", "version"}
META_BLOCKS = {"connection", "lifecycle", "provisioner"}
WORDS = {"path", "terraform", "each", "count", "self"}


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
            if meta and inner.kind in META_BLOCKS:
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
        bound = set()
        for block in top.all():
            if block.kind == "dynamic":
                iterator = block.attributes.get("iterator")
                bound.add(config.word(iterator[1]) if iterator else block.labels[0])
        for file, line, expression in top.expressions():
            here = bound | config.bound(expression)
            for reference in config.references(line, expression):
                # A variable that only its own validation names is used by nobody.
                is_itself = top.kind == "variable" and reference.steps[:1] == top.labels
                if reference.root not in here and not is_itself:
                    self.name(file, reference, top)

    def name(self, file, reference, top):
        line, root, steps = reference.line, reference.root, reference.steps
        if root in ("var", "local"):
            kind = {"var": "variable", "local": "local"}[root]
            self.used[kind].add(steps[0])
            if steps[0] not in self.declared[kind]:
                self.say(file, line, f"there is no `{root}.{steps[0]}`", steps[0], self.declared[kind])
        elif root == "module":
            called = self.declared["module"].get(steps[0])
            if called is None:
                self.say(file, line, f"there is no `module.{steps[0]}`")
            elif len(steps) > 1 and steps[1] is not None and steps[1] not in called.outputs:
                self.say(file, line, f"the module has no output `{steps[1]}`", steps[1], called.outputs)
        elif root in ("each", "count"):
            if {"each": "for_each", "count": "count"}[root] not in top.attributes:
                self.say(file, line, f"`{root}` where nothing is made several times")
        elif root == "data" or root in SCHEMA["resource"] or (root.startswith("aws_") and steps):
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
        is_many = not {"count", "for_each"}.isdisjoint(block.attributes)
        if rest and is_many and rest[0] is not None:
            return self.say(file, line, f"there are many `{'.'.join(called)}`, and none of them is named")
        rest = rest[1:] if is_many else rest
        if schema is None or not rest or rest[0] is None:
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
        path = self.folder / config.strings(call)[0].removeprefix("${path.module}/")
        if not path.exists():
            return self.say(file, line, f"there is no {path}")
        given = {config.word(key) for key in call.find_data("object_elem_key")}
        gaps = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        for name in sorted(gaps ^ given):
            where = f"{path} has no gap" if name in given else f"nothing fills the gap of {path}"
            self.say(file, line, f"{where} `{name}`")
        for verb, statements in json.loads(path.read_text()).items():
            for statement in statements:
                self.statement(f"{path} ({verb})", statement)
        return None

    def statement(self, where, statement):
        if not isinstance(statement, dict) or set(statement) - {"Condition"} != {"Effect", "Action", "Resource"}:
            return self.say(where, 1, f"this is no statement: {json.dumps(statement)}")
        for action in statement["Action"]:
            if self.action(where, 1, action):
                for resource in statement["Resource"]:
                    self.resource(where, action, resource)
        return None

    def resource(self, where, action, resource):
        """A resource that is none of the action's kinds allows nothing."""
        if resource != "*" and not any(re.fullmatch(kind, resource.replace("*", "x")) for kind in kinds(action)):
            self.say(where, 1, f"`{action}` is never done to `{resource}`")

    def actions(self, top):
        for file, line, expression in top.expressions():
            for element in expression.find_data("object_elem"):
                if config.word(element.children[0]) == "Action":
                    for text in config.strings(element.children[-1]):
                        if text != "*":
                            self.action(file, line, text)

    def action(self, file, line, action):
        """Is there such an action? If not, that is said."""
        prefix, _, name = str(action).partition(":")
        known = [one.partition(":")[2] for one in get_actions_for_service(prefix)]
        if not known:
            self.say(file, line, f"no service of AWS has actions `{prefix}:…`")
        elif name not in known and not (name.endswith("*") and any(one.startswith(name[:-1]) for one in known)):
            self.say(file, line, f"there is no action `{action}`", name, known)
        else:
            return True
        return False


@functools.cache
def kinds(action):
    """What an action is done to, as patterns of ARNs (AWS, Service Authorization Reference)."""
    prefix, name = action.split(":")
    formats = [one["resource_arn_format"] for one in get_action_data(prefix, name)[prefix]]
    return [".*".join(re.escape(part) for part in re.split(r"\$\{\w+\}", one)) for one in formats if one != "*"]


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
