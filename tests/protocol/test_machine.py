"""The log's way from a worker to the server under everything that a bad line does to it: chunks that come
late, twice, in another order, with holes, cut elsewhere, from an earlier epoch; and servers that forget
what they had in mind, or whose transaction is undone."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from protocol import log
from protocol.log import Chunk, Level, Run, Stream
from tasks.models import Attempt
from tasks.selectors import logs as reading
from tasks.services import log_tails, logs
from tests.factories.tasks import AttemptFactory, ExecutionFactory
from tests.harness.extent import FULL

EPOCH = 3

runs = st.lists(
    st.builds(
        Run,
        time=st.integers(0, 2**41),
        stream=st.sampled_from(Stream),
        level=st.sampled_from(Level),
        data=st.binary(min_size=1, max_size=12)
        | st.sampled_from([b"line\n", b"a\nb\n", b"\xff\xfe\n", b"\n"]),
        continues=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


class Undone(Exception):
    """The transaction around an append fails after it."""


class LogMachine(RuleBasedStateMachine):
    """`spool` is what the worker wrote; `stored` lines are what the server said that it has."""

    @initialize()
    def begin(self) -> None:
        self.attempt = AttemptFactory(execution=ExecutionFactory(), epoch=EPOCH)
        self.spool: list[Chunk] = []
        self.stored = 0

    # --- What happens ---------------------------------------------------------------------------

    @rule(content=runs)
    def the_script_prints(self, content: list[Run]) -> None:
        self.spool.append(log.pack(self.written, content))

    @precondition(lambda self: self.spool)
    @rule()
    def the_next_chunk_arrives(self) -> None:
        self.append([chunk for chunk in self.spool if chunk.first_seq == self.stored])

    @precondition(lambda self: self.spool)
    @rule(data=st.data())
    def any_chunks_arrive(self, data: st.DataObject) -> None:
        """In any order, with holes, some of them twice."""
        self.append(data.draw(st.lists(st.sampled_from(self.spool), min_size=1, max_size=5)))

    @precondition(lambda self: self.spool)
    @rule(data=st.data())
    def all_is_sent_again(self, data: st.DataObject) -> None:
        self.append(self.spool[data.draw(st.integers(0, len(self.spool) - 1)) :])

    @precondition(lambda self: any(chunk.lines > 1 for chunk in self.spool))
    @rule(data=st.data())
    def a_chunk_that_begins_within_another_is_refused(self, data: st.DataObject) -> None:
        """Not unless it brings something new: then nobody could tell whose lines are right."""
        whole = data.draw(st.sampled_from([chunk for chunk in self.spool if chunk.lines > 1]))
        part = log.pack(whole.first_seq + 1, [Run(1, Stream.STDOUT, Level.INFO, b"x\n" * whole.lines)])
        if whole.first_seq + 1 < self.stored < part.next_seq:
            with pytest.raises(logs.LogRefused, match="stored already"):
                logs.append(self.attempt.pk, EPOCH, [part])

    @precondition(lambda self: self.spool)
    @rule(epoch=st.sampled_from([EPOCH - 1, EPOCH + 1]))
    def another_epoch_is_refused(self, epoch: int) -> None:
        with pytest.raises(logs.LogRefused) as refusal:
            logs.append(self.attempt.pk, epoch, self.spool)
        assert refusal.value.code == "wrong_epoch"

    @precondition(lambda self: self.spool)
    @rule(data=st.data())
    def damage_is_refused_and_nothing_of_the_batch_is_stored(self, data: st.DataObject) -> None:
        following = [chunk for chunk in self.spool if chunk.first_seq >= self.stored]
        if not following:
            return
        broken = data.draw(st.integers(0, len(following) - 1))
        bad = following[broken]
        following[broken] = Chunk(bad.first_seq, bad.lines, bad.raw_length, bad.crc ^ 1, bad.payload)
        with pytest.raises(logs.LogRefused) as refusal:
            logs.append(self.attempt.pk, EPOCH, following)
        assert refusal.value.code == "bad_chunk"

    @rule()
    def the_server_forgets_what_it_had_in_mind(self) -> None:
        """It was killed, or the agent went to another node and came back."""
        log_tails.forget(self.attempt.pk)

    @precondition(lambda self: self.spool)
    @rule()
    def the_transaction_is_undone(self) -> None:
        with suppress(Undone), transaction.atomic():
            logs.append(self.attempt.pk, EPOCH, self.spool)
            raise Undone

    @rule(stranger=st.uuids())
    def a_strange_attempt_is_refused(self, stranger) -> None:
        with pytest.raises(logs.LogRefused) as refusal:
            logs.append(stranger, EPOCH, self.spool)
        assert refusal.value.code == "unknown_attempt"

    # --- What has to be true --------------------------------------------------------------------

    def append(self, chunks: list[Chunk]) -> None:
        """The answer says how far the log is stored, and asks to go back exactly where a hole is."""
        expected, hole = self.stored, False
        for chunk in chunks:
            hole = hole or chunk.first_seq > expected
            if not hole:
                expected = max(expected, chunk.next_seq)
        result = logs.append(self.attempt.pk, EPOCH, chunks)
        assert (result.next_seq, result.resend) == (expected, hole)
        self.stored = expected

    @property
    def written(self) -> int:
        return self.spool[-1].next_seq if self.spool else 0

    def content(self, chunks: list[Chunk]) -> bytes:
        return b"".join(run.data for chunk in chunks for run in log.unpack(chunk))

    @invariant()
    def what_is_stored_is_the_beginning_of_what_was_written(self) -> None:
        row = Attempt.objects.get(pk=self.attempt.pk)
        expected = self.content([chunk for chunk in self.spool if chunk.next_seq <= self.stored])
        assert b"".join(reading.raw([row])) == expected
        assert (row.log_lines, row.log_bytes) == (self.stored, len(expected))

    @invariant()
    def it_is_complete_exactly_when_all_of_it_is_stored(self) -> None:
        content = self.content(self.spool)
        digest = hashlib.sha256(content).hexdigest()
        receipt = (self.written, len(content), digest)
        answer = logs.settle(self.attempt.pk, *receipt, stored=self.stored)
        if self.stored < self.written:
            assert answer == logs.Missing(next_seq=self.stored)
        else:
            assert answer == logs.Complete(*receipt)
            wrong = logs.settle(self.attempt.pk, *receipt[:2], uuid4().hex * 2, stored=self.stored)
            assert wrong == logs.Mismatch(*receipt)


@pytest.mark.django_db
def test_a_log_arrives_whole_over_any_line():
    examples = 300 if FULL else 20
    run_machine(LogMachine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
