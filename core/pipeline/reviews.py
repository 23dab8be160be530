"""Decisions of readers: kept in the review log with what was judged, and read back as tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from core.access import require
from core.config import digest
from core.errors import SettingsProblem
from core.mode import current_mode
from core.pipeline.classify import ClassOutcome
from core.pipeline.results import Result, maker
from core.pipeline.worklist import WorkItem
from core.report.export import NOTICE
from core.review import (
    Agreement,
    Found,
    ObservedRisk,
    ReviewState,
    agreement,
    edited_kinds,
    observed_risk,
    state_of,
)
from core.types import OperatingPoint, RunRecord
from core.types.people import Identity, Role
from core.types.reviews import Decision, Judged, LogEntry, Opinion

if TYPE_CHECKING:
    from core.store import Store

LONGEST_NAME = 60

Row = dict[str, str | float | int | bool | None]


def reader_name(typed: str) -> str:
    """The name a reader goes by, in one line. Raises SettingsProblem: empty, too long, unprintable."""
    name = " ".join(typed.split())
    if name and len(name) <= LONGEST_NAME and name.isprintable():
        return name
    raise SettingsProblem(
        "This cannot be a reader's name",
        found=repr(typed[:80]),
        expected=f"1 to {LONGEST_NAME} printable characters",
        fix="type your name or initials",
    )


def judged_result(result: Result, run: RunRecord | None = None, row: int | None = None) -> Judged:
    """What a reader of this result judges, with everything that made it and decided over it."""
    made_by, verdict = maker(result), result.verdict
    scores = result.classification.scores if isinstance(result, ClassOutcome) else result.analysis.scores
    return Judged(
        subject=made_by.key,
        run_id=None if run is None else run.id,
        cohort_id=None if run is None else run.cohort_id,
        position=row,
        case_id=result.case.id,
        model_id=made_by.config.model_id,
        estimator=made_by.config.estimator.kind,
        settings=digest(made_by.config),
        weights=made_by.weights,
        limits=digest(result.limits),
        operating_point=verdict.operating_point,
        profile=verdict.profile,
        answer=verdict.answer,
        causes=tuple(dict.fromkeys(flag.cause for flag in verdict.flags)),
        confidence=scores[0].value if scores else None,
    )


def judged_item(item: WorkItem, run: RunRecord) -> Judged:
    """What a reader judges of whom nothing but a row of a table is kept."""
    config = run.config
    return Judged(
        subject=item.subject,
        run_id=run.id,
        cohort_id=run.cohort_id,
        position=item.row,
        case_id=item.case_id,
        model_id=None if config is None else config.model_id,
        estimator=None if config is None else config.estimator.kind,
        settings=None if config is None else digest(config),
        operating_point=None if item.verdict is None else item.verdict.operating_point,
        profile=None if item.verdict is None else item.verdict.profile,
        answer=None if item.verdict is None else item.verdict.answer,
        causes=item.causes,
        confidence=item.confidence,
    )


def decide_case(
    store: Store, reader: str, judged: Judged, opinion: Opinion, signed_in: Identity | None = None
) -> LogEntry:
    """Keep a decision; it is on disk when this returns. An earlier one of the same reader stays readable.

    signed_in: who decides, where people have to sign in; then the name in the table of people counts and not
    `reader`, and AccessProblem is raised for anybody without a role.

    One that says nothing new is not kept twice: the entry that stands comes back. Raises SettingsProblem for
    a name that is none or a kind of failure that is not known or retired, and StoreProblem where nothing can
    be written or the log is damaged.
    """
    known = [each.key for each in store.reviews.state().kinds if not each.retired]
    strange = [key for key in opinion.kinds if key not in known]
    if strange:
        raise SettingsProblem(
            "There is no such kind of failure",
            found=strange[0],
            expected="one of " + ", ".join(known),
            fix="choose one of these, or add it first",
        )
    name = _signer(store, reader, signed_in)
    standing = store.reviews.state().standing(name, judged.subject)
    if standing is not None and _words(standing.opinion) == _words(opinion) and standing.judged == judged:
        return standing.entry
    return store.reviews.append(name, "decide", judged, opinion, signed_in=signed_in)


def undo_last(
    store: Store, reader: str, subjects: Iterable[str], signed_in: Identity | None = None
) -> LogEntry | None:
    """Take back the reader's latest decision on one of these subjects; None when there is none.

    The entry stays in the log; what the reader had decided before it, if anything, stands again. signed_in:
    as in `decide_case`.
    """
    reader = _signer(store, reader, signed_in)
    state = store.reviews.state()
    subject = state.last_of(reader, subjects)
    standing = None if subject is None else state.standing(reader, subject)
    if standing is None:
        return None
    return store.reviews.append(reader, "undo", standing.judged, signed_in=signed_in)


def edit_kinds(
    store: Store, reader: str, rows: list[tuple[str, str]], signed_in: Identity | None = None
) -> LogEntry | None:
    """Change the kinds of failure to these (group, label); None when nothing changes.

    Raises SettingsProblem as `edited_kinds` does. signed_in: as in `decide_case`.
    """
    reader = _signer(store, reader, signed_in, "researcher")
    current = store.reviews.state().kinds
    kinds = edited_kinds(current, rows)
    if kinds == current:
        return None
    return store.reviews.append(reader, "taxonomy", kinds=kinds, signed_in=signed_in)


def agreements(
    state: ReviewState, reader: str, items: Sequence[WorkItem], seed: int = 0
) -> tuple[Agreement, ...]:
    """Agreement of a reader with each other reader on the cases that both decided.

    A reader without a common case is left out. Of the others' decisions it rests on those alone that `reader`
    has decided too, so that nothing is given away of the rest.
    """
    subjects = [each.subject for each in items]
    groups = {each.subject: each.group for each in items}
    own = _decisions(state, reader, subjects)
    found = [
        agreement((reader, own), (other, _decisions(state, other, list(own))), groups, seed=seed)
        for other in state.readers(own)
        if other != reader
    ]
    return tuple(each for each in found if each.cases)


def observed_at(
    state: ReviewState, items: Sequence[WorkItem], point: OperatingPoint, reader: str
) -> ObservedRisk | None:
    """What one reader found among the cases that an operating point lets pass; None where it is for slices.

    The promise is compared with only when the point counted failures, as a reader does.
    """
    if point.conventions.level != "case":
        return None
    passed = [each for each in items if each.confidence is not None and each.confidence >= point.threshold]
    found = state.of_reader(reader, [each.subject for each in passed])
    risks = point.conventions.risk == "failure"
    return observed_risk(
        [Found(each.entry.when_utc, each.decision) for each in found.values()],
        len(passed),
        point.selective_risk.value if risks else None,
        point.bound if risks else None,
    )


def review_rows(entries: Sequence[LogEntry], names: Mapping[str, str], kinds: Mapping[str, str]) -> list[Row]:
    """One row per entry of the log. names: of cases, by id. kinds: words of each kind of failure, by key."""
    standing = {stack[-1].number for stack in state_of(entries).stacks.values() if stack}
    return [_row(each, names, kinds, each.number in standing) for each in entries if each.judged is not None]


class Exported(TypedDict):
    """What the log says. rows: as `review_rows` gives them. problems: of the log, none when it is whole."""

    notice: str
    entries: int
    head: str
    problems: list[str]
    kinds: list[dict[str, object]]
    rows: list[Row]


def exported(store: Store, subjects: Collection[str] | None = None, reader: str | None = None) -> Exported:
    """The log as plain JSON values, with the names of cases that are still kept.

    subjects, reader: only entries about these and of this reader; None: all.
    """
    report, entries = store.reviews.report(), store.reviews.entries()
    chosen = [
        each
        for each in entries
        if each.judged is not None
        and (subjects is None or each.judged.subject in subjects)
        and reader in (None, each.reader)
    ]
    kinds = store.reviews.state().kinds
    names = {each.id: each.name for each in store.case_summaries()}
    return Exported(
        notice=NOTICE,
        entries=report.entries,
        head=report.head,
        problems=list(report.problems),
        kinds=[each.model_dump() for each in kinds],
        rows=review_rows(chosen, names, {each.key: each.label for each in kinds}),
    )


def _row(entry: LogEntry, names: Mapping[str, str], kinds: Mapping[str, str], in_force: bool) -> Row:
    judged, opinion = entry.judged, entry.opinion
    assert judged is not None
    return {
        "number": entry.number,
        "when_utc": entry.when_utc,
        "reader": entry.reader,
        "signed_in_issuer": None if entry.signed_in is None else entry.signed_in.issuer,
        "signed_in_subject": None if entry.signed_in is None else entry.signed_in.subject,
        "action": entry.action,
        "in_force": in_force,
        "case": names.get(judged.case_id or "", ""),
        "case_id": judged.case_id,
        "decision": None if opinion is None else opinion.decision,
        "previous_decision": entry.was_decision,
        "kinds": "" if opinion is None else "; ".join(kinds.get(key, key) for key in opinion.kinds),
        "comment": "" if opinion is None else opinion.comment,
        "seconds": None if opinion is None else round(opinion.seconds, 1),
        "confidence_hidden": None if opinion is None else opinion.confidence_hidden,
        "verdict": judged.answer,
        "causes": "; ".join(judged.causes),
        "confidence": judged.confidence,
        "model": judged.model_id,
        "estimator": judged.estimator,
        "settings": judged.settings,
        "weights": "; ".join(judged.weights),
        "limits": judged.limits,
        "operating_point": judged.operating_point,
        "profile": judged.profile,
        "subject": judged.subject,
        "run": judged.run_id,
        "app_version": entry.app_version,
        "previous_hash": entry.previous,
        "hash": entry.hash,
    }


def _signer(store: Store, reader: str, signed_in: Identity | None, role: Role = "reviewer") -> str:
    """The name under which a reader's act is kept; raises AccessProblem for whoever may not act."""
    if signed_in is None and not current_mode().sign_in:
        return reader_name(reader)
    person = None if signed_in is None else store.person(signed_in)
    require(person, role)
    assert person is not None
    return person.name


def _words(opinion: Opinion) -> Opinion:
    """What was said, however long it took."""
    return opinion.model_copy(update={"seconds": 0.0})


def _decisions(state: ReviewState, reader: str, subjects: Iterable[str]) -> dict[str, Decision]:
    return {key: each.decision for key, each in state.of_reader(reader, subjects).items()}
