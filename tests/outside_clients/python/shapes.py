"""Compares each reply's raw bytes with the shape that botocore's model gives the operation."""

import json
import xml.etree.ElementTree

import boto3

# The model lists only resources' states here; CloudFormation's events tell a stack's own states in the same member.
UNLISTED = {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"}

NUMBERS = {"integer", "long", "float", "double"}


class Shapes:
    """Listens to clients; knows which operations were called and what was wrong with their replies."""

    def __init__(self):
        self.called = {}
        self.wrong = []

    def client(self, service, **options):
        client = boto3.client(service, **options)
        client.meta.events.register(f"before-parse.{service}", self._look)
        return client

    def _look(self, operation_model, response_dict, **_):
        service = operation_model.service_model
        self.called.setdefault(service.service_name, set()).add(operation_model.name)
        if response_dict["status_code"] >= 300 or operation_model.output_shape is None:
            return
        where = f"{service.service_name} {operation_model.name}"
        output = operation_model.output_shape
        body = response_dict["body"]
        if service.resolved_protocol == "query":
            root = xml.etree.ElementTree.fromstring(body)
            result = next((child for child in root if _name(child) == f"{operation_model.name}Result"), None)
            if result is None:
                self._tell(where, "no result")
            else:
                self._xml(where, output, result)
        elif "payload" not in output.serialization:
            self._json(where, output, json.loads(body or b"{}"), service.resolved_protocol == "rest-json")

    def _tell(self, where, what):
        line = f"{where}: {what}"
        if line not in self.wrong:
            self.wrong.append(line)

    def _json(self, where, shape, value, rest=False):
        kind = shape.type_name
        if kind == "structure":
            if shape.is_document_type:
                return
            if not isinstance(value, dict):
                return self._tell(where, f"{value!r} is no structure")
            members = {}
            for name, member in shape.members.items():
                if not (rest and "location" in member.serialization):
                    members[member.serialization.get("name", name)] = member
            for name, member in value.items():
                if name not in members:
                    self._tell(where, f"unknown member {name}")
                elif member is None:
                    self._tell(where, f"member {name} is null")
                else:
                    self._json(f"{where} {name}", members[name], member)
            for name in shape.required_members:
                if shape.members[name].serialization.get("name", name) not in value and name in members:
                    self._tell(where, f"required member {name} is missing")
        elif kind == "list":
            if not isinstance(value, list):
                return self._tell(where, f"{value!r} is no list")
            for item in value:
                self._json(f"{where}[]", shape.member, item)
        elif kind == "map":
            if not isinstance(value, dict):
                return self._tell(where, f"{value!r} is no map")
            for item in value.values():
                self._json(f"{where}{{}}", shape.value, item)
        else:
            self._scalar(where, shape, value)

    def _scalar(self, where, shape, value):
        kind = shape.type_name
        right = {
            "string": isinstance(value, str),
            "blob": isinstance(value, str),
            "boolean": isinstance(value, bool),
            # In a body, JSON protocols write times as seconds, unless the member says otherwise.
            "timestamp": isinstance(value, str if shape.serialization.get("timestampFormat") == "iso8601" else (int, float)),
        }
        good = right.get(kind, kind in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool))
        if kind in {"integer", "long"} and isinstance(value, float):
            good = False
        if not good:
            self._tell(where, f"{value!r} is no {kind}")
        elif kind == "string" and shape.enum and value not in shape.enum:
            self._tell(where, f"{value!r} is none of {', '.join(shape.enum)}")

    def _xml(self, where, shape, element):
        kind = shape.type_name
        if kind == "structure":
            members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
            seen = set()
            for child in element:
                name = _name(child)
                seen.add(name)
                if name not in members:
                    self._tell(where, f"unknown member {name}")
                else:
                    self._xml(f"{where} {name}", members[name], child)
            for name in shape.required_members:
                if shape.members[name].serialization.get("name", name) not in seen:
                    self._tell(where, f"required member {name} is missing")
        elif kind == "list":
            for item in element:
                if _name(item) != shape.member.serialization.get("name", "member"):
                    self._tell(where, f"unknown element {_name(item)}")
                self._xml(f"{where}[]", shape.member, item)
        elif kind == "boolean":
            if element.text not in {"true", "false"}:
                self._tell(where, f"{element.text!r} is no boolean")
        elif kind in NUMBERS:
            try:
                float(element.text)
            except (TypeError, ValueError):
                self._tell(where, f"{element.text!r} is no {kind}")
        elif kind == "timestamp":
            if not (element.text or "").endswith("Z") or "T" not in element.text:
                self._tell(where, f"{element.text!r} is no timestamp")
        elif kind == "string" and shape.enum and element.text not in {*shape.enum, *UNLISTED}:
            self._tell(where, f"{element.text!r} is none of {', '.join(shape.enum)}")

    def report(self):
        """Prints what was called, and every difference."""
        for service, operations in sorted(self.called.items()):
            print(f"{service}: {' '.join(sorted(operations))}")
        for line in self.wrong:
            print(f"WRONG {line}")


def _name(element):
    return element.tag.rpartition("}")[2]
