"""What a written page carries, read back for tests."""

from __future__ import annotations

import base64
import json
import re

import numpy as np


def data_of(path):
    """The JSON in the page."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="gc-data">(.*?)</script>', text, re.DOTALL)[1])


def array_of(path, key):
    """An array of the page that is stored whole, as float32."""
    text = path.read_text(encoding="utf-8")
    blob = base64.b64decode(re.search(r'id="gc-blob"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    entry = data_of(path)["arrays"][key]
    assert entry["type"] == "f32"
    return np.frombuffer(blob, "<f4", int(np.prod(entry["shape"])), entry["at"]).reshape(
        entry["shape"]
    )
