"""What was understood of a source, in words."""

from bottleneck.core.source_words import left_alone_line, source_lines

PLAIN = {"classes": ["cat"], "splits": {"train": 2, "val": 0, "test": 1}, "unlabelled": 0}


def test_columns_are_said_where_they_are_not_called_as_ours():
    columns = {"filename": "image_id", "label": "breed", "split": "val, test"}
    said = source_lines({**PLAIN, "understood": {"columns": columns}})
    assert "columns: image_id is the filename, breed is the label, val, test are the splits" in said
    said = source_lines({**PLAIN, "understood": {"columns": {"filename": "filename"}}})
    assert said == ["1 class (cat); train 2, test 1"]


def test_an_empty_word_for_a_split_is_called_empty():
    said = source_lines({**PLAIN, "understood": {"splits": {"": "train", "Testing": "test"}}})
    assert said == ["1 class (cat); train 2 (from empty), test 1 (from Testing)"]


def test_one_image_is_no_images():
    report = {"skipped": {"links": 2}, "understood": {"left_alone": {"@eaDir": 1, "bin": 3}}}
    assert left_alone_line(report) == ["left alone: 1 image in @eaDir, 3 images in bin, 2 links"]
