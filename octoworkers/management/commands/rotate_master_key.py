"""`rotate_master_key`: sensitive values under a new key. May run while servers do, and be broken off."""

from __future__ import annotations

import fcntl
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from octoworkers.conf import load_keys
from octoworkers.services import rotation
from tasks.selectors import nodes
from variables.services import sealing

#: What a server had begun under the former key is stored by then.
WAIT = 60


class Command(BaseCommand):
    help = (
        "Seals all sensitive values under a new master key. Servers may run meanwhile. If it is broken off, "
        "start it again: it goes on. With nodes on several machines see docs/operate/master-key.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare", action="store_true", help="only make the next key, to be copied to other machines"
        )
        parser.add_argument(
            "--finish", action="store_true", help="forget the former key: the new one is on every machine"
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=WAIT,
            metavar="SECONDS",
            help=f"after the new key took over, before the former one is forgotten; {WAIT} unless you say",
        )
        parser.add_argument(
            "--forget-unreadable",
            action="store_true",
            help="end although some values cannot be read with any key: they are lost",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = rotation.keys_file()
        with path.with_name("keys.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError("The master key is being rotated by another process.") from error
            self._run(options)

    def _run(self, options: dict[str, Any]) -> None:
        path = rotation.keys_file()
        if options["prepare"]:
            made = rotation.prepare(path)
            state = "The next key is" if made else "A next key, or a rotation that has not ended, was already"
            self.stdout.write(f"{state} in {path}. Copy the file to the other machines.")
            return
        has_others = nodes.live(timezone.now()).count() > 1
        self._begin(has_others=has_others, finishes=options["finish"])
        self._reseal(options)
        if has_others and not options["finish"]:
            self.stdout.write(
                f"Everything is under the new key. Copy {path} to the other machines, then call this again "
                "with --finish."
            )
            return
        self._wait(options["wait"])
        self._reseal(options)
        rotation.end(path)
        self.stdout.write(
            f"The master key is {sealing.current_key_id()} now, and the former one is forgotten."
        )

    def _begin(self, *, has_others: bool, finishes: bool) -> None:
        keys = load_keys(rotation.keys_file())
        if keys.former_master_keys:
            self.stdout.write("Going on with the rotation that has not ended.")
            return
        if finishes:
            raise CommandError("There is no rotation to finish: keys.json holds no former key.")
        if has_others and not keys.next_master_key:
            raise CommandError(
                "Several nodes are running. Where they are on other machines, these could not read what is "
                "sealed under a new key: call this with --prepare first, and copy keys.json to them."
            )
        rotation.begin(rotation.keys_file())

    def _reseal(self, options: dict[str, Any]) -> None:
        found = rotation.reseal_all(
            lambda label, values: self.stdout.write(f"{label}: {values:,} sealed anew")
        )
        if found.unreadable and not options["forget_unreadable"]:
            places = "; ".join(found.unreadable[:10])
            raise CommandError(
                f"{len(found.unreadable):,} values cannot be read with any key in keys.json: {places}. "
                "The former key is kept. Put them right, or call this with --forget-unreadable."
            )

    def _wait(self, seconds: float) -> None:
        left = load_keys(rotation.keys_file()).rotated_at + seconds - time.time()
        if left > 0:
            self.stdout.write(f"Waiting {left:.0f} s for what servers had begun under the former key.")
            time.sleep(left)
