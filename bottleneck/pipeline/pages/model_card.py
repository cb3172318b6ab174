"""The model card of a run (Mitchell et al. 2019, "Model Cards for Model Reporting").

What it is, how good it is, of which data and by which recipe, what it is not good for, and the
commands that make it again: Markdown, for whoever is handed the folder. Names come from strangers,
so nothing in them is Markdown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bottleneck.core.figures import FEW as FEW_LABELS
from bottleneck.core.figures import MAIN, spelled
from bottleneck.core.figures import WORDS as NAMES
from bottleneck.core.paths import from_json_text, shown
from bottleneck.core.text import count, printable
from bottleneck.pictures.interval import LEVEL, accuracy_interval
from bottleneck.pipeline.extraction.plan import unique_count
from bottleneck.pipeline.network.recipe_words import recipe_facts, recipe_line
from bottleneck.pipeline.pages.again import extract_command, train_command
from bottleneck.pipeline.pages.decided import in_words
from bottleneck.pipeline.pages.engines import engines
from bottleneck.pipeline.pages.left_out import left_out_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bottleneck.core.sample import Samples
    from bottleneck.store.store import Store

FILE = "README.md"
MOST_NAMES = 30  # of classes, in a sentence
MOST_ROWS = 200  # of a table of classes
FEW = 10  # images that a class is judged by, and its figures say little
SPLITS = {"train": "training", "val": "validation", "test": "test", "folds": "out-of-fold"}
# Not figures of how good it is.
OTHER = {"samples", "seconds", "epochs", "parameters"}
WORDS = {
    "top5": "top-5 accuracy",
    "ece": "calibration error",
    "brier": "Brier score",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
}
BASELINES = {
    "class": "always the commonest class",
    "labels": "macro average precision by chance",
    "numbers": "root mean squared error of always the training mean",
}
# What is known of the weights that a store names; of all others nothing is.
LICENCES = {
    "imagenet": "The network's weights were learned from ImageNet, whose terms allow its pictures "
    "for non-commercial research and education; under which licence the weights themselves are, "
    "their publisher says.",
    "shipped": "The network's weights learned from pictures of ImageNet, whose terms allow those "
    "for non-commercial research and education (mini's card, in bottleneck-cache, names them all).",
    "random": "The network's weights were drawn from a seed: nobody has rights in them.",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#&$@!])")


def model_card(
    *,
    store: Store,
    samples: Samples,
    receipt: Mapping[str, Any],
    figures: Mapping[str, Any],
    asked: Mapping[str, Any],
    head_options: Mapping[str, Any],
    fitted_options: Mapping[str, Any],
    left_out_keys: Mapping[str, Sequence[str]],
    is_seen: bool,
) -> bytes:
    """Return README.md of a run.

    Parameters
    ----------
    receipt, figures : what the run's other files hold
    asked, head_options : what training was asked for, and what the head was told, by name; None is
        not said
    fitted_options : what the head was fitted with, what it chose by itself included
    left_out_keys : reason → the names of what was left out for it, or of the first of them
    is_seen : whether the source was at hand
    """
    lines = [
        f"# {escaped(receipt['head'])} head on {escaped(receipt['source'])}",
        "",
        *_what(store, receipt, figures),
        *_figures(receipt, figures),
        *_data(store, samples, receipt, left_out_keys),
        *_recipe(store, receipt, fitted_options),
        *limits(receipt, figures, is_seen=is_seen),
        *_again(store, receipt, asked, head_options),
    ]
    return ("\n".join(lines) + "\n").encode()


def escaped(text: object) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", printable(str(text)))


def _what(store: Store, receipt: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    targets = receipt.get("targets", {})
    names, kind = targets.get("names", receipt["classes"]), targets.get("kind", "class")
    says = {
        "class": f"Says which of {len(names)} classes an image shows",
        "labels": f"Says which of {len(names)} labels an image has",
        "numbers": f"Says {len(names)} number{'s' if len(names) > 1 else ''} of an image",
    }
    yield f"{says[kind]}: {_listed(names)}."
    yield ""
    yield (
        f"A head of {figures['parameters']:,} fitted numbers behind a frozen network: "
        f"{escaped(recipe_line(store.recipe, store.about))}. Trained on {receipt['time'][:10]} "
        f"by bottleneck-cache {receipt['versions']['bottleneck-cache']}."
    )
    yield from ("", "```sh", "bottleneck predict --run . photos/", "```", "")


def _figures(receipt: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## How good it is", "")
    if not figures["samples"]:
        yield from ("Not known: it was fitted on all images, and none was kept to judge it by.", "")
        return
    split = SPLITS.get(figures["split"], figures["split"])
    yield f"On {count(figures['samples'], f'{split} image')}:"
    yield ""
    words = {**WORDS, "baseline": BASELINES[figures.get("kind", "class")]}
    rows = [
        (words.get(name, name.replace("_", " ")), f"{value:.4f}{_interval(name, receipt, figures)}")
        for name, value in figures.items()
        if type(value) in (int, float)
        and name not in OTHER
        and not (name == "top5" and len(receipt["classes"]) <= 5)  # the right one is among five
    ]
    folds = figures.get("folds")
    if folds:
        for name, found in folds["figures"].items():
            words_of = f"mean {NAMES[name]} of {folds['k']} folds"
            rows.append((words_of, _sure(name, found)))
    yield from _table(("figure", "value"), rows)
    kind = figures.get("kind", "class")
    main = MAIN[kind]
    few = [
        (str(e["labels"] or "all"), f"{e['images']:,}", _sure(main, {**e, "mean": e[main]}))
        for e in figures.get("few_shot") or ()
    ]
    if few:
        yield from _table((FEW_LABELS[kind], "images", NAMES[main]), few)
    yield from _each(figures)


def _sure(name: str, found: Mapping[str, Any]) -> str:
    """Return the mean of a figure, and its interval where it has one; a dash for none."""
    if found["mean"] is None:
        return "-"
    ends = found["interval"]
    sure = ""
    if ends:
        sure = f" ({LEVEL:.0%} interval {spelled(name, ends[0])} to {spelled(name, ends[1])})"
    return f"{spelled(name, found['mean'])}{sure}"


def _each(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of what each class, label or number has for figures."""
    for what, one in (("classes", "class"), ("labels", "label"), ("numbers", "number")):
        each = figures.get(what)
        if not isinstance(each, dict) or not each:
            continue
        columns = [key for key in next(iter(each.values())) if key != "samples"]
        yield from _table(
            (one, "images", *(WORDS.get(key, key.replace("_", " ")) for key in columns)),
            [
                (name, _number(of.get("samples")), *(_number(of.get(key)) for key in columns))
                for name, of in [*each.items()][:MOST_ROWS]
            ],
        )
        if len(each) > MOST_ROWS:
            yield from (f"{len(each) - MOST_ROWS:,} more are in metrics.json.", "")


