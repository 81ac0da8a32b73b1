"""The default: one JSON line a message in a file a day, for whatever sends them in this county."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from yikatong.connectors.sms.ports import NotSent, OfficerText

OWNER_ONLY = 0o600


class FileOutbox:
    """Appends to `FOLDER/YYYYMMDD.jsonl`, UTF-8, on disk before it returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: OfficerText) -> None:
        line = {
            "key": message.key,
            "to": list(message.to),
            "text": message.text,
            "at": message.at.isoformat(timespec="seconds"),
        }
        path = self.folder / f"{message.at:%Y%m%d}.jsonl"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(
                os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWNER_ONLY), "r+"
            ) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if any(json.loads(one)["key"] == message.key for one in file if one.strip()):
                    return
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except (OSError, ValueError, KeyError) as error:
            raise NotSent(f"短信没有写入待发文件：{type(error).__name__}") from error
