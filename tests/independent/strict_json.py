"""JSON objects in UTF-8 without a member twice, for what is signed or digested as text."""

import json


def no_twins(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def no_constant(name):
    raise ValueError(name)


def read_json(data, kind=dict):
    """Raises ValueError."""
    value = json.loads(data.decode("utf-8"), object_pairs_hook=no_twins, parse_constant=no_constant)
    if not isinstance(value, kind):
        raise ValueError(f"no {kind.__name__}")
    return value
