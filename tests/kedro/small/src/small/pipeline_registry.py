"""The pipelines."""

from kedro.pipeline import Pipeline, node, pipeline

from small import nodes


def register_pipelines() -> dict[str, Pipeline]:
    """Return all of them by name."""
    cleaning = node(
        nodes.clean, ["raw", "params:scale", "params:model"], ["clean", "names"], name="clean", tags=["first", "tidy"]
    )
    plain = pipeline(
        [
            cleaning,
            node(nodes.hold, ["names", "params:size"], "held", name="hold"),
            node(nodes.burn, "params:seconds", "burnt", name="burn"),
            node(nodes.family, "clean", "family", name="family"),
            node(nodes.pass_on, "clean", "sheet@pandas", name="copy"),
            node(nodes.drop, "clean", None, name="drop"),
            node(nodes.empty, None, "nothing", name="empty"),
        ]
    )
    late = pipeline(
        [node(nodes.report, ["pieces", "held", "sheet@text"], "report", name="report")],
        namespace="late",
        inputs={"pieces", "held", "sheet@text"},
    )
    chunked = pipeline([node(nodes.pieces, "clean", "pieces", name="pieces")])
    return {
        "__default__": plain + chunked + late,
        "plain": plain,
        "cached": pipeline(
            [node(nodes.pass_on, "raw", "cached", name="caches"), node(nodes.drop, "cached", None, name="again")]
        ),
        "failing_load": pipeline([node(nodes.pass_on, "from_server", "copy", name="reads")]),
        "failing_node": pipeline([node(nodes.fail, "raw", "copy", name="fails")]),
        "failing_save": pipeline([node(nodes.pass_on, "raw", "to_server", name="writes")]),
        "failing_generator": pipeline([node(nodes.broken, "raw", "pieces", name="breaks")]),
        "remote": pipeline(
            [node(nodes.pass_on, "raw", "elsewhere", name="sends"), node(nodes.drop, "elsewhere", None, name="fetches")]
        ),
        "login": pipeline([node(nodes.pass_on, "params:login", "copy", name="login")]),
        "killed": pipeline([node(nodes.die, "raw", "copy", name="dies")]),
        "interrupted": pipeline([node(nodes.interrupt, "raw", "copy", name="interrupts")]),
        "two": pipeline(
            [node(nodes.pass_on, "raw", "one", name="first"), node(nodes.pass_on, "raw", "other", name="second")]
        ),
    }
