"""All repositories on one executor: SkillTree's, and those that an application attaches by annotations."""

from collections.abc import Awaitable, Callable, Mapping
from inspect import get_annotations
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar, overload

from skilltree._async.accounts import AsyncAccounts
from skilltree._async.achievements import AsyncAchievements
from skilltree._async.analytics import AsyncAnalytics
from skilltree._async.audit import AsyncAudit
from skilltree._async.categories import AsyncCategories
from skilltree._async.doctor import AsyncDoctor
from skilltree._async.json_reads import AsyncJson
from skilltree._async.leaderboards import AsyncLeaderboards
from skilltree._async.progress import AsyncProgress
from skilltree._async.repository import AsyncExecutor, AsyncRepository, hooks
from skilltree._async.sessions import AsyncSessions
from skilltree._async.skills import AsyncSkills
from skilltree._async.together import run_together
from skilltree._async.trees import AsyncTrees
from skilltree._async.users import AsyncUsers
from skilltree.errors import InvalidRepository

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


class _Attached:
    """Makes a repository when it is first used. From then on, it is an attribute of the executor itself."""

    def __init__(self, name: str, repository: type[AsyncRepository]) -> None:
        self._name, self._repository = name, repository

    def __get__(self, executor: AsyncExecutor | None, owner: type) -> object:
        if executor is None:
            return self
        made = vars(executor)[self._name] = self._repository(executor)
        return made


class AsyncRepositories(AsyncExecutor):
    """Every repository, on any executor. A class attaches those that its annotations declare::

    class ShopRepositories(AsyncRepositories):
        courses: AsyncCourses
    """

    users: AsyncUsers
    accounts: AsyncAccounts
    categories: AsyncCategories
    trees: AsyncTrees
    skills: AsyncSkills
    progress: AsyncProgress
    achievements: AsyncAchievements
    leaderboards: AsyncLeaderboards
    analytics: AsyncAnalytics
    sessions: AsyncSessions
    audit: AsyncAudit
    doctor: AsyncDoctor

    attached: ClassVar[Mapping[str, type[AsyncRepository]]] = MappingProxyType({})
    """The class of each repository, by its attribute."""

    @property
    def json(self) -> AsyncJson:
        """The read methods of the repositories, with their answers as JSON."""
        return AsyncJson(self)

    def __init_subclass__(cls, **others: Any) -> None:
        super().__init_subclass__(**others)
        _attach(cls)

    @overload
    async def together(self, first: Callable[[Self], Awaitable[A]], /) -> tuple[A]: ...
    @overload
    async def together(
        self, first: Callable[[Self], Awaitable[A]], second: Callable[[Self], Awaitable[B]], /
    ) -> tuple[A, B]: ...
    @overload
    async def together(
        self,
        first: Callable[[Self], Awaitable[A]],
        second: Callable[[Self], Awaitable[B]],
        third: Callable[[Self], Awaitable[C]],
        /,
    ) -> tuple[A, B, C]: ...
    @overload
    async def together(
        self,
        first: Callable[[Self], Awaitable[A]],
        second: Callable[[Self], Awaitable[B]],
        third: Callable[[Self], Awaitable[C]],
        fourth: Callable[[Self], Awaitable[D]],
        /,
    ) -> tuple[A, B, C, D]: ...
    @overload
    async def together(
        self,
        first: Callable[[Self], Awaitable[A]],
        second: Callable[[Self], Awaitable[B]],
        third: Callable[[Self], Awaitable[C]],
        fourth: Callable[[Self], Awaitable[D]],
        fifth: Callable[[Self], Awaitable[E]],
        /,
    ) -> tuple[A, B, C, D, E]: ...
    @overload
    async def together(
        self,
        first: Callable[[Self], Awaitable[A]],
        second: Callable[[Self], Awaitable[B]],
        third: Callable[[Self], Awaitable[C]],
        fourth: Callable[[Self], Awaitable[D]],
        fifth: Callable[[Self], Awaitable[E]],
        sixth: Callable[[Self], Awaitable[F]],
        /,
    ) -> tuple[A, B, C, D, E, F]: ...
    @overload
    async def together(
        self,
        first: Callable[[Self], Awaitable[T]],
        second: Callable[[Self], Awaitable[T]],
        third: Callable[[Self], Awaitable[T]],
        fourth: Callable[[Self], Awaitable[T]],
        fifth: Callable[[Self], Awaitable[T]],
        sixth: Callable[[Self], Awaitable[T]],
        seventh: Callable[[Self], Awaitable[T]],
        /,
        *others: Callable[[Self], Awaitable[T]],
    ) -> tuple[T, ...]: ...
    async def together(self, *calls: Callable[[Self], Awaitable[Any]]) -> tuple[Any, ...]:
        """Make several calls as one transaction, and send their statements in one network round trip.

        Each call is a function of the repositories: ``lambda at: at.skills.get(skill_id)``. It is made three times, of
        which only the last one has rows: the first two find out the statements. So it must do nothing else, and send
        the same each time. A call that needs more round trips goes on, in turn, when all have their first rows. An
        error of a call undoes the work of all; in a unit of work, the error must leave the block for that.
        Raises NotTogether, before anything is sent, for a stream, for a COPY, and for a call that sends something else
        each time, such as a new secret.
        """
        return await run_together(self, self.attached, calls)


def _attach(cls: Any) -> None:
    """Attach the repositories that a class declares in addition to those of its bases."""
    declared: dict[str, type[AsyncRepository]] = {}
    for base in reversed(cls.__mro__[1:]):
        declared |= getattr(base, "attached", {})
    own: dict[str, type[AsyncRepository]] = {}
    try:
        annotations = get_annotations(cls, eval_str=True)
    except NameError as error:
        raise InvalidRepository(f"{cls.__name__}: an annotation cannot be read: {error}") from error
    for name, kind in annotations.items():
        if isinstance(kind, type) and issubclass(kind, AsyncRepository):
            if not issubclass(kind, declared.get(name, kind)):
                raise InvalidRepository(f"{cls.__name__}.{name}: this must extend {declared[name].__name__}")
            own[name] = kind
            setattr(cls, name, _Attached(name, kind))
        elif isinstance(kind, type) and any(base.__name__.endswith("Repository") for base in kind.__mro__):
            raise InvalidRepository(f"{cls.__name__}.{name}: {kind.__name__} is no {AsyncRepository.__name__}")
    cls.attached = MappingProxyType(declared | own)
    cls.hooks = hooks(cls.attached.values())
    for name in cls.attached:
        if any(name in vars(base) and not isinstance(vars(base)[name], _Attached) for base in cls.__mro__):
            raise InvalidRepository(f"{cls.__name__}.{name}: the class has another attribute of this name")


_attach(AsyncRepositories)
