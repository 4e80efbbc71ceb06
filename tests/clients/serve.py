"""What the Python clients have in common: the test writes a check's name on standard input, the client answers with a line of JSON.

    CLIENT.py URL MODEL WAV
"""

import json
import sys

URL, MODEL, WAV = sys.argv[1:4]
BASE_URL = URL + "/v1"
QUESTION = "Who can read this?"
MESSAGES = [{"role": "user", "content": QUESTION}]
# A model of random weights ends only where it is told to. Where a grammar rules, the answer's end may be far away.
SHORT, LONG = 16, 2000
# More than an engine makes before it notices that its client left.
ENDLESS = 15000

CITIES = ["Oslo", "Paris"]
CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": CITIES}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "The weather in a city.", "parameters": CITY}}


def outcome(check):
    try:
        check()
    except Exception as error:
        # Some say no more than the status where the error's body has not the API's shape.
        said = f"{error} {getattr(getattr(error, 'response', None), 'text', '')}"
        return {"passed": False, "error": type(error).__name__, "status": getattr(error, "status_code", None), "message": said}
    return {"passed": True}


def serve(checks):
    for line in sys.stdin:
        print(json.dumps(outcome(checks[line.strip()])), flush=True)


def refused(errors, ask):
    """An answer is an error here, of one of the client's own kinds."""
    try:
        ask()
    except errors:
        return
    raise AssertionError("no error")
