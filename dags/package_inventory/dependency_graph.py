"""Depths and reach in a graph of requirements. Packages may require each other in circles: a circle counts as one step."""

from dataclasses import dataclass


@dataclass
class Facts:
    depth: int = 0
    needs: int = 0
    direct: int = 0
    needed_by: int = 0
    next_below: str | None = None


def components(edges):
    """Circles (strongly connected components), those that nothing else depends on last: every component comes after the
    ones it requires. Tarjan's algorithm with a stack of its own, since chains are longer than Python's."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, below = work[-1]
            for target in below:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(sorted(edges[target]))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    found.append(stack[cut:])
                    on_stack.difference_update(stack[cut:])
                    del stack[cut:]
    return found


def facts(edges):
    """name -> Facts. `edges`: name -> the names it requires, each of which is a key, too."""
    order = components(edges)
    number = {name: i for i, members in enumerate(order) for name in members}
    below = [{number[t] for name in members for t in edges[name]} - {i} for i, members in enumerate(order)]
    result = {name: Facts() for name in edges}

    depth, reach = [0] * len(order), [0] * len(order)  # reach: a bit per component, its own included
    for i, members in enumerate(order):
        deepest = max(below[i], key=lambda j: (depth[j], order[j][0]), default=None)
        depth[i] = 0 if deepest is None else depth[deepest] + 1
        reach[i] = 1 << i
        for j in below[i]:
            reach[i] |= reach[j]
        for name in members:
            result[name].depth = depth[i]
            result[name].next_below = None if deepest is None else min(order[deepest])

    size = [len(members) for members in order]
    needed_by = [0] * len(order)
    for i, members in enumerate(order):
        reached = _bits(reach[i])
        for j in reached:
            needed_by[j] += size[i]
        for name in members:
            result[name].needs = sum(size[j] for j in reached) - 1  # all but itself
    for i, members in enumerate(order):
        for name in members:
            result[name].needed_by = needed_by[i] - 1
    for targets in edges.values():
        for target in targets:
            result[target].direct += 1
    return result


def _bits(mask):
    bits = []
    while mask:
        lowest = mask & -mask
        bits.append(lowest.bit_length() - 1)
        mask ^= lowest
    return bits
