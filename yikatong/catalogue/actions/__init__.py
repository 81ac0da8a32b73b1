"""清单: what loads a county's pack, and what carries an officer's own item."""

from yikatong.catalogue.actions.define import (
    confirm,
    define,
    drop_definition,
    give_back,
    redefine,
    retire,
    revise,
    tried,
)
from yikatong.catalogue.actions.force import load_catalogue, put_in_force

__all__ = [
    "confirm",
    "define",
    "drop_definition",
    "give_back",
    "load_catalogue",
    "put_in_force",
    "redefine",
    "retire",
    "revise",
    "tried",
]
