"""Whether an answer is what /openapi.json says it is."""

import re


def matches(value: object, schema: dict, schemas: dict) -> bool:
    """Whether a JSON value is what a schema of ours says (the keywords that ours use)."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    kinds = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
        "object": dict,
    }  # fmt: skip
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return (
            schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
            and all(matches(item, schema["items"], schemas) for item in value)
        )  # fmt: skip
    if isinstance(value, str):
        return (
            schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9)
            and re.search(schema.get("pattern", ""), value) is not None
        )  # fmt: skip
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        return set(schema.get("required", [])) <= value.keys() and all(
            matches(item, properties[name], schemas)
            if name in properties
            else isinstance(others, dict) and matches(item, others, schemas)
            for name, item in value.items()
        )
    return True
