"""What `--data` can be in a bucket: one line for each kind. Imports the standard library alone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bottleneck.data import table_options
from bottleneck.data.kind import SourceSpec
from bottleneck.data.options import IN_ARCHIVES

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESSES: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "bucket": SourceSpec(
            opens="bottleneck.data.bucket:BucketSource",
            about="folder of images in a bucket (s3://BUCKET/PREFIX, gs:// or az://)",
            options=IN_ARCHIVES,
        ),
        "bucket_table": SourceSpec(
            opens="bottleneck.data.bucket_table:BucketTable",
            about=".csv, .tsv or .jsonl table there",
            endings=frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson"}),
            options=table_options.IN_BUCKETS,
        ),
        "bucket_archive": SourceSpec(
            opens="bottleneck.data.bucket_archive:open_archive",
            about=".tar archive there",
            # Packed ones as well, for an error that says what to do.
            endings=frozenset(
                {".tar", ".tgz", ".tbz2", ".txz"}
                | {f".tar.{packed}" for packed in ("gz", "bz2", "xz", "zst")}
            ),
            options=IN_ARCHIVES,
        ),
        "bucket_shards": SourceSpec(
            opens="bottleneck.data.bucket_archive:open_shards",
            about="pattern of .tar archives there",
            endings=frozenset({".tar"}),
            is_pattern=True,
            options=IN_ARCHIVES,
        ),
    }
)
