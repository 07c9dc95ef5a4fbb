"""The reference posteriors by BlackJAX's NUTS and by nutpie, at a number of gradients, warm-up included.

    python3 benches/league/others.py GRADIENTS [SEEDS]

It makes a Python environment of its own, target/league-python, and installs the two there. The posteriors are those of
`cargo run --release -- posteriors`, from LANGEVIN_FIXTURES or from shared/fixtures in a folder above.
"""

import csv
import json
import os
import subprocess
import sys
import venv
import warnings
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve()
PACKAGES = ["blackjax", "nutpie", "numba"]


def environment():
    """Runs this script again, in its environment."""
    folder = HERE.parents[2] / "target" / "league-python"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        complete.touch()
    os.execve(python, [str(python), str(HERE), *sys.argv[1:]], {**os.environ, "LEAGUE_PYTHON": "1"})


if "LEAGUE_PYTHON" not in os.environ:
    environment()

os.environ.setdefault("JAX_PLATFORMS", "cpu")

warnings.simplefilter("ignore")

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
import nutpie
from nutpie.compiled_pyfunc import from_pyfunc

jax.config.update("jax_enable_x64", True)


def fixtures():
    """The folder of the reference posteriors."""
    if "LANGEVIN_FIXTURES" in os.environ:
        return Path(os.environ["LANGEVIN_FIXTURES"])
    for folder in HERE.parents:
        if (folder / "shared/fixtures").is_dir():
            return folder / "shared/fixtures"
    sys.exit("the reference posteriors are not there")


FIXTURES = fixtures()


def data(name):
    return {
        key: np.array(value) for key, value in json.loads((FIXTURES / name / "data.json").read_text()).items()
    }


def regression(x, y, beta, log_sigma):
    """U of a linear regression."""
    error = y - x @ beta
    return 0.5 * jnp.exp(-2 * log_sigma) * error @ error + len(y) * log_sigma


def half_cauchy(log_sigma):
    """U of σ ~ half-Cauchy(2.5), by log σ."""
    return jnp.log1p(jnp.exp(2 * log_sigma) / 6.25) - log_sigma


def sblri():
    d = data("sblri")
    x, y = d["X"], d["y"]
    return lambda t: (
        regression(x, y, t[:5], t[5]) + t[:5] @ t[:5] / 200 + jnp.exp(2 * t[5]) / 200 - t[5]
    )


def kidscore_interaction_z():
    d = data("kidscore_interaction_z")
    hs, iq = ((v - v.mean()) / (2 * v.std(ddof=1)) for v in (d["mom_hs"], d["mom_iq"]))
    x, y = np.stack([np.ones(len(hs)), hs, iq, hs * iq], axis=1), d["kid_score"]
    return lambda t: regression(x, y, t[:4], t[4]) - t[4]


def arma11():
    y = data("arma11")["y"]

    def potential(t):
        mu, phi, moving = t[:3]

        def step(error, pair):
            before, now = pair
            error = now - (mu + phi * before + moving * error)
            return error, error

        # Before the first observation the series is at μ.
        first = y[0] - (mu + phi * mu)
        _, errors = jax.lax.scan(step, first, (jnp.array(y[:-1]), jnp.array(y[1:])))
        squares = first**2 + errors @ errors
        return (
            0.5 * jnp.exp(-2 * t[3]) * squares
            + len(y) * t[3]
            + 0.5 * ((mu / 10) ** 2 + (phi / 2) ** 2 + (moving / 2) ** 2)
            + half_cauchy(t[3])
        )

    return potential


def low_dim_gauss_mix():
    y = data("low_dim_gauss_mix")["y"]

    def potential(t):
        means = jnp.array([t[0], t[0] + jnp.exp(t[1])])
        log_sd = t[2:4]
        log_w = jnp.array([jax.nn.log_sigmoid(t[4]), jax.nn.log_sigmoid(-t[4])])
        z = (y[:, None] - means) / jnp.exp(log_sd)
        likelihood = jax.nn.logsumexp(log_w - log_sd - 0.5 * z**2, axis=1).sum()
        prior = (jnp.exp(2 * log_sd).sum() + means @ means) / 8 - 5 * log_w.sum()
        return prior - likelihood - t[1] - t[2] - t[3]

    return potential


def arK():
    y = data("arK")["y"]
    lags = [y[5 - lag : len(y) - lag] for lag in range(1, 6)]
    x = np.stack([np.ones(len(y) - 5), *lags], axis=1)
    return lambda t: regression(x, y[5:], t[:6], t[6]) + t[:6] @ t[:6] / 200 + half_cauchy(t[6])


def wells_logistic():
    rows = np.genfromtxt(FIXTURES / "wells_logistic/data.csv", delimiter=",", names=True)
    distance = (rows["dist"] - rows["dist"].mean()) / 100
    arsenic = rows["arsenic"] - rows["arsenic"].mean()
    columns = [np.ones(len(rows)), distance, arsenic, distance * arsenic, rows["assoc"], rows["educ"] / 4]
    x, y = np.stack(columns, axis=1), rows["switched"]

    def potential(t):
        z = x @ t
        return (jax.nn.softplus(z) - y * z).sum()

    return potential