def _interval(name: str, receipt: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Return how sure a figure is, where that is known."""
    ends = (figures.get("intervals") or {}).get(name)
    if name == "accuracy" and figures["split"] != "folds":  # of folds their mean has one
        ends = accuracy_interval(figures["confusion"], receipt["split"]["seed"])
    if not ends:
        return ""
    return f" ({LEVEL:.0%} interval {spelled(name, ends[0])} to {spelled(name, ends[1])})"


def _data(
    store: Store,
    samples: Samples,
    receipt: Mapping[str, Any],
    left_out_keys: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    split, name = receipt["split"], receipt["source"]
    spec = store.snapshot(name).spec
    where = shown(from_json_text(str(spec["where"])))
    source = name if where == name else f"{name}: {spec['kind']} {where}"
    left_out = left_out_in_words(split["left_out"], left_out_keys)
    yield from ("## Data", "")
    yield from _table(
        ("", ""),
        [
            ("source", source),
            ("images", f"{len(samples):,}, {unique_count(samples):,} different"),
            *(
                (f"{SPLITS[part]} images", f"{number:,}")
                for part, number in split["samples"].items()
            ),
            ("left out", "; ".join(left_out) or "none"),
            *(("decisions", in_words(told)) for told in [receipt.get("decisions")] if told),
            (
                "as it was in",
                f"commit {receipt['store']['commit']}, snapshot {receipt['snapshot']}",
            ),
        ],
    )


def _recipe(store: Store, receipt: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Recipe", "")
    options = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fitted.items())
    yield from _table(
        ("", ""),
        [
            *recipe_facts(store.recipe, store.about).items(),
            ("computed by", "; ".join(engines(store))),
            ("head", f"{receipt['head']}: {options}" if options else receipt["head"]),
            ("versions", ", ".join(f"{k} {v}" for k, v in receipt["versions"].items())),
        ],
    )


def limits(
    receipt: Mapping[str, Any], figures: Mapping[str, Any], *, is_seen: bool
) -> Iterator[str]:
    """Yield the section of what it is not good for, as far as the run itself can tell."""
    yield from ("## Limits", "")
    if receipt["classes"]:
        yield "- It knows these classes alone: an image of anything else gets one of them too."
    yield (
        "- Images unlike those of the source (another camera, other light, other crops) may get "
        "worse answers; nothing here measures that."
    )
    if figures["samples"] and figures["split"] == "folds":
        yield (
            "- There were no test images. The figures are of the heads of the folds, each fitted "
            "to fewer images than this one."
        )
    if figures["samples"] and figures["split"] == "val":
        yield (
            "- There were no test images. The validation images also chose how the head was "
            "fitted, so expect a little less of new ones."
        )
    if not is_seen:
        yield "- The source was not at hand: it was trained on what was recorded of it."
    few = [
        name for name, of in (figures.get("classes") or {}).items() if of.get("samples", FEW) < FEW
    ]
    if figures["samples"] and few:
        yield (
            f"- Fewer than {FEW} images judge each of these classes, so their figures say little: "
            f"{_listed(few)}."
        )
    weights = str(receipt["about"].get("weights")).partition(" ")[0].partition(":")[0]
    yield "- " + LICENCES.get(
        weights, "Under which licence the network's weights are is not known here: ask for it."
    )
    yield ""


def _again(
    store: Store,
    receipt: Mapping[str, Any],
    asked: Mapping[str, Any],
    head_options: Mapping[str, Any],
) -> Iterator[str]:
    cache, source = receipt["store"]["path"], receipt["source"]
    extract = extract_command(store, source, cache)
    yield from ("## Make it again", "")
    if extract is None:
        yield "The images were handed over from Python; with the store at hand:"
    else:
        yield (
            "While the source is what it was. The first command computes nothing where the store "
            "is at hand:"
        )
    said = {**asked, "source": source, "run": None}  # the name is taken
    train = train_command(cache, said, head_options)
    yield from ("", "```sh", *filter(None, (extract, train)), "```")
    if store.recipe.network_version is not None:
        yield from ("", "The network's own code is needed too: `--import MODULE` or `--trust`.")


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > MOST_NAMES else ""
    return ", ".join(map(escaped, names[:MOST_NAMES])) + more


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield f"|{' --- |' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"
    yield ""
