"""Words of the coloured text."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "text": ("The text, coloured by one unit", "按单元着色的文本"),
    "text.how": (
        "Each character has the colour of the chosen unit's value right after it was read. Walk "
        "through the units with the arrow keys: some count, some remember an open quotation mark.",
        "每个字符的颜色是读入它之后所选单元的值。用方向键逐个查看单元：有的在计数，有的记住了未闭合的引号。",
    ),
    "text.by": ("colour by", "着色依据"),
    "text.surprise": ("surprise", "意外程度"),
    "text.bits": (
        "{bits} bits: how little this symbol was expected",
        "{bits} 比特：该符号有多出乎意料",
    ),
    "text.absent": (
        "This series is no text. Pass the characters to see them here: collect(…, text=[…]).",
        "该序列不是文本。传入字符即可在此显示：collect(…, text=[…])。",
    ),
    "text.cut": ("The first {shown} of {T} are shown.", "仅显示 {T} 个中的前 {shown} 个。"),
}
