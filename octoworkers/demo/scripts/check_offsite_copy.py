offsite = Path(get_octopusvariable("Backup.OffsiteFolder"))
print(f"Off-site copies are expected in {offsite}")
if not offsite.is_dir():
    sys.exit(
        f"The off-site folder {offsite} does not exist on this worker."
        " Mount it, or set Backup.OffsiteFolder to where the copies are."
    )

known = manifests(offsite)
if not known:
    sys.exit(f"There is no signed backup in {offsite}.")
for path, facts in known:
    if digest_of(path.with_name(Path(facts["file"]).name)) != facts["sha256"]:
        sys.exit(f"{facts['file']} differs from what was noted when it was taken.")
printhighlight(f"{len(known)} off-site copies are as they were taken")
