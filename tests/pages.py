"""What a written page carries, read back for tests."""

from __future__ import annotations

import json
import re


def data_of(path):
    """The JSON in the page."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="gc-data">(.*?)</script>', text, re.DOTALL)[1])
