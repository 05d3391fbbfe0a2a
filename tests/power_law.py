"""A surface whose optima are known: NSL_i = a_i * share_i ** -b_i, with a standard deviation of 1 %."""

import numpy as np


class PowerLaw:
    kind = "power_law"
    has_gradient = True
    STD = 0.01

    def __init__(self, a, b):
        self.a, self.b = np.array(a, float), np.array(b, float)

    def mean(self, shares):
        return self.a * np.maximum(shares, 1e-9) ** -self.b

    def predict(self, shares):
        mean = self.mean(shares)
        return mean, self.STD * mean

    def gradient(self, shares):
        mean = PowerLaw.mean(self, shares)
        slope = -self.b * mean / np.maximum(shares, 1e-9)
        slopes = slope[:, :, None] * np.eye(len(self.a))
        return mean, self.STD * mean, slopes, self.STD * slopes

    def equaliser(self):
        """Shares where all NSL are the same: share_i = (a_i / nsl) ** (1 / b_i), by bisection on nsl."""
        low, high = 0.0, 100.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if ((self.a / middle) ** (1 / self.b)).sum() > 1 else (low, middle)
        return (self.a / high) ** (1 / self.b)

    def optimum(self, weights):
        """Shares of the least weighted mean: weight_i * b_i * NSL_i / share_i is the same for all, by bisection."""
        terms = weights * self.b * self.a
        low, high = 1e-6, 1e6
        for _ in range(300):
            middle = np.sqrt(low * high)
            low, high = (
                (middle, high) if ((terms / middle) ** (1 / (1 + self.b))).sum() > 1 else (low, middle)
            )
        return (terms / high) ** (1 / (1 + self.b))
