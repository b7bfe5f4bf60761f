#!/usr/bin/env python3
"""The AWS provider as far as the tests need it: Terraform starts it in the place of the real one.

It has the types of schema.json, so that `terraform validate` and `terraform plan` say what they
would say of the real one's. `terraform apply` makes what is planned by the calls in resources.py,
at the endpoint that AWS_ENDPOINT_URL names.
"""

import json
import sys
from pathlib import Path

import resources
from tf import iface, runner, schema, types
from tf.gen.tfplugin_pb2 import Schema

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text())


class Raw(types.TfType):
    """Values stay as Terraform sends them."""

    def __init__(self, type):
        self.type = type

    def encode(self, value):
        return value

    decode = encode

    def tf_type(self):
        return json.dumps(self.type).encode()


class RawBlock(schema.NestedBlock):
    """A list, which the library does not know."""

    _mode_map = {schema.NestMode.Set: Schema.NestedBlock.NestingMode.LIST}

    def encode(self, value):
        return value

    decode = encode

    def semantically_equal(self, one, other):
        return one == other


def attributes(block, top):
    for name, one in block["attributes"].items():
        required, computed = one.get("required", False), one.get("computed", False)
        # What nobody set may be filled in, but only at the top: within blocks it stays empty.
        filled = computed or (top and not required and name != "tags")
        yield schema.Attribute(name, Raw(one["type"]), required=required, optional=not required and not computed, computed=filled)


def block_types(block):
    for name, one in block["blocks"].items():
        inner = schema.Block(attributes=list(attributes(one, False)), block_types=list(block_types(one)))
        limits = {"min_items": int(one.get("required", False)), "max_items": 0 if one["many"] else 1}
        yield RawBlock(name, schema.NestMode.Set, inner, **limits)


def to_schema(block):
    return schema.Schema(attributes=list(attributes(block, True)), block_types=list(block_types(block)))


def told(name, answer):
    """What AWS said, as far as the type has it."""
    known = {**SCHEMA["resource"], **SCHEMA["data"]}[name]["attributes"]
    return {key: value for key, value in answer.items() if key in known}


def resource(name):
    class Resource(iface.Resource):
        get_name = classmethod(lambda cls: name.removeprefix("aws_"))
        get_schema = classmethod(lambda cls: to_schema(SCHEMA["resource"][name]))

        def create(self, context, planned):
            planned = {key: None if value is types.Unknown else value for key, value in planned.items()}
            return {**planned, **told(name, resources.create(name, planned))}

        def read(self, context, current):
            return current

        def update(self, context, current, planned):
            raise NotImplementedError(f"nothing here changes a {name}")

        def delete(self, context, current):
            raise NotImplementedError(f"nothing here removes a {name}")

    return Resource


def data_source(name):
    class DataSource(iface.DataSource):
        get_name = classmethod(lambda cls: name.removeprefix("aws_"))
        get_schema = classmethod(lambda cls: to_schema(SCHEMA["data"][name]))

        def read(self, context, config):
            return {**config, **told(name, resources.look(name))}

    return DataSource


class Provider(iface.Provider):
    def get_model_prefix(self):
        return "aws_"

    def get_provider_schema(self, diagnostics):
        return schema.Schema(attributes=[schema.Attribute("region", types.String(), optional=True)])

    def full_name(self):
        return "registry.terraform.io/hashicorp/aws"

    def validate_config(self, diagnostics, config):
        pass

    def configure_provider(self, diagnostics, config):
        pass

    def get_data_sources(self):
        return [data_source(name) for name in SCHEMA["data"]]

    def get_resources(self):
        return [resource(name) for name in SCHEMA["resource"]]

    def new_resource(self, kind):
        return kind()

    new_data_source = new_resource


if __name__ == "__main__":
    runner.run_provider(Provider(), sys.argv)
