"""What server and agent say to each other: frames, log chunks, handshake.

Pure and stdlib only (Python 3.9 or newer), because the agent ships with it.
"""

#: Versions of the protocol that this code speaks; the highest common one is used.
VERSIONS = (1,)

#: Largest WebSocket message an agent may send, in bytes. A log chunk is far below it.
MAX_AGENT_MESSAGE = 1024 * 1024

#: Largest WebSocket message the server may send, in bytes: a script and its values.
MAX_SERVER_MESSAGE = 16 * 1024 * 1024

#: Seconds between two heartbeats of an agent.
HEARTBEAT_SECONDS = 15

#: Seconds after the last sign of life at which an agent has lost contact. Four heartbeats:
#: one lost packet or one long pause of either side must not look like a death.
LEASE_SECONDS = 60

#: Seconds in which an assignment must be accepted; after that it is provably unstarted.
ACCEPT_SECONDS = 30

#: Seconds between TERM and KILL when a script is cancelled.
CANCEL_GRACE_SECONDS = 10

#: Seconds after which a cancelled script that will not die is abandoned with what is known.
ABANDON_SECONDS = 120

#: The syntax of a start that brings a program instead of a script.
PROGRAM_SYNTAX = "program"

#: Log chunks that an agent may have sent without an acknowledgement.
LOG_WINDOW = 64
