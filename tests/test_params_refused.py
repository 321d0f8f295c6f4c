"""params.yaml is complete and in range, or refused in one line that says where and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.params_text import TEXT, error_of, line_of, with_line_after, with_value, without

EPOCHS = "expected a whole number from 1 to 10000"
COMMON = "train.common."
BAD_VALUES = [
    # key, value, what the message says after file, line and key
    (COMMON + "epochs", "ten", f"{EPOCHS}, found 'ten'"),
    (COMMON + "epochs", "'10'", f"{EPOCHS}, found '10'"),
    (COMMON + "epochs", "10.0", f"{EPOCHS}, found '10.0'"),
    (COMMON + "epochs", "0", f"{EPOCHS}, found '0'"),
    (COMMON + "epochs", "-3", f"{EPOCHS}, found '-3'"),
    (COMMON + "epochs", "10001", f"{EPOCHS}, found '10001'"),
    (COMMON + "epochs", "9" * 30, f"{EPOCHS}, found '{'9' * 30}'"),
    (COMMON + "epochs", "true", f"{EPOCHS}, found 'true'"),
    (COMMON + "epochs", "", f"{EPOCHS}, found nothing"),
    (COMMON + "epochs", "[10]", f"{EPOCHS}, found a list"),
    (COMMON + "epochs", "{n: 10}", f"{EPOCHS}, found a section"),
    (COMMON + "epochs", "010", f"{EPOCHS}, found '010'"),
    (COMMON + "epochs", "1_000", f"{EPOCHS}, found '1_000'"),
    (COMMON + "epochs", "12:30", f"{EPOCHS}, found '12:30'"),
    (COMMON + "epochs", "0x10", f"{EPOCHS}, found '0x10'"),
    (
        COMMON + "epochs",
        "!!python/name:os.system",
        f"{EPOCHS}, found the YAML tag tag:yaml.org,2002:python/name:os.system",
    ),
    (COMMON + "epochs", "!mine 10", f"{EPOCHS}, found the YAML tag !mine"),
    (COMMON + "learning_rate", "0", "expected a number above 0 to 1, found '0'"),
    (COMMON + "learning_rate", "fast", "expected a number above 0 to 1, found 'fast'"),
    (COMMON + "learning_rate", ".nan", "expected a number above 0 to 1, found '.nan'"),
    (COMMON + "learning_rate", ".inf", "expected a number above 0 to 1, found '.inf'"),
    (COMMON + "learning_rate", "1e400", "expected a number above 0 to 1, found '1e400'"),
    (COMMON + "learning_rate", "'0.1'", "expected a number above 0 to 1, found '0.1'"),
    (COMMON + "ema_decay", "1", "expected a number from 0 and below 1, found '1'"),
    (COMMON + "dropout", "0.95", "expected a number from 0 to 0.9, found '0.95'"),
    (COMMON + "dropout", "yes", "expected a number from 0 to 0.9, found 'yes'"),
    (COMMON + "kernel", "4", "expected an odd whole number from 1 to 15, found '4'"),
    (COMMON + "stem_stride", "3", "expected 1, 2 or 4, found '3'"),
    (COMMON + "stem_stride", "two", "expected 1, 2 or 4, found 'two'"),
    (COMMON + "start", "Scratch", "expected scratch or parent, found 'Scratch'"),
    (COMMON + "parent_mask", "false", "expected truth, predicted or mixed, found 'false'"),
    (COMMON + "widths", "32", "expected a list of 1 to 8 entries, each a whole number from 1 to 2048, found '32'"),
    (COMMON + "widths", "[]", "expected a list of 1 to 8 entries, each a whole number from 1 to 2048, found 0 entries"),
    (COMMON + "widths", "[32, wide]", "expected a whole number from 1 to 2048, found 'wide'"),
    (COMMON + "widths", "[32, 0]", "expected a whole number from 1 to 2048, found '0'"),
    (COMMON + "widths", "[[32]]", "expected a whole number from 1 to 2048, found a list"),
    (COMMON + "encoder", "", "expected none or the name of an encoder, found nothing"),
    (COMMON + "encoder", "../trunk", "expected none or the name of an encoder, found '../trunk'"),
    (COMMON + "encoder_rate", "-1", "expected a number from 0 to 10, found '-1'"),
    (COMMON + "box_share", "1.5", "expected a number from 0 to 1, found '1.5'"),
    (COMMON + "mask_form", "round", "expected hard or soft, found 'round'"),
    (COMMON + "leaf_loss_weight", "-0.5", "expected a number from 0 to 100, found '-0.5'"),
    (COMMON + "augment.flip", "1.5", "expected a number from 0 to 1, found '1.5'"),
    (COMMON + "crop_side", "4000", "expected at most input_side, 256, found 4000"),
    (COMMON + "warmup_epochs", "9000", "expected at most epochs, "),
    (COMMON + "restarts", "[4, 2]", "expected epochs in rising order, found [4, 2]"),
    (COMMON + "augment.scale_min", "9", "expected at most scale_max, "),
    (COMMON + "augment.blur_sigma_min", "9", "expected at most blur_sigma_max, 1.5, found 9"),
    (COMMON + "calibration.steps", "20", "expected an odd whole number from 3 to 1001, found '20'"),
    (COMMON + "calibration.reach", "-1", "expected a number from 0 to 100, found '-1'"),
    ("train.person", "", "expected a section of keys, or {} for none, found nothing"),
    ("train.person", "{epochs: 0}", None),
    ("train.person", "{augment: {flip: 2}}", None),
    ("train.person", "[]", "expected a section of keys, or {} for none, found a list"),
    ("profile.name", "../x", "expected a plain word of letters, digits and _, found '../x'"),
    ("profile.name", "12", "expected a plain word of letters, digits and _, found '12' (text needs quotes here)"),
    ("profile.name", "on", "expected a plain word of letters, digits and _, found 'on' (text needs quotes here)"),
    ("profile.tree", "deep", "expected cascade or flat, found 'deep'"),
    ("base.seed", "-1", "expected a whole number from 0 to 2147483647, found '-1'"),
    ("base.device", "gpu", "expected auto, cpu or cuda, found 'gpu'"),
    ("base.precision", "16", "expected auto, float32 or bfloat16, found '16'"),
    ("preprocess.source", "web", "expected rendered or folder, found 'web'"),
    ("preprocess.train_ids", "../train_id.txt", "expected a file name below the data folder, without .., found "),
    ("preprocess.train_ids", "/etc/passwd", "expected a file name below the data folder, without .., found "),
    ("preprocess.val_ids", "train_id.txt", "expected another file than preprocess.train_ids, found 'train_id.txt' for"),
    ("preprocess.selection_fraction", "0", "expected a number above 0 and below 0.5, found '0'"),
    ("preprocess.selection_fraction", "0.5", "expected a number above 0 and below 0.5, found '0.5'"),
    ("preprocess.long_side", "31", "expected a whole number from 32 to 4096, or 0 for native size, found '31'"),
    ("preprocess.grayscale.tolerance", "-1", "expected a number from 0 to 64, found '-1'"),
    ("preprocess.grayscale.balanced_share", "1", "expected a number from 0 to 0.9, found '1'"),
    ("preprocess.grayscale.treatment", "remove", "expected keep, drop or balance, found 'remove'"),
    ("zoom.looks", "thrice", "expected never, once or twice, found 'thrice'"),
    ("zoom.threshold", "0", "expected a number above 0 and below 1, found '0'"),
    ("zoom.again_below", "0.9", "expected at most again_above, 0.5, found 0.9"),
    ("evaluate.half", "1", "expected true or false, found '1'"),
    ("evaluate.half", "'true'", "expected true or false, found 'true'"),
    ("evaluate.half", "no", "expected true or false, found 'no'"),
    ("train.upkeep.panels", "-1", "expected a whole number from 0 to 100, found '-1'"),
    ("train.upkeep.prefetch", "0", "expected a whole number from 1 to 64, found '0'"),
    ("visualize.panels", "-1", "expected a whole number from 0 to 100, found '-1'"),
]


@pytest.mark.parametrize(
    ("key", "value", "message"), BAD_VALUES, ids=[f"{key}={value}" for key, value, _ in BAD_VALUES]
)
def test_bad_value_is_named_with_line_key_and_what_was_expected(
    tmp_path: Path, key: str, value: str, message: str | None
) -> None:
    said = error_of(tmp_path, with_value(key, value))
    if message is None:
        assert said.startswith(f"params.yaml:{line_of(key)}: {key}.")
        assert "expected" in said
    else:
        assert said.startswith(f"params.yaml:{line_of(key)}: {key}: {message}")


BAD_STRUCTURES = [
    ("empty", "", "params.yaml:1: expected the sections profile, base and so on, found an empty file"),
    ("comment only", "# nothing\n", "params.yaml:1: expected the sections"),
    ("a list", "- a\n- b\n", "params.yaml:1: expected a section of keys, found a list"),
    ("a word", "hello\n", "params.yaml:1: expected a section of keys, found 'hello'"),
    ("no yaml", "profile: {name: a\nbase: [", "params.yaml:2: expected YAML, found "),
    ("two documents", TEXT + "---\n" + TEXT, f"params.yaml:{TEXT.count(chr(10)) + 1}: expected YAML, found "),
    (
        "undefined alias",
        with_value("base.seed", "*other"),
        f"params.yaml:{line_of('base.seed')}: expected YAML, found ",
    ),
    (
        "not utf-8",
        b"profile: \xff\xfe\n",
        "params.yaml:1: expected UTF-8 text, found other bytes; save the file as UTF-8",
    ),
    ("control character", "profile:\n  name: \x00\n", "params.yaml:2: expected YAML, found the control character 0x0"),
    ("very deep", "[" * 5000, "params.yaml:1: expected YAML, found "),
    (
        "tab before a key",
        with_line_after("base.seed", "\tdevice: cpu"),
        f"params.yaml:{line_of('base.seed') + 1}: expected spaces at the start of the line, found a tab",
    ),
    (
        "tab before a value",
        with_value("base.seed", "\t1"),
        f"params.yaml:{line_of('base.seed')}: ",
    ),
    (
        "unknown section",
        TEXT + "plugins: 1\n",
        f"params.yaml:{TEXT.count(chr(10)) + 1}: plugins: unknown key, expected one of",
    ),
    (
        "misspelt key",
        TEXT.replace("    epochs:", "    epoch:"),
        f"params.yaml:{line_of('train.common.epochs')}: train.common.epoch: unknown key, expected epochs?",
    ),
    (
        "expert of another tree",
        TEXT.replace("  lower_body:", "  hind_legs:"),
        f"params.yaml:{line_of('train.lower_body')}: train.hind_legs: unknown key, expected one of upkeep, common,",
    ),
    (
        "unknown key in an expert",
        with_value("train.body", "{epohs: 3}"),
        f"params.yaml:{line_of('train.body')}: train.body.epohs: unknown key, expected epochs?",
    ),
    (
        "same key twice",
        with_line_after("base.device", "  seed: 2"),
        f"params.yaml:{line_of('base.device') + 1}: base.seed: expected each key once, "
        f"found it on line {line_of('base.seed')} already",
    ),
    (
        "same section twice",
        TEXT + "base: {}\n",
        f"params.yaml:{TEXT.count(chr(10)) + 1}: base: expected each key once, found it on line {line_of('base')} al",
    ),
    (
        "missing key",
        without("train.common.epochs"),
        f"params.yaml:{line_of('train.common')}: train.common.epochs: "
        "expected this key in the section that starts here, found none",
    ),
    (
        "missing expert",
        without("train.body"),
        f"params.yaml:{line_of('train')}: train.body: expected this key in the section that starts here, found none",
    ),
    ("missing section", TEXT[: TEXT.index("visualize:")], "params.yaml:1: visualize: expected this key in the section"),
    (
        "merge key",
        with_value("train.body", "{<<: {epochs: 3}}"),
        f"params.yaml:{line_of('train.body')}: train.body.<<: unk",
    ),
    (
        "list as a key",
        TEXT + "[a, b]: 1\n",
        f"params.yaml:{TEXT.count(chr(10)) + 1}: a list: unknown key, expected one of",
    ),
]


@pytest.mark.parametrize(
    ("content", "message"), [case[1:] for case in BAD_STRUCTURES], ids=[c[0] for c in BAD_STRUCTURES]
)
def test_bad_structure_is_named_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert error_of(tmp_path, content).startswith(message)
