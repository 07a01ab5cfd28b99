"""The table of docs/attacks.md: attacks on the language, what is done about each, and the test that tries it.

`python -m tests.attacks_table` writes it; tests/unit/house/test_attacks.py holds it against this list and the tests.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "attacks.md"
HELD, PARTLY, OPEN, NOT_BUILT = "held off", "partly", "not held off", "not built"
STATES = (HELD, PARTLY, OPEN, NOT_BUILT)
GROUPS = {
    "A": "Tokens and the libraries that read them",
    "B": "Evidence as an EAT (RFC 9711)",
    "C": "Chain, journal, receipts, hosts",
    "D": "The broker",
    "E": "Enrolment, witness, privacy",
}
NUMBERS = {"A": 13, "B": 7, "C": 22, "D": 9, "E": 11}
_HOSTILE = "tests/unit/evidence/test_hostile_tokens.py::"
_TOKEN = "tests/unit/evidence/test_token.py::"
_KEYS = "tests/unit/evidence/test_keys.py::"
_RECEIPT = "tests/unit/evidence/test_receipt.py::"
_EAT = "tests/unit/evidence/test_eat.py::"
_ENROLMENT = "tests/unit/evidence/test_enrolment.py::"
_PEERS = "tests/unit/host/test_token_peers.py::"
_RECEIPTS = "tests/unit/agent/test_receipts.py::"
_ATTESTER = "tests/unit/agent/test_attester.py::"
_JOURNAL = "tests/unit/agent/test_journal.py::"
_INTAKE = "tests/unit/host/intake/test_hostile_tokens.py::"
_REFUSALS = "tests/unit/host/intake/test_refusals.py::"
_HOST_RECEIPTS = "tests/unit/host/intake/test_receipts.py::"
_COMMIT = "tests/unit/host/ledger/test_commit.py::"
_FILE = "tests/unit/host/ledger/test_file.py::"
_ENROLLING = "tests/unit/host/fleet/test_enrolling.py::"
_REGISTRATION = "tests/unit/host/fleet/test_registration.py::"
_POWER = "tests/unit/host/test_power_cuts.py::"
_STANDING = "tests/unit/host/web/test_standing.py::"
_LOCKS = "tests/unit/house/test_locks.py::"
_IMPORTS = "tests/unit/house/test_imports.py::"
_SYS_BROKER = "tests/system/host/test_broker.py::"
_SYS_BROKER_ATTACKS = "tests/system/host/test_broker_attacks.py::"
_SYS_INTAKE = "tests/system/host/test_intake.py::"
_SYS_ENROLMENT = "tests/system/host/test_enrolment.py::"
_TRANSCRIPT = (
    "tests/system/host/test_enrolment_transcript.py::"
    "test_the_document_shows_what_a_running_host_says_to_robots_and_thieves"
)
_DELIVERY = "tests/unit/agent/test_delivery.py::"
_AT_HOST = "tests/unit/agent/test_at_host.py::"
_CUTS = "tests/unit/agent/test_power_cuts.py::"
_FAULTS = "tests/unit/host/ledger/test_faults.py::"
_SUCCESSION = "tests/unit/evidence/test_succession.py::"
_COPIES = "tests/system/integrity/test_copies.py::"
_KEY_CHANGE = "tests/unit/host/fleet/test_host_key_change.py::"
_ERASING = "tests/unit/host/ledger/test_erasing.py::"


class Row(NamedTuple):
    """`attack`: what somebody does, or what fails. `answer`: what is done about it. `left`: what is not, and why."""

    id: str
    attack: str
    answer: str
    tests: tuple[str, ...]
    state: str = HELD
    left: str = ""


ROWS = (
    Row(
        "A1",
        "A robot that wakes up in 2021 refuses every receipt of 2026 for its date",
        "signatures are checked, dates and audiences never",
        (
            _RECEIPTS + "test_no_date_or_audience_in_a_receipt_keeps_a_robot_without_a_clock_from_using_it",
            _POWER + "test_a_receipt_of_2026_drains_the_journal_of_a_robot_that_lives_in_2021",
            _TOKEN + "test_dates_are_never_checked",
        ),
    ),
    Row(
        "A2",
        "A public key of small order, for which anybody can sign",
        "refused at every door, as is a second encoding of a key",
        (
            _KEYS + "test_a_key_for_which_anybody_can_sign_is_taken_by_the_library_and_by_nobody_here",
            _KEYS + "test_all_points_of_small_order_are_refused",
            _KEYS + "test_a_second_encoding_of_a_key_is_refused",
            _REGISTRATION + "test_a_weak_or_odd_public_key_is_refused_and_nothing_is_registered",
            _ENROLMENT + "test_a_weak_key_is_refused_before_its_signature_is_looked_at",
        ),
    ),
    Row(
        "A3",
        "One signature written in many ways: a false fork without any key",
        "one canonical spelling of base64url, the same reader on both sides",
        (
            _HOSTILE + "test_one_signature_has_one_text",
            _INTAKE + "test_a_good_token_written_another_way_makes_no_fork",
            _TOKEN + "test_a_token_altered_in_any_one_byte_is_refused",
        ),
    ),
    Row(
        "A4",
        "A `crit` that one library obeys and another does not know",
        "a header holds exactly `alg`, `typ`, `kid`",
        (_HOSTILE + "test_a_header_that_says_more_is_refused_though_it_is_signed",),
    ),
    Row(
        "A5",
        "100,000 brackets end the reader with the interpreter's own error",
        "depth is bounded; whatever a token does to the reader is counted and the next one gets in",
        (
            _HOSTILE + "test_a_deep_payload_breaks_no_reader_with_little_stack_left",
            _INTAKE + "test_what_would_break_a_ledger_is_counted_and_the_next_robots_evidence_gets_in",
        ),
    ),
    Row(
        "A6",
        "JSON that two readers read differently, or that breaks a database",
        "one strict reader: no doubled key, NaN, huge number, half surrogate, U+0000, other encoding",
        (
            _HOSTILE + "test_json_that_pythons_own_reader_takes_is_refused_though_it_is_signed",
            _HOSTILE + "test_a_header_that_two_readers_could_read_differently_is_refused",
            _HOSTILE + "test_a_payload_in_another_encoding_is_refused",
            _INTAKE + "test_what_would_break_a_ledger_is_counted_and_the_next_robots_evidence_gets_in",
            _INTAKE + "test_integers_that_a_database_cannot_hold_are_kept_as_they_were_said",
            _PEERS + "test_where_a_peer_is_lenient_we_are_not",
        ),
    ),
    Row(
        "A7",
        "`zip` in a signed token, which no library checks alike",
        "the message is compressed, never the token: any JOSE library can check one",
        (
            _HOSTILE + "test_a_payload_that_was_deflated_is_not_inflated",
            _HOSTILE + "test_a_header_that_says_more_is_refused_though_it_is_signed",
            _PEERS + "test_pyjwt_verifies_our_token_and_reads_the_same_claims",
            _PEERS + "test_joserfc_verifies_our_token_and_names_the_key_alike",
        ),
    ),
    Row(
        "A8",
        "200 kB that inflate to 200 MB",
        "inflated up to the limit and not beyond; nothing may stand after the end",
        (
            _HOSTILE + "test_a_bomb_costs_no_more_memory_than_the_largest_message",
            _TOKEN + "test_a_message_that_is_huge_or_no_message_is_refused",
        ),
    ),
    Row(
        "A9",
        "A text of one kind shown as another",
        "each kind has its `typ`, each place takes one",
        (_HOSTILE + "test_a_text_of_one_kind_is_taken_for_no_other",),
    ),
    Row(
        "A10",
        "A token that chooses its own key, by `kid` or by the `ueid` in it",
        "keys are those of the topic's robot; `kid` chooses among them; `ueid` must be that robot's",
        (
            _REFUSALS + "test_a_token_signed_with_another_robots_key_is_refused",
            _REFUSALS + "test_only_the_topics_of_robots_are_some",
            _TOKEN + "test_a_kid_of_ours_over_a_foreign_signature_is_refused",
            _TOKEN + "test_a_header_that_is_not_exactly_ours_is_refused",
        ),
    ),
    Row(
        "A11",
        "A token of 50 MB that takes seconds to decode",
        "length is looked at first",
        (
            _TOKEN + "test_a_message_that_is_huge_or_no_message_is_refused",
            _SYS_BROKER + "test_a_message_of_the_largest_size_gets_through",
        ),
    ),
    Row(
        "A12",
        "`EdDSA` is called `Ed25519` since RFC 9864",
        "the old name stays while PyJWT knows no other; the algorithm comes from the key, not from the name",
        (
            _TOKEN + "test_the_algorithm_comes_from_the_key_and_not_from_the_header",
            _PEERS + "test_pyjwt_verifies_our_token_and_reads_the_same_claims",
        ),
    ),
    Row(
        "A13",
        "The robot's libraries are the last for its Python, and will have holes",
        "only Ed25519 and key files are used of them; `agent.start` tells the versions",
        (
            _IMPORTS + "test_the_robot_uses_a_frozen_library_for_ed25519_and_key_files_only",
            _POWER + "test_the_host_learns_which_python_and_which_library_a_robot_runs",
        ),
        PARTLY,
        "no newer Python is brought along; no rule looks at the versions",
    ),
    Row(
        "B1",
        "A `ueid` that changes with the key, or is no UEID",
        "0x01 and SHA-256 of the first key; kept over rotation, new with a new board",
        (
            _KEYS + "test_a_ueid_is_type_rand_and_a_hash",
            _ENROLLING + "test_a_rotated_key_keeps_the_identity_and_the_old_one_ends",
            _ENROLLING + "test_another_board_under_the_same_name_has_to_be_accepted_again",
        ),
    ),
    Row(
        "B2",
        "A nested token as a bare text",
        "as `submods` of RFC 9711",
        (_EAT + "test_a_statement_of_a_witness_is_a_nested_token",),
    ),
    Row(
        "B3",
        "A map of hashes called `measurements`, which is something else",
        "a claim of our own, `hashes`",
        (_EAT + "test_evidence_holds_exactly_these_claims",),
    ),
    Row(
        "B4",
        "`swversion` as a text, `iat` as a float",
        "an array beside `swname`; whole seconds",
        (
            _EAT + "test_each_claim_of_the_standard_has_its_form",
            _TOKEN + "test_a_claim_that_is_missing_or_wrong_is_refused",
        ),
    ),
    Row(
        "B5",
        "Own names for what the standard names: boot, nonce",
        "`bootseed`, `eat_nonce`; `nonce` only in a receipt, which is no EAT",
        (
            _EAT + "test_each_claim_of_the_standard_has_its_form",
            _EAT + "test_a_receipt_and_a_proof_are_plain_jwts_of_their_own_types",
        ),
    ),
    Row(
        "B6",
        "Receipts and proofs passed off as EATs",
        "plain JWTs with types of their own",
        (
            _EAT + "test_a_receipt_and_a_proof_are_plain_jwts_of_their_own_types",
            _HOSTILE + "test_a_text_of_one_kind_is_taken_for_no_other",
        ),
    ),
    Row(
        "B7",
        "A tag URI in a name that nobody holds",
        "parses as RFC 4151 wants",
        (_EAT + "test_the_profile_is_a_tag_uri",),
        OPEN,
        "`wachhund` is no domain that anybody owns: to be replaced once, before the first release",
    ),
    Row(
        "C1",
        "An old receipt, played again after the journal was lost, deletes what was never sent",
        "a receipt answers a token of this very connection, none older than the last that was answered, and names "
        "chain and head",
        (
            _RECEIPTS + "test_old_receipts_played_again_after_the_journal_was_lost_delete_nothing",
            _RECEIPTS + "test_a_receipt_that_answers_no_token_of_this_connection_does_nothing",
            _RECEIPTS + "test_an_old_receipt_for_a_token_that_went_again_does_nothing_once_a_newer_one_came",
        ),
    ),
    Row(
        "C2",
        "Root on the robot empties the witness's memory",
        "only a confirmation that the host signed does",
        ("tests/unit/host/witness/test_attacks.py::test_forged_and_replayed_confirmations_empty_nothing",),
    ),
    Row(
        "C3",
        "A lost journal makes a robot unusable for ever, or is forgotten",
        "a new chain, whose first token says why; shown until an operator acknowledges it",
        (
            _COPIES + "test_a_journal_that_was_deleted_is_told_as_that",
            _FAULTS + "test_a_fault_stays_through_good_evidence_and_a_restart_until_it_is_acknowledged",
            _FAULTS + "test_what_a_new_chain_means_is_told_by_its_first_token_and_by_the_ledger",
            _FAULTS + "test_a_lost_journal_is_told_once_also_where_the_new_chain_left_its_first_numbers_out",
            _RECEIPTS + "test_a_number_beyond_our_own_begins_a_new_chain",
        ),
    ),
    Row(
        "C4",
        "A host restored from a backup accuses its robots of gaps",
        "receipts go back, robots send again what they still hold, and show the host its own receipt for the rest",
        (
            "tests/system/host/test_backup.py::test_a_restored_host_gets_back_what_its_robots_still_hold",
            "tests/system/host/test_backup.py::test_what_a_restored_host_lost_and_its_robot_no_longer_holds_is_stated",
            _DELIVERY + "test_a_restored_host_is_sent_what_it_lost",
            _DELIVERY + "test_a_restored_host_that_lost_only_what_lay_beyond_a_hole_is_noticed",
            _FAULTS + "test_evidence_that_the_host_had_receipted_and_lacks_was_lost_by_the_host",
            _FAULTS + "test_what_the_robot_states_as_gone_but_the_host_had_receipted_is_not_held_against_the_robot",
        ),
    ),
    Row(
        "C5",
        "A receipt for what a power cut of the host takes back",
        "receipts follow a commit that was synced (`synchronous=FULL`)",
        (
            _FILE + "test_a_commit_is_synced_to_disk",
            _SYS_INTAKE + "test_whatever_was_receipted_is_there_after_a_kill_in_the_middle_of_commits",
            _HOST_RECEIPTS + "test_what_the_ledger_did_not_take_is_not_receipted",
        ),
    ),
    Row(
        "C6",
        "A power cut of the robot makes it sign one number twice",
        "synced before it leaves; 64 numbers and more are skipped, and stated, after an unclean stop",
        (
            _CUTS + "test_nothing_that_a_power_cut_may_leave_of_a_journal_loses_anything_unstated",
            _CUTS + "test_a_power_cut_after_a_power_cut_loses_nothing_either",
            _JOURNAL + "test_a_lost_end_skips_as_many_numbers_as_may_have_lain_there",
            _JOURNAL + "test_whatever_pages_are_damaged_no_number_is_used_again_and_what_is_gone_is_stated",
            "tests/system/delivery/test_kills.py::"
            "test_everything_synced_is_in_the_ledger_once_after_kills_of_agent_broker_and_host",
        ),
        HELD,
        "a card that loses more than 64 tokens that it acknowledged as synced, unnoticed, can still make a fork",
    ),
    Row(
        "C7",
        "A backlog after a month is called broken for its old nonces",
        "a nonce is a bracket of time; the newest token decides freshness",
        (
            "tests/system/delivery/test_backlog.py::"
            "test_a_robot_that_was_off_for_a_month_comes_back_by_itself_and_is_verified",
            _INTAKE + "test_a_backlog_of_a_month_is_no_fault_and_the_newest_token_decides_freshness",
            _HOST_RECEIPTS + "test_evidence_with_an_old_nonce_is_kept_and_is_not_fresh",
        ),
    ),
    Row(
        "C8",
        "The alarm waits behind a month's backlog",
        "the newest leave first, then the backlog; any order is taken, and receipts name ranges",
        (
            "tests/system/delivery/test_backlog.py::"
            "test_a_backlog_of_thousands_does_not_delay_an_alarm_and_drains_whole_each_once",
            _DELIVERY + "test_with_a_backlog_the_newest_leave_first_and_then_the_oldest",
            _DELIVERY + "test_what_is_made_while_a_backlog_leaves_does_not_wait_for_it",
            _DELIVERY + "test_what_the_host_holds_beyond_a_hole_frees_the_window",
            _HOST_RECEIPTS + "test_a_receipt_names_what_is_held_beyond_a_hole",
        ),
    ),
    Row(
        "C9",
        "A lost message is a hole, and nobody says who sends again",
        "sent again after 30 s (doubling to 5 min) and at each connect; a hole is a gap after 10 min; a stated one is "
        "filled, and what nothing can fill is stated",
        (
            _DELIVERY + "test_what_gets_no_receipt_goes_again_more_and_more_rarely",
            _DELIVERY + "test_whatever_is_lost_cut_restored_or_restarted_all_of_it_arrives",
            _DELIVERY + "test_a_hole_that_nothing_explains_is_stated_even_if_the_token_that_said_so_is_gone",
            _COMMIT + "test_a_hole_is_overdue_after_ten_minutes_of_fresh_evidence",
            _COMMIT + "test_a_stated_gap_counts_as_filled",
        ),
    ),
    Row(
        "C10",
        "A token that nobody takes blocks all behind it",
        "the robot reads each token of its own as the host would; the broker takes more than the largest; a later "
        "profile is stored and receipted; what is refused all the same gives way, and is stated at last",
        (
            _ATTESTER + "test_what_no_host_could_read_is_never_queued_but_said",
            _ATTESTER + "test_a_storm_is_cut_into_tokens_that_a_host_takes",
            _SYS_BROKER + "test_a_message_of_the_largest_size_gets_through",
            _REFUSALS + "test_a_token_of_a_later_profile_is_stored_and_receipted_as_newer_than_this_host",
            _DELIVERY + "test_a_token_that_the_host_never_takes_gives_way_and_is_stated_at_last",
            _DELIVERY + "test_a_host_that_says_nothing_makes_nobody_give_up",
        ),
    ),
    Row(
        "C11",
        "Nonces are lost at a restart, or unknown to another worker",
        "a nonce checks itself (time and HMAC); no table",
        (
            _INTAKE + "test_a_host_that_was_started_again_knows_its_nonces",
            _RECEIPT + "test_a_nonce_of_another_host_robot_or_making_is_refused",
        ),
    ),
    Row(
        "C12",
        "A copied key goes on elsewhere while the original is stopped",
        "two copies that both speak are seen, also when they never sign one number twice",
        (
            _COPIES + "test_a_stolen_key_beside_its_robot_is_noticed_within_15_s_and_both_are_shown",
            _FAULTS + "test_a_chain_that_goes_on_after_the_next_one_began_shows_a_second_signer",
        ),
        OPEN,
        "one copy alone can't be told from the robot: the board has no root of trust",
    ),
    Row(
        "C13",
        "Root deletes or rewrites what had not left the robot",
        "what was receipted before stands",
        (_COMMIT + "test_evidence_cannot_be_changed_or_deleted",),
        OPEN,
        "the last second, and while offline the whole journal, are root's",
    ),
    Row(
        "C14",
        "An image with a key in it, or one robot's card in two",
        "the key is made at enrolment, on the robot; a key enrols once in its life; two that speak are seen, and so is "
        "a card that was put back",
        (
            "tests/unit/host/ledger/test_roll.py::test_a_key_enrols_once_in_its_life",
            _COPIES + "test_a_stolen_key_beside_its_robot_is_noticed_within_15_s_and_both_are_shown",
            _COPIES + "test_a_memory_card_of_yesterday_is_told_as_that_in_plain_words",
            _COPIES + "test_a_copy_that_was_taken_while_the_robot_ran_is_told_as_rollback_too",
        ),
        HELD,
        "a copy of less than 64 numbers before, put back as after a power cut, is only a remark",
    ),
    Row(
        "C15",
        "A clone is quicker: the robot's own token is the fork, and it can never drop what it holds",
        "a foreign `head` begins a new chain, in which its observations are signed again; beyond a hole it believes "
        "only what was on its way; what follows a token that never came is told by its link",
        (
            _RECEIPTS + "test_a_foreign_head_begins_a_new_chain_and_receipts_nothing",
            _RECEIPTS + "test_a_range_beyond_our_own_numbers_begins_a_new_chain",
            _ATTESTER + "test_a_new_chain_says_why_and_signs_again_what_was_not_receipted",
            _AT_HOST + "test_what_a_receipt_says_beyond_what_was_on_its_way_is_not_believed",
            _SYS_INTAKE + "test_a_rewound_journal_is_a_fork_that_the_robot_can_read_from_its_receipt",
            "tests/unit/host/ledger/test_broken_links.py::test_a_rival_that_never_comes_leaves_a_broken_link",
        ),
    ),
    Row(
        "C16",
        "`broken` goes away with the next good token, or comes from a stranger's junk",
        "a fault stays until an operator acknowledges it; what is refused is counted and touches no robot's state",
        (
            _FAULTS + "test_a_fault_stays_through_good_evidence_and_a_restart_until_it_is_acknowledged",
            _FAULTS + "test_nothing_that_is_refused_touches_a_robots_state",
            _FAULTS + "test_nothing_undoes_an_acknowledgement_or_a_fault",
            _SYS_INTAKE + "test_lies_and_rubbish_leave_the_good_ones_around_them_in",
        ),
    ),
    Row(
        "C17",
        "A host's dead worker leaves its robots green",
        "presence is computed when it is asked for, from stored facts",
        (
            _STANDING + "test_presence_follows_from_stored_facts_and_the_clock",
            _INTAKE + "test_a_broker_that_delays_drops_replays_and_reorders_changes_no_word_and_is_seen",
        ),
    ),
    Row(
        "C18",
        "A stolen host key can't be replaced without a visit to each robot",
        "the old key vouches for the next; after a theft the recovery key does, which lies offline and outranks it",
        (
            "tests/system/integrity/test_host_key.py::test_robots_follow_a_rotated_key_and_come_back_after_a_theft",
            _SUCCESSION + "test_the_recovery_key_outranks_whatever_a_thief_of_the_host_key_has_made",
            _SUCCESSION + "test_an_old_statement_of_the_recovery_key_brings_no_stolen_key_back",
            _KEY_CHANGE + "test_a_power_cut_between_any_two_steps_leaves_a_host_that_robots_believe",
            _RECEIPTS + "test_a_new_host_key_in_a_receipt_of_another_connection_is_not_believed",
        ),
        HELD,
        "robots that enrolled before there was a recovery key; a thief of the whole data folder is that host",
    ),
    Row(
        "C19",
        "Two hosts believe that they have the same robot",
        "a robot has one host; another one's receipts and tokens count nothing; a new configuration needs a person and "
        "is told",
        (
            _RECEIPTS + "test_what_is_no_receipt_of_our_host_is_counted_and_nothing_else",
            _ENROLLING + "test_a_token_of_another_host_says_nothing_here",
            "tests/system/delivery/test_own_files.py::test_a_change_to_the_running_agent_is_told_and_nothing_of_its_key",
            _TRANSCRIPT,
        ),
        PARTLY,
        "the chain goes on at the new host, for which its earlier numbers are a gap",
    ),
    Row(
        "C20",
        "A fork bomb while offline pushes the interesting evidence out; others fill the disk",
        "bounded journal, an eighth of it kept for what is of interest, every loss stated; on a short disk only what "
        "is receipted goes",
        (
            _JOURNAL + "test_when_it_is_full_noise_goes_before_what_is_of_interest_and_every_loss_is_stated",
            _JOURNAL + "test_a_disk_that_others_fill_takes_what_is_receipted_and_nothing_else",
            _JOURNAL + "test_on_a_full_disk_the_journal_lives_on_its_own_room",
        ),
    ),
    Row(
        "C21",
        "Every robot is red at each start: no clock, battery pulled",
        "a clock step and the skip after an unclean stop are facts, not faults",
        (
            _POWER + "test_a_robot_that_wakes_in_2021_and_loses_its_power_again_and_again_is_not_broken",
            _FAULTS + "test_a_boot_a_clock_step_and_the_skip_after_an_unclean_stop_are_no_faults",
        ),
    ),
    Row(
        "C22",
        "The journal wears the card out",
        "append-only segments, one sync a token, at most one token a second while nothing of interest happens; "
        "`written_bytes` in each heartbeat",
        (),
        PARTLY,
        "wear is measured (tests/bench/wear.py), not tested: how long a card lives on it only a card can tell",
    ),
    Row(
        "D1",
        "Any robot throws the host off the broker, by its client id",
        "client ids are random and secret, the host's new at each start; sessions are clean",
        (
            _REGISTRATION + "test_no_two_robots_share_a_secret",
            _SYS_BROKER_ATTACKS + "test_the_hosts_session_is_out_of_reach_even_for_who_knows_its_client_id",
            _SYS_BROKER_ATTACKS + "test_who_takes_anothers_client_id_is_cut_off_at_once_and_the_other_is_back",
        ),
    ),
    Row(
        "D2",
        "The broker acknowledges what it throws away",
        "an acknowledgement of the broker proves nothing, only a receipt does",
        (
            _SYS_BROKER + "test_a_robot_publishes_as_itself_only",
            _RECEIPTS + "test_what_gets_no_receipt_is_sent_again_more_and_more_rarely",
        ),
    ),
    Row(
        "D3",
        "A robot whose id is `*`",
        "ids are made by the host, ten letters and digits",
        (
            _REGISTRATION + "test_a_robot_id_can_never_be_a_wildcard_or_a_level_of_a_topic",
            _REFUSALS + "test_only_the_topics_of_robots_are_some",
        ),
    ),
    Row(
        "D4",
        "A robot publishes on a topic that is not its own, or on its own receipts",
        "exactly three topics",
        (
            _SYS_BROKER + "test_a_robot_publishes_as_itself_only",
            _SYS_BROKER + "test_a_robot_reads_its_own_receipts_and_nothing_else",
            _REGISTRATION + "test_each_robot_may_publish_and_read_exactly_its_own_topics",
            _SYS_BROKER_ATTACKS + "test_a_robot_does_nothing_elsewhere_with_its_own_account",
            _SYS_BROKER_ATTACKS + "test_a_last_will_goes_no_further_than_its_robots_own_topics",
        ),
    ),
    Row(
        "D5",
        "Retained evidence comes again at each start of the host",
        "duplicates are normal and no sign of life; the status topic is a hint",
        (
            _COMMIT + "test_a_duplicate_is_answered_and_stored_once",
            _COMMIT + "test_a_replayed_token_is_no_sign_of_life",
        ),
    ),
    Row(
        "D6",
        "The host is down and the broker's disk fills up",
        "clean sessions; the journal is the store",
        (),
        PARTLY,
        "the sessions are clean by how both sides connect; no test fills a broker's disk",
    ),
    Row(
        "D7",
        "Messages come again, late and in another order",
        "any order is taken, once",
        (
            _COMMIT + "test_every_order_of_arrival_ends_in_the_same_ledger",
            _COMMIT + "test_a_duplicate_is_answered_and_stored_once",
        ),
    ),
    Row(
        "D8",
        "One robot floods its host",
        "a quota of tokens and bytes; the excess waits in its journal",
        (
            _SYS_INTAKE + "test_a_flood_waits_in_its_robots_journal_and_costs_nobody_else",
            "tests/unit/host/intake/test_bounds.py::test_one_robot_cannot_fill_the_queue",
        ),
    ),
    Row(
        "D9",
        "Whoever has the broker delays, drops, repeats, reorders, alters",
        "altered ones are refused; the rest shows: in the bracket, as holes, in presence",
        (
            _INTAKE + "test_a_broker_that_delays_drops_replays_and_reorders_changes_no_word_and_is_seen",
            _REFUSALS + "test_a_token_altered_in_any_one_byte_is_refused_and_the_good_ones_around_it_get_in",
            _LOCKS + "test_the_broker_is_none_whose_sessions_can_be_taken_over",
        ),
        PARTLY,
        "reading is not prevented: evidence is signed, not encrypted beyond TLS",
    ),
    Row(
        "E1",
        "A power cut between the host's answer and the robot's disk burns the token",
        "the same key gets the same answer, also after the token's day",
        (
            _SYS_ENROLMENT + "test_a_power_cut_between_the_hosts_answer_and_the_robots_disk_burns_nothing",
            _ENROLLING + "test_asking_again_with_the_same_key_gives_the_same_account",
        ),
    ),
    Row(
        "E2",
        "A token leaks and a thief enrols first",
        "24 h, kept as a hash, a second key is refused and on record; `new` until six words were compared",
        (
            _TRANSCRIPT,
            _SYS_ENROLMENT + "test_a_token_opens_once_and_a_copied_one_tells_both",
            _ENROLLING + "test_neither_token_nor_password_stand_in_the_hosts_folder",
        ),
        HELD,
        "an operator who accepts without comparing lets the thief in",
    ),
    Row(
        "E3",
        "Somebody in between passes proofs or answers on",
        "the token pins the TLS key and the host's key; a proof names its host, an answer its request",
        (
            _SYS_ENROLMENT + "test_who_stands_in_between_gets_neither_proof_nor_robot",
            _ENROLMENT + "test_a_proof_binds_key_invitation_and_host",
            _ENROLMENT + "test_an_answer_is_taken_only_from_the_pinned_host_and_only_to_ones_own_request",
        ),
    ),
    Row(
        "E4",
        "A wrong clock locks a robot out by TLS",
        "authority and name are checked, dates are not",
        ("tests/unit/host/fleet/test_authority.py::test_a_robot_without_a_clock_gets_in_and_a_strict_client_does_not",),
    ),
    Row(
        "E5",
        "Root reads the witness's key through its USB prompt",
        "a bare serial line; no USB to the Pi, and a reset instead of a prompt",
        (),
        OPEN,
        "no test can see how a board is wired: docs/witness.md says how",
    ),
    Row(
        "E6",
        "Root stops the agent and goes on beating",
        "beats name the newest token: one that never comes contradicts the agent",
        ("tests/unit/host/witness/test_attacks.py::test_beats_that_root_makes_up_name_tokens_that_never_come",),
        PARTLY,
        "who has the robot's key can sign tokens too: beats show that something runs, not that it is honest",
    ),
    Row(
        "E7",
        "The host forges its witness (HS256)",
        "said in docs/witness.md and the threat model",
        (),
        OPEN,
        "host and witness share one key: a statement proves nothing to third parties",
    ),
    Row(
        "E8",
        "Passwords in arguments are signed and kept for a year",
        "taken out by the sensor before anything is stored, counted",
        (
            "tests/system/delivery/test_secrets.py::test_fifty_planted_secrets_are_found_nowhere",
            "tests/unit/agent/sensors/test_redact.py::test_a_secret_is_taken_out_and_counted",
        ),
        HELD,
        "a secret that looks like an ordinary word, in a program that nobody named (`redact` adds options)",
    ),
    Row(
        "E9",
        "Evidence must be erased, and the chain still prove",
        "text and observations go; number, hash, link, who and why stay; what comes again stays erased",
        (
            "tests/system/host/test_keeping.py::test_what_a_person_did_is_erased_everywhere_while_the_host_serves",
            _ERASING + "test_what_is_old_goes_and_its_number_hash_link_and_reason_stay",
            _ERASING + "test_nothing_of_it_is_left_in_the_file",
            _ERASING + "test_evidence_cannot_be_deleted_without_a_trace_that_fits",
            _ERASING + "test_another_token_for_an_erased_number_is_a_fork",
        ),
    ),
    Row(
        "E10",
        "The host rewrites its own past",
        "`wachhund verify` finds what was altered, under the robots' keys",
        (
            "tests/unit/host/audit/test_verifying.py::test_what_was_altered_behind_its_back_is_found",
            "tests/unit/host/audit/test_bundle.py::test_a_dishonest_host_cannot_prove_what_the_robot_did_not_sign",
        ),
        OPEN,
        "a host that leaves a robot's last tokens out, or lies about when they came, is not found out: checkpoints are "
        "not published yet",
    ),
    Row(
        "E11",
        "A revoked robot keeps its account and its open connection",
        "the account goes, the connection is cut, nothing of it is taken or receipted",
        (_SYS_ENROLMENT + "test_from_invitation_to_revocation", _TRANSCRIPT),
        HELD,
        "its later tokens are counted as refused, not kept",
    ),
)


def missing_tests() -> list[str]:
    """Ids in the table for which there is no test."""
    missing = []
    for row in ROWS:
        for test in row.tests:
            path, _, name = test.partition("::")
            file = ROOT / path
            if not file.exists() or f"def {name}(" not in file.read_text(encoding="utf-8"):
                missing.append(f"{row.id}: {test}")
    return missing


def rendered() -> str:
    """The whole document."""
    count = {state: sum(row.state == state for row in ROWS) for state in STATES}
    lines = [
        "# Attacks on the language between robot and host",
        "",
        "What was thought of (and most of it measured) before the language was settled, what is done about it, and the",
        "test that tries it. Made by `python -m tests.attacks_table`; a test fails when it is stale, names a test that",
        "does not exist, or has a row without a test that does not say why. Who can do what is in",
        "[threat-model.md](threat-model.md), the language itself in [protocol.md](protocol.md).",
        "",
        f"{len(ROWS)} rows: " + ", ".join(f"{number} {state}" for state, number in count.items() if number) + ".",
    ]
    for group, title in GROUPS.items():
        lines += ["", f"## {group}. {title}", ""]
        lines += ["| # | attack or fault | what is done | state | shown by | what is left, and why |"]
        lines += ["|---|---|---|---|---|---|"]
        for row in ROWS:
            if row.id[0] == group:
                tests = ", ".join(f"`{test}`" for test in row.tests)
                lines.append(f"| {row.id} | {row.attack} | {row.answer} | {row.state} | {tests} | {row.left} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
