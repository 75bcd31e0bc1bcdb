"""Words of the views on one layer: verdict, wall, text, living cell, provenance, ladder, map."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "comma": (", ", "、"),
    "never": ("never fades", "永不衰减"),
    "steps": ("{value} steps", "{value} 步"),
    "lags": ("{lag} lags", "{lag} 步滞后"),
    "lags.one": ("1 lag", "1 步滞后"),
    "steps.one": ("1 step", "1 步"),
    "go.unit": ("Go to unit {unit}", "转到单元 {unit}"),
    "verdict.assumed": (
        "If the task needs all {lags}: {said}",
        "若任务需要全部 {lags}：{said}",
    ),
    "verdict.maybe": (
        "?: a fault only if the task needs all {lag} lags. If it needs fewer, say so: --lag N, or "
        "lag= in Python.",
        "?：仅当任务需要全部 {lag} 步滞后时才是问题；若只需更少，请说明：--lag N，"
        "或在 Python 中用 lag=。",
    ),
    "verdict.arrives": (
        "The gradient arrives over {lags} all the same.",
        "不过梯度仍能传过 {lags}。",
    ),
    "verdict.head.other": ("{n} of {N} layers: {kind}.", "{N} 层中有 {n} 层：{kind}。"),
    "verdict.head.traced": (
        "What {N} layers did over {T} steps.",
        "{N} 个层在 {T} 个时间步中的全部活动。",
    ),
    "verdict.head.traced.one": (
        "What one layer did over {T} steps.",
        "一个层在 {T} 个时间步中的全部活动。",
    ),
    "verdict.head.traced.memory": (
        "Of {N} layers {layer} remembers longest: in one unit in ten the forget gate keeps half "
        "of what is stored for {slow} steps or more.",
        "{N} 个层中 {layer} 记得最久：每十个单元中有一个，"
        "其遗忘门能把一半内容保留 {slow} 步或更久。",
    ),
    "verdict.head.traced.memory.one": (
        "In one unit in ten the forget gate keeps half of what is stored for {slow} steps or more.",
        "每十个单元中有一个，其遗忘门能把一半内容保留 {slow} 步或更久。",
    ),
    "verdict.head.traced.never": (
        "Of {N} layers {layer} remembers longest: in one unit in ten the forget gate lets go of "
        "nothing.",
        "{N} 个层中 {layer} 记得最久：每十个单元中有一个，其遗忘门从不丢弃内容。",
    ),
    "verdict.head.traced.never.one": (
        "In one unit in ten the forget gate lets go of nothing.",
        "每十个单元中有一个，其遗忘门从不丢弃内容。",
    ),
    "verdict.head.healthy": (
        "The gradient arrives over {lags} in every layer: the network can learn from what "
        "lies so far back.",
        "每一层的梯度都能传过 {lags}：该网络能够学到这么早的内容。",
    ),
    "verdict.head.healthy.one": (
        "The gradient arrives over {lags}: the network can learn from what lies so far back.",
        "梯度能够传过 {lags}：该网络能够学到这么早的内容。",
    ),
    "verdict.head.remembers": (
        "The network remembers over {lags}, although not every layer's gradient arrives.",
        "该网络的记忆能跨越 {lags}，尽管并非每一层的梯度都能传到。",
    ),
    "verdict.head.ignores": (
        "{n} of {N} layers ignore their input.",
        "{N} 层中有 {n} 层不理会输入。",
    ),
    "verdict.head.ignores.one": ("The network ignores its input.", "该网络不理会输入。"),
    "verdict.head.shut": (
        "In {n} of {N} layers many gates stay shut.",
        "{N} 层中有 {n} 层的许多门一直关闭。",
    ),
    "verdict.head.shut.one": ("Many gates stay shut.", "许多门一直关闭。"),
    "verdict.head.step": (
        "There is one step: nothing has to be carried over time.",
        "只有一个时间步，无需跨步传递。",
    ),
    "verdict.head.vanishing.one": ("The gradient vanishes.", "梯度消失。"),
    "verdict.head.exploding.one": ("The gradient explodes.", "梯度爆炸。"),
    "verdict.head.short.one": (
        "The last step's gradient does not reach far back.",
        "最后一步的梯度传不远。",
    ),
    "verdict.head.silent.one": ("No gradient arrives.", "没有梯度到达。"),
    "verdict.head.cut off.one": (
        "The loss reads only the step that the layer worked on first.",
        "损失只用到了该层最先处理的那一步。",
    ),
    "verdict.head.not finite.one": (
        "Not all of its numbers are finite.",
        "其中有 NaN 或无穷大。",
    ),
    "verdict.head.saturated.one": ("The gates are saturated.", "门已饱和。"),
    "verdict.head.dead.one": ("Many units are dead.", "许多单元已经失活。"),
    "verdict.head.forgets.one": ("The network forgets too early.", "网络遗忘过快。"),
    "verdict.head.saturated": ("{n} of {N} layers are saturated.", "{N} 层中有 {n} 层饱和。"),
    "verdict.head.dead": (
        "Many units are dead in {n} of {N} layers.",
        "{N} 层中有 {n} 层有许多死单元。",
    ),
    "verdict.head.forgets": (
        "{n} of {N} layers forget too early.",
        "{N} 层中有 {n} 层遗忘过快。",
    ),
    "verdict.head.vanishing": (
        "The gradient vanishes in {n} of {N} layers.",
        "{N} 层中有 {n} 层梯度消失。",
    ),
    "verdict.head.exploding": (
        "The gradient explodes in {n} of {N} layers.",
        "{N} 层中有 {n} 层梯度爆炸。",
    ),
    "verdict.head.short": (
        "In {n} of {N} layers the last step's gradient does not reach far back.",
        "{N} 层中有 {n} 层，最后一步的梯度传不远。",
    ),
    "verdict.head.silent": (
        "No gradient arrives in {n} of {N} layers.",
        "{N} 层中有 {n} 层没有梯度到达。",
    ),
    "verdict.head.cut off": (
        "In {n} of {N} layers the loss reads only one step.",
        "{N} 层中有 {n} 层，损失只用到了一个时间步。",
    ),
    "verdict.head.not finite": (
        "Not all numbers are finite in {n} of {N} layers.",
        "{N} 层中有 {n} 层出现 NaN 或无穷大。",
    ),
    "wall": ("The gate wall", "门控热图"),
    "wall.how": (
        "What every gate of every unit did at every step. A row is a unit, a column a step. Gates "
        "are the darker the wider they are open (on a dark page: the brighter); signed quantities "
        "are orange above zero and blue below. Click a row to choose a unit.",
        "每个单元的每个门在每一步做了什么。一行是一个单元，一列是一个时间步。门的颜色越深表示打开越大"
        "（深色页面上越亮）；带符号的量橙色为正，蓝色为负。点击某一行可选择单元。",
    ),
    "wall.rnn": ("All units", "所有单元"),
    "wall.how.rnn": (
        "What every unit did at every step. A row is a unit, a column a step; orange is above "
        "zero, blue below. Click a row to choose a unit.",
        "每个单元在每一步的活动。一行是一个单元，一列是一个时间步；橙色为正，蓝色为负。点击某一行可选择单元。",
    ),
    "wall.missing": (
        "Series {series}: {count} numbers of the input are not finite, the first of them {name} at "
        "{step}.",
        "序列 {series}：输入中有 {count} 个数不是有限数，第一个是 {step} 处的 {name}。",
    ),
    "wall.missing.one": (
        "Series {series}: one number of the input is not finite, {name} at {step}.",
        "序列 {series}：输入中有一个数不是有限数，即 {step} 处的 {name}。",
    ),
    "wall.inputs": ("{I} inputs", "{I} 个输入"),
    "wall.inputs.aria": ("Heat map of all inputs over time", "所有输入随时间变化的热图"),
    "wall.input.aria": ("Line chart of the input {name}", "输入 {name} 的折线图"),
    "wall.aria": (
        "Heat map of the {name}: {H} units by {T} steps",
        "{name}的热图：{H} 个单元 × {T} 步",
    ),
    "wall.alone.aria": ("Line chart of one unit: {names}", "单个单元的折线图：{names}"),
    "wall.alone": ("its state", "它的状态"),
    "wall.alone.gates": ("its gates", "它的门"),
    "wall.alone.memory": ("its memory", "它的记忆"),
    "wall.alone.contents": ("in and out", "进与出"),
    "wall.time": ("Steps", "时间步"),
    "wall.time.all": ("All", "全部"),
    "wall.time.near": ("200 around the cursor", "光标附近 200 步"),
    "wall.contrast": ("Contrast", "对比度"),
    "wall.contrast.shared": ("One scale", "统一刻度"),
    "wall.contrast.own": ("Each unit's own", "各单元自己的刻度"),
    "wall.alone.title": ("Unit {unit} alone", "单独看单元 {unit}"),
    "wall.max": ("max", "最大"),
    "wall.min": ("min", "最小"),
    "wall.table": ("Every unit at {step}", "{step} 时的所有单元"),
    "wall.refined": (
        "This page computed these numbers itself, from the weights in it: Python's would not all "
        "fit.",
        "这些数值由本页用其中的权重自行计算，因为 Python 的结果无法全部放入页面。",
    ),
    "picked.count": ("{n} units selected", "已选 {n} 个单元"),
    "picked.only": ("Show only these", "只显示这些"),
    "picked.none": ("Select none", "取消选择"),
    "wall.pooled": (
        "So long a sequence is drawn with one column for {pool} steps: of these the value farthest "
        "from the unit's median, so that spikes stay. {units} units are stored step by step.",
        "序列很长，因此每 {pool} 步画成一列，取其中离该单元中位数最远的值，以保留尖峰。"
        "另有 {units} 个单元按步完整保存。",
    ),
    "text": ("The text, coloured by one unit", "按单元着色的文本"),
    "text.how": (
        "Each character has the colour of the chosen unit's value right after it was read. Walk "
        "through the units with the arrow keys: some count, some remember an open quotation mark.",
        "每个字符的颜色是读入它之后所选单元的值。用方向键逐个查看单元：有的在计数，有的记住了未闭合的引号。",
    ),
    "text.by": ("colour by", "着色依据"),
    "text.absent": (
        "This series is no text. Pass the characters to see them here: collect(…, text=[…]).",
        "该序列不是文本。传入字符即可在此显示：collect(…, text=[…])。",
    ),
    "text.cut": ("The first {shown} of {T} are shown.", "仅显示 {T} 个中的前 {shown} 个。"),
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
    "provenance": ("Memory provenance", "记忆溯源"),
    "provenance.how": (
        "Which step wrote what is in the cell now? Every write is multiplied by all the forget "
        "gates after it, and the sum of what is left is the cell state itself: nothing here is an "
        "estimate. Drag the upper curve to choose when “now” is; move over the bars to choose a "
        "writing step.",
        "单元里现在的内容是哪一步写入的？每次写入都会乘以其后的所有遗忘门，剩余部分之和正是细胞状态本身："
        "这里没有任何估计。拖动上方曲线选择“现在”，在柱形上移动选择写入的时间步。",
    ),
    "provenance.now": ("Now", "现在"),
    "provenance.drag": ("drag to choose when", "拖动选择时刻"),
    "provenance.close": ("Only steps that still count", "只看仍有影响的步"),
    "provenance.left": ("what is left", "剩余"),
    "provenance.left.what": ("outline: what was written", "轮廓：当时写入的量"),
    "provenance.kept": ("still kept", "保留比例"),
    "provenance.map": ("every “now”", "所有时刻"),
    "provenance.map.what": ("down: now, across: written", "纵：现在；横：写入"),
    "provenance.cell.aria": ("Line chart of the cell state", "细胞状态的折线图"),
    "provenance.left.aria": (
        "Bars: what each step's write still contributes",
        "柱形图：每一步写入的剩余量",
    ),
    "provenance.kept.aria": ("Share of each write that is left", "每次写入的保留比例"),
    "provenance.map.aria": (
        "Triangle: contribution of each writing step to the cell at each later step",
        "三角图：每个写入步对之后各步记忆的贡献",
    ),
    "provenance.says": (
        "At {T} unit {unit} holds {value}. Most of it was written at {list}.",
        "{T} 时单元 {unit} 的值为 {value}。主要写入于{list}。",
    ),
    "provenance.says.parts": (
        "At {T} unit {unit} holds {value}, written at many steps; the largest parts are from "
        "{list}.",
        "{T} 时单元 {unit} 的值为 {value}，由许多步写入；其中最大的部分来自{list}。",
    ),
    "provenance.says.none": (
        "At {T} unit {unit} holds {value}; no step's write weighs as much as 0.0005.",
        "{T} 时单元 {unit} 的值为 {value}；没有任何一步的写入超过 0.0005。",
    ),
    "provenance.says.nan": (
        "At {T} unit {unit} is not a finite number; the first step at which it is none is {first}.",
        "{T} 时单元 {unit} 不是有限数；首次出现在 {first}。",
    ),
    "provenance.from": ("{step} ({part})", "{step}（{part}）"),
    "provenance.check": (
        "Initial state {initial} plus all writes: {total}; the cell itself: {value}; difference "
        "{difference}.",
        "初始状态 {initial} 加上所有写入：{total}；细胞状态本身：{value}；差 {difference}。",
    ),
    "provenance.table": ("What unit {unit} holds at {T}", "{T} 时单元 {unit} 的内容"),
    "provenance.pooled": (
        "This unit's steps are pooled in this page, and the identity needs each of them. Choose a "
        "unit that is stored step by step.",
        "本页中该单元的时间步已合并，而溯源需要每一步。请选择按步完整保存的单元。",
    ),
    "ladder": ("Half-life ladder", "半衰期排序图"),
    "ladder.how": (
        "After how many steps has the forget gate alone halved what a unit holds? Units right of "
        "the dashed line remember over the lag that your data asks for. Drag the line to ask for "
        "another lag; drag over units to select them in all views (keys: Shift with up and down, "
        "Enter, Escape).",
        "仅由遗忘门决定，一个单元的内容经过多少步减半？虚线右侧的单元能记住数据所需的步数。"
        "拖动虚线可改变滞后步数；在单元上拖动可在所有视图中选中它们"
        "（键盘：Shift 加上下键、回车、Esc）。",
    ),
    "ladder.over": ("Measured over", "测量范围"),
    "ladder.over.all": ("All sequences", "全部序列"),
    "ladder.over.one": ("This series", "当前序列"),
    "ladder.of.all": ("Over all {n} sequences:", "对全部 {n} 个序列："),
    "ladder.of.one": ("In {name}:", "在 {name} 中："),
    "ladder.tenth": (
        "Nine units in ten fall to half within {life}.",
        "十分之九的单元在 {life}内减半。",
    ),
    "ladder.pick": ("Select those beyond the lag", "选中超过该滞后的单元"),
    "ladder.then": ("then: quantiles at {step}", "当时：{step} 的分位数"),
    "ladder.lag": ("Lag that the data asks for", "数据所需的滞后"),
    "ladder.line": ("lag {lag}", "滞后 {lag} 步"),
    "ladder.axis": ("half-life in steps (log scale)", "半衰期（步，对数刻度）"),
    "ladder.says": (
        "{slow} of {H} units hold half of what they store for {lag} or longer.",
        "{H} 个单元中有 {slow} 个能把一半内容保留 {lag} 或更久。",
    ),
    "ladder.says.none": (
        "none of the {H} units holds half of what it stores for {lag}; the slowest: {best}.",
        "{H} 个单元都不能把一半内容保留 {lag}；最慢的为 {best}。",
    ),
    "saturation": ("Saturation map", "饱和图"),
    "saturation.how": (
        "Each dot is a unit: how much of its time its gate is closed (below 0.1) and open (above "
        "0.9). A forget gate in the upper corner is what memory needs. An output or input gate in "
        "the right corner is a dead unit. Dots at the origin never commit. Drag a box around dots, "
        "or press a count below, to select their units in all views.",
        "每个点是一个单元：它的门有多少时间关闭（小于 0.1）、多少时间打开（大于 0.9）。"
        "遗忘门位于上角正是记忆所需；"
        "输入门或输出门位于右角则是死单元；位于原点的门始终半开半闭。"
        "框选若干点，或按下方的计数，可在所有视图中选中这些单元。",
    ),
    "saturation.closed": ("% of time closed", "关闭时间（%）"),
    "saturation.open": ("% of time open", "打开时间（%）"),
    "saturation.count.open": ("Open almost always: {n}", "几乎总是打开：{n}"),
    "saturation.count.closed": ("Closed almost always: {n}", "几乎总是关闭：{n}"),
    "saturation.count.middle": ("Hardly ever either: {n}", "几乎从不饱和：{n}"),
    "saturation.then": ("mean at {step}", "{step} 的平均"),
}
