"""Shards by executors of every kind: the rows, counts and commits of one process; what may fail."""

import errno
import os
import pickle
import platform
import shutil
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from bucket_world import ADDRESS
from world import NumpyEngine, picture, row_of, rows_in, tree

from bottleneck.core.errors import (
    DataError,
    MissingDependencyError,
    NoSpaceError,
    OtherRowsError,
    UnavailableError,
    UsageError,
)
from bottleneck.data.decode import decode
from bottleneck.data.excerpt import Files
from bottleneck.pipeline.extraction import done, sharing, writing
from bottleneck.pipeline.extraction import shard as shards_there
from bottleneck.pipeline.extraction.crew import Crew, crew
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


class Late(Executor):
    """Does nothing before somebody waits; then the youngest task first, each of them `n` times.

    What goes to a task and comes back is pickled, as between processes.
    """

    def __init__(self, n=1):
        self.n, self.tasks, self.n_done = n, [], 0

    def submit(self, fn, *args):
        future = Future()
        self.tasks.append((future, pickle.dumps((fn, args))))
        if len(self.tasks) == 1:
            threading.Timer(0.02, self._do_all).start()
        return future

    def _do_all(self):
        tasks, self.tasks = self.tasks[::-1], []
        for future, task in tasks:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                for _ in range(self.n):
                    fn, args = pickle.loads(task)
                    result = pickle.loads(pickle.dumps(fn(*args)))
                    self.n_done += 1
            except BaseException as error:  # noqa: BLE001 - the caller's, as a process would
                future.set_exception(error)
            else:
                future.set_result(result)


