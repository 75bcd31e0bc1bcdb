"""Saves and loads runs by the names that models have on a hub, in a folder or on huggingface.co.

The names and arguments are those of `huggingface_hub.ModelHubMixin`; that package is imported only
where something goes over the network.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

from glasscell.errors import DataError
from glasscell.files import draft_folder
from glasscell.model.model import Model
from glasscell.training import run_folder

__all__ = ["OnHub"]

LEFT = (run_folder.CHECKPOINT, run_folder.LOCK)
"""Files of a run that are for going on with its training alone."""


class OnHub(ABC):
    """What is loaded of a run folder, and can be saved and shared as a whole."""

    model: Model

    @classmethod
    @abstractmethod
    def load(cls, run: str | os.PathLike[str]) -> Self:
        """Load a run folder."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        **download: Any,
    ) -> Self:
        """Load a run from a folder, or by its name on huggingface.co.

        Args:
            pretrained_model_name_or_path: A folder, or "owner/name".
            revision: Branch, tag or commit. Default: main.
            **download: ``token``, ``cache_dir``, ``force_download``, ``local_files_only``, as
                `huggingface_hub.snapshot_download` takes them.

        Raises:
            DataError: There is no such folder, or no run in it.
            ModuleNotFoundError: It is no folder, and huggingface_hub is not installed.
        """
        place = Path(pretrained_model_name_or_path)
        if not place.is_dir():
            if str(pretrained_model_name_or_path).count("/") != 1:
                raise DataError(
                    f"expected a run folder or owner/name of a model on huggingface.co, found no "
                    f"folder {str(pretrained_model_name_or_path)!r}"
                )
            name = str(pretrained_model_name_or_path)
            place = Path(_hub().snapshot_download(name, revision=revision, **download))
        return cls.load(place)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **push: Any,
    ) -> str | None:
        """Save the run, with its model card, in a folder of its own.

        Args:
            save_directory: A new folder.
            repo_id: "owner/name" to push to. Default: the name of the folder.
            push_to_hub: Whether to push it as well.
            **push: Further arguments of `push_to_hub`.

        Returns:
            The address of the commit, if it was pushed.

        Raises:
            DataError: The folder exists, or the run is not there any more.
        """
        folder, place = self._folder(), Path(save_directory)
        if os.path.lexists(place):
            raise DataError(f"expected no folder at {place}, found one; choose another name")
        with draft_folder(place) as beside:
            for file in folder.iterdir():
                if file.is_dir():
                    shutil.copytree(file, beside / file.name)
                elif file.name not in LEFT:
                    shutil.copyfile(file, beside / file.name)
        return self.push_to_hub(repo_id or place.name, **push) if push_to_hub else None

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "A run of glasscell",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        **upload: Any,
    ) -> str:
        """Upload the run, with its model card, to huggingface.co.

        Args:
            repo_id: "owner/name"; made if it is not there.
            commit_message: What the commit says.
            private: Whether a new one is private. Default: as the owner has it.
            token: Who uploads. Default: who is logged in.
            branch: Branch to commit to. Default: main.
            **upload: Further arguments of `huggingface_hub.HfApi.upload_folder`.

        Returns:
            The address of the commit.

        Raises:
            ModuleNotFoundError: huggingface_hub is not installed.
        """
        folder, api = self._folder(), _hub().HfApi(token=token)
        name = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        commit = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            commit_message=commit_message,
            revision=branch,
            **{"ignore_patterns": list(LEFT), **upload},
        )
        return str(commit.commit_url)

    def _folder(self) -> Path:
        source = self.model.source
        if source is None or not (source[0] / run_folder.PREPROCESSING).is_file():
            raise DataError(
                "expected the run folder that this was loaded from, found none; save the estimator "
                "with save(folder), and load that"
            )
        return source[0]


def _hub() -> Any:
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        raise ModuleNotFoundError(
            "expected huggingface_hub, which loads and shares models over the network, found none; "
            "pip install huggingface_hub, or give a folder",
            name="huggingface_hub",
        ) from error
    return huggingface_hub
