"""Made-up curricula for the large data set. The same seed gives the same curricula."""

import random
from typing import NamedTuple


def _words(text: str) -> list[str]:
    return text.split()


_SUBJECTS = _words("""
    algebra baking biology calculus chemistry cooking css databases drawing economics editing geometry git grammar
    haskell history html javascript law linux logic marketing music networks painting philosophy photography physics
    poetry postgresql programming python rhetoric rust sailing sewing spanish sql statistics writing
""")
_ASPECTS = _words("""
    basics practice theory patterns tools methods projects exercises foundations techniques structure style performance
    design analysis history strategy revision improvisation security
""")
_WORDS = _words("""
    the a of and to in for with on by from learn understand apply compare explain build measure read write example idea
    problem solution step careful quick common rare simple hard useful first last every another
""")
_LINK = {"type": "link", "title": "A page", "url": "https://example.org/a/page"}
_DIFFICULTIES = ("BEGINNER", "INTERMEDIATE", "ADVANCED", "EXPERT")
_TYPES = ("KNOWLEDGE", "PRACTICAL", "PROJECT", "ASSESSMENT", "MILESTONE")
_TYPE_WEIGHTS = (50, 25, 10, 10, 5)
_FEWEST_SKILLS = 5


class MadeSkill(NamedTuple):
    """A skill, its position in the curriculum, and the positions of its dependencies, which come before it."""

    place: int
    name: str
    description: str
    skill_type: str
    difficulty: str
    xp_value: int
    needs: tuple[int, ...]
    is_optional: bool
    is_milestone: bool
    is_active: bool


class MadeTree(NamedTuple):
    """A tree, its skills (those without dependencies first), and the numbers of its prerequisite trees."""

    number: int
    name: str
    slug: str
    description: str
    difficulty: str
    tags: tuple[str, ...]
    prerequisites: tuple[int, ...]
    is_published: bool
    is_featured: bool
    skills: tuple[MadeSkill, ...]


def content(chance: random.Random) -> dict[str, object]:
    """Return made-up content in the form of `skills.content`."""
    modules = [
        {"title": f"Module {n}", "type": "article", "estimatedMinutes": 20, "resources": [_LINK] * chance.randint(1, 3)}
        for n in range(chance.randint(1, 5))
    ]
    return {"type": "structured", "modules": modules}


def resources(chance: random.Random) -> list[dict[str, str]]:
    """Return made-up links in the form of `skills.resources`."""
    return [_LINK] * chance.randint(0, 3)


def assessments() -> dict[str, object]:
    """Return a made-up test in the form of `skills.assessments`."""
    question = {"prompt": "Which?", "type": "single_choice", "choices": ["This", "That"], "answers": ["This"]}
    return {"passingScore": 50, "questions": [question]}


def trees(chance: random.Random, number_of_trees: int, number_of_skills: int) -> list[MadeTree]:
    """Return trees with this number of skills in total. Most are small, and a few are large."""
    return [
        _tree(chance, number, size) for number, size in enumerate(_sizes(chance, number_of_trees, number_of_skills))
    ]


def happens(chance: random.Random, share: float) -> bool:
    """Return True with this probability."""
    return chance.random() < share


def text(chance: random.Random, words: int) -> str:
    """Return random words for a search to find."""
    return " ".join(chance.choices(_WORDS + chance.sample(_SUBJECTS, 2), k=words)).capitalize() + "."


def _sizes(chance: random.Random, number_of_trees: int, number_of_skills: int) -> list[int]:
    weights = [chance.lognormvariate(0, 0.8) for _ in range(number_of_trees)]
    spare = number_of_skills - _FEWEST_SKILLS * number_of_trees
    sizes = [_FEWEST_SKILLS + int(spare * weight / sum(weights)) for weight in weights]
    sizes[0] += number_of_skills - sum(sizes)
    return sizes


def _tree(chance: random.Random, number: int, size: int) -> MadeTree:
    subject, aspect = chance.choice(_SUBJECTS), chance.choice(_ASPECTS)
    before = min(number, 20)
    return MadeTree(
        number=number,
        name=f"{subject} {aspect} {number}".capitalize(),
        slug=f"{subject}-{aspect}-{number}",
        description=text(chance, 60),
        difficulty=chance.choice(_DIFFICULTIES),
        tags=tuple(sorted({subject, *chance.sample(_SUBJECTS, 2), *chance.sample(_ASPECTS, 2)})),
        prerequisites=tuple(number - chance.randint(1, before) for _ in range(before > 0 and happens(chance, 0.3))),
        is_published=happens(chance, 0.9),
        is_featured=happens(chance, 0.05),
        skills=tuple(_skill(chance, place, size) for place in range(size)),
    )


def _skill(chance: random.Random, place: int, size: int) -> MadeSkill:
    return MadeSkill(
        place=place,
        name=f"{chance.choice(_SUBJECTS)} {chance.choice(_ASPECTS)} {place}".capitalize(),
        description=text(chance, 80),
        skill_type=chance.choices(_TYPES, _TYPE_WEIGHTS)[0],
        difficulty=_DIFFICULTIES[place * len(_DIFFICULTIES) // size],
        xp_value=chance.choice((5, 10, 10, 10, 20, 25, 50, 100)),
        needs=tuple(sorted({place - chance.randint(1, min(place, 9)) for _ in range(chance.randint(1, 3))}))
        if place and happens(chance, 0.9)
        else (),
        is_optional=place > 0 and happens(chance, 0.15),
        is_milestone=happens(chance, 0.1),
        is_active=place in {0, 1} or happens(chance, 0.97),
    )
