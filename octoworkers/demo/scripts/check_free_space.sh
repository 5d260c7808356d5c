set -euo pipefail

folder=$(get_octopusvariable "Backup.Folder")
needed=$(get_octopusvariable "Backup.FreeMegabytes")

mkdir -p "$folder"
free=$(( $(df -Pk "$folder" | awk 'NR == 2 { print $4 }') / 1024 ))
echo "Backups go to $folder on $(uname -n)"
echo "Free there: $free MB, needed: $needed MB"

if [ "$free" -lt "$needed" ]; then
    echo "Only $free MB are free in $folder, and a backup wants $needed MB. Delete something, or lower Backup.FreeMegabytes." >&2
    exit 1
fi
