"""One frame of each type, with every field filled, as it stands in the golden files."""

from __future__ import annotations

from protocol import frames

ATTEMPT = "6f1c2a52-7c3b-4f0e-9d3a-0d4f5e6a7b8c"
NONCE = "ab" * 32
KEY = "cd" * 32
SIGNATURE = "ef" * 64

EXAMPLES = [
    frames.Hello(agent_id="0b0e7c1e-1b1f-4a55-8a53-3e0d3c1c8a11", nonce=NONCE, versions=[1]),
    frames.Challenge(version=1, nonce=NONCE, server_key=KEY, signature=SIGNATURE),
    frames.Proof(
        signature=SIGNATURE,
        agent_version="0.1.0",
        boot_id="4a1e6b7c-0000-4000-8000-000000000001",
        capabilities={"os": "linux", "shells": {"bash": "5.2.15"}, "tools": {"git": True}},
        attempts=[frames.HeldAttempt(attempt_id=ATTEMPT, epoch=2, state="running", next_seq=41)],
        time=1795475324.5,
    ),
    frames.Welcome(
        name="db-worker-1",
        slots=10,
        heartbeat_seconds=15,
        lease_seconds=60,
        attempts=[frames.Verdict(attempt_id=ATTEMPT, verdict="adopt", next_seq=40, cancel=True)],
    ),
    frames.Heartbeat(time=1795475324.5, busy=2, disk_free=53687091200),
    frames.HeartbeatAck(time=1795475324.5),
    frames.CapabilitiesRequest(),
    frames.Capabilities(capabilities={"os": "linux", "cpus": 2}, time=1795475324.5),
    frames.Deregister(),
    frames.Deregistered(),
    frames.Assign(attempt_id=ATTEMPT, epoch=2, task_id=18442, step="Back up"),
    frames.Accepted(attempt_id=ATTEMPT, epoch=2),
    frames.Start(
        attempt_id=ATTEMPT,
        epoch=2,
        syntax="bash",
        script="echo hello\n",
        variables={"Project.Name": "Orders"},
        environment={"DATABASE": "orders.sqlite3"},
        secrets=["correct horse"],
        program="UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==",
        inputs={"statements": "SELECT 1"},
        container={"image": "debian:12"},
    ),
    frames.Started(attempt_id=ATTEMPT, epoch=2, pid=4711, time=1795475325.25),
    frames.Cancel(attempt_id=ATTEMPT, epoch=2, grace_seconds=10.0),
    frames.Forget(attempt_id=ATTEMPT, epoch=2, reason="Accepted too late."),
    frames.Finished(
        attempt_id=ATTEMPT,
        epoch=2,
        outcome="signalled",
        exit_code=None,
        signal=9,
        message="",
        lines=41,
        bytes=2048,
        sha256="01" * 32,
        started=1795475325.25,
        ended=1795475330.75,
        outputs=[
            frames.OutputValue(name="Backup.Path", value="/backups/orders.sqlite3"),
            frames.OutputValue(name="Token", value="correct horse", sensitive=True),
        ],
        artifacts=[frames.ArtifactFile(name="report.txt", size=12, sha256="02" * 32)],
    ),
    frames.ArtifactWanted(attempt_id=ATTEMPT, epoch=2, number=0, offset=4, resend=True),
    frames.ArtifactPart(attempt_id=ATTEMPT, epoch=2, number=0, offset=4, data="aGVsbG8=", lost=""),
    frames.Settled(attempt_id=ATTEMPT, epoch=2),
    frames.LogAck(attempt_id=ATTEMPT, epoch=2, next_seq=41, resend=True),
    frames.Error(code="stale_epoch", message="This worker holds epoch 3.", attempt_id=ATTEMPT, fatal=False),
]
