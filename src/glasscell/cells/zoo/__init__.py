"""Cells of other people's papers, each written through the door that is open to everybody.

None of them is known to the rest of glasscell: what runs, trains, traces and saves them is what
runs a cell of your own.
"""

from glasscell.cells.zoo.ealstm import EALSTM
from glasscell.cells.zoo.indrnn import IndRNN
from glasscell.cells.zoo.janet import JANET
from glasscell.cells.zoo.ligru import LiGRU
from glasscell.cells.zoo.mgu import MGU
from glasscell.cells.zoo.mingru import MinGRU
from glasscell.cells.zoo.minlstm import MinLSTM
from glasscell.cells.zoo.sru import SRU

__all__ = ["EALSTM", "JANET", "MGU", "SRU", "IndRNN", "LiGRU", "MinGRU", "MinLSTM"]
