folder = backup_folder()
known = manifests(folder)
print(f"{len(known)} signed backups in {folder}")
for _, facts in known[:5]:
    print(f"  {facts['taken']}  {facts['bytes']:,} bytes  {facts['file']}")
if not known:
    printwarning("No backup yet. Run Back up and migrate first.")
