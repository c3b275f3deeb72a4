"""The limit on open files."""

import resource

from multifleet.api.limits import FILES_WANTED, Limits, raise_file_limit


def test_the_soft_limit_on_open_files_is_lifted_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        expected = FILES_WANTED if before[1] == resource.RLIM_INFINITY else min(before[1], FILES_WANTED)
        assert raise_file_limit() == expected == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raise_file_limit() == expected
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_what_is_late_is_closed_within_ten_and_thirty_seconds() -> None:
    limits = Limits()
    assert limits.head_seconds < 10 and limits.body_seconds < 30 and limits.idle_seconds == 45