def glm_poisson():
    d = data("glm_poisson")
    x, y = np.vander(d["year"], 4, increasing=True), d["C"]

    def potential(t):
        z = x @ t
        return (jnp.exp(z) - y * z).sum()

    return potential


POSTERIORS = [sblri, kidscore_interaction_z, arma11, low_dim_gauss_mix, arK, wells_logistic, glm_poisson]


def check(name, potential):
    """Compares gradients with those of the fixtures."""
    gradient = jax.jit(jax.grad(potential))
    for point in json.loads((FIXTURES / name / "gradcheck.json").read_text())["points"]:
        exact = np.array(point["grad"])
        off = np.abs(np.array(gradient(jnp.array(point["theta"]))) - exact).max()
        assert off <= 1e-6 * max(1, np.abs(exact).max()), (name, off)


def within(draws, steps, warm_up, gradients):
    """The draws after the warm-up that so many gradients pay for, and those gradients; where the warm-up leaves less than
    half of them, the second half of all."""
    paid = int(np.searchsorted(np.cumsum(steps), gradients, side="right"))
    return draws[min(warm_up, paid // 2) : paid], int(np.sum(steps[:paid]))


def warm_up(gradients, longest):
    """Draws of a warm-up: the default, or what a shorter run has room for, at some ten gradients a draw."""
    return min(longest, gradients // 20)


def run_blackjax(potential, n, gradients):
    """BlackJAX's NUTS after its window adaptation, as a function of the seed."""
    tune = warm_up(gradients, 1000)
    draws = gradients // 4
    log_density = lambda t: -potential(t)
    adaptation = blackjax.window_adaptation(blackjax.nuts, log_density)

    @jax.jit
    def run(key):
        first, second = jax.random.split(key)
        (state, parameters), adapted = adaptation.run(first, jnp.zeros(n), num_steps=tune)
        kernel = blackjax.nuts(log_density, **parameters).step

        def step(state, key):
            state, info = kernel(key, state)
            return state, (state.position, info.num_integration_steps)

        _, (positions, steps) = jax.lax.scan(step, state, jax.random.split(second, draws))
        return (
            jnp.concatenate([adapted.state.position, positions]),
            jnp.concatenate([adapted.info.num_integration_steps, steps]),
        )

    def of(seed):
        positions, steps = run(jax.random.key(seed))
        return within(np.array(positions), np.array(steps), tune, gradients)

    return of


def run_nutpie(potential, n, gradients):
    """nutpie with its defaults, as a function of the seed."""
    tune = warm_up(gradients, 400)
    both = jax.jit(jax.value_and_grad(lambda t: -potential(t)))

    def density():
        def log_density(t):
            value, slope = both(t)
            return float(value), np.array(slope)

        return log_density

    model = from_pyfunc(
        n,
        density,
        lambda *_: lambda t: {"theta": t},
        [np.dtype("float64")],
        [(n,)],
        ["theta"],
        make_initial_point_fn=lambda _: np.zeros(n),
    )

    def of(seed):
        trace = nutpie.sample(
            model, draws=gradients // 4, tune=tune, chains=1, cores=1, seed=seed, progress_bar=False
        )
        draws = [trace.warmup_posterior, trace.posterior]
        stats = [trace.warmup_sample_stats, trace.sample_stats]
        positions = np.concatenate([part["theta"].values[0] for part in draws])
        steps = np.concatenate([part["n_steps"].values[0] for part in stats])
        return within(positions, steps, tune, gradients)

    return of


def worst(sampler, potential, exact, gradients, seeds):
    """Errors of means in standard deviations, of standard deviations in %, and gradients: the worst of all seeds."""
    mean, sd = exact.T
    run = sampler(potential, len(mean), gradients)
    errors = []
    for seed in range(seeds):
        draws, used = run(seed)
        of_mean = np.abs((draws.mean(axis=0) - mean) / sd).max()
        of_sd = 100 * np.abs(draws.std(axis=0) / sd - 1).max()
        errors.append((of_mean, of_sd, used))
    return np.array(errors).max(axis=0)


def main():
    gradients = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ["blackjax", "jax", "nutpie"])
    print(f"{gradients} gradients from zero, f64; worst coordinate of the worst of {seeds} seeds; {versions}.\n")
    print("| posterior              | N | BlackJAX: mean, sd | sd, % | gradients | nutpie: mean, sd | sd, % | gradients |")
    print("|---|---|---|---|---|---|---|---|")
    for posterior in POSTERIORS:
        name, potential = posterior.__name__, posterior()
        check(name, potential)
        with open(FIXTURES / name / "exact.csv") as file:
            exact = np.array([[float(row["mean"]), float(row["sd"])] for row in csv.DictReader(file)])
        cells = [f"{name:22}", str(len(exact))]
        for sampler in (run_blackjax, run_nutpie):
            of_mean, of_sd, used = worst(sampler, potential, exact, gradients, seeds)
            cells += [f"{of_mean:>7.4f}", f"{of_sd:>6.2f}", f"{used:>6.0f}"]
        print("|", " | ".join(cells), "|", flush=True)


main()
