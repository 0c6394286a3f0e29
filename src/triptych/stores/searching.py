"""What a search for a label or for words looks at: the same texts in memory and in SQL."""

from triptych.model import Job, Query
from triptych.stores.jsontext import canonical, encode

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def needles(query: Query) -> dict[str, str]:
    """Return the texts that a query looks for, by name; none when it looks for nothing."""
    wanted: dict[str, str] = {}
    if query.label is not None:
        label = canonical(dict([query.label]))[1:-1]
        wanted |= {"label_first": "{" + label, "label_next": "," + label}
    if query.text is not None:
        wanted |= {"text": lower(query.text), "words": lower(encode({"": query.text})[5:-2])}
    return wanted


def finds(wanted: dict[str, str], job: Job) -> bool:
    """Say whether a job is one of those that are looked for."""
    if "label_first" in wanted:
        needs = canonical(job.needs)
        if wanted["label_first"] not in needs and wanted["label_next"] not in needs:
            return False
    return "text" not in wanted or wanted["text"] in lower(job.id) or wanted["words"] in words(job)


def words(job: Job) -> str:
    """Return the command of a job with its arguments, a space between two, as they stand in the JSON of its spec."""
    argv = encode({"": job.spec["argv"]})[4:-1] if "argv" in job.spec else ""
    return lower(argv.lstrip('["').rstrip('"]').replace('","', " "))


def lower(text: str) -> str:
    """Return `text` with ASCII letters in lower case, which is all that both databases agree on."""
    return text.translate(_LOWER)
