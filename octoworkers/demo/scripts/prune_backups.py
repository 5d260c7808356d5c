keep = int(get_octopusvariable("Backup.Keep"))
if keep < 1:
    sys.exit(f"Backup.Keep is {keep}: at least one backup has to stay.")

folder = backup_folder()
known = manifests(folder)
for path, facts in known[keep:]:
    (folder / Path(facts["file"]).name).unlink(missing_ok=True)
    path.unlink()
    print(f"Deleted {facts['file']} of {facts['taken']}")

strangers = len(list(folder.glob("*.json"))) - len(known[:keep])
if strangers:
    printwarning(f"Left {strangers} files alone: their signature is not made with Backup.SigningKey")
print(f"Kept {len(known[:keep])} of {len(known)} backups (Backup.Keep is {keep})")
