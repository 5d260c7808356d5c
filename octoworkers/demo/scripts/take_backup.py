source = database()
folder = backup_folder()
folder.mkdir(parents=True, exist_ok=True)
now = datetime.now(timezone.utc)
task = get_octopusvariable("Octopus.Task.Id")
target = folder / f"{now:%Y%m%d-%H%M%S}-{task}{source.suffix}"
partial = target.with_name("." + target.name)

print(f"Source: {source.label}")
rows = row_counts(source)
print(f"It holds {counted(rows)}")

source.back_up(partial)
problem = source.verify(partial, rows)
if problem:
    partial.unlink()
    sys.exit(f"The backup is not good: {problem}.")
with partial.open("rb") as file:
    os.fsync(file.fileno())
partial.rename(target)

facts = {
    "file": target.name,
    "bytes": target.stat().st_size,
    "sha256": digest_of(target),
    "rows": rows,
    "task": task,
    "taken": now.isoformat(timespec="seconds"),
}
manifest = {"facts": facts, "signature": signature_of(facts)}
target.with_suffix(".json").write_text(json.dumps(manifest, indent=1))

print(f"Wrote {target}")
print(f"sha256 {facts['sha256']}")
printhighlight(f"Verified backup of {sum(rows.values()):,} rows, {facts['bytes']:,} bytes")
