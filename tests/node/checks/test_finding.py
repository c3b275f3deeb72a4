"""Causes and what follows from them."""

from multifleet.errors import StoreUnavailable
from multifleet.node.checks.finding import Level, as_view, fail, of_error, ok, settle, together, warn


def levels(**found: object) -> dict[str, str]:
    return {name: finding.level.value for name, finding in settle(found).items()}  # type: ignore[arg-type]


def test_a_fault_that_follows_from_another_is_a_warning_that_names_it() -> None:
    found = settle({"store": fail("cannot write", "-", "disk"), "disk": fail("full", "free some")})
    assert found["store"].level is Level.WARN
    assert found["store"].says == "cannot write (see disk)"
    assert found["store"].remedy == "mend disk first"
    assert found["disk"].level is Level.FAIL


def test_a_fault_whose_possible_cause_is_well_stands_for_itself() -> None:
    assert levels(store=fail("cannot write", "-", "disk"), disk=ok("fine")) == {"store": "fail", "disk": "ok"}
    assert levels(store=fail("cannot write", "-", "disk"), disk=warn("little", "-")) == {
        "store": "fail",
        "disk": "warn",
    }
    assert levels(store=fail("cannot write", "-", "disk")) == {"store": "fail"}


def test_in_a_row_of_causes_only_the_first_stays_red() -> None:
    found = {"daemon": fail("-", "-", "store"), "store": fail("-", "-", "disk"), "disk": fail("-", "-")}
    assert levels(**found) == {"daemon": "warn", "store": "warn", "disk": "fail"}


def test_the_cause_that_is_named_is_the_first_one() -> None:
    found = {"daemon": fail("-", "-", "disk", "keys"), "disk": fail("-", "-", "keys"), "keys": fail("-", "-")}
    assert settle(found)["daemon"].says == "- (see keys)"


def test_several_answers_are_as_bad_as_the_worst_and_say_only_that() -> None:
    found = together([ok("a"), warn("b", "do b"), fail("c", "do c"), fail("d", "do c")])
    assert (found.level, found.says, found.remedy) == (Level.FAIL, "c; d", "do c")


def test_several_faults_follow_from_another_only_if_each_of_them_does() -> None:
    assert together([fail("a", "-", "disk"), fail("b", "-", "modes")]).follows == {"disk", "modes"}
    assert together([fail("a", "-", "disk"), fail("b", "-")]).follows == frozenset()


def test_an_error_is_told_in_its_own_words() -> None:
    found = of_error(StoreUnavailable("the disk is full: free some space"))
    assert (found.says, found.remedy) == ("the disk is full", "free some space")


def test_a_view_is_one_line_and_only_a_fault_is_not_ok() -> None:
    view = as_view("disk", warn("two\nlines", "-"))
    assert (view.id, view.ok, view.level, view.says) == ("disk", True, "warn", "two lines")
    assert not as_view("disk", fail("x", "-")).ok


def test_what_two_addresses_have_in_common_is_said_once() -> None:
    taken = fail("TCP port 8855 is taken by python (pid 7)", "stop it")
    assert together([taken, taken]).says == taken.says
