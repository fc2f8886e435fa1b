"""The data folder: ours, private, short enough, one run at a time."""

import os
import stat
from pathlib import Path

import pytest

from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder


class TestDataFolder:
    def test_is_closed_to_everyone_else(self, private_folder: Path) -> None:
        folder = DataFolder(private_folder)
        folder.prepare()
        folder.secret("one")

        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder.path, *folder.path.rglob("*")]}

        assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes

    def test_keeps_a_secret_once_made(self, private_folder: Path) -> None:
        folder = DataFolder(private_folder)
        folder.prepare()

        assert folder.secret("one") == DataFolder(private_folder).secret("one")
        assert folder.secret("one") != folder.secret("two")

    def test_refuses_a_folder_with_other_files(self, private_folder: Path) -> None:
        private_folder.mkdir()
        (private_folder / "thesis.txt").write_text("mine")

        with pytest.raises(StackError, match="not a haas data folder"):
            DataFolder(private_folder).prepare()

    def test_is_not_removed_without_its_marker(self, private_folder: Path) -> None:
        private_folder.mkdir()
        (private_folder / "thesis.txt").write_text("mine")

        with pytest.raises(StackError, match="not removed"):
            DataFolder(private_folder).remove()

        assert (private_folder / "thesis.txt").exists()

    def test_is_not_removed_while_in_use(self, private_folder: Path) -> None:
        folder = DataFolder(private_folder)
        folder.prepare()
        folder.lock()

        with pytest.raises(StackError, match="in use"):
            DataFolder(private_folder).remove()

        folder.unlock()
        DataFolder(private_folder).remove()
        assert not private_folder.exists()

    def test_is_run_by_one_process_and_says_which(self, private_folder: Path) -> None:
        folder = DataFolder(private_folder)
        folder.prepare()
        folder.lock()

        rival = DataFolder(private_folder)
        with pytest.raises(StackError, match=rf"in use by process {os.getpid()}"):
            rival.lock()
        assert rival.holder() == os.getpid()

        folder.unlock()
        assert rival.holder() is None

    def test_takes_a_short_socket_folder_when_its_path_is_long(self, private_folder: Path) -> None:
        long = private_folder / ("x" * 60) / ("y" * 60)
        long.parent.mkdir(parents=True)
        folder = DataFolder(long)
        folder.prepare()

        sockets = folder.socket_folder()

        assert len(str(sockets / ".s.PGSQL.5432")) < 104
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert DataFolder(long).socket_folder() == sockets  # a second start finds the same one
        folder.remove()
        assert not sockets.exists()
