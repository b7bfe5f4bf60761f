"""A Terraform module as blocks, arguments and references."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import hcl2
from lark import Token, Tree
from lark.exceptions import UnexpectedInput


class Unreadable(Exception):
    pass


@dataclass
class Block:
    file: str
    line: int
    kind: str
    labels: list
    attributes: dict = field(default_factory=dict)  # name: (line, expression)
    blocks: list = field(default_factory=list)

    def all(self):
        """This block and all within it."""
        yield self
        for block in self.blocks:
            yield from block.all()

    def expressions(self):
        for block in self.all():
            for line, expression in block.attributes.values():
                yield block.file, line, expression


@dataclass
class Reference:
    """`aws_x.y[0].id` has the root `aws_x` and the steps `y`, `None`, `id`."""

    line: int
    root: str
    steps: list


def read(folder):
    """All blocks of a module's files."""
    blocks = []
    for path in sorted(Path(folder).glob("*.tf")):
        try:
            tree = hcl2.parses_to_tree(path.read_text())
        except UnexpectedInput as error:
            raise Unreadable(f"{path}:{error.line}: this is no HCL") from error
        blocks += body(str(path), tree.children[0]).blocks
    return blocks


def body(file, tree, line=0, kind="", labels=()):
    block = Block(file, line, kind, list(labels))
    for child in tree.children:
        if not isinstance(child, Tree):
            continue
        if child.data == "attribute":
            name = word(child.children[0])
            block.attributes[name] = (child.meta.line, child.children[-1])
        elif child.data == "block":
            words = [word(one) for one in child.children if isinstance(one, Tree) and one.data in ("identifier", "string")]
            inner = next(one for one in child.children if isinstance(one, Tree) and one.data == "body")
            block.blocks.append(body(file, inner, child.meta.line, words[0], words[1:]))
    return block


def word(tree):
    """The text of an identifier or of a string without interpolation."""
    return "".join(tree.scan_values(lambda token: isinstance(token, Token))).strip('"')


def strings(expression):
    """The texts that stand in an expression."""
    return [word(tree) for tree in expression.find_data("string")]


def bound(expression):
    """The names that `for` gives to what it goes through."""
    return {word(one) for intro in expression.find_data("for_intro") for one in intro.children[:4] if is_tree(one, "identifier")}


def is_tree(one, data):
    return isinstance(one, Tree) and one.data == data


CHAINS = ("get_attr_expr_term", "index_expr_term", "full_splat_expr_term", "attr_splat_expr_term")
IN_TEMPLATE = re.compile(r"[$%]\{(.*?)\}", re.DOTALL)
IN_TEXT = re.compile(r"\b[a-z_][\w-]*(?:\.[a-z_][\w-]*|\[[^\]]*\])+")


def references(line, expression):
    """Everything that an expression names, by its longest path."""
    inner = set()
    for tree in expression.iter_subtrees_topdown():
        if tree.data in CHAINS:
            if id(tree) in inner:
                continue
            steps, root = [], tree
            while is_tree(root, "expr_term") or root.data in CHAINS:
                inner.add(id(root))
                for one in reversed(root.children[1:]):
                    steps = step(one) + steps
                if not isinstance(root.children[0], Tree):
                    break  # within parentheses
                root = root.children[0]
            if root.data == "identifier":
                yield Reference(line, word(root), steps)
        elif tree.data in ("heredoc_template", "heredoc_template_trim"):
            for template in IN_TEMPLATE.findall(word(tree)):
                for path in IN_TEXT.findall(re.sub(r'"[^"]*"', "", template)):
                    first, *rest = re.split(r"\.|(?=\[)", path)
                    yield Reference(line, first, [None if one.startswith("[") else one for one in rest])


def step(tree):
    if not isinstance(tree, Tree):
        return []
    if tree.data == "get_attr":
        return [word(tree).lstrip(".")]
    if tree.data in ("full_splat", "attr_splat"):
        return [None] + [one for child in tree.children for one in step(child)]
    return [None]
