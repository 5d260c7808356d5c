"""Deploying and transferring packages, each by the program that travels to the worker."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.programs.archives import Bench

PLACE = {"Octopus.Environment.Name": "Test", "Name": "Orders", "Password": "p;$(x)"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def deploy(bench: Bench, variables: dict[str, str] | None = None, **inputs: str):
    return bench.run("deploy", inputs, {**PLACE, **(variables or {})})


def output_of(printed: str, name: str) -> str:
    """The value of an output variable that the program set."""
    encoded = base64.b64encode(name.encode()).decode()
    [line] = [one for one in printed.splitlines() if f"name='{encoded}'" in one]
    return base64.b64decode(line.split("value='")[1].split("'")[0]).decode()


def test_a_package_goes_into_a_folder_of_its_own_and_values_into_its_files(bench: Bench) -> None:
    files = {
        "conf/app.json": '{"name": "#{Name}", "other": "#{Nobody}", "upper": "#{Name | ToUpper}"}',
        "conf/app.bin": b"\xff\xfe#\x00{\x00N\x00a\x00m\x00e\x00}\x00",
        "raw.txt": "#{Name}",
        "latin.json": b"caf\xe9 #{Name}",
    }
    bench.add("Acme.Web", files)

    done = deploy(bench, files="conf/*\n**/latin.json\nnothing/*.x")

    assert done.returncode == 0, done.stdout + done.stderr
    folder = Path(output_of(done.stdout, "Package.InstallationDirectoryPath"))
    assert folder == bench.home / "applications/Test/Acme.Web/1.0.0"
    expected = '{"name": "Orders", "other": "#{Nobody}", "upper": "ORDERS"}'
    assert (folder / "conf/app.json").read_text() == expected
    assert (folder / "conf/app.bin").read_bytes() == "\ufeffOrders".encode("utf-16-le")
    assert (folder / "raw.txt").read_text() == "#{Name}"
    assert (folder / "latin.json").read_bytes() == b"caf\xe9 Orders"
    assert "conf/app.json refers to #{Nobody}, which has no value." in done.stdout
    assert "No file of the package matches nothing/*.x" in done.stdout


def test_scripts_of_the_package_and_of_the_step_run_in_order(bench: Bench) -> None:
    say = 'echo "{} $(cat value.txt) $PWD $(get_octopusvariable Name)"\n'
    bench.add(
        "Acme.Web",
        {
            "value.txt": "#{Name}",
            "PreDeploy.sh": say.format("own pre"),
            "Deploy.py": "print('own deploy', open('value.txt').read())\n",
        },
    )
    scripts = {
        "PreDeploy.sh": say.format("pre"),
        "Deploy.sh": say.format("deploy"),
        "PostDeploy.py": "import os\nprint('post', os.getcwd(), get_octopusvariable('Name'))\n",
    }

    done = deploy(bench, files="value.txt", scripts=json.dumps(scripts))

    assert done.returncode == 0, done.stdout + done.stderr
    folder = bench.home / "applications/Test/Acme.Web/1.0.0"
    lines = [
        line for line in done.stdout.splitlines() if line.startswith(("own ", "pre ", "deploy ", "post "))
    ]
    assert lines == [
        f"own pre #{{Name}} {folder} Orders",
        f"pre #{{Name}} {folder} Orders",
        "own deploy Orders",
        f"deploy Orders {folder} Orders",
        f"post {folder} Orders",
    ]


def test_an_installation_directory_is_emptied_if_asked_and_links_are_not_followed(
    bench: Bench, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    target = tmp_path / "srv" / "web"
    (target / "old").mkdir(parents=True)
    (target / "link").symlink_to(outside)
    bench.add("Acme.Web", {"index.html": "new"})

    kept = deploy(bench, directory=str(target))
    there = sorted(path.name for path in target.iterdir())
    emptied = deploy(bench, directory=str(target), purge="True")

    assert (kept.returncode, emptied.returncode) == (0, 0)
    assert there == ["index.html", "link", "old"]
    assert sorted(path.name for path in target.iterdir()) == ["index.html"]
    assert (outside / "precious").read_text() == "mine"


@pytest.mark.parametrize("directory", ["relative/x", "/", "/etc", "/srv/#{Nobody}", "/a/b/../.."])
def test_a_directory_that_must_not_be_copied_over_is_refused(bench: Bench, directory: str) -> None:
    bench.add("Acme.Web", {"x": "y"})

    done = deploy(bench, directory=directory, purge="True")

    assert done.returncode == 1
    assert "directory" in done.stdout
    assert not list(bench.home.glob("applications/*/*/1*"))


def test_so_many_deployments_are_kept(bench: Bench) -> None:
    for number in range(1, 6):
        bench.packages.clear()
        bench.add("Acme.Web", {"n": str(number)}, version=f"1.{number}")
        done = deploy(bench, keep="2")
        assert done.returncode == 0, done.stdout + done.stderr

    folder = bench.home / "applications/Test/Acme.Web"
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["1.4", "1.5"]


def test_the_same_version_again_gets_another_folder(bench: Bench) -> None:
    bench.add("Acme.Web", {"n": "1"})

    first, second = deploy(bench), deploy(bench)

    paths = [output_of(one.stdout, "Package.InstallationDirectoryPath") for one in (first, second)]
    assert [Path(one).name for one in paths] == ["1.0.0", "1.0.0_2"]


def test_a_script_that_fails_ends_it_and_the_packages_own_answer_runs(bench: Bench) -> None:
    bench.add("Acme.Web", {"Deploy.sh": "exit 7\n", "DeployFailed.sh": "echo cleaning up\n"})

    done = deploy(bench, scripts=json.dumps({"PostDeploy.sh": "echo never"}))

    assert done.returncode == 1
    assert "Deploy.sh of the package ended with exit code 7." in done.stdout
    assert "cleaning up" in done.stdout
    assert "never" not in done.stdout


@pytest.mark.parametrize("pattern", ["../x", "/etc/*", "a/../../b"])
def test_files_outside_of_the_package_are_never_touched(bench: Bench, pattern: str) -> None:
    bench.add("Acme.Web", {"x": "y"})

    done = deploy(bench, files=pattern)

    assert done.returncode == 1
    assert "leads out of the package" in done.stdout


def test_names_of_places_make_no_paths(bench: Bench) -> None:
    bench.add("Acme.Web", {"x": "y"})

    done = deploy(bench, {"Octopus.Environment.Name": "../../etc", "Octopus.Deployment.Tenant.Name": "/root"})

    folder = Path(output_of(done.stdout, "Package.InstallationDirectoryPath"))
    assert folder.is_relative_to(bench.home / "applications")


def test_a_transferred_package_is_the_file_that_was_pushed(bench: Bench, tmp_path: Path) -> None:
    bench.add("Acme.Web", {"x": "y"})
    target = tmp_path / "incoming" / "web"

    done = bench.run("transfer", {"directory": str(target)})
    again = bench.run("transfer", {"directory": str(target)})

    assert (done.returncode, again.returncode) == (0, 0), done.stdout
    path = target / "Acme.Web.1.0.0.zip"
    assert path.read_bytes() == (bench.cache / bench.packages[0]["sha256"]).read_bytes()
    assert sorted(one.name for one in target.iterdir()) == [path.name]
    assert output_of(done.stdout, "Package.FilePath") == str(path)


@pytest.mark.parametrize("directory", ["", "relative", "/srv/#{Nobody}"])
def test_a_folder_that_is_none_is_refused(bench: Bench, directory: str) -> None:
    bench.add("Acme.Web", {"x": "y"})

    done = bench.run("transfer", {"directory": directory})

    assert done.returncode == 1
    assert "is not absolute" in done.stdout
