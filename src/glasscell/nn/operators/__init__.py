"""A layer as an operator of torch, for all that looks at a program rather than at numbers.

`torch.compile`, `torch.export`, `torch.func` and torch's dispatch modes see a call of a layer as
``torch.ops.glasscell.layer``. `schema` says what it takes and gives; `kernels` runs it, `owners`
keep its packed weights; `derivatives` puts it in graphs, `batching` under vmap; `torch_steps` has
it in torch's operations, for further derivatives and for `lowering`. `traced` makes a module's call
into operators, and `admission` opens torch's compiler to our modules. Plain calls do not come here.
"""

from glasscell.nn.operators import batching, derivatives, kernels
from glasscell.nn.operators.lowering import decompositions

__all__ = ["batching", "decompositions", "derivatives", "kernels"]
