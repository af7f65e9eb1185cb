"""A worker whose net answers NaN from its n-th batch on: `python bad_net_worker.py N WORKER...`."""

import sys
from dataclasses import replace

import numpy as np

from zerofleet.cli import main
from zerofleet.nets.evaluator import NetEvaluator

if __name__ == "__main__":
    left = [int(sys.argv[1])]
    evaluate = NetEvaluator.__call__

    def answer(self, batch, /):
        left[0] -= 1
        found = evaluate(self, batch)
        return found if left[0] > 0 else replace(found, value=np.full_like(found.value, np.nan))

    NetEvaluator.__call__ = answer
    main(sys.argv[2:])
