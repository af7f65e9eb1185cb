"""A worker that plays little, for tests that need workers and no games to speak of."""

import time

from zerofleet.roles import Worker


class SlowWorker(Worker):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        print("a slow worker", flush=True)

    def reserve(self, num_games):
        time.sleep(1.0)
        return super().reserve(num_games)
