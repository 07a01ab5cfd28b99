"""The doctor's report, which a robot sends: shown as far as it is one."""

from wachhund.flash.senses_told import lines


def test_each_sense_is_a_line_with_what_would_help_under_it() -> None:
    """The operator reads at once what the robot will not see."""
    report = {
        "profile": "go1",
        "sensors": {
            "tcp": {"state": "event", "why": None, "advice": []},
            "bluetooth": {"state": "blind", "why": "no such\x1b device", "advice": ["fit one"]},
        },
        "unseen": ["what goes to the motor board by serial line"],
    }
    assert list(lines(report)) == [
        "tcp            hears each event",
        "bluetooth      sees nothing: no such\\x1b device",
        "               > fit one",
        "not seen from this board: what goes to the motor board by serial line",
    ]


def test_what_has_another_form_is_left_out() -> None:
    """A report of ten thousand senses is none, either."""
    for report in ({}, {"sensors": 7, "unseen": "x"}, {"sensors": {"tcp": []}, "unseen": {}}):
        assert list(lines(report)) == []
    odd = {"sensors": {"tcp": {"state": ["event"], "why": 7, "advice": "x"}}, "unseen": [7]}
    assert list(lines(odd)) == ["tcp            says nothing", "not seen from this board: "]
    assert len(list(lines({"sensors": {f"s{n}": {} for n in range(10_000)}}))) == 40
