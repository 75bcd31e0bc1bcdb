"""Words of the duel."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.duel": ("RNN against LSTM", "RNN 与 LSTM 对比"),
    "view.duel.how": (
        "The two networks read the same data. Why was the LSTM invented? Compare how far back the "
        "gradient reaches.",
        "两个网络读取相同的数据。为什么要发明 LSTM？请比较梯度能回传多远。",
    ),
    "duel.silent": (
        "No gradient reaches {layer}: nothing to compare there.",
        "没有梯度到达 {layer}：无从比较。",
    ),
    "duel.absent": (
        "This page has only one kind of network. A page over a model that holds both an LSTM and a "
        "plain RNN layer shows them side by side; so does glasscell explain.",
        "本页只有一种网络。若模型同时包含 LSTM 层和普通 RNN 层，本页会将两者并排显示；"
        "glasscell explain 也是如此。",
    ),
    "duel.hidden": ("Hidden states", "隐藏状态"),
    "duel.influence": ("Influence of each input on each output", "各输入对各输出的影响"),
    "duel.river": (
        "Gradient, relative to its strongest step",
        "梯度（相对于最强的时间步）",
    ),
    "duel.reading": ("Of the gradient, {step} gets: {values}", "{step} 处到达的梯度：{values}"),
    "duel.back": ("lag {lag}", "滞后 {lag} 步"),
    "duel.only": (
        " This is a fault only if the task needs all {lag} lags.",
        "仅当任务需要全部 {lag} 步滞后时，这才是问题。",
    ),
}