@pytest.fixture
def many(tmp_path):
    """Sixty images of two classes, the last of which has the bytes of the first."""
    root = tmp_path / "many"
    for i in range(59):
        picture(root / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    shutil.copy(root / "dog/00.png", root / "dog/59.png")
    return root


@pytest.fixture
def run(tmp_path, many, numpy_network, later):
    def again(executor=None, *, workers=2, cache=None, **options):
        later()
        options = {"data": str(many), "network": NETWORK, **options}
        given = Crew(hands=executor) if callable(executor) else None
        return extract(
            ExtractOptions(
                cache=cache or tmp_path / "store",
                crew=given or (executor and crew(workers, executor=executor)),
                **options,
            )
        )

    return again


def expected(many):
    """Return what the numpy network computes of each image, by itself."""
    from bottleneck.core.recipe import ImageSpec

    return {
        os.fsencode(path.relative_to(many)): row_of(
            decode(path.read_bytes(), ImageSpec(size=(8, 8)))
        ).tobytes()
        for path in many.rglob("*.png")
    }


def is_whole(store):
    assert verify(store)["damaged"] == []
    return True


@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
@pytest.mark.parametrize(
    "executor",
    [Late, lambda: Late(n=2), lambda: ThreadPoolExecutor(2)],
    ids=["late", "twice", "threads"],
)
def test_the_rows_are_those_of_one_process_bit_for_bit_in_whatever_order_they_come(
    run, many, tmp_path, executor, fmt
):
    report = run(executor(), format=fmt)
    assert (report["computed"], report["pending"], report["unique"]) == (59, 0, 59)
    assert report["workers"] == 2
    assert report["shards"]["n"] > 2
    assert report["shards"]["retried"] == 0
    assert rows_in(tmp_path / "store") == expected(many)
    assert is_whole(tmp_path / "store")


def test_workers_fill_a_store_in_a_bucket(run, many, bucket, elsewhere):
    report = run(Late(), cache=ADDRESS)
    assert (report["computed"], report["pending"]) == (59, 0)
    assert report["workers"] == 2
    elsewhere()
    assert rows_in(ADDRESS) == expected(many)
    assert is_whole(ADDRESS)


def test_with_an_executor_the_rows_are_those_without(run, tmp_path):
    run()
    alone = rows_in(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    run(Late())
    assert rows_in(tmp_path / "store") == alone


def test_without_an_executor_there_are_no_workers(run):
    report = run()
    assert (report["workers"], report["shards"]) == (None, None)


def test_what_is_one_batch_is_computed_here_and_no_executor_is_asked(run, many):
    run(Late())

    def started():
        raise AssertionError("a crew was opened")

    assert run(started)["computed"] == 0
    picture(many / "cat/new.png", 99)
    report = run(started)
    assert (report["computed"], report["shards"]) == (1, None)


def test_the_invalidation_table_holds_with_workers(run, many):
    run(Late())
    for path in many.rglob("*.png"):
        path.touch()
    assert run(Late())["computed"] == 0
    for path in sorted((many / "cat").iterdir()):
        path.rename(path.with_name("renamed" + path.name))
    assert run(Late())["computed"] == 0
    shutil.copytree(many / "cat", many / "dog/copies")
    assert run(Late())["computed"] == 0
    shutil.rmtree(many / "dog/copies")
    assert run(Late())["computed"] == 0
    for i, path in enumerate(sorted((many / "dog").iterdir())[:20]):
        picture(path, 200 + i)
    assert run(Late())["computed"] == 20


def test_an_executor_that_is_given_is_not_shut_down(run):
    with ThreadPoolExecutor(2) as pool:
        run(pool)
        assert pool.submit(int).result() == 0


@pytest.mark.parametrize("source", ["npz", "memory", "tar"])
def test_images_in_memory_and_in_archives_go_to_workers_too(run, many, tmp_path, source):
    import tarfile

    from bottleneck.core.given import Given

    pixels = np.random.default_rng(3).integers(0, 256, (30, 9, 9, 3), np.uint8)
    if source == "npz":
        np.savez(tmp_path / "a.npz", x_train=pixels, y_train=np.arange(30) % 2)
        data = str(tmp_path / "a.npz")
    elif source == "memory":
        data = Given(images=pixels)
    else:
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            archive.add(many, arcname=".")
        data = str(tmp_path / "a.tar")
    report = run(Late(), data=data)
    assert report["pending"] == report["quarantined"] == 0
    if source == "tar":
        assert rows_in(tmp_path / "store") == expected(many)


def test_an_image_that_cannot_be_decoded_or_read_is_set_aside_as_by_one_process(run, many):
    (many / "cat/bad.png").write_bytes(b"no image")
    (many / "cat/void.png").write_bytes(b"")
    report = run(Late())
    assert (report["computed"], report["quarantined"], report["pending"]) == (59, 2, 0)
    assert run(Late())["computed"] == 0


def test_rows_that_do_not_fit_end_the_run_as_in_one_process(run, monkeypatch):
    def too_large(self, images):
        return np.full((len(images), 6), 1e6 if self.calls else 1.0, np.float32) * bool(
            self.calls.append(len(images)) or 1
        )

    monkeypatch.setattr(NumpyEngine, "__call__", too_large)
    with pytest.raises(DataError, match="do not fit float16"):
        run(Late())


def test_where_the_first_batch_has_no_row_that_fits_workers_have_no_canaries(run, monkeypatch):
    monkeypatch.setattr("bottleneck.pipeline.extraction.extraction.MISFIT_SHARE", 1.0)
    called = []

    def small_later(self, images):
        called.append(1)
        value = 1e6 if len(called) == 1 else 1.0
        return np.full((len(images), 6), value, np.float32)

    monkeypatch.setattr(NumpyEngine, "__call__", small_later)
    report = run(Late())
    assert (report["computed"], report["quarantined"]) == (55, 4)


@pytest.mark.parametrize("limit", [1, 10, 30])
def test_a_limit_bounds_what_is_computed_and_the_next_run_goes_on(run, many, tmp_path, limit):
    report = run(Late(), limit=limit)
    assert (report["computed"], report["partial"]) == (limit, True)
    assert run(Late())["computed"] == 59 - limit
    assert rows_in(tmp_path / "store") == expected(many)


def test_when_the_budget_is_spent_nothing_more_is_given_out(run, monkeypatch):
    began = []
    real = shards_there.compute

    def slow(shard):
        began.append(shard.seconds)
        return real(shard)

    monkeypatch.setattr(shards_there, "compute", slow)
    report = run(Late(), budget_s=1e-9)
    assert report["partial"]
    assert began == []


def test_a_budget_goes_to_the_workers_who_end_with_what_they_have_done(run, many, tmp_path):
    class Told(Late):
        def submit(self, fn, shard):
            assert 0 < shard.seconds < 1000
            return super().submit(fn, replace(shard, seconds=0.0))

    report = run(Told(), budget_s=1000.0)
    assert report["partial"]
    assert 0 < report["computed"] < 59
    assert run(Late())["computed"] == 59 - report["computed"]
    assert rows_in(tmp_path / "store") == expected(many)


def test_a_worker_that_computes_other_rows_ends_the_run_and_none_of_them_is_kept(
    run, many, tmp_path, monkeypatch
):
    """The driver's engine is right; what workers open is not."""
    opened = []
    real = NumpyEngine.__init__

    def off(self, batch_size):
        real(self, batch_size)
        opened.append(self)
        self.factor = 1.0 if len(opened) == 1 else 1.5

    monkeypatch.setattr(NumpyEngine, "__init__", off)
    with pytest.raises(OtherRowsError, match="other rows") as told:
        run(Late())
    assert "a worker on" in str(told.value)
    right = expected(many)
    kept = rows_in(tmp_path / "store")
    assert len(kept) == sum(part.rows for part in Store.open(tmp_path / "store").state.parts) == 4
    assert all(right[key] == row for key, row in kept.items())


class Dying(Late):
    """A pool whose worker dies of some images, and takes all that is at work with it.

    As a crew's hands: it is made anew by itself.
    """

    deaths = (BrokenExecutor,)
    number, cores = 2, 1

    def __init__(self, kills=(), n_random=0):
        super().__init__()
        self.kills, self.n_random, self.n_deaths = kills, n_random, 0

    def submit(self, work, shard):
        return super().submit(work, shard)

    def close(self, *, now):
        pass

    def _do_all(self):
        tasks, self.tasks = self.tasks[::-1], []
        is_dead = False
        for future, task in tasks:
            if not future.set_running_or_notify_cancel():
                continue
            fn, (shard,) = pickle.loads(task)
            contents = {shard.samples.read(i).content for i in range(len(shard.samples))}
            if self.n_random and not is_dead:
                self.n_random -= 1
                is_dead = True
            is_dead |= bool(contents & set(self.kills))
            if is_dead:
                self.n_deaths += 1
                future.set_exception(BrokenExecutor("it died"))
                continue
            future.set_result(pickle.loads(pickle.dumps(fn(shard))))


def test_workers_that_die_cost_nothing_but_time(run, many, tmp_path):
    hands = Dying(n_random=3)
    report = run(lambda: hands)
    assert report["computed"] == 59
    assert report["quarantined"] == 0
    assert report["shards"]["retried"] == hands.n_deaths > 2
    assert rows_in(tmp_path / "store") == expected(many)


def test_the_one_image_that_kills_its_worker_is_found_and_set_aside(run, many, tmp_path):
    guilty = many / "cat/37.png"
    hands = Dying(kills=[guilty.read_bytes()])
    report = run(lambda: hands)
    assert (report["computed"], report["quarantined"], report["pending"]) == (58, 1, 0)
    (reason,) = report["set_aside"]
    assert "killed the process" in reason
    (entry,) = Store.open(tmp_path / "store").snapshot().quarantine
    assert entry.key == b"cat/37.png"
    right = expected(many)
    del right[b"cat/37.png"]
    assert rows_in(tmp_path / "store") == right
    # It is not tried for ever; other bytes under its name are.
    assert run(lambda: Dying(kills=[guilty.read_bytes()]))["computed"] == 0
    picture(guilty, 500)
    assert run(lambda: Dying())["computed"] == 1


def test_workers_that_die_of_everything_end_the_run_and_no_image_is_blamed(run, many, tmp_path):
    hands = Dying(kills=[path.read_bytes() for path in many.rglob("*.png")])
    with pytest.raises(NoSpaceError, match="whatever they are given"):
        run(lambda: hands)
    assert Store.open(tmp_path / "store").snapshot().quarantine == ()
    assert run()["pending"] == 0


def test_a_given_executor_that_broke_is_the_callers_to_make_anew(run):
    class Broken(Late):
        def submit(self, fn, *args):
            if self.n_done:
                raise BrokenExecutor("a process died")
            return super().submit(fn, *args)

    with pytest.raises(NoSpaceError, match="takes no more work"):
        run(Broken())
    assert run(Late())["pending"] == 0


def test_an_exception_in_a_worker_is_told_as_it_is_and_what_came_before_is_committed(
    run, tmp_path, monkeypatch
):
    class Failing(Late):
        def submit(self, fn, *args):
            return super().submit(fn if self.n_done < 4 else _fails, *args)

    with pytest.raises(ZeroDivisionError):
        run(Failing())
    assert sum(part.rows for part in Store.open(tmp_path / "store").state.parts) > 4
    assert is_whole(tmp_path / "store")


def _fails(_):
    raise ZeroDivisionError("a bug")


def _lacks(_):
    raise ModuleNotFoundError("No module named 'bottleneck'", name="bottleneck")


def _is_cancelled(_):
    raise ConnectionError("gone")


@pytest.mark.parametrize(
    ("what", "error"), [(_lacks, MissingDependencyError), (_is_cancelled, UnavailableError)]
)
def test_workers_without_the_package_and_clusters_that_go_away_are_one_line(run, what, error):
    class There(Late):
        def submit(self, fn, *args):
            return super().submit(what, *args)

    with pytest.raises(error):
        run(There())


def test_another_version_on_a_worker_is_refused(run, monkeypatch):
    class Older(Late):
        def submit(self, fn, shard):
            return super().submit(fn, replace(shard, version="0.0.1"))

    with pytest.raises(UsageError, match=r"0\.0\.1"):
        run(Older())


@pytest.fixture
def other_store(run, tmp_path):
    """A store of the same recipe and the same rows that is not the one that is filled."""
    run(cache=tmp_path / "other")
    return tmp_path / "other"


def told(**other):
    """Return an executor whose workers are told something else, as if it were so where they are."""

    class Elsewhere(Late):
        def submit(self, fn, shard):
            given = {k: value(shard) if callable(value) else value for k, value in other.items()}
            return super().submit(fn, replace(shard, **given))

    return Elsewhere()


def test_a_worker_that_does_not_see_the_store_ends_the_run_in_a_line(run, tmp_path):
    nowhere = told(store=tmp_path / "nowhere")
    with pytest.raises(UsageError, match=f"does not see the store.*nowhere on {platform.node()}"):
        run(nowhere)
    assert not (tmp_path / "nowhere").exists()


def test_a_worker_with_another_store_under_the_same_path_ends_the_run(run, tmp_path, other_store):
    before = tree(other_store)
    with pytest.raises(UsageError, match="another store"):
        run(told(store=other_store))
    assert tree(other_store) == before
    assert run(Late())["pending"] == 0


def test_what_a_worker_wrote_into_a_copy_of_the_store_is_in_no_commit(
    run, many, tmp_path, monkeypatch
):
    """A copy that is as new as the store itself: only what is missing afterwards tells."""
    monkeypatch.setattr(done, "THERE_S", 0.0)

    def copied(shard):
        if not (tmp_path / "copy").exists():
            shutil.copytree(shard.store, tmp_path / "copy")
        return tmp_path / "copy"

    with pytest.raises(UsageError, match=f"not in the store: parts/.* of {platform.node()}"):
        run(told(store=copied))
    assert is_whole(tmp_path / "store")
    assert len(rows_in(tmp_path / "store")) == 4
    assert run(Late())["pending"] == 0
    assert rows_in(tmp_path / "store") == expected(many)


def test_a_commit_that_gc_took_away_is_no_other_store(run, many, tmp_path):
    def later(shard):
        store = Store.open(shard.store)
        rows = np.zeros((1, *store.recipe.rows.shape), store.recipe.rows.dtype)
        part = store.write_part(np.zeros((1, 32), np.uint8), rows, {})
        store.commit([store.add_part(part)], "x")
        (tmp_path / f"store/log/{shard.commit[0]:08d}.json").unlink(missing_ok=True)
        return shard.store

    assert run(told(store=later))["pending"] == 0


def test_images_that_were_replaced_meanwhile_are_seen_all_the_same():
    class Replaced:
        def __len__(self):
            return 3

        def read(self, index):
            raise OSError(errno.EAGAIN, "changed after it was listed", f"{index}.png")

    shards_there._require_images(Replaced())


def test_a_worker_that_does_not_see_the_images_sets_none_aside(run, tmp_path):
    nothing = Files([os.fsencode(tmp_path / "gone.png")] * 60)
    blind = told(probes=lambda shard: replace(shard.probes, samples=nothing), samples=nothing)
    with pytest.raises(UsageError, match=r"does not see the images.*No such file"):
        run(blind)
    report = run(Late())
    assert (report["pending"], report["quarantined"]) == (0, 0)


def test_an_error_of_a_workers_disk_names_the_machine(run, tmp_path):
    class Full(Late):
        def submit(self, fn, shard):
            return super().submit(_full, shard)

    with pytest.raises(OSError, match="No space") as error:
        run(Full())
    assert error.value.filename == f"/there on {platform.node()}"


def _full(shard):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write_part", _no_space)
        return shards_there.compute(shard)


def _no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "/there")


def test_after_an_interrupt_what_was_published_is_committed(run, many, tmp_path, monkeypatch):
    from bottleneck.pipeline.extraction import shards

    waits = []
    real = shards.wait

    def interrupted(futures, **how):
        waits.append(1)
        real(futures, timeout=10.0)
        if len(waits) == 2:
            raise KeyboardInterrupt
        return real(futures, **how)

    monkeypatch.setattr(shards, "wait", interrupted)
    late = Late()
    with pytest.raises(KeyboardInterrupt):
        run(late)
    monkeypatch.undo()
    store = Store.open(tmp_path / "store")
    assert sum(part.rows for part in store.state.parts) == len(rows_in(tmp_path / "store"))
    names = {part.name for part in store.state.parts}
    assert {path.name for path in (tmp_path / "store/parts").iterdir()} == names


def test_parts_that_nobody_committed_are_computed_again_and_go_with_gc(run, many, tmp_path):
    """As when the driver is killed between a worker's publishing and its own commit."""
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.upkeep.upkeep import gc

    class KilledError(BaseException):
        pass

    def killed(*_, **__):
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Extraction, "adopt", killed)
        with pytest.raises(KilledError):
            run(Late())
    n = len(rows_in(tmp_path / "store"))
    assert n == 4
    assert run(Late())["computed"] == 59 - n
    assert rows_in(tmp_path / "store") == expected(many)
    named = {part.name for part in Store.open(tmp_path / "store").state.parts}
    old = [p for p in (tmp_path / "store/parts").iterdir() if p.name not in named]
    assert old
    for path in (tmp_path / "store").rglob("*"):
        os.utime(path, (0, 0))
    gc(tmp_path / "store", grace_s=0.0)
    assert {p.name for p in (tmp_path / "store/parts").iterdir()} <= named | {
        part.name for part in Store.open(tmp_path / "store").state.parts
    }


