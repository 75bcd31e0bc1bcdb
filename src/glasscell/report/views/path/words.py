"""Words of the path split."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.path": ("Path split", "路径分解"),
    "view.path.how": (
        "The memory of a step reaches a later one on two ways: along the conveyor belt, multiplied "
        "by forget gates only, and through the hidden state and the gates. Which of them carries "
        "the gradient? The belt is what made the LSTM; the other way is that of the plain RNN.",
        "某一步的记忆通过两条路到达后面：沿传送带（只乘以遗忘门），以及经过隐藏状态和各个门。"
        "梯度主要走哪一条？传送带正是 LSTM 的发明，另一条就是普通 RNN 的路。",
    ),
    "view.path.how.any": (
        "The state of a step reaches a later one on two ways: along the conveyor belt, multiplied "
        "by what is kept only, and through the weights and the gates. Which of them carries the "
        "gradient? The other way is that of the plain RNN.",
        "某一步的状态通过两条路到达后面：沿传送带（只乘以保留比例），以及经过权重和各个门。"
        "梯度主要走哪一条？后者就是普通 RNN 的路。",
    ),
    "path.absent": (
        "The two paths were not measured here. It takes the layer's weights and finite values, "
        "and a network on which it takes seconds; with large ones only the first series is "
        "measured: choose that, or look at fewer steps: --steps FIRST:END.",
        "这里没有测量两条路径。测量需要该层的权重和有限的数值，并且网络不能太大；"
        "网络较大时只测量第一个序列：请选择它，或只看较少的时间步：--steps FIRST:END。",
    ),
    "path.rnn": (
        "This layer's cell has no conveyor belt, as a plain RNN: all of its gradient goes through "
        "the weights. Choose another layer.",
        "该层的单元没有传送带（如普通 RNN），梯度全部经过权重。请选择其他层。",
    ),
    "path.total": ("both together", "两者合计"),
    "path.belt": ("conveyor belt", "传送带"),
    "path.gates": ("through the gates", "经过各个门"),
    "path.sizes": ("Size of each path", "两条路径的大小"),
    "path.reading": (
        "At lag {lag} the belt carries {belt} of the gradient; both paths together: {total}.",
        "滞后 {lag} 步处，传送带承载梯度的 {belt}；两条路径合计：{total}。",
    ),
    "path.none": (
        "At lag {lag} nothing is left of the gradient, on either path.",
        "滞后 {lag} 步处，两条路径上都没有剩余的梯度。",
    ),
}
