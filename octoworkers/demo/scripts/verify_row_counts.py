CHECKS = {
    "order lines without an order": (
        "SELECT COUNT(*) FROM order_lines WHERE NOT EXISTS"
        " (SELECT 1 FROM orders WHERE orders.id = order_lines.order_id)"
    ),
    "orders whose total is not the sum of their lines": (
        "SELECT COUNT(*) FROM orders WHERE total_cents <> COALESCE((SELECT SUM(quantity * unit_price_cents)"
        " FROM order_lines WHERE order_lines.order_id = orders.id), 0)"
    ),
}

task = get_octopusvariable("Octopus.Task.Id")
taken = [facts for _, facts in manifests(backup_folder()) if facts["task"] == task]
if not taken:
    sys.exit(
        f"There is no signed backup of {task} in {backup_folder()}, so there is nothing to compare with."
    )

target = database()
before, after = taken[0]["rows"], row_counts(target)
problems = []
for table, number in sorted(after.items()):
    was = before.get(table, 0)
    print(f"{table:16} {number:10,} rows, {was:,} before")
problems += [f"{table} lost rows" for table, was in before.items() if after.get(table, 0) < was]
for what, sql in CHECKS.items():
    found = int(target.query(sql)[0][0])
    print(f"{what.capitalize()}: {found}")
    if found:
        problems.append(f"{found} {what}")

if problems:
    sys.exit(f"The database is not as it should be: {'; '.join(problems)}. The backup is {taken[0]['file']}.")
printhighlight("Row counts agree with the backup")
