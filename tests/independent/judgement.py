"""What the verifiers of evidence return: every refusal in the order of the checks, and the time within which all of it holds."""

import dataclasses
import datetime

START_OF_TIME = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
END_OF_TIME = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)


class Malformed(Exception):
    """Ends a verification: what follows cannot be read."""

    def __init__(self, rule, detail=""):
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail = rule, detail


@dataclasses.dataclass
class Judgement:
    findings: list = dataclasses.field(default_factory=list)  # (rule, detail), in the order of the checks
    valid_from: datetime.datetime = START_OF_TIME
    valid_to: datetime.datetime = END_OF_TIME

    @property
    def rules(self):
        return [rule for rule, _ in self.findings]

    @property
    def first(self):
        return self.findings[0][0] if self.findings else None

    def check(self, holds, rule, detail=""):
        if not holds:
            self.findings.append((rule, detail))
        return holds

    def window(self, start, end, at, prefix, what, end_included=True):
        """Narrows the judgement's window; refuses by <prefix>.early or <prefix>.expired."""
        self.valid_from, self.valid_to = max(self.valid_from, start), min(self.valid_to, end)
        self.check(start <= at, f"{prefix}.early", what)
        self.check(at <= end if end_included else at < end, f"{prefix}.expired", what)

    def age(self, since, longest, at, prefix):
        """Narrows the window likewise; refuses by <prefix>.age what was said too long ago."""
        self.valid_to = min(self.valid_to, since + longest)
        self.check(at - since <= longest, f"{prefix}.age", str(at - since))
