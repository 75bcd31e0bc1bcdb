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
    "cell.terms.all": ("All {count} terms of the gates' sums", "各个门的加和的全部 {count} 项"),
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
    "cell.aria.gru": (
        "Drawing of the GRU cell with a number on every wire; the equations below say the same",
        "GRU 单元示意图，每条连线上标有数值；下方的公式内容相同",
    ),
    "cell.aria.program": (
        "Drawing of the cell: a box with its number for each quantity, and an arrow from each that "
        "it reads; the equations below say the same",
        "单元示意图：每个量一个方框，标有数值，箭头表示它读取的量；下方的公式内容相同",
    ),
    "cell.part.keep": ("Update gate", "更新门"),
    "cell.part.reset": ("Reset gate", "重置门"),
    "cell.part.propose": ("Candidate", "候选值"),
    "cell.part.mix": ("New state", "新状态"),
    "cell.short.reset": ("reset", "重置门"),
    "cell.short.update": ("update", "更新门"),
    "cell.short.cell": ("cell state", "细胞状态"),
    "cell.short.hidden": ("hidden state", "隐藏状态"),
    "cell.tell.gru.all": (
        "Unit {unit} at {step}: the update gate keeps {z} % of the last state {prev} and takes "
        "{rest} % of the candidate {n}. So h = {h}.",
        "单元 {unit}，{step}：更新门保留上一状态 {prev} 的 {z}%，取候选值 {n} 的 {rest}%，"
        "于是 h = {h}。",
    ),
    "cell.tell.gru.keep": (
        "The update gate reads h and x and answers {z} %. So much of the last state {prev} stays "
        "on the belt: {kept}. Gradients come back along it multiplied by this gate alone.",
        "更新门读取 h 和 x，给出 {z}%。上一状态 {prev} 中留在传送带上的就是这么多：{kept}。"
        "梯度沿它返回时只乘以这个门。",
    ),
    "cell.tell.gru.reset": (
        "The reset gate answers {r} %. Of what the candidate's weights read in the last state, "
        "{read}, it lets {seen} through.",
        "重置门给出 {r}%。候选值的权重从上一状态读出 {read}，重置门放行其中的 {seen}。",
    ),
    "cell.tell.gru.reset.blind": (
        "The reset gate answers {r} %: so much the candidate sees of the last state.",
        "重置门给出 {r}%：候选值能看到上一状态的这么多。",
    ),
    "cell.tell.gru.propose": (
        "The candidate is what the state could become: it reads x, and of the last state as much "
        "as the reset gate lets it. It says {n}.",
        "候选值是状态可能变成的值：它读取 x，以及重置门放行的那部分上一状态。它给出 {n}。",
    ),
    "cell.tell.gru.mix": (
        "What was kept, {kept}, plus {rest} % of the candidate, {written}, is the new state: "
        "h = {h}. What the update gate does not keep, the candidate fills: the two shares are one "
        "whole.",
        "保留的 {kept} 加上候选值的 {rest}%，即 {written}，就是新状态：h = {h}。"
        "更新门没有保留的部分由候选值补上：两份合起来正好是一。",
    ),
    "cell.tell.belt": (
        "Unit {unit} at {step}: of the {name} {prev} it keeps {kept} % and adds {written}, and so "
        "holds {value}. Its output is {h}.",
        "单元 {unit}，{step}：{name}原为 {prev}，保留 {kept}%，加上 {written}，于是为 {value}。"
        "输出为 {h}。",
    ),
    "cell.tell.any": (
        "Unit {unit} at {step}: its output is {h}. Nothing in this cell passes by itself "
        "from step to step: what it remembers goes through the weights.",
        "单元 {unit}，{step}：输出为 {h}。该单元中没有能直接传到下一步的量，"
        "它记住的一切都要经过权重。",
    ),
    "living.how.any": (
        "The cell with the real numbers of the chosen unit at the cursor. A wire is as thick as "
        "its value is large; a gate is filled as far as it is open. Below, its equations with the "
        "numbers filled in.",
        "所选单元在光标处的真实数值。连线越粗数值越大；门填充得越多打开越大。"
        "下方是填入数值的公式。",
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
