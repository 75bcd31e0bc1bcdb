"""What is looked into: a live torch module, a loaded model or a folder, behind one protocol."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias, Union

from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.subjects.subject import Subject
from glasscell.inspect.subjects.torch_model import TorchModel
from glasscell.model.model import Model

if TYPE_CHECKING:
    import torch

__all__ = ["Looked", "subject_of"]

Looked: TypeAlias = Union["torch.nn.Module", Model, str, "os.PathLike[str]", Subject]
"""What a measure of a whole model takes: a torch module, what `glasscell.load` gave, a folder that
`glasscell.save` wrote, or what `subject_of` gave of one of these."""


def subject_of(model: Looked) -> Subject:
    """Give what measures need of a model.

    Args:
        model: any of `Looked`. A folder is read once, here: to take several measures of one, ask
            for its subject first and hand that on.

    Raises:
        FileNotFoundError, WeightFormatError: as `glasscell.load`.
        DataError: a saved model without a recurrent layer.
        TypeError, ValueError, RuntimeError: as `TorchModel`.
    """
    if isinstance(model, str | os.PathLike | Model):
        return SavedModel.read(model)
    if isinstance(model, SavedModel | TorchModel):
        return model
    return TorchModel(model)  # type: ignore[arg-type]
