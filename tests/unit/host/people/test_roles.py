"""Which role may what, to which robots."""

import pytest

from wachhund.people.roles import ALL, Grant, Right, Role, holds, in_group, matches

GROUPS = {"lab": ("go1-*", "b2"), "attic": ("old-*-x",)}


@pytest.mark.parametrize(
    ("pattern", "name", "is_one"),
    [
        ("b2", "b2", True),
        ("b2", "b22", False),
        ("go1-*", "go1-07", True),
        ("go1-*", "xgo1-07", False),
        ("*", "anything", True),
        ("*-x", "old-x", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("old-*-x", "old-7-x", True),
        ("a*b*c", "a-c-b-c", True),
        ("a*b*c", "a-c", False),
        ("go1-?", "go1-7", False),
        ("go1-[0-9]", "go1-7", False),
        ("", "x", False),
    ],
)
def test_only_the_star_is_a_wildcard(pattern: str, name: str, is_one: bool) -> None:
    assert matches(pattern, name) is is_one


def test_a_long_pattern_of_stars_is_answered_at_once() -> None:
    """A pattern that takes for ever would stop every page of every robot."""
    assert not matches("*a" * 60 + "b", "a" * 10_000)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {Right.SEE}),
        (Role.AUDITOR, {Right.SEE, Right.EXPORT, Right.AUDIT}),
        (Role.OPERATOR, {Right.SEE, Right.EXPORT, Right.ACT}),
        (Role.ADMIN, {Right.SEE, Right.EXPORT, Right.ACT, Right.AUDIT, Right.ADMINISTER}),
    ],
)
def test_a_role_for_all_robots_holds_what_is_written_and_no_more(role: Role, rights: set[Right]) -> None:
    held = {right for right in Right if holds([Grant(role)], right, GROUPS, "any")}
    assert held - {Right.ANYBODY, Right.OWN} == rights


def test_who_has_no_role_holds_nothing() -> None:
    assert not any(holds([], right, GROUPS) for right in set(Right) - {Right.ANYBODY, Right.OWN})


def test_an_operator_of_a_group_acts_on_its_robots_and_sees_all() -> None:
    grants = [Grant(Role.OPERATOR, "lab")]
    assert holds(grants, Right.ACT, GROUPS, "go1-07") and holds(grants, Right.ACT, GROUPS)
    assert not holds(grants, Right.ACT, GROUPS, "old-7-x")
    assert holds(grants, Right.SEE, GROUPS, "old-7-x")


@pytest.mark.parametrize("right", [Right.AUDIT, Right.ADMINISTER])
def test_people_settings_and_the_log_are_of_no_group(right: Right) -> None:
    """An admin of one group of robots must not become an admin of people."""
    assert not holds([Grant(Role.ADMIN, "lab")], right, GROUPS)
    assert not holds([Grant(Role.ADMIN, "lab")], right, GROUPS, "go1-07")
    assert holds([Grant(Role.ADMIN)], right, GROUPS)


def test_a_group_that_is_gone_has_no_robots() -> None:
    assert not in_group("gone", "go1-07", GROUPS) and in_group(ALL, "go1-07", {})
    assert not holds([Grant(Role.OPERATOR, "gone")], Right.ACT, GROUPS, "go1-07")
