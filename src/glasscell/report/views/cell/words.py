"""Words of the living cell."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "living": ("The living cell", "单元计算图"),
    "living.how": (
        "The cell as textbooks draw it, with the real numbers of the chosen unit at the cursor. A "
        "wire is as thick as its value is large; a gate is filled as far as it is open. The memory "
        "runs along the top like a conveyor belt; the gates below decide what leaves it, what is "
        "put on it, and what is shown.",
        "教科书中的 LSTM 单元图，数值取自所选单元在光标处的真实值。连线越粗数值越大；"
        "门填充得越多打开越大。"
        "记忆像传送带一样沿顶部流过；下方的门决定丢掉什么、放上什么、输出什么。",
    ),
    "living.how.rnn": (
        "The cell with the real numbers of the chosen unit at the cursor: what it was and what it "
        "reads go through the weights, are added, and pass one curve. A wire is as thick as its "
        "value is large.",
        "所选单元在光标处的真实数值：上一步的状态和当前输入乘以权重后相加，再经过一个激活函数。"
        "连线越粗数值越大。",
    ),
    "cell.static": (
        "Unit {unit} at {when}. Numbers are rounded for display, not in the computation.",
        "单元 {unit}，{when}。数字仅在显示时四舍五入，计算中没有。",
    ),
    "cell.terms.rest": ("{count} smaller terms", "其余 {count} 个较小的项"),
    "cell.terms.all": ("All {count} terms of the four sums", "四个加和的全部 {count} 项"),
    "cell.terms.name": ("read from", "读取自"),
    "cell.terms.value": ("value", "数值"),
    "cell.aria": (
        "Drawing of the LSTM cell with a number on every wire; the equations below say the same",
        "LSTM 单元示意图，每条连线上标有数值；下方的公式内容相同",
    ),
    "cell.aria.rnn": (
        "Drawing of a plain RNN's cell with a number on every wire; the equation below says the "
        "same",
        "普通 RNN 单元示意图，每条连线上标有数值；下方的公式内容相同",
    ),
    "cell.parts": ("Light up", "点亮"),
    "cell.part.all": ("Whole cell", "整个单元"),
    "cell.part.forget": ("Forget gate", "遗忘门"),
    "cell.part.write": ("Input gate and candidate", "输入门与候选值"),
    "cell.part.update": ("Update of C", "更新 C"),
    "cell.part.show": ("Output gate", "输出门"),
    "cell.walk": ("Walk me through it", "逐步讲解"),
    "cell.back": ("one part back", "上一部分"),
    "cell.on": ("one part on", "下一部分"),
    "cell.walk.stop": ("Stop", "停止"),
    "cell.short.forget": ("forget", "遗忘门"),
    "cell.short.input": ("input", "输入门"),
    "cell.short.candidate": ("candidate", "候选值"),
    "cell.short.output": ("output", "输出门"),
    "cell.tell.all": (
        "Unit {unit} at {step}: it keeps {f} % of its memory {prev}, adds {written}, and so holds "
        "{c}. It shows {o} % of tanh({c}): {h}.",
        "单元 {unit}，{step}：保留旧记忆 {prev} 的 {f}%，加上 {written}，于是记忆为 {c}。"
        "输出 tanh({c}) 的 {o}%，即 {h}。",
    ),
    "cell.tell.forget": (
        "The forget gate reads h and x and answers {f} %. So much of the old memory {prev} stays "
        "on the belt: {kept}.",
        "遗忘门读取 h 和 x，给出 {f}%。旧记忆 {prev} 中留在传送带上的就是这么多：{kept}。",
    ),
    "cell.tell.write": (
        "The candidate proposes {g}; the input gate lets {i} % of it through. What will be written "
        "is {written}.",
        "候选值提出 {g}；输入门放行其中的 {i}%。将要写入的是 {written}。",
    ),
    "cell.tell.update": (
        "What was kept, {kept}, plus what is written, {written}, is the new memory: {c}. On this "
        "path there is one multiplication and one addition, and no weight matrix: gradients come "
        "back the same way, multiplied by the forget gate alone.",
        "保留的 {kept} 加上写入的 {written}，就是新的记忆：{c}。这条路上只有一次乘法和一次加法，"
        "没有权重矩阵：梯度沿原路返回时只乘以遗忘门。",
    ),
    "cell.tell.show": (
        "tanh brings the memory {c} into −1 … 1: {squashed}. The output gate shows {o} % of it: "
        "h = {h}. That is what the next step and the next layer see.",
        "tanh 把记忆 {c} 压到 −1 到 1 之间：{squashed}。输出门放出其中的 {o}%：h = {h}。"
        "下一步和下一层看到的就是它。",
    ),
    "cell.tell.rnn": (
        "Unit {unit} at {step}. A plain RNN has one equation: all that it remembers goes through "
        "the weights and tanh at every step.",
        "单元 {unit}，{step}。普通 RNN 只有一个公式：它记住的一切每一步都要经过权重和 tanh。",
    ),
    "cell.projected": (
        "This layer projects its hidden state; h here is what the unit gives before that.",
        "该层对隐藏状态做了投影；此处的 h 是投影之前的值。",
    ),
    "cell.pooled": (
        "This sequence is too long to hold every step of every unit: the numbers here are one of "
        "several steps, so the equations do not add up. Unit {unit} is stored step by step.",
        "序列太长，无法保存每个单元的每一步：此处的数值取自若干步之一，因此公式不能精确成立。"
        "单元 {unit} 是按步完整保存的。",
    ),
}
