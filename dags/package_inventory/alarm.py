"""Says what went wrong, in the log and in alarm.txt in the run's folder. Runs only when a step before the report failed."""

import argparse
import os

import workspace


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", default="")
    run_id = os.environ.get("PIPELINED_RUN_ID", "by-hand")
    # Not from extract's outputs: it may be extract that failed.
    run_dir = workspace.run_folder(parser.parse_args().work_dir, run_id)
    text = f"The inventory of run {run_id} failed and gives no report.\nWhy: pipectl runs show package_inventory {run_id}\n"
    print(text, end="")
    workspace.write_whole(run_dir / "alarm.txt", text)


if __name__ == "__main__":
    main()
