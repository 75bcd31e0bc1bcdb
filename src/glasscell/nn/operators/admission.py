"""Have torch.compile look into our layers, which it refuses by their class.

torch's compiler does not trace torch's own RNN and LSTM: it breaks the graph at every instance,
ours included, before it sees what a call is made of. Ours are operators that it can take. The one
question that it asks is answered for them alone; torch's own stay as they are. Where this private
place has moved, graphs break at our layers as at torch's: slower, not wrong.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["admit"]

_PLACE = "torch._dynamo.variables.builder"


def admit(kind: type) -> None:
    """Have a compiler that is loaded now or later trace instances of a class.

    Args:
        kind: A subclass of torch's recurrent modules whose forward pass can be traced.
    """
    if _PLACE in sys.modules:
        _open(sys.modules[_PLACE], kind)
    else:
        sys.meta_path.insert(0, _OnImport(kind))


class _OnImport(MetaPathFinder):
    """Waits for the compiler: importing it here would double the time that torch takes."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the module as it is found without us, opened once it has run."""
        if name != _PLACE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Opened(spec.loader, self.kind)
        return spec


class _Opened(Loader):
    def __init__(self, loader: Any, kind: type) -> None:
        self.loader, self.kind = loader, kind

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to the real one."""
        return self.loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then open it."""
        self.loader.exec_module(module)
        _open(module, self.kind)


def _open(module: Any, kind: type) -> None:
    """Wrap the compiler's question about a module."""
    try:
        builder, config = module.VariableBuilder, module.config
        ask = builder.wrap_module
    except AttributeError:
        return

    def wrap_module(self: Any, value: Any) -> Any:
        if not isinstance(value, kind) or not hasattr(config, "allow_rnn"):
            return ask(self, value)
        with config.patch(allow_rnn=True):
            return ask(self, value)

    builder.wrap_module = wrap_module
