"""Programs are found as a shell finds them."""

from pathlib import Path

from multifleet.paths import program_on


def test_the_first_folder_with_an_executable_file_of_that_name_counts(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    (first / "claude").mkdir(parents=True)
    for folder, mode in ((second, 0o644), (third, 0o755)):
        folder.mkdir()
        (folder / "claude").write_text("#!/bin/sh\n")
        (folder / "claude").chmod(mode)
    path = f"{tmp_path / 'nowhere'}::{first}:{third}"
    assert program_on(path, "claude") == str(third / "claude")
    assert program_on(str(first), "claude") is None
    assert program_on(None, "sh") in ("/usr/bin/sh", "/bin/sh")
