"""Counts texts as two generations of Claude do, by `ctok`, which rebuilt their vocabularies: a JSON list of texts per line in, counts out."""

import json
import sys

from ctok import token_count

FRAME = {"3.0": token_count("a", "3.0") - 1, "4.8": token_count("a", "4.8") - 1}

for line in sys.stdin:
    request = json.loads(line)
    version = request["version"]
    print(json.dumps([token_count(text, version) - FRAME[version] for text in request["texts"]]), flush=True)
