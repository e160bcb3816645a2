#!/usr/bin/env python3
"""A second, independent implementation of Gongshu's exact split, for whoever wants to check a bill without the platform.

  tools/verify_split.py 1000 333333 333333 333334        prints the parts, one a line
  tools/verify_split.py < cases.txt                      checks lines `total : weights… : parts…`; says which differ

Rule: each part gets the whole units of total * weight / sum of weights; the units that are left over go one by one to the
largest fractions, among like fractions to the first in order. A negative total is split as its positive and negated.
Only the standard library; Python's integers and fractions are exact.
"""
import sys
from fractions import Fraction


def split(total, weights):
    if not weights or any(weight <= 0 for weight in weights):
        raise ValueError("expected at least one weight, each above 0")
    exact = [Fraction(abs(total) * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    left = abs(total) - sum(parts)
    by_fraction = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_fraction[:left]:
        parts[i] += 1
    return [-part for part in parts] if total < 0 else parts


def check(lines):
    count = wrong = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        total, weights, parts = ([int(word) for word in field.split()] for field in line.split(":"))
        count += 1
        ours = split(total[0], weights)
        if ours != parts or sum(parts) != total[0]:
            wrong += 1
            print(f"line {number}: {total[0]} by {weights} is {ours}, and there stands {parts}")
    print(f"{count} splits checked, {wrong} differ")
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print("\n".join(str(part) for part in split(int(sys.argv[1]), [int(word) for word in sys.argv[2:]])))
    else:
        sys.exit(check(sys.stdin))
