"""Settings are read in their order, and what is wrong is told with its place."""

from pathlib import Path

import pytest

from triptych.configuration import VARIABLES, read
from triptych.errors import Invalid


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def write(folder: Path, text: str, name: str = "triptych.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_each_place_overrules_the_one_before(data):
    """engine 4: defaults < triptych.toml < TRIPTYCH_* < flags."""
    file = write(data, "port = 1\nslots = 2\ncores = 3\n")
    environ = {"TRIPTYCH_DATA": str(data), "TRIPTYCH_SLOTS": "20", "TRIPTYCH_CORES": "30"}
    found = read({"cores": 300, "host": None}, environ=environ)
    settings = found.settings
    assert (settings.host, settings.port, settings.slots, settings.cores) == ("127.0.0.1", 1, 20, 300)
    origins = {name: found.origins[name] for name in ("host", "port", "slots", "cores", "data_dir")}
    assert origins == {"host": "default", "port": str(file), "slots": "TRIPTYCH_SLOTS", "cores": "flag", "data_dir": "TRIPTYCH_DATA"}


def test_a_file_may_be_named_and_then_says_where_the_data_is(tmp_path):
    file = write(tmp_path, 'data_dir = "here"\nroots = ["scripts", "/srv"]\ntls_cert = "a.pem"\ntls_key = "b.pem"\n', "other.toml")
    for found in (read({}, config=file, environ={}), read({}, environ={"TRIPTYCH_CONFIG": str(file)})):
        assert found.settings.data_dir == tmp_path / "here"
        assert found.settings.roots == (tmp_path / "scripts", Path("/srv"))
        assert found.settings.tls_cert == tmp_path / "a.pem"


def test_tables_are_read(data):
    write(data, '[commands]\nsh = "/bin/sh"\n[env]\nA = "1"\n[max_limits]\nmemory_bytes = 5\n')
    settings = read({"data_dir": data}, environ={}).settings
    assert (settings.commands, settings.env, settings.max_limits.memory_bytes) == ({"sh": "/bin/sh"}, {"A": "1"}, 5)


def test_tables_within_tables_are_read_and_their_paths_count_from_the_file(data):
    """media 2.6."""
    write(data, '[inputs.buckets.news]\npath = "news"\nwritable = true\n[inputs.http]\nallow = ["CDN.example"]\nports = [8080]\n')
    inputs = read({"data_dir": data}, environ={}).settings.inputs
    assert (inputs.buckets["news"].path, inputs.buckets["news"].writable) == (data / "news", True)
    beside = inputs.beside_roots
    assert (beside.buckets, beside.hosts, beside.private_hosts, beside.ports) == (
        {"news": str(data / "news")},
        ("cdn.example",),
        (),
        (8080,),
    )


@pytest.mark.parametrize(
    "table",
    [
        "[inputs]\nbukets = 1",
        "[inputs.http]\nalow = []",
        "[inputs.buckets.a]\nfolder = 1",
        '[inputs.buckets."A/b"]\npath = "x"',
        "[inputs.http]\nports = [0]",
    ],
)
def test_a_table_within_a_table_is_read_strictly(data, table):
    write(data, table)
    with pytest.raises(Invalid, match="setting inputs"):
        read({"data_dir": data}, environ={})


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("TRIPTYCH_KILL_TIERS", "pidns, subreaper", "kill_tiers", ("pidns", "subreaper")),
        ("TRIPTYCH_KILL_TIERS", '["pidns"]', "kill_tiers", ("pidns",)),
        ("TRIPTYCH_COMMANDS", "any", "commands", "any"),
        ("TRIPTYCH_COMMANDS", '{sh = "/bin/sh"}', "commands", {"sh": "/bin/sh"}),
        ("TRIPTYCH_ROOTS", "/a,/b", "roots", (Path("/a"), Path("/b"))),
        ("TRIPTYCH_STRICT_STATUS", "true", "strict_status", True),
        ("TRIPTYCH_JOB_LEASE_S", "30.5", "job_lease_s", 30.5),
        ("TRIPTYCH_RUN_AS", "1000", "run_as", "1000"),
    ],
)
def test_a_variable_spells_every_type(data, variable, text, name, value):
    assert getattr(read({"data_dir": data}, environ={variable: text}).settings, name) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = 65536", "setting port"),
        ('port = "8700"', "setting port"),
        ("prot = 1", "there is no setting prot"),
        ("job_lease_s = 29", "setting job_lease_s"),
        ('kill_tiers = ["group"]', "setting kill_tiers"),
        ("kill_tiers = []", "setting kill_tiers"),
        ('commands = "all"', "setting commands"),
        ('commands = {sh = "sh"}', "setting commands"),
        ('umask = "8"', "setting umask"),
        ("roots = [1]", "setting roots"),
        ('env = {"A-B" = "1"}', "setting env"),
        ("max_limits = {memory = 1}", "setting max_limits"),
        ("port = ", "is not TOML"),
        ('data_dir = "/x"', "cannot be set in the data folder itself"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(data, text, told):
    file = write(data, text)
    with pytest.raises(Invalid, match=told) as caught:
        read({"data_dir": data}, environ={})
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('tls_cert = "a"', "tls_cert and tls_key"),
        ('kill_tiers = ["pidns", "pidns"]', "twice"),
        ('tls_proxy = ["nobody"]', "nobody"),
        ("max_limits = {cpu = 0}", "max_limits.cpu"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(data, text, told):
    write(data, text)
    with pytest.raises(Invalid, match=told):
        read({"data_dir": data}, environ={})


def test_a_variable_that_is_wrong_is_named(data):
    with pytest.raises(Invalid, match=r"setting port \(TRIPTYCH_PORT\)"):
        read({"data_dir": data}, environ={"TRIPTYCH_PORT": "tcp://10.0.0.1:8700"})
    with pytest.raises(Invalid, match="TRIPTYCH_ROOTS is not a list"):
        read({"data_dir": data}, environ={"TRIPTYCH_ROOTS": "[1"})


def test_a_named_file_must_be_there_and_a_default_one_need_not(data):
    assert read({"data_dir": data}, environ={}).settings.port == 8700
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        read({"data_dir": data}, config=data / "triptych.toml", environ={})


def test_a_file_that_others_may_write_is_refused(data):
    """workers 9: the file says what may run."""
    write(data, "").chmod(0o664)
    with pytest.raises(Invalid, match="writable by group or others"):
        read({"data_dir": data}, environ={})


def test_an_empty_variable_says_nothing(data):
    assert read({"data_dir": data}, environ={"TRIPTYCH_PORT": ""}).settings.port == 8700


def test_every_setting_has_its_variable():
    assert VARIABLES["data_dir"] == "TRIPTYCH_DATA"
    assert VARIABLES["output_days"] == "TRIPTYCH_OUTPUT_DAYS"


def test_a_relative_path_counts_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read({"data_dir": Path("d"), "roots": [Path("r")]}, environ={"TRIPTYCH_MEDIA_ROOTS": "m"}).settings
    assert (settings.data_dir, settings.roots, settings.media_roots) == (tmp_path / "d", (tmp_path / "r",), (tmp_path / "m",))
