"""Runs mctx.gumbel_muzero_policy on positions of connect four; JSON in, JSON out.

The embedding of a node is the sequence of actions from the root, and a host callback plays it and
asks the same hash evaluator as the core.
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import mctx
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
import zerofleet.games
from search.hash_evaluator import evaluate_state

# A callback that waits for another computation would wait for itself.
jax.config.update("jax_cpu_enable_async_dispatch", False)

MAX_DEPTH, ACTIONS = 42, 7


def main() -> None:
    question = json.load(sys.stdin)
    game = zerofleet.games.load_game("connect_four")
    roots = [game.parse(text) for text in question["states"]]

    def logits_and_value(state):
        priors, value = evaluate_state(state)
        logits = np.full(ACTIONS, -1e9, np.float32)
        for action, p in priors.items():
            logits[action] = np.log(p)
        return logits, np.float32(value)

    def play(histories):
        """Logits, value, reward and discount after each sequence of actions [B, 1 + MAX_DEPTH]."""
        out = []
        for row, history in enumerate(np.asarray(histories)):
            state = roots[row].copy()
            over = False
            for action in history[1 : 1 + history[0]]:
                over = state.is_terminal or not state.legal_actions()
                if over:
                    break
                state.apply(int(action))
            if over or state.is_terminal:
                # Of the mover before the end; below it nothing counts, its discount is 0.
                reward = 0.0 if over else -state.returns()[state.to_play]
                out.append((np.zeros(ACTIONS, np.float32), 0.0, reward, 0.0))
            else:
                out.append((*logits_and_value(state), 0.0, -1.0))
        logits, value, reward, discount = zip(*out, strict=True)
        return (
            np.stack(logits),
            np.array(value, np.float32),
            np.array(reward, np.float32),
            np.array(discount, np.float32),
        )

    def recurrent_fn(params, rng_key, action, history):
        del params, rng_key
        batch = action.shape[0]
        length = history[:, 0] + 1
        history = history.at[jnp.arange(batch), length].set(action).at[:, 0].set(length)
        shapes = (
            jax.ShapeDtypeStruct((batch, ACTIONS), jnp.float32),
            *[jax.ShapeDtypeStruct((batch,), jnp.float32)] * 3,
        )
        logits, value, reward, discount = jax.pure_callback(play, shapes, history)
        output = mctx.RecurrentFnOutput(
            reward=reward, discount=discount, prior_logits=logits, value=value
        )
        return output, history

    logits, values = zip(*(logits_and_value(state) for state in roots), strict=True)
    root = mctx.RootFnOutput(
        prior_logits=jnp.array(np.stack(logits)),
        value=jnp.array(values),
        embedding=jnp.zeros((len(roots), 1 + MAX_DEPTH), jnp.int32),
    )
    # mctx draws its noise from a key; hand it ours instead.
    noise = jnp.array(question["noise"], jnp.float32)
    jax.random.gumbel = lambda key, shape, dtype: noise
    found = mctx.gumbel_muzero_policy(
        None,
        jax.random.PRNGKey(0),
        root,
        recurrent_fn,
        num_simulations=question["num_simulations"],
        max_num_considered_actions=question["max_considered_actions"],
    )
    summary = found.search_tree.summary()
    print(
        json.dumps(
            {
                "action": found.action.tolist(),
                "action_weights": found.action_weights.tolist(),
                "visits": summary.visit_counts.astype(int).tolist(),
            }
        )
    )


main()
