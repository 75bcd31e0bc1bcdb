"""Words of what-if."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.whatif.how.rnn": (
        "Change the network and see it run again, here in the browser, from its own weights: cut a "
        "unit or an input (held at 0), or change what is read at one step.",
        "修改网络，并在浏览器中用它自己的权重重新运行：去掉某个单元或输入（固定为 0），"
        "或修改某一步的输入。",
    ),
    "view.whatif.how.any": (
        "Change the network and see it run again, here in the browser, from its own weights: shift "
        "the bias of the gate that keeps, hold a gate still, cut a unit or an input (held at 0).",
        "修改网络，并在浏览器中用它自己的权重重新运行：移动负责保留的门的偏置、固定某个门、"
        "去掉某个单元或输入（固定为 0）。",
    ),
    "view.whatif": ("What if", "假设实验"),
    "view.whatif.how": (
        "Change the network and see it run again, here in the browser, from its own weights: shift "
        "the bias of the forget gate, hold a gate still, cut a unit or an input (held at 0).",
        "修改网络，并在浏览器中用它自己的权重重新运行：移动遗忘门偏置、固定某个门、"
        "去掉某个单元或输入（固定为 0）。",
    ),
    "whatif.other": (
        "This page holds the model of its first series only. Look at this network alone: glasscell "
        "inspect, with its own folder.",
        "本页只含第一个序列的模型。请单独查看该网络：对其文件夹运行 glasscell inspect。",
    ),
    "whatif.absent": (
        "This network cannot run in the page: it is not one that glasscell.save can write "
        "(recurrent layers, Linear, Embedding, activations in a row), or it was not given.",
        "该网络无法在页面中运行：它不是 glasscell.save 能保存的网络（依次连接的循环层、Linear、"
        "Embedding、激活函数），"
        "或未提供模型。",
    ),
    "whatif.trace": (
        "This page was made of a trace: without the model there is nothing to run again. In "
        "Python: collect(model, x).",
        "本页只根据 trace 生成：没有模型就无法重新运行。在 Python 中：collect(model, x)。",
    ),
    "whatif.input": (
        "The page holds the input of this series only thinned out, or not at all: inspect a "
        "shorter series to run the network here.",
        "页面只保存了该序列稀疏化后的输入，或没有输入：请检查较短的序列以在此运行网络。",
    ),
    "whatif.weights": (
        "The weights are not in the page: the network is too large for it, or they were left out.",
        "页面中没有权重：网络过大，或权重未写入页面。",
    ),
    "whatif.scope": ("Which layers", "作用范围"),
    "whatif.one": ("this layer", "当前层"),
    "whatif.all": ("all layers", "所有层"),
    "whatif.shift": ("Bias of what keeps", "保持记忆的偏置"),
    "whatif.shift.forget": ("Forget bias", "遗忘门偏置"),
    "whatif.shift.update": ("Update bias", "更新门偏置"),
    "whatif.hold.forget": ("Hold the forget gate at", "固定遗忘门为"),
    "whatif.hold.input": ("Hold the input gate at", "固定输入门为"),
    "whatif.hold.reset": ("Hold the reset gate at", "固定重置门为"),
    "whatif.hold.update": ("Hold the update gate at", "固定更新门为"),
    "whatif.hold.output": ("Hold the output gate at", "固定输出门为"),
    "whatif.cut.inputs": ("Cut inputs:", "去掉输入："),
    "whatif.cut.units": ("Cut units:", "去掉的单元："),
    "whatif.cut.unit": ("Cut unit {unit} of {layer}", "去掉 {layer} 的单元 {unit}"),
    "whatif.mend.unit": ("Restore unit {unit} of {layer}", "恢复 {layer} 的单元 {unit}"),
    "whatif.cut.chip": ("{what} ×", "{what} ×"),
    "whatif.reset": ("As it was", "恢复原样"),
    "whatif.cut.picked": ("Cut the selected units", "去掉已选单元"),
    "whatif.input.which": ("At the cursor, input", "光标处的输入"),
    "whatif.input.value": ("reads", "读入"),
    "whatif.input.token": ("At the cursor read", "光标处读入"),
    "whatif.set.inputs": ("Changed inputs:", "修改的输入："),
    "whatif.proof.rounded": (
        "The numbers compared, or the weights, are rounded to {bits} bits here: they would not fit "
        "whole.",
        "此处的比较数值或权重舍入为 {bits} 位，否则无法放入页面。",
    ),
    "whatif.proof.stack": (
        "The model around its recurrent layers is not one that the page can run: these are the "
        "recurrent layers alone, and the output is the last one's hidden state.",
        "本页无法运行循环层之外的模型：这里只运行循环层，输出为最后一层的隐藏状态。",
    ),
    "whatif.run": ("Run", "运行"),
    "whatif.slow": (
        "This network is large: one run takes several seconds. Press Run.",
        "该网络较大，运行一次需要数秒。请按“运行”。",
    ),
    "whatif.channel": ("Output", "输出"),
    "whatif.output": ("What the network gives", "网络的输出"),
    "whatif.before": ("as it was", "原来"),
    "whatif.after": ("changed", "修改后"),
    "whatif.ahead": ("steps ahead", "向前预测的步数"),
    "whatif.probability": ("probability", "概率"),
    "whatif.truth": ("what happened", "真实值"),
    "whatif.map": ("Change of every unit", "各单元的变化"),
    "whatif.unchanged": (
        "Nothing is changed yet: both lines are the network as it is.",
        "尚未修改：两条线都是原来的网络。",
    ),
    "whatif.reading": ("The output changes by up to {most}.", "输出最大变化 {most}。"),
    "whatif.life": (
        "Median half-life of the {gate}: {before} → {after} steps.",
        "{gate}半衰期中位数：{before} → {after} 步。",
    ),
    "whatif.proof": (
        "This page's own run of the unchanged network differs from Python's by at most {value}, "
        "over {count} numbers.",
        "本页自行运行未修改的网络，与 Python 结果在 {count} 个数上的最大差异为 {value}。",
    ),
    "whatif.proof.share": (
        "This page's own run of the unchanged network differs from Python's by at most {value} of "
        "the largest number ({top}), over {count} numbers.",
        "本页自行运行未修改的网络，与 Python 结果在 {count} 个数上的最大差异为最大数值（{top}）的 "
        "{value}。",
    ),
    "whatif.proof.exact": (
        "This page's own run of the unchanged network equals Python's to the last bit, in all "
        "{count} numbers (largest difference 0).",
        "本页自行运行未修改的网络，{count} 个数与 Python 结果逐位相同（最大差异为 0）。",
    ),
    "whatif.proof.none": (
        "The page holds no exact result of Python to compare this run with.",
        "页面中没有可供比较的 Python 精确结果。",
    ),
}
