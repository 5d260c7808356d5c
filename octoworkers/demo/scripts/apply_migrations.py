JOURNAL = """CREATE TABLE IF NOT EXISTS schema_journal (
    id VARCHAR(80) PRIMARY KEY, checksum VARCHAR(64) NOT NULL,
    applied_at VARCHAR(40) NOT NULL, task VARCHAR(40) NOT NULL
)"""

# In this order, each in a transaction of its own. One that was applied is never edited: add another one.
MIGRATIONS = [
    ("0001_orders_by_customer", ["CREATE INDEX orders_by_customer ON orders (customer_id)"]),
    ("0002_order_currency", ["ALTER TABLE orders ADD COLUMN currency VARCHAR(3) NOT NULL DEFAULT 'EUR'"]),
    (
        "0003_order_totals",
        [
            "ALTER TABLE orders ADD COLUMN total_cents BIGINT NOT NULL DEFAULT 0",
            "UPDATE orders SET total_cents = COALESCE((SELECT SUM(quantity * unit_price_cents)"
            " FROM order_lines WHERE order_lines.order_id = orders.id), 0)",
        ],
    ),
    (
        "0004_daily_sales",
        [
            "CREATE VIEW daily_sales AS SELECT placed_on, COUNT(*) AS orders, SUM(total_cents) AS total_cents"
            " FROM orders GROUP BY placed_on"
        ],
    ),
]


def checksum(statements):
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def journal_entry(name, statements):
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    values = ", ".join(f"'{value}'" for value in (name, checksum(statements), now, task))
    return f"INSERT INTO schema_journal (id, checksum, applied_at, task) VALUES ({values})"


def refuse_changed(applied):
    for name, statements in MIGRATIONS:
        if applied.get(name, checksum(statements)) != checksum(statements):
            sys.exit(
                f"Migration {name} was changed after it had been applied. Undo the change and add a new one."
            )
    unknown = sorted(set(applied) - {name for name, _ in MIGRATIONS})
    if unknown:
        sys.exit(f"The database has migrations that this script does not know: {', '.join(unknown)}.")


task = get_octopusvariable("Octopus.Task.Id")
target = database()
print(f"Target: {target.label}")
target.run([JOURNAL])
applied = {row[0]: row[1] for row in target.query("SELECT id, checksum FROM schema_journal ORDER BY id")}
refuse_changed(applied)

pending = [(name, statements) for name, statements in MIGRATIONS if name not in applied]
for name in applied:
    printverbose(f"{name} was applied before")
for name, statements in pending:
    print(f"Applying {name}")
    try:
        target.run([*statements, journal_entry(name, statements)])
    except (sqlite3.Error, RuntimeError) as error:
        sys.exit(f"{name} failed and was rolled back: {error}")

if pending:
    printhighlight(f"Applied {len(pending)} of {len(MIGRATIONS)} migrations")
else:
    printhighlight(f"Nothing to apply: all {len(MIGRATIONS)} migrations are in the journal")
