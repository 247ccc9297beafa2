#!/usr/bin/python3
"""Writes the golden values of this folder: what PyTorch says that every operation of the catalogue
gives, its gradients for a random cotangent, and second derivatives. See README.md for the format.

    /usr/bin/python3 tests/golden/make_golden.py [FAMILY…]       (needs python3-torch)

Each family of operations has a file in families/ with a function cases(w).
"""
import importlib
import os
import sys
import warnings

from writer import HERE, Writer

warnings.filterwarnings("ignore")

if __name__ == "__main__":
    everything = sorted(f[:-3] for f in os.listdir(os.path.join(HERE, "families"))
                        if f.endswith(".py"))
    for name in sys.argv[1:] or everything:
        w = Writer(name + ".txt")
        importlib.import_module("families." + name).cases(w)
        w.close()
