#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Quantization-aware fine-tuning with torch.

    qat.py [ROUNDS]

Trains a small network on the digits of scikit-learn, converts it, fine-tunes it
with its weights and activations rounded as they will be, and converts it again.
What `kernmlops.convert` takes is the plain network: rounding is only simulated
while it learns.
"""

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import kernmlops


class Round(torch.autograd.Function):
    """Rounds forward, and lets gradients through as if it did not."""

    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def rounded_weights(weights):
    """Eight bits, symmetric, a scale for each output."""
    scale = weights.detach().abs().amax(dim=1, keepdim=True) / 127 + 1e-12
    return Round.apply(weights / scale) * scale


class Levels(nn.Module):
    """Activations as 256 levels of a range that follows what was seen."""

    def __init__(self):
        super().__init__()
        self.register_buffer("range", torch.tensor([0.0, 0.0]))

    def forward(self, x):
        if self.training:
            seen = torch.stack([x.detach().min(), x.detach().max()])
            self.range = torch.where(self.range == 0, seen, 0.95 * self.range + 0.05 * seen)
        low, high = self.range
        scale = (high - low).clamp(min=1e-9) / 255
        return Round.apply((x.clamp(low, high) - low) / scale) * scale + low


class Rounded(nn.Module):
    """A Sequential of Linear and activations, computed as its integers will be."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.levels = nn.ModuleList([Levels() for _ in net])

    def forward(self, x):
        x = self.levels[0](x)
        for i, module in enumerate(self.net):
            if isinstance(module, nn.Linear):
                x = nn.functional.linear(x, rounded_weights(module.weight), module.bias)
            else:
                x = self.levels[i](module(x))
        return x


def train(net, X, y, rounds, rate):
    optimizer = torch.optim.Adam(net.parameters(), rate)
    net.train()
    for _ in range(rounds):
        for part in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[part]), y[part]).backward()
            optimizer.step()
    net.eval()


def main(rounds: int = 40) -> dict[str, float]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.int64)
    X, Xv, y, yv = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)
    rows, truth = torch.tensor(X, dtype=torch.float32), torch.tensor(y)

    net = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(),
                        nn.Linear(16, 10))
    train(net, rows, truth, rounds, 5e-3)
    with torch.no_grad():
        floats = net(torch.tensor(Xv, dtype=torch.float32)).argmax(dim=1).numpy()
    after = kernmlops.convert(net, X, y=y)
    accuracy = {"floats": (floats == yv).mean(),
                "quantized after training": (after.predict(Xv) == yv).mean()}

    train(Rounded(net), rows, truth, max(1, rounds // 4), 1e-3)
    aware = kernmlops.convert(net, X, y=y)
    accuracy["fine-tuned, then quantized"] = (aware.predict(Xv) == yv).mean()
    for what, value in accuracy.items():
        print(f"{what:28} {value:.4f}")
    print(aware.report)
    return accuracy


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
