offsite = Path(get_octopusvariable("Backup.OffsiteFolder"))
newest = next((facts for _, facts in manifests(offsite) if facts["file"].endswith(Sqlite.suffix)), None)
if newest is None:
    sys.exit(f"There is no signed SQLite backup in {offsite}.")

scratch = Path("restored.sqlite3").absolute()
shutil.copyfile(str(offsite / Path(newest["file"]).name), str(scratch))
restored = Sqlite(scratch)
problem = restored.verify(scratch, newest["rows"])
if problem:
    sys.exit(f"The restored database is not good: {problem}.")
printhighlight(f"Restored {newest['file']}: {counted(newest['rows'])}")
