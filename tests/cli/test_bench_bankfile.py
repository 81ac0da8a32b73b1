"""`bench bankfile` measures what it says: one part, one block, one signature."""

from __future__ import annotations

from pathlib import Path

from yikatong.cli.bench import bankfile
from yikatong.vault.wire import WireKeys


def test_one_part_is_written_signed_and_complete(tmp_path: Path) -> None:
    keys = WireKeys.create()
    envelope = keys.facing(keys.public_hex)
    bankfile._write(bankfile.payouts(2500), envelope, tmp_path)
    (file,) = tmp_path.glob("*.txt")
    sealed = file.read_bytes()
    assert envelope.verify(sealed, file.with_name(f"{file.name}.sig").read_bytes())
    lines = envelope.open(sealed).decode("gb18030").split("\n")
    assert sum(line.startswith("D|") for line in lines) == 2500
    assert lines[-2] == "########"


def test_the_figure_names_its_promise() -> None:
    (figure,) = bankfile.run(400)
    assert figure.target == 12.0
    assert figure.notes["rows_per_second"] > 0
