"""Every promise of README's section "Nothing lost" has its tests; here is which."""

import re

import pytest
from conftest import ROOT

# The first words of a promise -> the tests of it.
TESTS = {
    "A run killed at any moment": [
        "test_kills.py::test_killed_at_any_moment_and_started_again",
        "test_training.py::test_loss_falls_and_a_resumed_run_gives_the_same_bits",
        "test_storage.py::test_a_run_directory_removed_while_it_is_trained",
    ],
    "Files appear whole or not at all": [
        "test_kills.py::test_killed_at_any_moment_and_started_again",
        "test_build_ebb.py::test_an_interrupted_run_leaves_what_was_there",
        "test_storage.py::test_a_full_disk",
        "test_storage.py::test_output_that_may_not_be_written",
        "test_training.py::test_full_disk_keeps_the_checkpoint_before",
    ],
    "A damaged checkpoint is named": [
        "test_training.py::test_damaged_newest_checkpoint_falls_back_and_says_so",
        "test_training.py::test_all_checkpoints_damaged_is_one_sentence",
        "test_records.py::test_a_truncated_shard_is_named_when_opened",
        "test_records.py::test_damaged_data_is_noticed_when_read",
        "test_storage.py::test_damaged_shards_stop_the_command",
    ],
    "A loss that is not finite": [
        "test_training.py::test_loss_that_is_not_finite_stops_with_the_last_good_checkpoint",
        "test_training.py::test_collapse_stops_training",
    ],
    "A level is not continued": [
        "test_training.py::test_other_settings_are_refused_unless_allowed",
        "test_training.py::test_other_data_is_refused",
        "test_training.py::test_second_process_in_a_run_directory_is_refused",
        "test_build_ebb.py::test_two_at_a_time_are_kept_apart",
    ],
}


def test_every_promise_is_here():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^### Nothing lost\n(.*?)^##", readme, re.DOTALL | re.MULTILINE)[1]
    promises = re.findall(r"^- (.*)", section, re.MULTILINE)
    assert len(promises) == len(TESTS)
    for promise, words in zip(promises, TESTS, strict=True):
        assert promise.startswith(words)


@pytest.mark.parametrize("words", TESTS)
def test_its_tests_are_there(words):
    for test in TESTS[words]:
        file, _, function = test.partition("::")
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {function}\(", text, re.MULTILINE), test