def test_commits_come_as_shards_do_and_not_at_the_end(run, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    commits = []

    class Watching(Late):
        def submit(self, fn, *args):
            commits.append(Store.open(tmp_path / "store").state.number)
            return super().submit(fn, *args)

    run(Watching())
    assert len(set(commits)) > 2


# --- how the work is shared -------------------------------------------------------------------


def test_a_share_takes_its_time_holds_a_part_and_gets_smaller_at_the_end():
    work = sharing.Sharing(batch=10, most=1000, n_workers=2)
    work.add(range(10_000))
    assert len(work.next(1e9, is_idle=True).positions) == 20  # nobody knows how long they take
    work.rate = 30.0
    assert len(work.next(1e9, is_idle=True).positions) == 600
    work.rate = 1e6
    assert len(work.next(1e9, is_idle=True).positions) == 1000
    assert len(work.next(7, is_idle=True).positions) == 7
    sizes = []
    while (share := work.next(1e9, is_idle=True)) is not None:
        sizes.append(len(share.positions))
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 10_000 - 20 - 600 - 1000 - 7
    assert max(sizes[-4:]) == 10


def test_a_suspect_waits_until_nothing_else_is_at_work():
    work = sharing.Sharing(batch=2, most=100, n_workers=1)
    work.add(range(4))
    share = work.next(1e9, is_idle=True)
    work.died(share)
    share = work.next(1e9, is_idle=False)
    assert share.positions == [0, 1]
    work.died(share)
    other = work.next(1e9, is_idle=False)
    assert other.positions == [2, 3]
    assert work.next(1e9, is_idle=False) is None
    assert work.next(1e9, is_idle=True).positions == [0, 1]


# --- what is asked for -----------------------------------------------------------------------


@pytest.mark.parametrize("address", ["http://a:1", "dask:a", "dask://", "localhost:8786", ""])
def test_what_is_no_address_of_a_cluster_is_refused(address):
    with pytest.raises(UsageError, match="no address of a cluster"):
        crew(cluster=address)


@pytest.mark.parametrize("address", ["dask://h:1", "ray://auto"])
def test_a_cluster_whose_package_is_not_installed_names_the_extra(address, monkeypatch):
    monkeypatch.setattr("bottleneck.pipeline.extraction.crew.is_here", lambda _: False)
    with pytest.raises(MissingDependencyError, match=r"bottleneck-cache\[(dask|ray)\]"):
        crew(cluster=address)


def test_two_of_them_at_once_are_refused():
    with pytest.raises(UsageError, match="were given"):
        crew(2, "dask://h:1")
    with pytest.raises(UsageError, match="were given"):
        crew(None, "dask://h:1", Late())
    assert crew() is None


def test_what_is_committed_need_not_be_remembered(run, monkeypatch):
    """A driver of millions of images holds the digests of those that no commit has yet."""
    from bottleneck.pipeline.extraction import shards

    held, taken = [], shards._Work._taken

    def counted(work, share, done):
        found = taken(work, share, done)
        held.append(len(work.shards.expected))
        return found

    monkeypatch.setattr(shards._Work, "_taken", counted)
    monkeypatch.setattr(writing, "PARTS_EVERY_S", 0.0)
    monkeypatch.setattr(sharing, "FIRST_BATCHES", 1)
    monkeypatch.setattr(sharing, "TARGET_S", 0.0)
    assert run(Late(), workers=1)["computed"] == 59
    assert len(held) > 4
    assert max(held) < 59 - 4
