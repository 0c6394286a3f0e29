"""What the operator may set, with its defaults."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs
from msgspec import Meta

from triptych import model
from triptych.kinds import Limits

MIB = 1024 * 1024
GIB = 1024 * MIB

Tier = Literal["cgroup", "pidns", "subreaper"]
Name = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$(?!\\n)")]
NoNul = Annotated[str, Meta(pattern="^[^\\x00]*$")]
Program = Annotated[str, Meta(pattern="^/[^\\x00]*$")]
Size = Annotated[int, Meta(ge=MIB)]
Days = Annotated[float, Meta(gt=0, le=36500)]
BucketName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{1,221}$(?!\\n)")]
Host = Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]+$(?!\\n)")]
Port = Annotated[int, Meta(ge=1, le=65535)]


class MaxLimits(Limits, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The most that a job may ask for; None is as much as it likes."""


class Bucket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The folder in a media root that a bucket of `gs://` stands for; `writable` lets results be written there."""

    path: Path
    writable: bool = False


class HttpInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hosts that media may be fetched from, those of them that may have a private address, and the ports beside 80 and 443."""

    allow: tuple[Host, ...] = ()
    allow_private: tuple[Host, ...] = ()
    ports: tuple[Port, ...] = ()


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where media may come from beside paths below the media roots."""

    buckets: dict[BucketName, Bucket] = {}
    http: HttpInputs = HttpInputs()

    @property
    def beside_roots(self) -> model.Inputs:
        """The same as jobs know it: hosts in lower case."""
        return model.Inputs(
            buckets={name: str(bucket.path) for name, bucket in self.buckets.items()},
            hosts=tuple(host.lower() for host in self.http.allow),
            private_hosts=tuple(host.lower() for host in self.http.allow_private),
            ports=self.http.ports,
        )


TIERS: tuple[Tier, ...] = ("cgroup", "pidns", "subreaper")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One running system. Paths are absolute; `roots` and `media_roots` are in the order in which they are searched.

    `commands` maps names to programs (workers S5); "any" lifts the list where it would be needed, None is the policy of the place: open
    on loopback, refused elsewhere. `max_limits` is the most that a job may ask for. `tls_proxy` lists the addresses of proxies that end
    TLS in front of this server. Raises `ValueError` for settings that contradict each other.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8700
    data_dir: Path
    worker_id: str | None = None
    roots: tuple[Path, ...] = ()
    media_roots: tuple[Path, ...] = ()
    models_dir: Path | None = None
    inputs: Inputs = Inputs()
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    loopback_trust: Literal["same-user", "any"] = "same-user"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_proxy: tuple[str, ...] = ()
    starts_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 200
    commands: Literal["any"] | dict[str, Program] | None = None
    run_as: Annotated[str, Meta(min_length=1)] | None = None
    umask: Annotated[str, Meta(pattern="^0?[0-7]{3}$(?!\\n)")] = "0077"
    env: dict[Name, NoNul] = {}
    slots: Annotated[int, Meta(ge=1, le=65536)] = 256
    cores: Annotated[int, Meta(ge=1, le=1024)] = 4
    decoders: Annotated[int, Meta(ge=1, le=64)] = 2
    min_free_gib: Annotated[float, Meta(ge=0, le=1_000_000)] = 5.0
    kill_tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)] = TIERS
    job_lease_s: Annotated[float, Meta(ge=30, le=86400)] = 900.0
    worker_lease_s: Annotated[float, Meta(ge=5, le=3600)] = 10.0
    max_limits: MaxLimits = MaxLimits()
    open_files: Annotated[int, Meta(ge=16, le=1_048_576)] = 4096
    output_max_bytes: Annotated[int, Meta(ge=4096)] = 64 * MIB
    output_max_total_bytes: Size = 10 * GIB
    output_days: Days = 7.0
    record_days: Days = 30.0
    spool_max_bytes: Size = 2 * GIB
    strict_status: bool = False

    def __post_init__(self) -> None:
        """Refuse what no single setting shows to be wrong."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key are set together or not at all")
        if len(set(self.kill_tiers)) != len(self.kill_tiers):
            raise ValueError("kill_tiers names a tier twice")
        for address in self.tls_proxy:
            ipaddress.ip_network(address)
        for name, most in msgspec.structs.asdict(self.max_limits).items():
            if most is not None and most <= 0:
                raise ValueError(f"max_limits.{name} must be above 0")

    @property
    def store_url(self) -> str:
        """The SQLite file of the data folder."""
        return f"sqlite:///{self.data_dir / 'triptych.db'}"

    @property
    def model_folder(self) -> Path:
        """The folder of models that no package carries."""
        return self.models_dir or self.data_dir / "models"

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine can reach the server's address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_local(self) -> bool:
        """Say whether only this machine can reach the server: on loopback, and no proxy is declared that lets others in."""
        return self.on_loopback and not self.tls_proxy


def default_data_dir() -> Path:
    """Return the platform's data folder for Triptych, or `TRIPTYCH_DATA` where it is set."""
    return Path(os.environ.get("TRIPTYCH_DATA") or platformdirs.user_data_dir("triptych"))
