"""Words of the weights."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.weights.how.rnn": (
        "One row per unit, in the chosen order. U acts on the hidden state, W on the input. Is the "
        "initialisation sane, which inputs are read at all?",
        "每行一个单元，按所选顺序排列。U 作用于隐藏状态，W 作用于输入。"
        "初始化是否合理？哪些输入真正被读取？",
    ),
    "view.weights": ("Weights", "权重"),
    "view.weights.how": (
        "One row per unit, in the chosen order. U acts on the hidden state, W on the input. Is the "
        "initialisation sane, does a gate's bias hold its memory, which inputs are read at all?",
        "每行一个单元，按所选顺序排列。U 作用于隐藏状态，W 作用于输入。"
        "初始化是否合理？门的偏置能否保持记忆？哪些输入真正被读取？",
    ),
    "weights.absent": (
        "The weights are not in the page. In Python: collect(model, x) with a model; a trace alone "
        "has none.",
        "页面中没有权重。在 Python 中：collect(model, x)，需提供模型；仅有 trace 时没有权重。",
    ),
    "weights.large": (
        "These weights would make the page larger than 4 MB, so they are not in it; the what-if "
        "and the fan from any step need them too. Inspect a smaller network, or fewer layers and "
        "shorter series, to have them.",
        "这些权重会使页面超过 4 MB，因此没有写入；"
        "“假设实验”和从任意步开始的雅可比奇异值图也需要它们。"
        "如需使用，请检查较小的网络，或较少的层和较短的序列。",
    ),
    "weights.rounded": (
        "Rounded to {bits} bits, 1/{levels} of each row's range, so that the page stays below "
        "4 MB.",
        "已舍入为 {bits} 位（每行范围的 1/{levels}），以使页面小于 4 MB。",
    ),
    "weights.of.hidden": ("on the hidden state", "作用于隐藏状态"),
    "weights.of.input": ("on the input", "作用于输入"),
    "weights.bias": ("bias, {gate}", "{gate}偏置"),
    "weights.biases": ("Biases of all gates, unit by unit", "所有门的偏置（逐单元）"),
    "weights.bias.mean": ("mean bias", "平均偏置"),
    "weights.gate": ("gate", "门"),
    "weights.row": ("weights of", "权重"),
    "weights.reading": (
        "The {name}'s mean bias is {bias}: with nothing else to read it would stand at "
        "{gate}, and half of the memory would be left after {life} steps.",
        "{name}平均偏置为 {bias}：没有其他输入时门值为 {gate}，{life} 步后记忆剩一半。",
    ),
    "weights.reading.rnn": (
        "The largest singular value of U is {norm}.",
        "U 的最大奇异值为 {norm}。",
    ),
    "weights.no.bias": ("This layer has no biases.", "这一层没有偏置。"),
    "weights.warning.rnn": (
        "ρ, the spectral radius, decides nothing by itself: a tanh network with ρ(U) = 0 can "
        "explode, and one with ρ(U) > 1 can forget, because the slope of each unit, between 0 and "
        "1, stands between. Look at the Jacobian fan instead: it multiplies the Jacobians that "
        "really occurred.",
        "谱半径 ρ 本身不能作为判断依据：ρ(U) = 0 的 tanh 网络也可能爆炸，"
        "ρ(U) > 1 的网络也可能遗忘，因为每一步还要乘以各单元的斜率（0 到 1 之间）。"
        "请看雅可比奇异值图：它乘的是实际出现的雅可比矩阵。",
    ),
    "weights.warning": (
        "ρ, the spectral radius, decides nothing: a network with ρ(U) = 0 can explode, and one "
        "with ρ(U) > 1 can forget, because the gates stand between. Look at the Jacobian fan "
        "instead: it multiplies the Jacobians that really occurred.",
        "谱半径 ρ 不能作为判断依据：ρ(U) = 0 的网络也可能爆炸，ρ(U) > 1 的网络也可能遗忘，"
        "因为中间还有门。请看雅可比奇异值图：它乘的是实际出现的雅可比矩阵。",
    ),
}
