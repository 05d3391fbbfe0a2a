"""Made-up mixtures of five corpora and their compression: what proxies would measure, in closed form."""

import numpy as np

K = 5


def mixtures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(K), n)


def compression(shares: np.ndarray) -> np.ndarray:
    """Like NSL: a power law in the own share of each of the K corpora, with some transfer between 0 and 1."""
    transfer = np.eye(K) + 0.1 * (np.eye(K, k=1) + np.eye(K, k=-1))[:, ::-1].T * (np.arange(K) < 2)
    return 0.6 + 0.2 * (shares @ transfer + 0.01) ** -0.3
