"""``db.json``: each read method with its answer as JSON, byte for byte the dump of its models."""

import inspect

from _async.method_calls import (
    CATALOGUE_CALLS,
    LEARNER_CALLS,
    SERVICE_CALLS,
    add_course,
    add_sample_learner,
)
from skilltree._core.json_text import dumped

CALLS = {**LEARNER_CALLS, **CATALOGUE_CALLS, **SERVICE_CALLS}


def twins(json):
    """Return the names of the methods of ``db.json``."""
    return {
        f"{repository}.{name}"
        for repository, attribute in vars(type(json)).items()
        if isinstance(attribute, property)
        for name, method in inspect.getmembers(getattr(json, repository), inspect.ismethod)
        if not name.startswith("_")
    }


async def test_each_read_method_gives_the_json_of_its_models(db):
    course = await add_course(db)
    learner = await add_sample_learner(db, "ada", course)
    await add_sample_learner(db, "grace", course)
    for name in sorted(twins(db.json)):
        call = CALLS[name]
        assert await call(db.json, learner) == dumped(await call(db, learner)), name
