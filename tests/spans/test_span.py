"""`vestige.span` in real programs under `vestige run`: nesting, ways of making threads and processes, figures."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness import recorded
from harness.command import package_parent
from harness.spans import lines, script, tell, variables
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige

MB = 1_000_000


class TestNesting:
    def test_within_each_other(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            with vestige.span("all"):
                with vestige.span("first"):
                    with vestige.span("inner"): pass
                with vestige.span("second"): pass
            """,
        )
        assert told.tree() == {"all": None, "first": "all", "inner": "first", "second": "all"}
        times = {span["name"]: (span["start"], span["end"]) for span in told.spans}
        assert times["all"][0] <= times["first"][0] <= times["inner"][0] <= times["inner"][1] <= times["first"][1]
        assert times["first"][1] <= times["second"][0] <= times["second"][1] <= times["all"][1]
        assert told.run.record["spans"]["count"] == 4
        assert told.run.record["spans"]["slowest"]["of"] == 2

    def test_threads_belong_to_the_outermost_open_span(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import threading
            together = threading.Barrier(2)
            def work(name):
                with vestige.span(name):
                    together.wait()
                    with vestige.span(f"{name}.inner"): together.wait()
            with vestige.span("all"), vestige.span("pool"):
                threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
            """,
        )
        expected = {"all": None, "pool": "all", "a": "all", "b": "all", "a.inner": "a", "b.inner": "b"}
        assert told.tree() == expected
        assert [told.named(name)["alone"] for name in ("all", "a", "b")] == [True, False, False]
        assert told.named("a")["cpu"]["method"] == "bound"
        assert told.named("a")["thread"] != told.named("b")["thread"]

    def test_tasks_of_asyncio(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import asyncio
            async def task(name):
                with vestige.span(name):
                    await asyncio.sleep(0.02)
                    with vestige.span(f"{name}.inner"): await asyncio.sleep(0.02)
            async def main():
                with vestige.span("all"):
                    await asyncio.gather(task("a"), task("b"))
            asyncio.run(main())
            """,
        )
        assert told.tree() == {"all": None, "a": "all", "b": "all", "a.inner": "a", "b.inner": "b"}
        assert not told.named("a")["alone"]
        assert told.named("a")["cpu"]["method"] == "bound"

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_processes_however_they_are_started(self, vestige: Vestige, method: str) -> None:
        told = tell(
            vestige,
            f"""
            import multiprocessing
            def work():
                with vestige.span("work"):
                    with vestige.span("inner"): pass
            if __name__ == "__main__":
                context = multiprocessing.get_context("{method}")
                with vestige.span("before"): context.Process(target=print).start()
                with vestige.span("all"), vestige.span("pool"):
                    process = context.Process(target=work)
                    process.start()
                    process.join()
            """,
        )
        assert told.tree() == {"before": None, "all": None, "pool": "all", "work": "pool", "inner": "work"}
        assert told.named("work")["process"] != told.named("all")["process"]

    def test_programs_that_a_span_starts(self, vestige: Vestige) -> None:
        script(vestige, "with vestige.span('child'): pass", "child.py")
        told = tell(
            vestige,
            """
            import subprocess
            with vestige.span("all"):
                with vestige.span("starts"):
                    subprocess.run(["sh", "-c", f"{sys.executable} child.py; true"], check=True)
            """,
        )
        assert told.tree() == {"all": None, "starts": "all", "child": "starts"}

    def test_a_forked_child_says_nothing_of_its_parent_s_span(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            with vestige.span("all"):
                with vestige.span("forks") as span:
                    if pid := os.fork(): os.waitpid(pid, 0)
                    else:
                        with vestige.span("child"): pass
                span.set(too="late")
            """,
        )
        assert told.tree() == {"all": None, "forks": "all", "child": "forks"}
        assert {span["status"] for span in told.spans} == {"ok"}
        assert told.named("child")["process"] != told.named("all")["process"]


class TestDecorator:
    def test_functions_stay_what_they_are(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import asyncio, inspect
            @vestige.span
            def plain(a, *, b): "Words." ; return a + b
            @vestige.span("steps", kind_of="generator")
            def steps():
                got = yield 1
                yield got
                return 3
            @vestige.span
            async def coroutine(): return 4
            @vestige.span
            async def stream():
                try:
                    got = yield 5
                    yield got
                except KeyError:
                    yield "caught"
            assert (plain(1, b=2), plain.__name__, plain.__doc__) == (3, "plain", "Words.")
            assert inspect.isgeneratorfunction(steps) and inspect.iscoroutinefunction(coroutine)
            assert inspect.isasyncgenfunction(stream)
            made = steps()
            assert (next(made), made.send(2)) == (1, 2)
            try: next(made)
            except StopIteration as stop: assert stop.value == 3
            assert asyncio.run(coroutine()) == 4
            async def all_of_it():
                made = stream()
                assert [await made.asend(None), await made.asend(6)] == [5, 6]
                assert await made.athrow(KeyError()) == "caught"
                assert [item async for item in made] == []
            asyncio.run(all_of_it())
            try: plain(1, b="x")
            except TypeError as error: print(error)
            """,
        )
        assert "unsupported operand" in told.out
        assert [span["name"] for span in told.spans] == ["plain", "steps", "coroutine", "stream", "plain"]
        assert told.named("steps")["attributes"] == {"kind_of": "generator"}
        assert [span["status"] for span in told.spans] == ["ok", "ok", "ok", "ok", "error"]

    def test_a_generator_that_is_left_half_way(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            @vestige.span
            def steps():
                yield 1
                yield 2
            with vestige.span("all"):
                made = steps()
                next(made)
                with vestige.span("meanwhile"): pass
                del made
            with vestige.span("after"): pass
            """,
        )
        assert told.tree()["after"] is None
        assert told.named("steps")["error"] == {"type": "GeneratorExit", "message": ""}


class TestWords:
    def test_attributes_of_all_kinds(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            class Loud:
                def __str__(self): raise RuntimeError
            with vestige.span("kept", text="ü\\udcff", number=1.5, many=[1, {"a": None}], path=os.path) as span:
                span.set(later=True, text2="\\x1b[31m")
                assert len(span.id) == 16
            with vestige.span("odd", value=float("nan"), other=2): pass
            with vestige.span("loud", value=Loud()): print("still here")
            with vestige.span("deep") as span:
                deep = []
                for _ in range(3000): deep = [deep]
                span.set(deep=deep)
            with vestige.span("huge", text="x" * 100_000): pass
            circle = {}; circle["me"] = circle
            with vestige.span("circle", circle=circle): pass
            with vestige.span("n" * 2000): pass
            """,
        )
        kept = told.named("kept")["attributes"]
        assert kept["number"] == 1.5
        assert kept["many"] == [1, {"a": None}]
        assert kept["later"] is True
        assert kept["text"] == "ü\\udcff"
        assert "posixpath" in kept["path"]
        assert told.named("odd")["attributes"] == {"value": "nan", "other": "2"}
        assert told.out == "still here\n"
        assert told.named("huge")["attributes"] == {"attributes": "too long"}
        assert {"deep", "circle"} <= {span["name"] for span in told.spans}
        assert max(len(span["name"]) for span in told.spans) == 500

    def test_an_error_is_noted_and_goes_on(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            with vestige.span("outer"), vestige.span("bad"):
                raise ValueError("x" * 600)
            """,
            code=1,
        )
        assert told.named("bad")["error"] == {"type": "ValueError", "message": "x" * 500}
        assert told.named("outer")["status"] == "error"
        assert told.run.record["spans"]["failed"] == 2

    def test_sys_exit_in_a_span(self, vestige: Vestige) -> None:
        told = tell(vestige, "with vestige.span('last'): sys.exit(7)", code=7)
        assert told.named("last")["error"]["type"] == "SystemExit"


class TestFigures:
    def test_memory_of_each_and_of_the_process(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            def hold(size):
                held = bytearray(size)
                held[::4096] = b"x" * len(held[::4096])
            with vestige.span("all", measure=True):
                with vestige.span("large", measure=True): hold(300_000_000)
                with vestige.span("small", measure=True): hold(100_000_000)
                with vestige.span("unmeasured"): hold(50_000_000)
            """,
        )
        for name, size in (("large", 300 * MB), ("small", 100 * MB), ("all", 300 * MB)):
            span = told.named(name)
            assert span["memory_peak"]["method"] == "exact"
            assert span["memory_peak"]["value"] - span["memory_start"] == pytest.approx(size, rel=0.02)
        assert told.named("unmeasured")["memory_peak"] is None
        (process,) = told.run.processes
        assert process.memory_peak.method == "exact"
        assert process.memory_peak.number >= told.named("large")["memory_peak"]["value"]
        assert told.run.figure("memory_peak_process").number == process.memory_peak.number

    def test_cpu_with_that_of_children(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import subprocess
            def burn(seconds):
                end = time.process_time() + seconds
                while time.process_time() < end: pass
            with vestige.span("own"): burn(0.4)
            with vestige.span("child"):
                code = "import time\\nwhile time.process_time() < 0.4: pass"
                subprocess.run([sys.executable, "-c", code], check=True)
            with vestige.span("idle"): time.sleep(0.2)
            """,
        )
        assert told.named("own")["cpu"]["method"] == "exact"
        assert told.named("own")["cpu"]["value"] == pytest.approx(0.4, abs=0.03)
        assert told.named("child")["cpu"]["value"] == pytest.approx(0.41, abs=0.05)
        assert told.named("idle")["cpu"]["value"] < 0.02

    def test_bytes_read_and_written(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            with vestige.span("writes", measure=True):
                with open("out", "wb") as file: file.write(b"x" * 3_000_000)
            with vestige.span("reads", measure=True):
                with open("out", "rb") as file: file.read()
            """,
        )
        assert told.named("writes")["written_chars"]["value"] == pytest.approx(3_000_000, abs=5000)
        assert told.named("reads")["read_chars"]["value"] == pytest.approx(3_000_000, abs=5000)
        assert told.named("reads")["read_chars"]["method"] == "exact"

    def test_measured_spans_beside_each_other_are_marked(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import threading
            together = threading.Barrier(2)
            def work(name):
                together.wait()
                with vestige.span(name, measure=True):
                    together.wait()
                    held = bytearray(100_000_000); held[::4096] = b"x" * len(held[::4096])
                    together.wait()
            threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            """,
        )
        for name in "ab":
            peak = told.named(name)["memory_peak"]
            assert (peak["method"], peak["upper"]) == ("bound", peak["value"])
            assert peak["value"] > 190 * MB


class TestFaults:
    def test_nothing_outside_of_a_run(self, vestige: Vestige) -> None:
        path = script(vestige, "with vestige.span('x', measure=True) as s: s.set(a=1); print(s.id, os.listdir('.'))")
        done = subprocess.run(
            [sys.executable, path], cwd=vestige.folder, env=variables(vestige), capture_output=True, check=True
        )
        assert (done.stdout, done.stderr) == (b"None ['script.py']\n", b"")

    @pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)"])
    def test_a_process_that_ends_in_the_middle(self, vestige: Vestige, end: str) -> None:
        told = tell(
            vestige,
            f"""
            with vestige.span("done"): pass
            with vestige.span("all", measure=True):
                held = bytearray(200_000_000); held[::4096] = b"x" * len(held[::4096])
                with vestige.span("open", measure=True):
                    del held
                    {end}
            """,
            code=137 if "kill" in end else 0,
        )
        assert [span["status"] for span in told.spans] == ["ok", "unfinished", "unfinished"]
        assert told.named("open")["end"] == pytest.approx(told.run.processes[0].end, abs=0.05)
        assert told.run.record["spans"]["unfinished"] == 2
        assert told.run.processes[0].memory_peak.number > 200 * MB  # though it was set back before the kill

    def test_a_program_that_closes_all_descriptors(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            with vestige.span("before", measure=True): pass
            os.closerange(3, 100)
            mine = [open(f"mine{number}", "w+") for number in range(8)]
            with vestige.span("after", measure=True): pass
            assert all(file.read() == "" for file in mine), "a file of the program was written to"
            print("clean")
            """,
        )
        assert told.out == "clean\n"
        assert [span["name"] for span in told.spans] == ["before"]

    def test_two_threads_that_begin_the_first_span_at_once(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import threading
            sys.setswitchinterval(1e-6)
            for round in range(20):
                if pid := os.fork(): os.waitpid(pid, 0); continue
                together = threading.Barrier(4)
                def work(number):
                    together.wait()
                    with vestige.span(f"{number}", measure=True): pass
                threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                os._exit(0)
            """,
        )
        assert len(told.spans) == 80

    def test_a_folder_that_can_t_be_written(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            open(os.path.join(os.environ["VESTIGE_RUN"], "spans"), "w").close()
            with vestige.span("lost"): print("runs")
            """,
        )
        assert told.out == "runs\n"
        assert (told.spans, told.run.record["spans"]) == ([], None)

    def test_a_full_disk(self, vestige: Vestige) -> None:
        told = tell(
            vestige,
            """
            import resource, signal
            with vestige.span("kept"): pass
            path = os.path.join(os.environ["VESTIGE_RUN"], "spans")
            size = os.path.getsize(os.path.join(path, os.listdir(path)[0]))
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))  # in the middle of a line
            for _ in range(3):
                with vestige.span("lost"): pass
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            with vestige.span("again"): pass
            """,
        )
        assert {"kept", "again"} <= {span["name"] for span in told.spans}
        assert told.run.record["spans"]["lost"] >= 5

    def test_random_numbers_of_the_program_stay_the_same(self, vestige: Vestige) -> None:
        text = """
        import random
        random.seed(1)
        with vestige.span("x"): print(random.random())
        """
        told = tell(vestige, text)
        bare = vestige.bare(sys.executable, script(vestige, text), env=variables(vestige))
        assert told.out == bare.stdout.decode()

    def test_importing_it_loads_little(self) -> None:
        code = "import sys, vestige; before = set(sys.modules); vestige.span; print(*set(sys.modules) - before)"
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        loaded = {name for name in done.stdout.split() if name.startswith("vestige.")}
        modules = ("descriptor", "file", "meter", "span", "wrapping")
        assert loaded == {"vestige.spans", *(f"vestige.spans.{name}" for name in modules)}

    def test_spans_of_a_run_that_was_orphaned(self, vestige: Vestige) -> None:
        path = script(vestige, "with vestige.span('x'): print(os.getpid(), flush=True); time.sleep(60)")
        with vestige.start(sys.executable, path, env=variables(vestige)) as started:
            folder = vestige.new_folder()
            assert started.stdout is not None
            command = int(started.stdout.readline())
            for pid in (*reversed(vestige.pids(folder).values()), command):
                os.kill(pid, 9)
            started.wait()
        until(lambda: vestige.call("show", folder).returncode == 0, "the orphaned run")
        run = vestige.finalised(folder)
        (span,) = lines(run)
        assert (span["name"], span["status"], span["end"]) == ("x", "unfinished", None)


def test_files_at_the_paths_that_a_span_names(vestige: Vestige) -> None:
    told = tell(
        vestige,
        """
        os.makedirs("real/parts/deep")
        os.symlink("real", "link")
        for name in ("parts/a", "parts/deep/b", "single", "other"):
            with open(f"real/{name}", "w") as file: file.write(name)
        here = os.getcwd()
        with vestige.span("folder", paths=[f"{here}/real/parts"]): pass
        with vestige.span("file", paths=[f"{here}/real/single", "relative", 3]): pass
        with vestige.span("linked", paths=[f"{here}/link/other"]): open("link/other").close()
        with vestige.span("nothing", paths="text"): pass
        """,
    )
    paths = [use["path"] for use in recorded.read_lines(os.path.join(told.run.folder, "files.jsonl"))]
    named = {span["name"]: {os.path.basename(paths[line]) for line in span["files"]} for span in told.spans}
    assert named == {"folder": {"a", "b"}, "file": {"single"}, "linked": {"other"}, "nothing": set()}
