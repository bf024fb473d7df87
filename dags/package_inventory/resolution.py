"""Which installed package meets which requirement: names, versions, provided names."""

from collections import defaultdict

import control_file


class Installed:
    """What one run found installed, indexed by every name that a dependency may use."""

    def __init__(self, db, run_id):
        self._db, self._run_id = db, run_id
        self._offers = defaultdict(list)  # name -> [(package, version)]; a package's own name first
        for name, version in self._rows("select name, version from package where run_id = ? order by name, architecture"):
            self._offers[name].append((name, version))
        self.names = sorted(self._offers)
        for name, virtual_name, version in self._rows(
            "select name, virtual_name, version from provided where run_id = ? order by virtual_name, name"
        ):
            self._offers[virtual_name].append((name, version))

    def _rows(self, sql):
        return self._db.execute(sql, (self._run_id,))

    def meets(self, target, relation="", version=""):
        """The packages that meet a requirement. A name that is provided without version meets no versioned one."""
        return list(dict.fromkeys(
            package for package, offered in self._offers.get(target, ())
            if not relation or (offered and control_file.satisfies(offered, relation, version))
        ))

    def clauses(self):
        """Yields (package, text of the clause, the packages that meet it) for every clause of every package."""
        alternatives = defaultdict(list)
        for name, architecture, kind, clause, *alternative in self._rows(
            "select name, architecture, kind, clause, target, relation, target_version from dependency"
            " where run_id = ? order by name, architecture, kind, clause, alternative"
        ):
            alternatives[name, architecture, kind, clause].append(alternative)
        for (name, *_), choices in alternatives.items():
            met = dict.fromkeys(package for choice in choices for package in self.meets(*choice))
            yield name, " | ".join(_text(*choice) for choice in choices), list(met)

    def edges(self):
        """package -> the packages it requires; of several that meet a clause the first stands for all."""
        required = {name: set() for name in self.names}
        for name, _clause, met in self.clauses():
            if met and name not in met:
                required[name].add(met[0])
        return required


def _text(target, relation, version):
    return f"{target} ({relation} {version})" if relation else target
